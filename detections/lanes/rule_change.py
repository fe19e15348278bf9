"""Rule sets in the stream: what differs between two, and an engine that goes on with another."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from detections.backtest.union import covers
from detections.engine.engine import Engine
from detections.engine.rule_states import Unfit, state_fingerprints
from detections.rules.readable import LeftOut
from detections.rules.rule_set import RuleSet

#: Makes an engine for a rule set, with the limits and lateness of the configuration.
MakeEngine = Callable[[RuleSet], Engine]


class RuleDifferences(msgspec.Struct, frozen=True):
    """Ids of rules, in order."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    kept: tuple[str, ...] = ()
    """Of the changed ones, those whose state goes on: what shapes it is the same."""
    rebuilt: tuple[str, ...] = ()
    """Those of before whose state can't go on: what shapes it is another, in them or in what feeds
    them."""

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


def differences(
    before: RuleSet | None, after: RuleSet, *, left_out: Sequence[LeftOut] = ()
) -> RuleDifferences:
    """What is new, another and gone. A rule whose exceptions changed is another one.

    `left_out`: what else was in force before, and can't be read any more. What is still there was
    changed, for it can be read now.
    """
    old = _contents(before or RuleSet()) | {one.id: None for one in left_out if one.id}
    new = _contents(after)
    changed = tuple(sorted(one for one in new.keys() & old.keys() if new[one] != old[one]))
    shaped, shapes = state_fingerprints(before or RuleSet()), state_fingerprints(after)
    stateful = shapes.keys() & shaped.keys()
    rebuilt = {one for one in stateful if shapes[one] != shaped[one]}
    return RuleDifferences(
        added=tuple(sorted(new.keys() - old.keys())),
        changed=changed,
        removed=tuple(sorted(old.keys() - new.keys())),
        kept=tuple(one for one in changed if one in stateful and one not in rebuilt),
        rebuilt=tuple(sorted(rebuilt)),
    )


def _contents(rules: RuleSet) -> dict[str, Any]:
    """What each rule does: its own content, filters, lists and pipelines in its hash."""
    excepted = covers(rules.exceptions)
    silent = {one.rule.id for one in (*rules.sigma, *rules.correlations) if one.silent}
    return {
        rule.id: (rule.hash, rule.staged, rule.id in silent, excepted.get(rule.id, ()))
        for rule in rules.rules
    }


class Switched(msgspec.Struct, frozen=True):
    """An engine that runs other rules than the one before it."""

    engine: Engine
    differences: RuleDifferences
    unfit: Sequence[Unfit]
    """Rules whose state begins anew, or is rebuilt."""

    @property
    def rebuilt(self) -> tuple[str, ...]:
        """Their ids."""
        return tuple(one.id for one in self.unfit)


def switch(engine: Engine, rules: RuleSet, make: MakeEngine) -> Switched:
    """An engine for other rules, with all that the old one knows that they still need.

    What rules that are the same in both know is carried over; the others begin with what comes.
    """
    after = make(rules)  # which may take only a part of them, as the engine before has
    found = differences(engine.ruleset, after.ruleset)
    return Switched(after, found, after.carry_over(engine))
