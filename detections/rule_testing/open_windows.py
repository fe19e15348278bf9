"""Tests that end before their rules can say anything: whatever these do, such a test is silent."""

from collections.abc import Sequence

from detections.correlations.measures import measure_of
from detections.rule_testing.model import RuleTest
from detections.rule_testing.subjects import Subject
from detections.rules.model import Correlation, CorrelationRule
from pipeline.problems import Problem
from pipeline.units import format_duration


def never_closed(tests: Sequence[RuleTest], subject: Subject) -> list[Problem]:
    """Warn of tests in which no window of their rules closes, where only that brings an alert."""
    if subject.exceptions:
        return []
    own = {rule.id for rule in subject.own}
    # By its correlation; None of rules that are heard at once.
    closing: dict[str, CorrelationRule | None] = dict.fromkeys(own)
    for one in subject.rules.correlations:
        if one.rule.id in own and _waits(one.correlation):
            closing[one.rule.id] = one
    silent = {
        one.rule.id for one in (*subject.rules.sigma, *subject.rules.correlations) if one.silent
    }
    found: list[Problem] = []
    for test in tests:
        waiting = [closing.get(rule) for rule in test.about - silent]
        known = [one for one in waiting if one is not None]
        if not known or len(known) < len(waiting):
            continue
        shortest = min(known, key=lambda one: (one.correlation.timespan, one.rule.id))
        begun = min(sample.timestamp for sample in test.samples)
        end = test.until or max(sample.timestamp for sample in test.samples)
        closes = begun + shortest.correlation.timespan
        if end <= closes:
            found.append(
                Problem(
                    location=test.location,
                    code="test/until",
                    message=f"{test.name}: it ends at {format_duration(end - test.start)}, before "
                    f'"{shortest.rule.title}" can say anything: a window closes after '
                    f"{format_duration(closes - test.start)}",
                    severity="warning",
                    advice="let it end later, by until or another event",
                )
            )
    return found


def _waits(correlation: Correlation) -> bool:
    """Whether it is judged when a window closes, and not at an event."""
    return correlation.type == "absence" or measure_of(correlation).closing
