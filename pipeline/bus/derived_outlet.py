"""Reference data that a stage derives from a stream: every change once, whatever dies.

Each message says in its header up to where the stream was read for it, as a relay's output does
(:mod:`pipeline.bus.relay`). So work goes on behind the newest message. A part of what one message
of the stream changed may be there already: what doesn't differ is not written again.

Saying in RAW what is in force is apart from writing: RAW may be full for as long as nobody reads
EVENTS, so who reads EVENTS must not wait for it.
"""

import asyncio
import hashlib
from collections.abc import Iterable
from typing import Self

from pipeline.bus.connection import Bus
from pipeline.bus.positions import Position
from pipeline.bus.reference_outlet import ReferenceOutlet
from pipeline.bus.relay_outlets import ORIGIN, origin_of
from pipeline.frames import Frame, FrameBatch, encode_batch
from pipeline.reference_changes import (
    PROTOCOL,
    ChangeChunk,
    Identity,
    InForce,
    ReferenceChange,
    chained,
    encode_chunk,
    encode_in_force,
)

_CHANGE_OVERHEAD = 48


class DerivedOutlet(ReferenceOutlet):
    """The one writer of what a stage derives."""

    def __init__(self, bus: Bus, source: str) -> None:
        super().__init__(bus, source)
        self.origin = Position()
        """Up to where the stream was read for what is written."""
        #: Position, digest and number of records behind the last message that is written whole.
        self._whole = (0, "", 0)
        self._due = asyncio.Event()

    @classmethod
    async def open(cls, bus: Bus, source: str) -> Self:
        """Read what the stream has of the source. Raises what the bus raises."""
        outlet = await super().open(bus, source)
        outlet.origin = origin_of(await outlet._writer.newest())
        outlet._whole = (outlet._in_force, "", 0)
        if not outlet.origin.lines:
            outlet._written_whole()
        return outlet

    @property
    def due(self) -> bool:
        """Whether something was written that RAW doesn't say to be in force."""
        return self._whole[0] != self._in_force

    async def write_from(
        self, changes: Iterable[ReferenceChange], *, read: int, origin: Position
    ) -> int:
        """Write what differs of what a message of the stream changed; returns how much that was.

        Of several changes of one record the last counts. ``read``: when what they are from was
        received, nanoseconds since the epoch. ``origin``: that message.
        """
        last: dict[Identity, ReferenceChange] = {}
        for change in changes:
            last.pop(change.identity, None)
            last[change.identity] = change
        wanted = [change for change in last.values() if self.differs(change)]
        parts: list[list[ReferenceChange]] = []
        size = self._largest
        for change in wanted:
            cost = len(change.record) + len(change.key) + _CHANGE_OVERHEAD
            if size + cost > self._largest:
                parts.append([])
                size = 0
            parts[-1].append(change)
            size += cost
        for number, part in enumerate(parts, 1):
            whole = number == len(parts)
            here = Position(origin.stream, origin.sequence, 0 if whole else number)
            payload = encode_chunk(ChangeChunk(self.source, read, part))
            digest = hashlib.sha256(payload).hexdigest()
            message_id = f"{self.source}:{here.text()}:{digest}"
            await self._writer.write(payload, message_id, {ORIGIN: here.text()})
            self._position = self._writer.last
            self._digest = chained(self._digest, payload)
            for change in part:
                self._note(change)
            self.origin = here
        if parts:
            self._read_at = read
            self._written_whole()
        return len(wanted)

    def _written_whole(self) -> None:
        self._whole = (self._position, self._digest, len(self._held))
        if self.due:
            self._due.set()

    async def keep_in_force(self) -> None:
        """Say in RAW what is in force, as often as something was written; until cancelled."""
        while True:
            await self._due.wait()
            self._due.clear()
            await self.put_in_force(self._read_at)

    async def put_in_force(self, read: int) -> None:
        """Say in RAW that what was written until now is in force. More may be written meanwhile."""
        (upto, digest, records), before = self._whole, self._in_force
        if upto == before:
            return
        marker = InForce(before, upto, self._stream, digest, records)
        frame = Frame(str(upto), read, encode_in_force(marker))
        payload = encode_batch(FrameBatch(self.source, PROTOCOL, [frame]))
        await self._markers.write(payload, f"{self.source}:{self._stream}:{upto}")
        self._in_force = upto
