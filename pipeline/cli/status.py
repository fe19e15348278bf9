"""``tapewatch status``: sources, stages and sinks as they are now."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
import typer
from msgspec import Struct

from pipeline.cli.app import DEFAULT_CONFIG, ConfigPath, JsonOutput, app
from pipeline.cli.asking import ask_bus
from pipeline.cli.failures import FAILED, command
from pipeline.source_state import SourceState, now
from pipeline.units import SECOND

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from pipeline.bus import Bus
    from pipeline.bus.status_board import ReaderState, StageReport


class Status(Struct):
    """What ``tapewatch status --json`` prints."""

    stages: "list[StageReport]"
    streams: dict[str, int]


@app.command()
@command
def status(config: ConfigPath = DEFAULT_CONFIG, as_json: JsonOutput = False) -> None:
    """Show every source, stage and sink: connected, position, lag, gaps. Exit 1 if one is ill."""
    from rich.console import Console

    found = ask_bus(config, "status", _look)
    if as_json:
        typer.echo(msgspec.json.encode(found))
    else:
        print_status(found, Console())
    ill = [r for r in found.stages if not r.fresh] or troubles(found.stages)
    if ill or not found.stages:
        raise typer.Exit(FAILED)


async def _look(bus: "Bus") -> Status:
    from pipeline.bus import Stream

    reports = await bus.status.reports()
    return Status(reports, {s.value: await bus.last_sequence(s) for s in Stream})


def troubles(reports: "Sequence[StageReport]") -> list[str]:
    """What is wrong, one sentence each."""
    return [
        f"{what.source}: {what.trouble}"
        if isinstance(what, SourceState)
        else f"{what.name}: {what.trouble}"
        for report in reports
        for what in (*report.sources, *report.readers)
        if what.trouble
    ]


def print_status(status: Status, console: "Console") -> None:
    """The status as tables."""
    if not status.stages:
        console.print("Nothing has reported: start it with [bold]tapewatch run[/]")
        return
    sources = [source for report in status.stages for source in report.sources]
    readers = [reader for report in status.stages for reader in report.readers]
    for report in status.stages:
        if not report.fresh:
            age = (now() - report.at) // SECOND
            console.print(f"[red]{report.stage} has not reported for {age} s: is it running?[/]")
    if sources:
        console.print(_sources(sources))
    if readers:
        console.print(_readers(readers))
    for trouble in troubles(status.stages):
        console.print(f"[yellow]{trouble}[/]", highlight=False)


def _sources(sources: Sequence[SourceState]) -> "Table":
    from rich.table import Table

    table = Table(title="Sources", title_justify="left", box=None, header_style="bold")
    for name in ("source", "protocol", "connection", "position", "frames"):
        table.add_column(name, justify="right" if name == "frames" else "left", no_wrap=True)
    for name in ("lag", "gaps", "reconnects"):
        table.add_column(name, justify="right")
    for source in sources:
        healthy = source.connection in ("connected", "backfilling", "stopped")
        table.add_row(
            source.source,
            source.protocol,
            f"[{'green' if healthy else 'red'}]{source.connection}[/]",
            source.position[:32],
            f"{source.frames:,}",
            f"{source.lag_seconds:.1f} s",
            str(source.gaps),
            str(source.reconnects),
        )
    return table


def _readers(readers: "Sequence[ReaderState]") -> "Table":
    from rich.table import Table

    table = Table(title="Stages and sinks", title_justify="left", box=None, header_style="bold")
    for name in ("reader", "of", "position", "behind"):
        table.add_column(name, justify="left" if name in ("reader", "of") else "right")
    for reader in readers:
        table.add_row(
            reader.name,
            reader.stream,
            f"{reader.position:,}",
            f"[{'green' if reader.lag == 0 else 'yellow'}]{reader.lag:,}[/]",
        )
    return table
