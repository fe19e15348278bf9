"""What lies behind a lane on the bus: saved states, and the messages of EVENTS."""

import zlib
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import datetime

import structlog

from detections.engine.state import CannotRestore
from detections.lanes.events import LaneEvents, Taken
from detections.lanes.past_events import past_messages
from detections.lanes.rewind import read_state
from detections.lanes.ruled_engine import RuledEngine
from pipeline.bus import Bus, Stream
from pipeline.bus.positions import Position, created_at

log = structlog.get_logger(__name__)


class LanePast:
    """The :class:`detections.lanes.rewind.Past` of a lane.

    ``ruled`` gives engines; ``events`` is how the lane reads; ``lane`` names the saved states.
    """

    def __init__(self, bus: Bus, ruled: RuledEngine, events: LaneEvents, lane: str) -> None:
        self._bus = bus
        self._ruled = ruled
        self._events = events
        self._lane = lane

    async def engine_at(self, usable: Callable[[int], bool]) -> tuple[RuledEngine, int]:
        """Another engine with the newest saved state that is usable, and its place.

        Rules that it doesn't fit are rebuilt.
        """
        checkpoints = await self._bus.checkpoints(self._lane)
        info = await self._bus.info(Stream.EVENTS)
        here = Position(created_at(info), info.state.last_seq)
        first = info.state.first_seq

        def reaches_us(place: int) -> bool:
            return place >= first - 1 and usable(place)

        async with aclosing(checkpoints.until(here, reaches_us)) as saved:
            async for found in saved:
                engine = self._ruled.anew()
                await engine.begin(found.sequence)
                try:
                    _, state = read_state(found.chunks())
                    unfit = engine.engine.restore(state)
                except (CannotRestore, zlib.error) as error:
                    log.warning("a saved state can't be gone back to", reason=str(error))
                    continue
                if unfit and engine.rebuild is not None:
                    await engine.rebuild(engine.engine, unfit, found.sequence)
                log.info("went back", lane=self._lane, checkpoint=found.sequence)
                return engine, found.sequence
        log.warning("no saved state is old enough: all of EVENTS is taken again", first=first)
        engine = self._ruled.anew()
        await engine.begin(max(0, first - 1))
        return engine, 0

    async def taken(
        self, after: int, until: int, *, since: datetime | None = None
    ) -> AsyncGenerator[tuple[int, Taken], None]:
        """What the lane took of the messages behind `after` and before `until`.

        With `since`, of those that were stored from then on. Messages that have expired are left
        out: they could be read once, and now they can't.
        """
        messages = past_messages(self._bus, self._events.anew(), after, until, since=since)
        async with aclosing(messages) as past:
            async for message, groups in past:
                for taken in groups:
                    yield message.sequence, taken
