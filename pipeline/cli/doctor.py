"""``tapewatch doctor``: is everything there, reachable and fit, and if not, what to do."""

from typing import TYPE_CHECKING

import msgspec
import typer

from pipeline.cli.app import DEFAULT_CONFIG, ConfigPath, JsonOutput, app
from pipeline.cli.failures import CONFIGURATION, FAILED, command
from pipeline.findings import Finding

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

    from rich.console import Console

    from pipeline.cli.examination import findings

    console = Console()

    async def examine() -> list[Finding]:
        found: list[Finding] = []
        async for finding in findings(config):
            found.append(finding)
            if not as_json:
                _print(finding, console)
        return found

    found = asyncio.run(examine())
    if as_json:
        typer.echo(msgspec.json.encode(found))
    bad = [finding for finding in found if finding.level == "error"]
    if any(finding.subject == "configuration" for finding in bad):
        raise typer.Exit(CONFIGURATION)
    if bad:
        raise typer.Exit(FAILED)


def _print(finding: Finding, console: "Console") -> None:
    console.print(_MARKS[finding.level], end=" ")
    console.print(f"{finding.subject}: {finding.message}", highlight=False, markup=False)
    if finding.advice:
        console.print(f"     → {finding.advice}", style="dim", highlight=False, markup=False)
