"""What a lane tells the log of rules that came into force."""

from collections.abc import Callable

import structlog

from detections.lanes.rule_change import Switched
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
