"""The stage `clusters` on the bus: EVENTS to links and clusters in the reference data.

What it writes is in force from a frame in RAW on, so the normalizer gives clusters to what comes
behind that, in every lane, and a replay of EVENTS sees what was known then. Every change is written
once, whatever dies: each says up to where EVENTS was read for it, and the state is a checkpoint and
what followed it.
"""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing, closing

import msgspec
import nats.errors
import nats.js.errors
import structlog

from detections.clusters.past import ClusterPast, steps_of
from detections.clusters.reference_form import SOURCE, everything, reference_changes
from detections.clusters.rewinding import RewindingClusters
from detections.lanes.events import LaneEvents
from pipeline.bus import Bus, Stream, StreamMessage
from pipeline.bus.checkpoints import Checkpoints, packed
from pipeline.bus.derived_outlet import DerivedOutlet
from pipeline.bus.positions import Position
from pipeline.bus.reader_names import CLUSTERS
from pipeline.bus.relay import Output, Relay
from pipeline.bus.status_board import ReaderState
from pipeline.cancellation import raise_if_cancelled
from pipeline.config.clusters import Clusters
from pipeline.forked import CAN_FORK, Forked, WorkFailed
from pipeline.metrics import CLUSTER_LINKS, CLUSTERS_KNOWN
from pipeline.reference_changes import withdrawal
from pipeline.units import SECOND

log = structlog.get_logger(__name__)

#: Saving takes at most one part in so many of a processor: the interval is stretched for it.
_SHARE = 10
#: Seconds that saving may take. Then it is given up, and tried again later.
_MOST_SAVING = 600.0


class ClusterStage:
    """Finds clusters on a bus. One process at a time may run it."""

    def __init__(
        self, bus: Bus, settings: Clusters, *, lanes: int = 1, fork: bool = CAN_FORK
    ) -> None:
        """`lanes`: parts of EVENTS. `fork`: whether a child process encodes the state."""
        self._bus = bus
        self._settings = settings
        self._fork = fork
        self._events = LaneEvents(bus, several=lanes > 1)
        self._relay = Relay(bus, CLUSTERS, Stream.EVENTS, Stream.REFERENCE, self._work)
        self._checkpoints: Checkpoints
        self._outlet: DerivedOutlet
        self._clusters: RewindingClusters
        self._stream = 0
        #: The last message that the state knows, and the last that a checkpoint knows.
        self._taken, self._saved = 0, 0
        #: The last message behind which RAW said all that was written.
        self._in_force = 0
        #: Held while a message is taken: half of it is no state to save.
        self._at_rest = asyncio.Lock()

    @property
    def state(self) -> ReaderState:
        """Where it stands: what it wrote counts once it is in force."""
        reported = self._relay.reported()
        outlet: DerivedOutlet | None = getattr(self, "_outlet", None)
        if outlet is None:
            return reported
        if not outlet.due:
            self._in_force = reported.position
        return msgspec.structs.replace(
            reported,
            position=self._in_force,
            trouble=reported.trouble or outlet.waiting,
        )

    async def run(self) -> None:
        """Restore the state; then work until cancelled."""
        self._outlet = await DerivedOutlet.open(self._bus, SOURCE)
        self._checkpoints = await self._bus.checkpoints(CLUSTERS)
        past = ClusterPast(self._bus, self._events, self._checkpoints)
        self._clusters = RewindingClusters(self._settings, past)
        origin = await self._relay.origin()
        await self._recover(past, origin)
        tasks = [
            asyncio.ensure_future(self._relay.run(origin)),
            asyncio.ensure_future(self._save()),
            asyncio.ensure_future(self._outlet.keep_in_force()),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # none of them ends but by an error
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _recover(self, past: ClusterPast, origin: Position) -> None:
        """Bring the state to where what is written is."""
        self._stream, self._taken = origin.stream, origin.done
        self._in_force = origin.done
        saved = await past.state_at(lambda place: place <= origin.done) if origin.done else None
        if saved is not None:
            self._clusters.restore(saved[0])
            self._saved = saved[1]
        whole = saved is not None or await past.whole()
        if self._outlet.origin.stream not in (0, self._stream):
            whole = False  # EVENTS was made anew, and doesn't have what was found before
        events = 0
        async with aclosing(past.steps(self._saved, origin.done + 1)) as steps:
            async for step in steps:
                await self._clusters.take(step)
                events += len(step.records)
        if origin.done:
            log.info("clusters recovered", checkpoint=self._saved, events=events)
        if self._outlet.origin.lines:
            return  # a message is written in part: the rest comes when it is taken again
        changes = list(everything(self._clusters.state))
        if whole:
            wanted = {change.identity for change in changes}
            changes += [withdrawal(one) for one in self._outlet.missing(wanted)]
        else:
            log.warning(
                "no state of clusters can be restored, and EVENTS doesn't go back to its "
                "beginning: what was found before stays as it is, and nothing is known of why"
            )
        count = await self._outlet.write_from(changes, read=self._clusters.received, origin=origin)
        if count:
            log.info("clusters were weighed anew", changes=count)

    async def _work(self, message: StreamMessage) -> Output:
        groups = self._events.take(message)
        self._events.take_dead()  # the detections bury what nobody can read
        if groups is None:
            return Output(waits=True)
        async with self._at_rest:
            changes = [
                change
                for step in steps_of(message, groups)
                for change in await self._clusters.take(step)
            ]
            self._taken = message.sequence
        if changes:
            await self._outlet.write_from(
                reference_changes(changes),
                read=self._clusters.received,
                origin=Position(self._stream, message.sequence),
            )
            state = self._clusters.state
            CLUSTERS_KNOWN.set(len(state.components.clusters))
            CLUSTER_LINKS.set(sum(map(len, state.told.values())))
        return Output()

    async def _save(self) -> None:
        """Save the state now and then, until cancelled. A bus that is away holds nobody up."""
        every = self._settings.checkpoint_every / SECOND
        wait = every
        while True:
            await asyncio.sleep(wait)
            raise_if_cancelled()
            if self._taken == self._saved:
                continue
            async with self._at_rest:
                taken = self._taken
                try:
                    state = Forked(self._parts, fork=self._fork)
                except OSError as error:
                    log.warning("the clusters could not be saved", reason=f"no child: {error}")
                    continue
            with closing(state):
                try:
                    async with asyncio.timeout(_MOST_SAVING):
                        await self._checkpoints.save(self._stream, taken, state)
                    self._saved = taken
                except (nats.errors.Error, nats.js.errors.Error, TimeoutError, WorkFailed) as error:
                    reason = str(error) or type(error).__name__
                    log.warning("the clusters could not be saved", reason=reason)
                finally:
                    state.kill()
            wait = max(every, _SHARE * state.busy)

    def _parts(self) -> Iterator[bytes]:
        return packed(self._clusters.remembered().parts())
