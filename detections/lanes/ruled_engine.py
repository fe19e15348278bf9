"""An engine that follows the stream's own word on which rules are in force."""

from collections.abc import Awaitable, Callable, Sequence

from detections.engine.engine import Engine
from detections.engine.rule_states import Unfit
from detections.lanes.events import Taken
from detections.lanes.rule_change import MakeEngine, Switched, switch
from detections.lanes.rules_in_force import RulesInForce
from detections.rules.readable import LeftOut, ReadableRules, readable_rules
from detections.rules.rule_set import RuleSet
from normalizer.events import Alert, Record, RulesChanged
from pipeline.bus.lane_order import Mark
from pipeline.bus.rule_archive import RuleArchive

#: Brings rules of an engine to where it is: behind a message of EVENTS.
Rebuild = Callable[[Engine, Sequence[Unfit], int], Awaitable[None]]


async def archived_rules(archive: RuleArchive, digest: str) -> ReadableRules:
    """A rule set by its hash, as far as this version can read it. Raises RuleSetLost, and
    ProblemsFound if it can't read its pipelines."""
    return readable_rules(await archive.get(digest))


class RuledEngine:
    """Runs the engine of the rules in force, and another one from where the stream says so."""

    def __init__(
        self,
        engine: Engine,
        make: MakeEngine | None = None,
        in_force: RulesInForce | None = None,
        *,
        on_switch: Callable[[RulesChanged, Switched], None] = lambda record, switched: None,
        on_left_out: Callable[[str, Sequence[LeftOut]], None] = lambda digest, left_out: None,
    ) -> None:
        """`engine`: of the rules to run until the stream says something. Without the other two its
        rules stay, whatever the stream says. `on_left_out` is told of a set that was kept by
        another version, by its hash, what this one can't read of it.
        """
        self.engine = engine
        self.digest: str | None = None
        """Of the engine's rules, where the stream told them."""
        self.rebuild: Rebuild | None = None
        """Rebuilds rules that begin empty, if there is a past to do it from."""
        self._first = engine.ruleset
        self._make = make
        self._in_force = in_force
        self._on_switch = on_switch
        self._on_left_out = on_left_out

    def anew(self) -> "RuledEngine":
        """Another one, without state: `begin` tells it where it stands."""
        other = RuledEngine(self.engine.anew(), self._make, self._in_force)
        other.digest, other._first, other.rebuild = self.digest, self._first, self.rebuild
        return other

    def go_on_as(self, other: "RuledEngine") -> None:
        """Put the engine of another one, and its rules, in the place of this one's."""
        self.engine, self.digest = other.engine, other.digest

    async def begin(self, sequence: int) -> None:
        """A new engine, of the rules that are in force behind this message of EVENTS.

        Raises RuleSetLost, and ProblemsFound.
        """
        if self._make is None or self._in_force is None:
            return
        digest = await self._in_force.at(sequence)
        if digest is None:
            rules = self._first
        elif digest == self.digest:
            rules = self.engine.ruleset
        else:
            rules = await self._archived(self._in_force, digest)
        self.engine, self.digest = self._make(rules), digest

    async def take(self, taken: Taken, place: int | None = None) -> list[Alert]:
        """Take records in the order of the stream; those that change the rules are none to see.

        `place`: the message of EVENTS that they came in, for what must be rebuilt.
        """
        if RulesChanged not in taken.kinds:
            return taken.show(self.engine)
        alerts: list[Alert] = []
        part: list[Record | Mark] = []
        for step in taken.steps:
            if type(step) is not RulesChanged:
                part.append(step)
                continue
            alerts += Taken(part, taken.judged).show(self.engine)
            part = []
            await self._change(step, place)
        return alerts + Taken(part, taken.judged).show(self.engine)

    async def _change(self, record: RulesChanged, place: int | None) -> None:
        if self._make is None or self._in_force is None or record.rules == self.digest:
            return
        rules = await self._archived(self._in_force, record.rules)
        switched = switch(self.engine, rules, self._make)
        self.engine, self.digest = switched.engine, record.rules
        if switched.unfit and place is not None and self.rebuild is not None:
            await self.rebuild(switched.engine, switched.unfit, place - 1)
        self._on_switch(record, switched)

    async def _archived(self, in_force: RulesInForce, digest: str) -> RuleSet:
        found = await archived_rules(in_force.archive, digest)
        if found.left_out:
            self._on_left_out(digest, found.left_out)
        return found.rules


def without_changes(taken: Taken) -> Taken:
    """What is of the market, for an engine that keeps its rules."""
    if RulesChanged not in taken.kinds:
        return taken
    return Taken([step for step in taken.steps if type(step) is not RulesChanged], taken.judged)
