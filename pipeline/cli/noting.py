"""What a command is about to do, noted for the audit log, where the configuration has one."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.bus import Bus
    from pipeline.bus.command_notes import CommandNote
    from pipeline.config.schema import Configuration


async def noted(bus: "Bus", config: "Configuration", note: "CommandNote") -> None:
    """Note it before it is done. Raises Failure where it can't be noted: then don't do it."""
    from pipeline.bus.command_notes import CommandNotes
    from pipeline.cli.reloading import operator

    if config.audit is not None:
        notes = await CommandNotes.open(bus)
        await notes.note(note, operator())


def noted_anyway(config: "Configuration", note: "CommandNote") -> None:
    """The same without a bus at hand: beside the log where it is on this machine, else by the bus.

    Raises Failure where it can't be noted: then don't do it.
    """
    import asyncio
    import os

    from pipeline.bus.opened import opened_bus
    from pipeline.config.schema import EmbeddedBus

    if config.audit is None:
        return
    here = os.access(config.audit.path / "key", os.F_OK)  # not where this user may not enter
    if here or isinstance(config.bus, EmbeddedBus):
        noted_beside(config.audit.path, note)
        return

    async def by_bus() -> None:
        async with opened_bus(config.bus, name="noting") as bus:
            await noted(bus, config, note)

    asyncio.run(by_bus())


def noted_beside(log: Path, note: "CommandNote") -> None:
    """Leave a note beside a log. Raises Failure where it can't be left: then don't do it.

    A copy of the log that can't be written takes none: what is done with it is not in the log, and
    who runs the command is told so. Who may not enter the log leaves none, and does nothing.
    """
    import os

    import typer

    from evidence.audit.outbox import FOLDER, leave
    from pipeline.cli.reloading import operator

    outbox = log / FOLDER  # its group may leave notes there, and write nothing else of the log
    entered = os.access(log, os.X_OK)
    if entered and not os.access(outbox if outbox.is_dir() else log, os.W_OK):
        typer.echo(f"{log} can't be written: this is not recorded in it", err=True)
        return
    leave(log, note, operator())
