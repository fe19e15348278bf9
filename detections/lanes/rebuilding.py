"""Rules whose state can't be restored: brought to where the others are by reading EVENTS again."""

from collections.abc import Callable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime

import msgspec
import nats.js.errors
import structlog
from nats.js.api import RawStreamMsg

from detections.engine.chain_history import Orphans
from detections.engine.engine import Engine
from detections.engine.rule_states import Unfit
from detections.lanes.event_messages import decode_record
from detections.lanes.past import LanePast
from detections.lanes.rewind import without_orphans
from detections.lanes.ruled_engine import without_changes
from pipeline.bus import Bus, Stream

log = structlog.get_logger(__name__)

#: Recordings are of any time; for their sake a rebuild doesn't go back more than this, in seconds.
MOST_CATCHING_UP = 3600.0


class Rebuilding:
    """Rebuilds rules of a lane, as far as EVENTS still has what they saw."""

    def __init__(
        self,
        bus: Bus,
        past: LanePast,
        lane: str,
        *,
        warm_up: int,
        orphans: Callable[[], Orphans] = lambda: Orphans(()),
    ) -> None:
        """`warm_up`: how far back, in nanoseconds, what doesn't say it reaches. `orphans`: what of
        the past was taken back."""
        self._orphans = orphans
        self._bus = bus
        self._past = past
        self._lane = lane
        self._warm_up = warm_up

    def reach(self, rules: Sequence[Unfit]) -> int:
        """How far back, in nanoseconds of event time, these rules need the past."""
        return max(
            (self._warm_up if one.horizon is None else one.horizon for one in rules), default=0
        )

    async def start(self, place: int, reach: int) -> datetime | None:
        """When what reaches so far back from a message began to be stored; None if nobody knows.

        Nothing comes before the first message: of place 0 nobody knows.
        """
        if not place:
            return None
        stream = self._bus.names.stream(Stream.EVENTS)
        try:
            last = await self._bus.jetstream.get_msg(stream, place)
        except nats.js.errors.NotFoundError:
            return None
        return stored_since(last, reach)

    async def rebuild(self, engine: Engine, rules: Sequence[Unfit], place: int) -> None:
        """Bring rules that begin empty to where the engine is: behind the message `place`.

        The log says of each of them from when, or why it stays empty.
        """
        reached = [one for one in rules if self.reach([one]) > 0]
        events, first, ids = 0, None, [one.id for one in reached]
        since = await self.start(place, self.reach(reached)) if reached else None
        if since is not None:
            other, orphans = engine.for_rebuilding(ids), self._orphans()
            async with aclosing(self._past.taken(0, place + 1, since=since)) as past:
                async for at, taken in past:
                    records = without_changes(without_orphans(orphans, at, taken))
                    first = first or next((one.timestamp for one in records.records), None)
                    events += len(records.records)
                    records.show(other)
            engine.adopt(other, ids)
        for one in rules:
            common = {"lane": self._lane, "rule": one.id, "title": one.title, "reason": one.why}
            if first is None or one.id not in ids:
                log.warning("the state of a rule begins empty", **common)
            else:
                oldest = datetime.fromtimestamp(first / 1e9, UTC).isoformat()
                log.info("the state of a rule was rebuilt", **common, since=oldest, events=events)


def stored_since(last: RawStreamMsg, reach: int) -> datetime:
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
    earliest = max(happened, stored - MOST_CATCHING_UP) - reach / 1e9
    return datetime.fromtimestamp(max(0.0, earliest), UTC)
