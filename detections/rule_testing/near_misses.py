"""Why an expected alert didn't come: what the events lack of the rule's condition."""

from collections.abc import Sequence

from msgspec import Struct

from detections.explanation.conditions import explain_condition
from detections.explanation.events import matches
from detections.explanation.failing import failing
from detections.explanation.model import Part
from detections.explanation.seen import Seen
from detections.rule_testing.model import RuleTest
from detections.rule_testing.subjects import Subject
from detections.rules.model import CorrelationRule, Rule, SigmaRule


class NearMiss(Struct, frozen=True, kw_only=True):
    """What a rule made of a test's events."""

    rule: Rule
    event_id: str | None = None
    """Of a Sigma rule that matched no event: the one that came nearest."""
    lacking: tuple[Part, ...] = ()
    """What that one lacks."""
    counted: tuple[tuple[str, int], ...] = ()
    """Of a correlation: its Sigma rules by title, and how many events each matched."""


def near_misses(test: RuleTest, subject: Subject) -> list[NearMiss]:
    """For each rule that the test is about, what it lacked. Correlators don't tell."""
    rules = subject.rules
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
