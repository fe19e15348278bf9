"""The command ``tapewatch``: its subcommands and what they share."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="tapewatch",
    help="Market surveillance for tokenised securities: chains and venues to ECS alerts.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

ConfigPath = Annotated[
    Path, typer.Option("--config", "-c", help="The configuration file.", envvar="TAPEWATCH_CONFIG")
]
DEFAULT_CONFIG = Path("pipeline.yaml")
JsonOutput = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"tapewatch {version('tapewatch')}")
        raise typer.Exit


@app.callback()
def main(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    """Market surveillance for tokenised securities: chains and venues to ECS alerts."""
