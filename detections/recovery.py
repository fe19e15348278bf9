"""A lane's state across restarts: saved now and then, restored, and caught up from EVENTS."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import msgspec
import nats.errors
import nats.js.errors
import structlog
from nats.js.api import RawStreamMsg

from detections.engine_state import CannotRestore
from detections.event_messages import decode_record
from detections.lane_events import LaneEvents
from detections.rewind import RewindingEngine
from pipeline.bus import Bus, MessagesExpired, Stream
from pipeline.bus.checkpoints import Checkpoint, Checkpoints
from pipeline.bus.positions import Position
from pipeline.bus.reader import StreamReader
from pipeline.cancellation import raise_if_cancelled
from pipeline.units import SECOND

log = structlog.get_logger(__name__)

#: Recordings are of any time; for their sake a rebuild doesn't go back more than this, in seconds.
MOST_CATCHING_UP = 3600.0
#: After this long without a message, in seconds, the lane may have none left before its position.
PATIENCE = 0.5


class Recovery:
    """Keeps the state of one lane's engine safe."""

    def __init__(
        self,
        bus: Bus,
        engine: RewindingEngine,
        lane: str,
        *,
        warm_up: int,
        checkpoint_every: int,
        events: LaneEvents | None = None,
    ) -> None:
        """`lane` names the checkpoints; both times are in nanoseconds. `events`: what the lane
        reads."""
        self._events = events or LaneEvents(bus)
        self._bus = bus
        self._engine = engine
        self._lane = lane
        self._warm_up = warm_up
        self._checkpoint_every = checkpoint_every / SECOND
        self._checkpoints: Checkpoints | None = None
        self._stream = 0
        #: The last message that the engine's state knows.
        self._taken = 0
        #: Held while a message is taken: half of it is no state to save.
        self._at_rest = asyncio.Lock()

    async def recover(self, origin: Position) -> None:
        """Bring the state to where the outputs are; its alerts until there are out already.

        Correlations and duplicates come from the checkpoint, and what followed it; correlators,
        which have none, from ``warm_up`` before it.
        """
        self._checkpoints = await self._bus.checkpoints(self._lane)
        if origin.done:
            await self._catch_up(origin, await self._checkpoints.newest(origin))
        else:
            await self._engine.begin(0)
        self._stream, self._taken = origin.stream, origin.done

    @asynccontextmanager
    async def taking(self, sequence: int) -> AsyncIterator[None]:
        """Meanwhile the engine takes this message of EVENTS, and its state is not saved."""
        async with self._at_rest:
            yield
            self._taken = sequence

    async def save(self) -> None:
        """Save the state now and then, until cancelled; `recover` came before.

        A bus that is away doesn't hold us up.
        """
        checkpoints = self._checkpoints
        assert checkpoints is not None
        saved = self._taken
        while True:
            await asyncio.sleep(self._checkpoint_every)
            raise_if_cancelled()
            if self._taken == saved:
                continue
            async with self._at_rest:
                taken, data = self._taken, self._engine.snapshot()
            try:
                await checkpoints.save(self._stream, taken, data)
                saved = taken
            except (nats.errors.Error, nats.js.errors.Error, TimeoutError) as error:
                log.warning(
                    "the state could not be saved", reason=str(error) or type(error).__name__
                )

    async def _catch_up(self, origin: Position, checkpoint: Checkpoint | None) -> None:
        known = 0
        await self._engine.begin(origin.done if checkpoint is None else checkpoint.sequence)
        if checkpoint is not None:
            try:
                self._engine.restore(checkpoint.data)
                known = checkpoint.sequence
            except CannotRestore as error:
                log.warning("the state is rebuilt from the log", reason=str(error))
        reader = await self._past(known, origin)
        if reader is None:
            return  # all has expired; the windows that it would fill have passed
        events = 0
        begun = False
        try:
            while reader.position < origin.done:
                try:
                    messages = await reader.batch(64, wait=PATIENCE)
                except MessagesExpired:
                    continue  # they were read once; a rebuilt state is what is left of them
                for message in messages:
                    if message.sequence > origin.done:
                        break
                    if not known and not begun:
                        await self._engine.begin(message.sequence - 1)
                        begun = True
                    for taken in self._events.take(message) or ():
                        if message.sequence <= known:
                            self._engine.engine.warm_correlators(taken.records)
                        else:
                            await self._engine.take(message.sequence, taken)
                        events += len(taken.records)
                if not messages:
                    await reader.pass_over()
        finally:
            await reader.close()
            self._events.begin()
        self._engine.engine.take_problems()  # they are dead letters already
        log.info("state recovered", lane=self._lane, checkpoint=known, events=events)

    async def _past(self, known: int, origin: Position) -> StreamReader | None:
        """Reads what the state needs that no checkpoint has."""
        if known and not self._engine.engine.book.correlators:
            return self._reader(after=known)
        if not self._warm_up:
            return self._reader(after=known) if known else None
        stream = self._bus.names.stream(Stream.EVENTS)
        try:
            last = await self._bus.jetstream.get_msg(stream, known or origin.done)
        except nats.js.errors.NotFoundError:
            return self._reader(after=known) if known else None
        start = _warm_up_start(last, self._warm_up)
        return self._reader(after=0, start_time=start.isoformat())

    def _reader(self, *, after: int, start_time: str | None = None) -> StreamReader:
        subjects = [
            self._bus.names.subject(Stream.EVENTS, token) for token in self._events.subjects
        ]
        return self._bus.reader(
            Stream.EVENTS, after=after, start_time=start_time, subjects=subjects
        )


def _warm_up_start(last: RawStreamMsg, warm_up: int) -> datetime:
    """When the messages that fill the windows of the event ``last`` began to be stored.

    Windows are of event time. An event is stored after it happened; where it was much later, such
    as after an outage of the collectors, its window began long before it was stored.
    """
    stored = (last.time or datetime.now(UTC)).timestamp()
    happened = stored
    for line in (last.data or b"").split(b"\n"):
        try:
            happened = min(happened, decode_record(line).timestamp / 1e9)
        except msgspec.MsgspecError:
            continue
    earliest = max(happened, stored - MOST_CATCHING_UP)
    return datetime.fromtimestamp(earliest - warm_up / 1e9, UTC)
