"""``tapewatch rules``: what rule authors need before, while and after a rule goes live."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.app import app

rules = typer.Typer(help="Check, test, explain and convert rules.", no_args_is_help=True)
app.add_typer(rules, name="rules")

DEFAULT_RULES = Path("sigma_rules")
RulePaths = Annotated[
    list[Path] | None, typer.Argument(help="The same as --rules.", show_default=False)
]
Verdicts = Annotated[
    Path | None,
    typer.Option(
        "--labels", help="Verdicts on alerts, besides closed cases: labels as for a backtest."
    ),
]
PipelineFiles = Annotated[
    list[Path] | None,
    typer.Option("--pipeline", help="pySigma pipelines, for rules for other log sources."),
]


def rules_said(rules: list[Path] | None, paths: list[Path] | None) -> list[Path]:
    """The rules that are named, by --rules, by paths alone, or by both."""
    return [*(rules or ()), *(paths or ())]
