"""What a command is about to do, noted for the audit log, where the configuration has one."""

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
