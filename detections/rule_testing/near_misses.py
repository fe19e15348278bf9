"""Why an expected alert didn't come: what the events lack of the rule's condition."""

from collections.abc import Sequence

from detections.explanation.conditions import explain_condition
from detections.explanation.events import matches
from detections.explanation.failing import failing
from detections.explanation.seen import Seen
from detections.rule_testing.model import NearMiss, RuleTest
from detections.rules import CorrelationRule, RuleSet, SigmaRule


def near_misses(test: RuleTest, rules: RuleSet) -> list[NearMiss]:
    """For each rule that the test is about, what it lacked. Correlators don't tell."""
    found = [
        miss
        for one in rules.sigma
        if one.rule.id in test.about and not one.silent
        if (miss := _nearest(one, test)) is not None
    ]
    return found + [
        _counted(one, rules.sigma, test)
        for one in rules.correlations
        if one.rule.id in test.about and not one.silent
    ]


def _nearest(one: SigmaRule, test: RuleTest) -> NearMiss | None:
    """None where some event matches."""
    best: NearMiss | None = None
    for sample in test.samples:
        condition = explain_condition(one.conditions, Seen(sample.event))
        if condition.holds:
            return None
        lacking = tuple(failing(condition))
        if best is None or len(lacking) < len(best.lacking):
            best = NearMiss(rule=one.rule, event_id=sample.id, lacking=lacking)
    return best


def _counted(one: CorrelationRule, sigma: Sequence[SigmaRule], test: RuleTest) -> NearMiss:
    seen = [Seen(sample.event) for sample in test.samples]
    return NearMiss(
        rule=one.rule,
        counted=tuple(
            (base.rule.title, sum(matches(base, event) for event in seen))
            for base in sigma
            if base.rule.id in one.correlation.rules
        ),
    )
