"""Events out of a range of the stream EVENTS.

A range is of sequences, or begins at an event time: then what was stored before it is passed over,
since an event can't be stored before it happens. (Where a recording's times lie ahead of the clock,
as its own messages show, nothing is passed over.)
"""

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import msgspec
import nats.js.errors
from nats.js.api import RawStreamMsg

from pipeline.bus import Bus, MessagesExpired, Stream, StreamMessage
from pipeline.bus.lane_order import LaneGroups, Mark, is_order
from pipeline.bus.opened import opened_bus
from pipeline.bus.reader import StreamReader
from pipeline.config.schema import EmbeddedBus, ExternalBus
from pipeline.event_sources.batches import Batch
from pipeline.event_sources.blocking import drawn
from pipeline.failure import FAILED, Failure
from pipeline.units import HOUR, SECOND

#: How far clocks of sources and of the server may differ.
SKEW = HOUR
#: Nothing for so long, though the range isn't at its end, is a failure; in seconds.
_PATIENCE = 10.0
_PATIENCES = 3
_AT_ONCE = 256


class StreamSource:
    """The stream's messages `first` to `last` (both included), or from the event time `since` on.

    `last` beyond the end means the end as it is when reading begins.
    """

    unit = "messages"
    refused = 0

    def __init__(
        self,
        bus: EmbeddedBus | ExternalBus,
        *,
        first: int | None = None,
        last: int | None = None,
        since: int | None = None,
    ) -> None:
        self._settings = bus
        self._first = first
        self._last = last
        self._since = since
        self.total: int | None = None
        self._notes: list[str] = []

    @property
    def name(self) -> str:
        """The stream, and the range of sequences if there is one."""
        if self._first is None and self._last is None:
            return f"stream {Stream.EVENTS.value}"
        return f"stream {Stream.EVENTS.value}, messages {self._first or 1} to {self._last or 'end'}"

    @property
    def notes(self) -> Sequence[str]:
        """What had expired."""
        return self._notes

    def _expired(self, expired: MessagesExpired) -> None:
        self._notes.append(str(expired))

    def batches(self) -> Iterator[Batch]:
        """One batch for every message, or for all lanes' messages of a group. Raises Failure."""
        return drawn(self._batches())

    async def _batches(self) -> AsyncGenerator[Batch]:
        async with AsyncExitStack() as stack:
            bus = await stack.enter_async_context(opened_bus(self._settings, name="backtest"))
            state = (await bus.info(Stream.EVENTS)).state
            last = min(state.last_seq, self._last or state.last_seq)
            after = max(self._first or 1, state.first_seq) - 1
            if self._first is not None and after >= self._first:
                gone = min(after, last) - self._first + 1
                self._notes.append(f"{gone:,} messages at the range's beginning have expired")
            if not state.messages or after >= last:
                self._notes.append(f"the stream ends with message {state.last_seq:,}")
                return
            start = await start_time(bus, self._since, state.first_seq, state.last_seq)
            reader = bus.reader(Stream.EVENTS, after=after, start_time=start)
            stack.push_async_callback(reader.close)
            # Lanes' records come in the order of RAW, as a single lane would have them.
            groups = LaneGroups[bytes]()
            begun: int | None = None
            async for messages in batches_until(reader, last, self._expired):
                for message in messages:
                    if begun is None:
                        begun = message.sequence
                        self.total = last - begun + 1
                    lines = [] if is_order(message) else message.data.split(b"\n")
                    for group in groups.take(message, lines):
                        yield Batch(
                            f"{Stream.EVENTS.value}/{group.message.sequence}",
                            1,
                            [step for step in group.steps if not isinstance(step, Mark)],
                            message.sequence - begun + 1,
                        )
            if rest := groups.rest():
                yield Batch(f"{Stream.EVENTS.value}/{last}", 1, rest, self.total or 1)


async def batches_until(
    reader: StreamReader, last: int, on_expired: Callable[[MessagesExpired], None]
) -> AsyncGenerator[list[StreamMessage]]:
    """What a reader gives, up to the message `last`.

    What expired is told and passed over. Raises Failure where the stream gives nothing any more.
    """
    quiet = 0
    while reader.position < last:
        try:
            messages = await reader.batch(_AT_ONCE, wait=_PATIENCE)
        except MessagesExpired as expired:
            on_expired(expired)
            continue
        quiet = 0 if messages else quiet + 1
        if quiet == _PATIENCES:
            raise Failure(
                f"the stream gave nothing after message {reader.position:,} of {last:,}: "
                "see whether the server is well, with `tapewatch doctor`",
                FAILED,
            )
        yield [message for message in messages if message.sequence <= last]


async def start_time(bus: Bus, since: int | None, first: int, last: int) -> str | None:
    """Where in EVENTS to begin for events from a time on; None for the beginning.

    It is a time as JetStream wants it. `first` and `last` are the stream's first and last messages.
    """
    if since is None:
        return None
    newest: datetime | None = None
    for sequence in (first, last):
        try:
            message = await bus.jetstream.get_msg(bus.names.stream(Stream.EVENTS), sequence)
        except nats.js.errors.NotFoundError:
            continue
        if _ahead(message) > SKEW:
            return None
        newest = message.time
    moment = datetime.fromtimestamp(max(0, since - SKEW) / SECOND, UTC)
    # From behind the end JetStream would wait for what is still to come.
    return min(moment, newest or moment).isoformat()


class _Timed(msgspec.Struct):
    timestamp: int = msgspec.field(name="@timestamp")


def _ahead(message: RawStreamMsg) -> int:
    """How long before its newest event a message was stored, in nanoseconds."""
    newest = 0
    for line in (message.data or b"").split(b"\n"):
        try:
            newest = max(newest, msgspec.json.decode(line, type=_Timed).timestamp)
        except msgspec.MsgspecError:
            continue
    stored = message.time.timestamp() * SECOND if message.time else newest
    return newest - int(stored)
