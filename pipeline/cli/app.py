"""The command ``tapewatch``: its subcommands and what they share."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.models import CommandInfo

#: How `tapewatch --help` shows the commands: what for, and which, in this order.
PANELS = {
    "To begin with": ("demo", "doctor", "setup"),
    "While it runs": ("run", "status", "reload", "dead", "reference", "checkpoints", "retire"),
    "Alerts and cases": (
        "case",
        "evidence",
        "market",
        "timeline",
        "report",
        "clusters",
        "cap-table",
    ),
    "Rules": ("rules", "detect", "backtest", "replay", "normalize", "simulate"),
    "On the record": ("audit", "privacy"),
}
_ORDER = [name for names in PANELS.values() for name in names]


class _Ordered(TyperGroup):
    """The commands by `PANELS`, and not in the order of imports."""

    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(super().list_commands(ctx), key=_ORDER.index)


app = typer.Typer(
    name="tapewatch",
    cls=_Ordered,
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
JsonLines = Annotated[
    bool, typer.Option("--json", help="Print JSON, a line for each, for machines.")
]


def put_in_panels(all_commands: typer.Typer) -> None:
    """Once all are registered. Raises KeyError for a command that is in no panel."""
    panels = {name: panel for panel, names in PANELS.items() for name in names}
    for one in (*all_commands.registered_commands, *all_commands.registered_groups):
        if isinstance(one, CommandInfo) and one.callback is not None:
            one.name = one.name or one.callback.__name__.replace("_", "-")
        one.rich_help_panel = panels[one.name or ""]


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
