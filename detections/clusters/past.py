"""What lies behind the clusters on the bus: saved states, and the messages of EVENTS."""

import zlib
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import structlog

from detections.clusters.rewinding import CannotRestore, Remembered, Step, read_remembered
from detections.lanes.events import LaneEvents, Taken
from detections.lanes.past_events import past_messages
from pipeline.bus import Bus, Stream, StreamMessage
from pipeline.bus.checkpoints import Checkpoints
from pipeline.bus.positions import Position, created_at
from pipeline.bus.reader_names import CLUSTERS
from pipeline.bus.relay_outlets import ORIGIN

log = structlog.get_logger(__name__)


class ClusterPast:
    """The :class:`detections.clusters.rewinding.Past` on the bus."""

    def __init__(self, bus: Bus, events: LaneEvents, checkpoints: Checkpoints) -> None:
        self._bus = bus
        self._events = events
        self._checkpoints = checkpoints

    @classmethod
    async def open(cls, bus: Bus, events: LaneEvents) -> "ClusterPast":
        """Open the saved states."""
        return cls(bus, events, await bus.checkpoints(CLUSTERS))

    async def state_at(self, usable: Callable[[int], bool]) -> tuple[Remembered, int] | None:
        """The newest saved state whose place is usable, and that place; None without any."""
        info = await self._bus.info(Stream.EVENTS)
        end = Position(created_at(info), info.state.last_seq)
        first = info.state.first_seq

        def reaches_us(place: int) -> bool:
            return place >= first - 1 and usable(place)

        async with aclosing(self._checkpoints.until(end, reaches_us)) as saved:
            async for found in saved:
                try:
                    return read_remembered(found.chunks()), found.sequence
                except (CannotRestore, zlib.error) as error:
                    log.warning("a saved state is not used", at=found.sequence, reason=str(error))
        return None

    async def steps(self, after: int, until: int) -> AsyncGenerator[Step, None]:
        """What was taken behind one place and before another."""
        messages = past_messages(self._bus, self._events.anew(), after, until)
        async with aclosing(messages) as past:
            async for message, groups in past:
                for step in steps_of(message, groups):
                    yield step

    async def whole(self) -> bool:
        """Whether nothing of EVENTS is gone."""
        return (await self._bus.info(Stream.EVENTS)).state.first_seq <= 1


def steps_of(message: StreamMessage, groups: list[Taken]) -> list[Step]:
    """What a message brings. Of the last step, whether its last transaction is complete: the
    normalizer says whether it has written the rest of the frame yet.
    """
    origin = (message.headers or {}).get(ORIGIN)
    complete = origin is None or Position.parse(origin).lines == 0
    return [
        Step(message.sequence, taken.records, complete if number == len(groups) else True)
        for number, taken in enumerate(groups, 1)
    ]
