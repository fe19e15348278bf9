"""The command line, which wires all the packages together."""


def main() -> None:
    """Entry point of the ``tapewatch`` command."""
    from pipeline.cli.commands import app

    app(prog_name="tapewatch")


__all__ = ["main"]
