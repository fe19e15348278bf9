"""The correlations agree with what they mean, for any events that come in order."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detections.correlations.hits import Firing, Hit
from detections.correlations.runtime import Correlations
from detections.rules.model import CorrelationRule, Junction, Negation, Reference
from tests.detections.correlations import reference
from tests.detections.correlations.made import SECOND, correlation
from tests.detections.correlations.reference import Event

A, B, C = Reference("a"), Reference("b"), Reference("c")
BY = {"by": ["group"]}
ALL = {"rules": "a b c", **BY}
VALUE = {**ALL, "fields": ["value"]}

SLIDING = {
    "event_count": correlation("event_count", gte=3, **ALL),
    "event_count above a fraction": correlation("event_count", gt=1.5, **ALL),
    "value_count": correlation("value_count", gte=3, **VALUE),
    "value_sum": correlation("value_sum", gt=20.5, **VALUE),
    "value_avg": correlation("value_avg", gte=6.5, **VALUE),
    "value_avg in a range": correlation("value_avg", gt=2, lte=7.25, **VALUE),
    "value_avg below": correlation("value_avg", lt=4, **VALUE),
    "value_median": correlation("value_median", gte=7.5, **VALUE),
    "value_percentile": correlation("value_percentile", percentile=90.5, gt=9, **VALUE),
    "value_percentile at an end": correlation("value_percentile", percentile=0, lt=2, **VALUE),
    "temporal": correlation("temporal", **ALL),
    "temporal with a number of rules": correlation("temporal", gte=2, **ALL),
    "temporal with a condition": correlation(
        "temporal", expression=Junction("and", (A, Junction("or", (B, C)))), **ALL
    ),
    "temporal_ordered": correlation("temporal_ordered", **ALL),
    "temporal_ordered, one rule twice": correlation("temporal_ordered", "a b a", **BY),
    "temporal_ordered with a number of rules": correlation("temporal_ordered", gt=1, **ALL),
    "temporal_ordered with a condition": correlation(
        "temporal_ordered", expression=Junction("and", (Junction("or", (A, B)), C)), **ALL
    ),
}
CLOSING = {
    "event_count below": correlation("event_count", lt=3, **ALL),
    "event_count in a range": correlation("event_count", gt=1, lte=4, **ALL),
    "event_count but": correlation("event_count", neq=2, **ALL),
    "value_count exactly": correlation("value_count", eq=2, **VALUE),
    "value_sum up to": correlation("value_sum", lte=12.5, **VALUE),
    "temporal with not": correlation(
        "temporal", expression=Junction("and", (A, Negation(B))), **ALL
    ),
    "temporal with at most so many rules": correlation("temporal", lt=3, **ALL),
    "temporal_ordered with at most so many rules": correlation("temporal_ordered", lte=1, **ALL),
}
ABSENCE = {
    "absence": (correlation("absence", "a b", **BY), reference.unanswered),
    "absence of anything": (correlation("absence", "a", **BY), reference.silence),
}
CASES: dict[str, tuple[CorrelationRule, Any]] = {
    **{name: (rule, reference.sliding) for name, rule in SLIDING.items()},
    **{name: (rule, reference.closing) for name, rule in CLOSING.items()},
    **ABSENCE,
}
#: Numbers as events have them: integers, floats, and exact ones as text.
NUMBERS = st.one_of(
    st.integers(-5, 12),
    st.sampled_from([0.1, 0.2, 0.7, 2.5, 1e-9, 7.25, 1e16]),
    st.sampled_from(
        ["0.1", "0.2", "3.75", "12", "1000000000000000000001", "-1000000000000000000000"]
    ),
)


def events(rule: CorrelationRule) -> st.SearchStrategy[list[Event]]:
    """Events in order that match some of the rule's rules."""
    matched = st.frozensets(st.sampled_from(sorted(set(rule.correlation.rules))), min_size=1)
    steps = st.sampled_from([0, 0, 1, 2, 3, 5, 9, 10, 11, 25])
    one = st.tuples(steps, matched, st.sampled_from("xy"), NUMBERS)

    def in_order(drawn: Sequence[tuple[int, frozenset[str], str, Any]]) -> list[Event]:
        time, made = 0, list[Event]()
        for number, (step, rules, group, value) in enumerate(drawn):
            time += step * SECOND
            made.append(Event(time, f"event {number}", rules, group, value))
        return made

    return st.lists(one, max_size=14).map(in_order)


def hits_of(event: Event) -> list[Hit]:
    return [
        Hit(
            rule=rule,
            id=event.id,
            timestamp=event.time,
            values={"group": event.group, "value": event.value},
            evidence=event.id.encode(),
            event=event.id.encode(),
        )
        for rule in sorted(event.rules)
    ]


def run(rule: CorrelationRule, tape: Sequence[Event]) -> list[Firing]:
    correlations = Correlations([rule])
    fired = [f for event in tape for f in correlations.observe(hits_of(event), event.time)]
    return fired + correlations.advance(1_000_000 * SECOND)


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_agrees_with_the_reference(name: str, data: st.DataObject) -> None:
    rule, means = CASES[name]
    tape = data.draw(events(rule))
    expected = sorted(means(rule.correlation, tape))
    assert sorted(map(reference.found, run(rule, tape))) == expected
