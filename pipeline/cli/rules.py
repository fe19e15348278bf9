"""``tapewatch rules``: what rule authors need before, while and after a rule goes live."""

import typer

from pipeline.cli.app import app

rules = typer.Typer(help="Check, test, explain and convert rules.", no_args_is_help=True)
app.add_typer(rules, name="rules")
