"""``tapewatch rules``: what rule authors need before, while and after a rule goes live."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.app import app

rules = typer.Typer(help="Check, test, explain and convert rules.", no_args_is_help=True)
app.add_typer(rules, name="rules")

PipelineFiles = Annotated[
    list[Path] | None,
    typer.Option("--pipeline", help="pySigma pipelines, for rules for other log sources."),
]
