"""``tapewatch doctor``: is everything there, reachable and fit, and if not, what to do."""

from typing import TYPE_CHECKING

import msgspec
import typer

from pipeline.cli.app import DEFAULT_CONFIG, ConfigPath, JsonOutput, app
from pipeline.cli.failures import CONFIGURATION, FAILED, command
from pipeline.findings import Finding
from pipeline.problems import fit_for_terminal

if TYPE_CHECKING:
    from rich.console import Console

_MARKS = {"ok": "[green]ok  [/]", "warning": "[yellow]warn[/]", "error": "[red]bad [/]"}


@app.command()
@command
def doctor(config: ConfigPath = DEFAULT_CONFIG, as_json: JsonOutput = False) -> None:
    """Check configuration, rules, bus, sources, sinks, versions and clock; say what to do.

    Exit 1 if anything is bad, 2 if the configuration itself is.
    """
    import asyncio

    from pipeline.cli.examination import findings
    from pipeline.cli.printing import Screen

    console = Screen()

    async def examine() -> list[Finding]:
        found: list[Finding] = []
        async for finding in findings(config):
            found.append(finding)
            if not as_json:
                print_finding(finding, console)
        return found

    found = asyncio.run(examine())
    if as_json:
        typer.echo(msgspec.json.encode(found))
    bad = [finding for finding in found if finding.level == "error"]
    if any(finding.subject == "configuration" for finding in bad):
        raise typer.Exit(CONFIGURATION)
    if bad:
        raise typer.Exit(FAILED)


def print_finding(finding: Finding, console: "Console") -> None:
    console.print(_MARKS[finding.level], end=" ")
    _say(f"{finding.subject}: {finding.message}", console)
    if finding.advice:
        _say(f"     → {finding.advice}", console, "dim")


def _say(text: str, console: "Console", style: str = "") -> None:
    """Of any number of lines, each of which is the terminal's to wrap."""
    from rich.text import Text

    console.print(Text(fit_for_terminal(text), style=style), soft_wrap=True)
