"""How much room the streams have, and who holds it: what retention decides by, and status shows.

Nothing here changes anything on the bus.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
import nats.js.errors
from msgspec import Struct, field

from pipeline.bus.dead_letters import NOTES
from pipeline.bus.positions import Position, created_at
from pipeline.bus.reader_names import stream_of
from pipeline.bus.streams import Stream
from pipeline.source_state import now
from pipeline.units import MINUTE, SECOND, about_size

if TYPE_CHECKING:
    from pipeline.bus.connection import Bus

#: Shares of a stream's limit, taken by what was not read, at which somebody is told.
LEVELS = (0.5, 0.75, 0.9)
#: From here on the stream is full: the next message may be refused.
FULL = 0.97
#: So long after it came a dead letter is told of: what dies is not watched.
_LATELY = 15 * MINUTE
#: Streams of which nothing may go before all readers have it.
KEPT = (Stream.RAW, Stream.EVENTS, Stream.ALERTS)


class Holder(Struct, frozen=True):
    """A reader of a stream, and up to where it has taken all.

    ``moved``: when its position was last saved, in nanoseconds since the epoch; 0 when never.
    """

    reader: str
    stream: str
    position: int
    configured: bool
    moved: int
    #: It is not configured any more and has not moved for long: nothing is held for it.
    retired: bool = False


class Room(Struct):
    """A stream, its limit, and how much of it was not read by all."""

    stream: str
    size: int
    limit: int
    messages: int
    first: int
    last: int
    #: When the stream was created, in microseconds since the epoch.
    created: int
    unread: int = 0
    #: Of DEAD, what the newest letter says of its time, if that was not long ago.
    lately: str = ""
    holders: list[Holder] = field(default_factory=list[Holder])

    @property
    def unread_bytes(self) -> int:
        """Bytes that a reader has not taken, by the mean size of the stream's messages."""
        return self.size * self.unread // self.messages if self.messages else 0

    @property
    def share(self) -> float:
        """The part of the limit that unread messages take."""
        return self.unread_bytes / self.limit if self.limit > 0 else 0.0

    @property
    def full(self) -> bool:
        """Whether writing to it waits, or will at the next large message; never of DEAD."""
        full = self.limit > 0 and self.size >= FULL * self.limit and self.share >= LEVELS[-1]
        return full and self.stream != Stream.DEAD.value

    @property
    def level(self) -> int:
        """How many of the levels are reached: 0 is well, 3 is nearly full, 4 is full."""
        return len(LEVELS) + 1 if self.full else sum(self.share >= level for level in LEVELS)

    @property
    def slowest(self) -> Holder | None:
        """Who holds most of it."""
        holding = [h for h in self.holders if not h.retired]
        return min(holding, key=lambda h: (h.position, h.reader), default=None)

    @property
    def taken(self) -> int:
        """The sequence up to which all readers have taken everything."""
        slowest = self.slowest
        return self.last if slowest is None else min(slowest.position, self.last)

    def sentence(self) -> str:
        """What a person should know of it; empty when it is well."""
        if not self.level:
            return self.lately
        amount = (
            f"{self.unread:,} messages, {about_size(self.unread_bytes)} of the "
            f"{about_size(self.limit)} that {self.stream} may hold ({self.share:.0%})"
        )
        if self.stream == Stream.DEAD.value:
            return f"dead letters: {amount}; the oldest go when it is full: see `tapewatch dead`"
        if self.stream == Stream.REFERENCE.value:
            return (
                f"the history of reference data takes {amount}: nothing of it ever goes, so raise "
                "bus.streams.reference.max_size before it is full"
            )
        if self.stream == Stream.CASES.value:
            return (
                f"the history of cases takes {amount}: nothing of it ever goes, so raise "
                "bus.streams.cases.max_size before it is full"
            )
        slowest = self.slowest
        what = f"{slowest.reader if slowest else 'nobody'} has not taken {amount}"
        return f"{self.stream} is full, writing to it waits: {what}" if self.full else what


async def look(bus: "Bus", configured: Collection[str], retire_after: int) -> list[Room]:
    """All streams of which nothing may be lost, and DEAD, which nobody reads to make room.

    ``configured``: the readers that are to be; ``retire_after``: nanoseconds. Raises what the bus
    raises.
    """
    positions = await saved_positions(bus)
    rooms: list[Room] = []
    for stream in Stream:
        info = await bus.info(stream)
        room = Room(
            stream=stream.value,
            size=info.state.bytes,
            limit=info.config.max_bytes or 0,
            messages=info.state.messages,
            first=info.state.first_seq,
            last=info.state.last_seq,
            created=created_at(info),
        )
        if stream is Stream.DEAD and room.messages:
            room.lately = await _lately(bus)
        if stream in KEPT:
            room.holders = _holders(stream, room.created, positions, configured, retire_after)
            # After the end of the stream was read, positions only grow: this errs to the safe side.
            room.unread = max(0, room.last - max(room.taken, room.first - 1))
        else:
            room.unread = room.messages
        rooms.append(room)
    return rooms


def _holders(
    stream: Stream,
    created: int,
    positions: Mapping[str, tuple[Position, int]],
    configured: Collection[str],
    retire_after: int,
) -> list[Holder]:
    found: list[Holder] = []
    for reader in sorted({*positions, *configured}):
        if stream_of(reader) is not stream:
            continue
        position, moved = positions.get(reader, (Position(), 0))
        there = reader in configured
        found.append(
            Holder(
                reader=reader,
                stream=stream.value,
                # Of an earlier life of the stream: nothing of this one is taken.
                position=position.done if position.stream == created else 0,
                configured=there,
                moved=moved,
                retired=not there and now() - moved > retire_after,
            )
        )
    return found


async def _lately(bus: "Bus") -> str:
    """What a person should know of dead letters that came lately; empty where none did."""
    name, notes = bus.names.stream(Stream.DEAD), bus.names.subject(Stream.DEAD, NOTES)
    info = await bus.jetstream.stream_info(name, subjects_filter=">")
    newest: list[tuple[float, str]] = []
    for subject in set(info.state.subjects or {}) - {notes}:
        try:
            message = await bus.jetstream.get_last_msg(name, subject)
        except nats.js.errors.NotFoundError:
            continue
        if message.time is not None:
            newest.append((message.time.timestamp(), subject.rpartition(".")[2]))
    at, stage = max(newest, default=(0.0, ""))
    if now() - at * SECOND > _LATELY:
        return ""
    when = f"{datetime.fromtimestamp(at, UTC):%H:%M:%S} UTC"
    return f"dead letters of {stage} come, the newest at {when}: see `tapewatch dead list`"


async def saved_positions(bus: "Bus") -> dict[str, tuple[Position, int]]:
    """Every saved position, and when it was saved."""
    bucket = bus.names.bucket("POSITIONS")
    stream, prefix = f"KV_{bucket}", f"$KV.{bucket}."
    info = await bus.jetstream.stream_info(stream, subjects_filter=f"{prefix}>")
    found: dict[str, tuple[Position, int]] = {}
    for subject in info.state.subjects or {}:
        try:
            message = await bus.jetstream.get_last_msg(stream, subject)
        except nats.js.errors.NotFoundError:
            continue
        if message.data:  # without, it was deleted
            saved = round(message.time.timestamp() * 1e9) if message.time is not None else 0
            position = msgspec.json.decode(message.data, type=Position)
            found[subject.removeprefix(prefix)] = position, saved
    return found
