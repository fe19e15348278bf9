"""``tapewatch setup``: what other systems need for Tapewatch, installed by somebody who may."""

import typer

from pipeline.cli.app import app

setup = typer.Typer(
    help="Install what Elasticsearch and Kibana need for Tapewatch.", no_args_is_help=True
)
app.add_typer(setup, name="setup")
