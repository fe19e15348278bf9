"""``tapewatch checkpoints``: the saved states of the detections, and going back to an older one."""

from typing import TYPE_CHECKING, Annotated, TypeVar

import msgspec
import typer

from pipeline.cli.app import DEFAULT_CONFIG, ConfigPath, JsonLines, app
from pipeline.cli.failures import FAILED, Failure, command

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from pipeline.bus import Bus
    from pipeline.bus.checkpoints import Saved
    from pipeline.bus.command_notes import CommandNote

checkpoints = typer.Typer(
    help="List the saved states of the detections, or drop some, to go on from an older one.",
    no_args_is_help=True,
)
app.add_typer(checkpoints, name="checkpoints")


T = TypeVar("T")


def _ask(
    config: "Path",
    ask: "Callable[[Bus], Awaitable[T]]",
    *,
    stopped: bool = False,
    note: "CommandNote | None" = None,
) -> T:
    """What is asked of the bus, which is started where it doesn't run. Raises Failure.

    With `stopped`, an embedded bus must not run. `note`: what is about to be done.
    """
    import asyncio

    from pipeline import logs
    from pipeline.bus.embedded import running_server
    from pipeline.bus.opened import opened_bus
    from pipeline.cli.noting import noted
    from pipeline.config.loading import load_configuration
    from pipeline.config.schema import EmbeddedBus

    loaded = load_configuration(config, resolve="later")
    logs.configure(loaded.logging, stage="checkpoints")
    if stopped and isinstance(loaded.bus, EmbeddedBus) and running_server(loaded.bus.path):
        raise Failure("Tapewatch is running, and would save newer ones: stop it first", FAILED)

    async def open_and_ask() -> T:
        async with opened_bus(loaded.bus, name="checkpoints") as bus:
            if note is not None:
                await noted(bus, loaded, note)
            return await ask(bus)

    return asyncio.run(open_and_ask())


async def _all(bus: "Bus") -> "list[Saved]":
    return await (await bus.checkpoints("")).all()


@checkpoints.command("list")
@command
def list_checkpoints(config: ConfigPath = DEFAULT_CONFIG, as_json: JsonLines = False) -> None:
    """List checkpoints: lane, place in EVENTS, time, size as stored, and the hash of the rules."""
    from rich import box
    from rich.table import Table

    from pipeline.cli.printing import show
    from pipeline.units import about_size

    found = _ask(config, _all)
    if as_json:
        for one in found:
            typer.echo(msgspec.json.encode(one))
        return
    if not found:
        typer.echo("No checkpoints.")
        return
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("lane", "sequence", "saved", "size", "rules"):
        table.add_column(heading, justify="right" if heading in ("sequence", "size") else "left")
    for one in found:
        table.add_row(
            one.lane, f"{one.sequence}", one.at[:19], about_size(one.size), one.rules[:12] or "-"
        )
    show(table)


@checkpoints.command("drop")
@command
def drop(
    lane: Annotated[str, typer.Argument(help="The lane, as `list` shows it.")],
    after: Annotated[
        int | None,
        typer.Option(min=0, help="Only those behind this sequence: go on from one up to it."),
    ] = None,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Drop checkpoints of a lane, all or the newest. Stop Tapewatch first.

    When it starts again, the lane restores the newest one that is left and reads EVENTS from there;
    without any, from as far back as the windows of its rules reach.
    """

    async def remove(bus: "Bus") -> "tuple[list[Saved], list[Saved]]":
        store = await bus.checkpoints(lane)
        saved = await store.all()
        dropped = [one for one in saved if after is None or one.sequence > after]
        for one in dropped:
            await store.remove(one)
        return dropped, [one for one in saved if one not in dropped]

    from pipeline.bus.command_notes import CommandNote

    what = f"checkpoints drop {lane}" + ("" if after is None else f" --after {after}")
    dropped, left = _ask(config, remove, stopped=True, note=CommandNote(what=what))
    if not dropped:
        where = "" if after is None else f" behind {after}"
        raise Failure(
            f"lane {lane} has no checkpoint{where}: see `tapewatch checkpoints list`", FAILED
        )
    typer.echo(f"dropped {len(dropped)} of lane {lane}; " + _next(left))


def _next(left: "list[Saved]") -> str:
    if not left:
        return "it will be rebuilt from EVENTS"
    return f"it will go on from {left[-1].sequence}"
