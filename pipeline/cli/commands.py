"""All subcommands, registered by import. What a command needs it imports itself, when it runs."""

from pipeline.cli.app import app
from pipeline.cli.registering import register

register()

__all__ = ["app"]
