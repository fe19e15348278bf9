"""The lanes of a replay: each reads, and runs the rules, as the live one of its name does."""

from collections.abc import Callable, Sequence

from detections.alerting.given_alerts import GivenAlerts
from detections.engine.chain_history import Orphans
from detections.lanes.events import LaneEvents, Taken
from detections.lanes.past import LanePast
from detections.lanes.rebuilding import Rebuilding
from detections.lanes.rule_change import MakeEngine, Switched
from detections.lanes.ruled_engine import RuledEngine
from detections.lanes.rules_in_force import RulesInForce
from detections.lanes.stage import LanePlace
from detections.rules.readable import LeftOut
from detections.rules.rule_set import RuleSet
from normalizer.events import RulesChanged
from pipeline.bus import Bus, Stream, StreamMessage

_WILD = ".>"


class ReplayLane:
    """One lane, without its output and its saved states."""

    def __init__(
        self,
        bus: Bus,
        place: LanePlace,
        *,
        position: int,
        engine: RuledEngine,
    ) -> None:
        """`position`: the last message of EVENTS that the live lane has done with."""
        self.name = place.name
        self.position = position
        self.engine = engine
        self.given = GivenAlerts()
        """Whatever it found, to amend it."""
        self._events: LaneEvents = place.events(bus)
        self._subjects = [
            bus.names.subject(Stream.EVENTS, token) for token in self._events.subjects
        ]

    def take(self, message: StreamMessage) -> list[Taken]:
        """What a message brings to it, with those that waited for it."""
        if not self._reads(message.subject):
            return []
        return self._events.take(message) or []

    def take_unreadable(self) -> int:
        """Lines that were no events since the last call."""
        return len(self._events.take_dead())

    def _reads(self, subject: str) -> bool:
        return not self._subjects or any(
            subject == mine or (mine.endswith(_WILD) and subject.startswith(mine[:-1]))
            for mine in self._subjects
        )


def lane_engine(
    bus: Bus,
    place: LanePlace,
    rules: RuleSet,
    digest: str | None,
    make: MakeEngine,
    in_force: RulesInForce,
    on_switch: Callable[[RulesChanged, Switched], None],
    on_left_out: Callable[[str, Sequence[LeftOut]], None],
    *,
    warm_up: int,
    orphans: Callable[[], Orphans],
) -> RuledEngine:
    """The engine of a lane that begins with these rules, of which it runs its part.

    `digest` names them where they are in the archive. Rules that change are rebuilt as in the live
    lane, with its `warm_up` in nanoseconds, and without the `orphans`.
    """
    ruled = RuledEngine(
        make(place.rules(rules)),
        lambda others: make(place.rules(others)),
        in_force,
        on_switch=on_switch,
        on_left_out=on_left_out,
    )
    ruled.digest = digest
    past = LanePast(bus, ruled, place.events(bus), place.name)
    rebuilding = Rebuilding(bus, past, place.name, warm_up=warm_up, orphans=orphans)
    ruled.rebuild = rebuilding.rebuild
    return ruled
