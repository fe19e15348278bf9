"""What a lane tells the log of rules that came into force."""

from collections.abc import Callable, Sequence

import structlog

from detections.lanes.rule_change import Switched
from detections.rules.readable import LeftOut
from normalizer.events import RulesChanged

log = structlog.get_logger(__name__)


def telling(lane: str) -> Callable[[RulesChanged, Switched], None]:
    """Tells the log of each change in a lane."""

    def tell(record: RulesChanged, switched: Switched) -> None:
        found = switched.differences
        log.info(
            "other rules are in force",
            lane=lane,
            rules=record.rules[:12],
            reason=record.reason or "",
            added=len(found.added),
            changed=len(found.changed),
            removed=len(found.removed),
        )
        titles = {rule.id: rule.title for rule in switched.engine.ruleset.rules}
        for rule in found.kept:  # of the others the rebuilding tells
            log.info("the state of a rule goes on", lane=lane, rule=rule, title=titles[rule])

    return tell


def telling_left_out(lane: str) -> Callable[[str, Sequence[LeftOut]], None]:
    """Tells the log of rules in force that this version can't read, once of each set."""
    told: set[str] = set()

    def tell(digest: str, left_out: Sequence[LeftOut]) -> None:
        if digest in told:
            return
        told.add(digest)
        for one in left_out:
            log.error(
                "a rule in force can't be read by this version, and watches nothing",
                lane=lane,
                rules=digest[:12],
                rule=one.id,
                title=one.title,
                reason=one.why,
            )

    return tell
