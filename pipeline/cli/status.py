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
    from pipeline.bus.room import Room
    from pipeline.bus.status_board import ReaderState, StageReport
    from pipeline.config.schema import Configuration


class Status(Struct):
    """What ``tapewatch status --json`` prints."""

    stages: "list[StageReport]"
    streams: dict[str, int]
    rooms: "list[Room]"
    """What each stream holds, what of it was not read, and by whom."""
    lanes_nowhere: list[str]
    """Lanes of the detections that no worker has."""


@app.command()
@command
def status(config: ConfigPath = DEFAULT_CONFIG, as_json: JsonOutput = False) -> None:
    """Show sources, stages, sinks and streams: position, lag, gaps, room. Exit 1 if one is ill."""
    from pipeline.cli.printing import WIDE, output
    from pipeline.config.loading import load_configuration

    loaded = load_configuration(config, resolve="later")
    found = ask_bus(config, "status", lambda bus: _look(bus, loaded), running=True)
    if as_json:
        typer.echo(msgspec.json.encode(found))
    else:
        print_status(found, output(width=WIDE))
    ill = [r for r in found.stages if not r.fresh] or troubles(found.stages) or found.lanes_nowhere
    if ill or not found.stages or any(room.full for room in found.rooms):
        raise typer.Exit(FAILED)


async def _look(bus: "Bus", config: "Configuration") -> Status:
    from pipeline.bus.reader_names import configured_readers, lanes
    from pipeline.bus.room import look
    from pipeline.bus.status_board import lanes_nowhere, without_replaced

    wanted = lanes(config)
    reports = without_replaced(await bus.status.reports(), wanted)
    rooms = await look(bus, configured_readers(config), config.bus.streams.retire_after)
    nowhere = lanes_nowhere(reports, wanted) if len(wanted) > 1 else []
    return Status(reports, {room.stream: room.last for room in rooms}, rooms, nowhere)


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
    if status.rooms:
        console.print(_rooms(status.rooms))
    for sentence in (*map(_told, status.rooms), *_gone(status.rooms)):
        if sentence:
            console.print(sentence, highlight=False)
    for lane in status.lanes_nowhere:
        console.print(f"[red]no worker has the lane {lane}[/]", highlight=False)
    for trouble in troubles(status.stages):
        console.print(f"[yellow]{trouble}[/]", highlight=False)


def _sources(sources: Sequence[SourceState]) -> "Table":
    from rich.table import Table

    table = Table(title="Sources", title_justify="left", box=None, header_style="bold")
    for name in ("source", "protocol", "connection"):
        table.add_column(name, no_wrap=True)
    # On a narrow terminal it is the position that gets shorter, not the figures.
    table.add_column("position", overflow="ellipsis")
    for name in ("frames", "lag", "gaps", "reconnects"):
        table.add_column(name, justify="right", no_wrap=True)
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


def _rooms(rooms: "Sequence[Room]") -> "Table":
    from rich.table import Table

    from pipeline.bus.room import KEPT
    from pipeline.units import about_size

    table = Table(title="Streams", title_justify="left", box=None, header_style="bold")
    for name in ("stream", "messages", "size", "limit", "not read", "share", "held by"):
        table.add_column(name, justify="left" if name in ("stream", "held by") else "right")
    kept = {stream.value for stream in KEPT}
    for room in rooms:
        colour = ("green", "yellow", "yellow", "red", "red")[room.level]
        slowest = room.slowest
        table.add_row(
            room.stream,
            f"{room.messages:,}",
            about_size(room.size),
            about_size(room.limit),
            # Of the others nothing goes by being read: what is there is their history.
            f"{room.unread:,}" if room.stream in kept else "–",
            f"[{colour}]{room.share:.0%}[/]",
            slowest.reader if slowest is not None and room.unread else "",
        )
    return table


def _told(room: "Room") -> str:
    colour = "red" if room.full else "yellow"
    said = room.sentence()
    return f"[{colour}]{said}[/]" if said else ""


def _gone(rooms: "Sequence[Room]") -> list[str]:
    """Of readers that are not configured, what is still held for them."""
    return [
        f"{holder.reader} is not configured any more: "
        + (
            "nothing is held for it"
            if holder.retired
            else f"{room.stream} is held for it from {holder.position + 1} on; "
            f"`tapewatch retire {holder.reader}` lets it go"
        )
        for room in rooms
        for holder in room.holders
        if not holder.configured
    ]
