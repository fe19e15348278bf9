"""An engine that follows the stream's own word on which rules are in force."""

from collections.abc import Callable

from detections.engine import Engine
from detections.lane_events import Taken
from detections.rule_change import MakeEngine, Switched, switch
from detections.rules.archived import rules_in
from detections.rules.rule_set import RuleSet
from normalizer.events import Alert, RulesChanged
from pipeline.bus.rule_archive import RuleArchive


async def archived_rules(archive: RuleArchive, digest: str) -> RuleSet:
    """A rule set by its hash. Raises RuleSetLost, and ProblemsFound if this version refuses it."""
    return rules_in(await archive.get(digest))


class RuledEngine:
    """Runs the engine of the rules in force, and another one from where the stream says so."""

    def __init__(
        self,
        engine: Engine,
        digest: str | None,
        make: MakeEngine,
        archive: RuleArchive,
        *,
        on_switch: Callable[[RulesChanged, Switched], None] = lambda record, switched: None,
    ) -> None:
        """`digest`: of the engine's rules, where they are in the archive."""
        self.engine = engine
        self.digest = digest
        self._make = make
        self._archive = archive
        self._on_switch = on_switch

    async def take(self, taken: Taken) -> list[Alert]:
        """Take records in the order of the stream; those that change the rules are none to see."""
        if not any(type(step) is RulesChanged for step in taken.steps):
            return taken.show(self.engine)
        alerts: list[Alert] = []
        part = Taken([], taken.judged)
        for step in taken.steps:
            if type(step) is not RulesChanged:
                part.steps.append(step)
                continue
            alerts += part.show(self.engine)
            part = Taken([], taken.judged)
            await self._change(step)
        return alerts + part.show(self.engine)

    async def _change(self, record: RulesChanged) -> None:
        if record.rules == self.digest:
            return
        rules = await archived_rules(self._archive, record.rules)
        switched = switch(self.engine, rules, self._make)
        self.engine, self.digest = switched.engine, record.rules
        self._on_switch(record, switched)


def without_changes(taken: Taken) -> Taken:
    """What is of the market, for an engine that keeps its rules."""
    return Taken([step for step in taken.steps if type(step) is not RulesChanged], taken.judged)
