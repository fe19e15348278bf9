"""What a relay writes: to one subject, or by lane to several, each record once and in order.

Each message's header says up to where its subject's output is written. With lanes, the order of a
group (:mod:`pipeline.bus.lane_order`) is written after the group; so its header says up to where
the output of all subjects is. A crash in between leaves some subjects ahead of the others: what a
subject has already is then passed over, and the order is written when all are there, so that a
group has its order whatever the process that began it had read at once.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import cast

from msgspec import Struct, field
from nats.js.api import RawStreamMsg

from pipeline.bus.connection import Bus
from pipeline.bus.lane_order import EVERYBODY, ORDER, LaneOrder, Mark
from pipeline.bus.positions import Position
from pipeline.bus.publisher import SubjectWriter
from pipeline.bus.streams import Stream
from pipeline.exception_groups import first_leaf

ORIGIN = "Tapewatch-Origin"
#: In the header of a message whose record concerns every lane, which is there alone: the lane whose
#: rules judge it.
ALONE = "Tapewatch-Everybody"
#: Output is written when it reaches this size, so that readers' windows stay small in memory.
ENOUGH_OUTPUT = 1024 * 1024
#: What an entry of an order takes besides the name of its source: two times, and which lane.
ENTRY = 24


class _Outlet(Struct):
    """One subject."""

    writer: SubjectWriter
    lines: list[bytes] = field(default_factory=list[bytes])
    size: int = 0
    #: Records of the message at hand so far.
    count: int = 0
    #: What is in the stream already.
    written: Position = field(default_factory=Position)


class RelayOutlets:
    """The subjects that one relay writes to."""

    def __init__(
        self,
        bus: Bus,
        name: str,
        target: Stream,
        lanes: Sequence[str],
        on_written: Callable[[Sequence[bytes]], None] | None,
    ) -> None:
        """``lanes``: tokens of the lanes' subjects; empty for one subject, named as the relay."""
        self._bus = bus
        self._name = name
        self._on_written = on_written
        tokens = (*lanes, EVERYBODY) if lanes else (name,)
        self._outlets = {token: _Outlet(bus.writer(target, token)) for token in tokens}
        self._order = _Outlet(bus.writer(target, ORDER)) if lanes else None
        self._group = LaneOrder()
        self._sequence = 0
        self._stream = 0
        #: Records of the message at hand so far, over all subjects.
        self._count = 0
        #: Until here the output is written or waits to be.
        self._reached = Position()
        #: Until here it is written, the order of groups too.
        self.complete = Position()

    @property
    def last(self) -> int:
        """Sequence of the newest output."""
        return max(outlet.writer.last for outlet in self._all())

    @property
    def waiting(self) -> str:
        """Why a write has been waiting for a while; empty when none does."""
        return next((o.writer.waiting for o in self._all() if o.writer.waiting), "")

    async def written(self) -> Position:
        """Up to where all subjects are written, as the stream says."""
        for outlet in self._all():
            outlet.written = origin_of(await outlet.writer.newest())
        if self._order is not None:
            return self._order.written
        (only,) = self._outlets.values()
        return only.written

    def forget_beyond(self, last: int) -> None:
        """What came from beyond the source's end is of no use: that end has been lost."""
        for outlet in self._all():
            if outlet.written.sequence > last:
                outlet.written = Position()

    def go_on(self, position: Position) -> None:
        """Begin behind a position."""
        self._reached = self.complete = position
        self._stream = position.stream

    def begin(self, sequence: int) -> None:
        """What follows is caused by this message of the source."""
        self._sequence = sequence
        self._count = 0
        for outlet in self._outlets.values():
            outlet.count = 0

    async def add(self, line: bytes, token: str | None, mark: Mark | None) -> None:
        """Put a record to what waits; write what is enough, and what concerns everybody at once."""
        everybody, judge = False, ""
        if token is not None and token.startswith(EVERYBODY):
            everybody = True
            token, _, judge = token.partition(":")
        if self._order is None:
            (outlet,) = self._outlets.values()
        else:
            outlet = self._outlets[token or ""]
        known = self._has(outlet, outlet.count)
        ordered = self._order is not None and self._has(self._order, self._count)
        if everybody and not known:
            await self.flush()
        if outlet.size + len(line) >= self._enough:
            await self._write(outlet)
        outlet.count += 1
        self._count += 1
        if not known:
            outlet.lines.append(line)
            outlet.size += len(line) + 1
        if everybody:
            await self._write(outlet, {ALONE: judge or "0"})
        elif not ordered and self._order is not None:
            assert mark is not None
            self._group.add(token or "", mark)
            # A character is at most four bytes: the order is one message, which the bus must take.
            self._order.size += ENTRY + 4 * len(mark.source)
            if self._order.size >= self._enough and not self._ahead:
                await self.flush()

    async def add_all(self, lines: Sequence[bytes]) -> None:
        """Put all records of a message to what waits for the one subject."""
        (outlet,) = self._outlets.values()
        if self._has(outlet, 0):  # some of them may be there
            for line in lines:
                await self.add(line, None, None)
            return
        enough = self._enough
        for line in lines:
            if outlet.size + len(line) >= enough:
                await self._write(outlet)
            outlet.count += 1
            outlet.lines.append(line)
            outlet.size += len(line) + 1

    def skip(self, token: str | None) -> None:
        """Count a record that can't be written."""
        key = (token or "").partition(":")[0]
        outlet = self._outlets[key] if self._order else next(iter(self._outlets.values()))
        outlet.count += 1
        self._count += 1

    def end(self) -> None:
        """The message's output is complete."""
        self._reached = Position(self._stream, self._sequence)
        self._sequence += 1  # what comes next is at the earliest of that message
        self._count = 0
        for outlet in self._outlets.values():
            outlet.count = 0

    async def flush(self) -> None:
        """Write all that waits."""
        waiting = [outlet for outlet in self._outlets.values() if outlet.lines]
        if len(waiting) == 1:
            await self._write(waiting[0])
        elif waiting:
            try:
                async with asyncio.TaskGroup() as writing:
                    for outlet in waiting:
                        writing.create_task(self._write(outlet))
            except BaseExceptionGroup as several:
                raise first_leaf(several) from None
        if self._order is not None and self._group.lanes:
            if self._ahead:
                return
            group, self._group, self._order.size = self._group, LaneOrder(), 0
            text = self._place(self._count).text()
            await self._order.writer.write(
                group.encode(), self._message_id(self._order, text), {ORIGIN: text}
            )
        self.complete = self._reached

    async def _write(self, outlet: _Outlet, headers: dict[str, str] | None = None) -> None:
        if not outlet.lines:
            return
        lines, outlet.lines, outlet.size = outlet.lines, [], 0
        text = self._place(outlet.count).text()
        await outlet.writer.write(
            b"\n".join(lines),
            self._message_id(outlet, text),
            {ORIGIN: text, **(headers or {})},
        )
        if self._on_written is not None:
            self._on_written(lines)

    def _message_id(self, outlet: _Outlet, place: str) -> str:
        # With the subject: the server compares ids over the whole stream.
        return f"{self._name}:{outlet.writer.subject}:{place}"

    def _place(self, count: int) -> Position:
        return Position(self._stream, self._sequence, count) if count else self._reached

    def _has(self, outlet: _Outlet, count: int) -> bool:
        """Whether the record number ``count`` of the message at hand is written already."""
        written = outlet.written
        if written.sequence < self._sequence or written.stream != self._stream:
            return False
        return written.sequence > self._sequence or not written.lines or count < written.lines

    @property
    def _enough(self) -> int:
        return min(ENOUGH_OUTPUT, self._bus.largest_payload)

    @property
    def _ahead(self) -> bool:
        """Whether an earlier process has written records that come behind those of the group."""
        return any(self._has(outlet, outlet.count) for outlet in self._outlets.values())

    def _all(self) -> list[_Outlet]:
        return [*self._outlets.values(), *([self._order] if self._order else [])]


def origin_of(message: RawStreamMsg | None) -> Position:
    """Up to where the output was written with a message; the beginning where it doesn't say."""
    headers = cast("dict[str, str] | None", message.headers) if message is not None else None
    return Position.parse(headers[ORIGIN]) if headers and ORIGIN in headers else Position()
