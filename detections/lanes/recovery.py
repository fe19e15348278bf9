"""A lane's state across restarts: saved now and then, restored, and caught up from EVENTS."""

import asyncio
import zlib
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, asynccontextmanager, closing

import nats.errors
import nats.js.errors
import structlog

from detections.engine.rule_states import Unfit
from detections.engine.state import CannotRestore
from detections.lanes.events import LaneEvents
from detections.lanes.past import LanePast
from detections.lanes.rebuilding import Rebuilding
from detections.lanes.rewind import RewindingEngine
from pipeline.bus import Bus
from pipeline.bus.checkpoints import Checkpoint, Checkpoints, packed
from pipeline.bus.positions import Position
from pipeline.cancellation import raise_if_cancelled
from pipeline.forked import CAN_FORK, Forked, WorkFailed
from pipeline.units import SECOND

log = structlog.get_logger(__name__)

#: Saving takes at most one part in so many of a processor: the interval is stretched for it.
SHARE = 10
#: Seconds that saving may take. Then it is given up, and tried again later.
MOST_SAVING = 600.0


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
        fork: bool = CAN_FORK,
    ) -> None:
        """`lane` names the checkpoints; both times are in nanoseconds. `events`: what the lane
        reads. `fork`: whether a child process encodes the state."""
        self._bus = bus
        self._engine = engine
        self._lane = lane
        self._checkpoint_every = checkpoint_every / SECOND
        self._fork = fork
        self._checkpoints: Checkpoints | None = None
        self._stream = 0
        #: The last message that the engine's state knows, and the last that a checkpoint knows.
        self._taken, self._saved = 0, 0
        self._past = LanePast(bus, engine.ruled, events or LaneEvents(bus), lane)
        self._rebuilding = Rebuilding(
            bus, self._past, lane, warm_up=warm_up, orphans=engine.orphans
        )
        engine.ruled.rebuild = self._rebuilding.rebuild
        #: Held while a message is taken: half of it is no state to save.
        self._at_rest = asyncio.Lock()

    async def recover(self, origin: Position) -> None:
        """Bring the state to where the outputs are; its alerts until there are out already.

        It comes from the newest checkpoint that can be read, and what followed it. What isn't in
        there, or of another version, is rebuilt from as far back as its windows reach.
        """
        self._checkpoints = await self._bus.checkpoints(self._lane)
        if origin.done:
            self._saved = await self._restore(self._checkpoints, origin)
            await self._replay(self._saved, origin.done)
        else:
            await self._engine.begin(0)
        self._stream, self._taken = origin.stream, origin.done

    @asynccontextmanager
    async def taking(self, sequence: int) -> AsyncGenerator[None, None]:
        """Meanwhile the engine takes this message of EVENTS, and its state is not saved."""
        async with self._at_rest:
            yield
            self._taken = sequence

    async def save(self) -> None:
        """Save the state now and then, until cancelled; `recover` came before.

        A bus that is away doesn't hold us up. What takes long is done less often.
        """
        checkpoints = self._checkpoints
        assert checkpoints is not None
        wait = self._checkpoint_every
        while True:
            await asyncio.sleep(wait)
            raise_if_cancelled()
            if self._taken == self._saved:
                continue
            async with self._at_rest:
                taken, rules = self._taken, self._engine.ruled.digest or ""
                try:
                    state = Forked(self._parts, fork=self._fork)
                except OSError as error:
                    log.warning("the state could not be saved", reason=f"no child: {error}")
                    continue
            with closing(state):
                try:
                    async with asyncio.timeout(MOST_SAVING):
                        size = await checkpoints.save(self._stream, taken, state, rules=rules)
                    self._saved = taken
                    log.debug(
                        "the state was saved",
                        lane=self._lane,
                        checkpoint=taken,
                        bytes=size,
                        pause=round(state.pause, 3),
                        busy=round(state.busy, 3),
                    )
                except (
                    nats.errors.Error,
                    nats.js.errors.Error,
                    TimeoutError,
                    WorkFailed,
                ) as error:
                    log.warning(
                        "the state could not be saved",
                        lane=self._lane,
                        reason=str(error) or type(error).__name__,
                    )
                finally:
                    state.kill()
            wait = max(self._checkpoint_every, SHARE * state.busy)

    def _parts(self) -> Iterator[bytes]:
        return packed(self._engine.snapshot_parts())

    async def _restore(self, checkpoints: Checkpoints, origin: Position) -> int:
        """The place of the checkpoint that was restored; 0 if there was none."""
        async with aclosing(checkpoints.until(origin)) as found:
            async for checkpoint in found:
                await self._engine.begin(checkpoint.sequence)
                unfit = self._restored(checkpoint)
                if unfit is not None:
                    await self._rebuilding.rebuild(self._engine.engine, unfit, checkpoint.sequence)
                    return checkpoint.sequence
        return 0

    def _restored(self, checkpoint: Checkpoint) -> list[Unfit] | None:
        try:
            unfit = self._engine.restore(checkpoint.chunks())
        except (CannotRestore, zlib.error) as error:
            log.warning(
                "a checkpoint is not used",
                lane=self._lane,
                checkpoint=checkpoint.sequence,
                reason=str(error),
            )
            return None
        log.info(
            "state restored",
            lane=self._lane,
            checkpoint=checkpoint.sequence,
            rules=len(self._engine.engine.stateful) - len(unfit),
        )
        return unfit

    async def _replay(self, known: int, until: int) -> None:
        """Take again what follows the checkpoint; without one, what fills the windows."""
        since = None
        if not known:
            await self._engine.begin(until)
            rules = self._engine.engine.stateful
            since = await self._rebuilding.start(until, self._rebuilding.reach(rules))
            if since is None or not rules:
                return  # all has expired; the windows that it would fill have passed
        events, first = 0, True
        async with aclosing(self._past.taken(known, until + 1, since=since)) as past:
            async for sequence, taken in past:
                if first and not known:
                    await self._engine.begin(sequence - 1)
                first = False
                await self._engine.take(sequence, taken)
                events += len(taken.records)
        self._engine.engine.take_problems()  # they are dead letters already
        log.info(
            "state recovered",
            lane=self._lane,
            checkpoint=known,
            events=events,
            since=None if since is None else since.isoformat(),
        )
