"""What people did by commands, on its way to the audit log: the stream COMMANDS.

A command notes what it is about to do before it does it. COMMANDS refuses what has no room, so
where nobody records any more, nothing can be done unrecorded either. What was recorded is purged.
"""

import socket
import time
import uuid
from typing import Annotated, Literal, Self

import msgspec
import nats.errors
import nats.js.errors
from msgspec import UNSET, Meta, Raw, Struct, UnsetType
from nats.js.api import DiscardPolicy, StorageType, StreamConfig

from pipeline.bus.connection import Bus
from pipeline.bus.reader import StreamReader
from pipeline.failure import Failure
from pipeline.units import MIB

_COMMANDS = "COMMANDS"
_MOST = 64 * MIB

#: `access`: a command was run that looks at what is known. `exception`: who a rule leaves alone.
#: `report`: a step of a suspicious report.
NoteAction = Literal[
    "command",
    "configuration-changed",
    "override",
    "erasure",
    "export",
    "access",
    "exception",
    "report",
]


class CommandNote(Struct, kw_only=True, omit_defaults=True):
    """What somebody is about to do."""

    action: NoteAction = "command"
    #: Nanoseconds since the epoch, by the clock of the machine that the command runs on.
    time: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    #: ``alice@host``.
    who: str = ""
    what: str
    why: str = ""
    before: Raw | UnsetType = UNSET
    after: Raw | UnsetType = UNSET


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(CommandNote)


class CommandNotes:
    """The stream COMMANDS."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.stream = bus.names.bucket(_COMMANDS)
        self._subject = f"{bus.names.token(_COMMANDS)}.notes"

    @classmethod
    async def open(cls, bus: Bus) -> Self:
        """Open it; make it when it isn't there. Raises Failure."""
        notes = cls(bus)
        try:
            await notes._ensure()
        except (nats.errors.Error, TimeoutError) as error:
            raise Failure(f"the stream {notes.stream} of commands can't be had: {error}") from error
        return notes

    async def _ensure(self) -> None:
        try:
            await self._bus.jetstream.stream_info(self.stream)
        except nats.js.errors.NotFoundError:
            await self._bus.jetstream.add_stream(
                StreamConfig(
                    name=self.stream,
                    subjects=[self._subject],
                    storage=StorageType.FILE,
                    discard=DiscardPolicy.NEW,
                    max_bytes=_MOST,
                )
            )

    async def note(self, note: CommandNote, operator: str | None) -> None:
        """Write down what is about to be done. Raises Failure: then it must not be done."""
        note.time = note.time or time.time_ns()
        note.who = note.who or f"{operator or 'unknown'}@{socket.gethostname()}"
        try:
            await self._bus.jetstream.publish(
                self._subject, _encoder.encode(note), headers={"Nats-Msg-Id": uuid.uuid4().hex}
            )
        except (nats.errors.Error, TimeoutError, UnicodeEncodeError) as error:
            raise Failure(
                f"this can't be recorded for the audit log, so it is not done: {error}"
            ) from error

    def reader(self, after: int, created: int) -> StreamReader:
        """Reads the notes behind one, of this life of the stream."""
        return StreamReader(
            self._bus.client, self._bus.jetstream, self.stream, after=after, created=created
        )

    async def forget(self, upto: int) -> None:
        """They are recorded up to this one."""
        await self._bus.jetstream.purge_stream(self.stream, seq=upto + 1)


def decode_note(data: bytes) -> CommandNote:
    """Raises msgspec.MsgspecError."""
    return _decoder.decode(data)
