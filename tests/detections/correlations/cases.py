"""Correlations of every type and events for them, for properties that hold of all."""

from collections.abc import Callable, Iterable, Sequence

from hypothesis import strategies as st
from msgspec.structs import replace

from detections.correlations.hits import Hit
from detections.rules.model import CorrelationRule, Junction, Negation, Reference
from tests.detections.correlations import reference
from tests.detections.correlations.made import SECOND, correlation
from tests.detections.correlations.reference import Event, Found

A, B, C = Reference("a"), Reference("b"), Reference("c")
RULES = "a b c"
BY = ["group"]
VALUE = ["value"]

SLIDING: dict[str, CorrelationRule] = {
    "event_count": correlation("event_count", RULES, by=BY, gte=3),
    "event_count above a fraction": correlation("event_count", RULES, by=BY, gt=1.5),
    "value_count": correlation("value_count", RULES, by=BY, fields=VALUE, gte=3),
    "value_sum": correlation("value_sum", RULES, by=BY, fields=VALUE, gt=20.5),
    "value_avg": correlation("value_avg", RULES, by=BY, fields=VALUE, gte=6.5),
    "value_avg in a range": correlation("value_avg", RULES, by=BY, fields=VALUE, gt=2, lte=7.25),
    "value_avg below": correlation("value_avg", RULES, by=BY, fields=VALUE, lt=4),
    "value_median": correlation("value_median", RULES, by=BY, fields=VALUE, gte=7.5),
    "value_percentile": correlation(
        "value_percentile", RULES, by=BY, fields=VALUE, percentile=90.5, gt=9
    ),
    "value_percentile at an end": correlation(
        "value_percentile", RULES, by=BY, fields=VALUE, percentile=0, lt=2
    ),
    "temporal": correlation("temporal", RULES, by=BY),
    "temporal with a number of rules": correlation("temporal", RULES, by=BY, gte=2),
    "temporal with a condition": correlation(
        "temporal", RULES, by=BY, expression=Junction("and", (A, Junction("or", (B, C))))
    ),
    "temporal_ordered": correlation("temporal_ordered", RULES, by=BY),
    "temporal_ordered, one rule twice": correlation("temporal_ordered", "a b a", by=BY),
    "temporal_ordered with a number of rules": correlation("temporal_ordered", RULES, by=BY, gt=1),
    "temporal_ordered with a condition": correlation(
        "temporal_ordered", RULES, by=BY, expression=Junction("and", (Junction("or", (A, B)), C))
    ),
}
CLOSING: dict[str, CorrelationRule] = {
    "event_count below": correlation("event_count", RULES, by=BY, lt=3),
    "event_count in a range": correlation("event_count", RULES, by=BY, gt=1, lte=4),
    "event_count but": correlation("event_count", RULES, by=BY, neq=2),
    "value_count exactly": correlation("value_count", RULES, by=BY, fields=VALUE, eq=2),
    "value_sum up to": correlation("value_sum", RULES, by=BY, fields=VALUE, lte=12.5),
    "temporal with not": correlation(
        "temporal", RULES, by=BY, expression=Junction("and", (A, Negation(B)))
    ),
    "temporal with at most so many rules": correlation("temporal", RULES, by=BY, lt=3),
    "temporal_ordered with at most so many rules": correlation(
        "temporal_ordered", RULES, by=BY, lte=1
    ),
}
ABSENCE: dict[str, CorrelationRule] = {
    "absence": correlation("absence", "a b", by=BY),
    "absence of anything": correlation("absence", "a", by=BY),
}

Means = Callable[..., Iterable[Found]]
CASES: dict[str, tuple[CorrelationRule, Means]] = {
    **{name: (rule, reference.sliding) for name, rule in SLIDING.items()},
    **{name: (rule, reference.closing) for name, rule in CLOSING.items()},
    "absence": (ABSENCE["absence"], reference.unanswered),
    "absence of anything": (ABSENCE["absence of anything"], reference.silence),
}


def _renamed(rules: dict[str, CorrelationRule]) -> list[CorrelationRule]:
    """The rules with ids of their own, so that all can run at once."""
    return [
        correlation_with_id(rule, f"{number:02} {name}")
        for number, (name, rule) in enumerate(rules.items())
    ]


def correlation_with_id(rule: CorrelationRule, id: str) -> CorrelationRule:
    described = replace(rule.rule, id=id, hash=f"hash of {id}")
    return replace(rule, rule=described)


BASES = _renamed({**SLIDING, **CLOSING, **ABSENCE})
IDS = {one.rule.id[3:]: one.rule.id for one in BASES}
#: All of them, and correlations on top of them, of kinds that count firings and that don't.
EVERYTHING: list[CorrelationRule] = [
    *BASES,
    correlation("temporal_ordered", [IDS["event_count"], "b"], id="chain 1", by=BY, within=8),
    correlation("event_count", [IDS["event_count"], IDS["absence"]], id="chain 2", by=BY, gte=2),
    correlation("temporal", [IDS["temporal with not"], "c"], id="chain 3", within=12),
    correlation("absence", [IDS["value_sum"], "a"], id="chain 4", by=BY, within=5),
    correlation("value_count", ["chain 1", IDS["value_count"]], id="chain 5", fields=BY, gte=2),
    correlation("event_count", ["chain 3", "a"], id="chain 6", lt=4),
]

#: Numbers as events have them: integers, floats, and exact ones as text.
NUMBERS = st.one_of(
    st.integers(-5, 12),
    st.sampled_from([0.1, 0.2, 0.7, 2.5, 1e-9, 7.25, 1e16]),
    st.sampled_from(["0.1", "0.2", "3.75", "12", f"1{'0' * 20}1", f"-1{'0' * 21}"]),
)
#: Steps of time, in seconds, around the timespan of 10.
STEPS = st.sampled_from([0, 0, 1, 2, 3, 5, 9, 10, 11, 25])


def tapes(rules: Iterable[str], most: int = 14) -> st.SearchStrategy[list[Event]]:
    """Events in order, each of which matches some of the rules."""
    return st.lists(_drawn(rules), max_size=most).map(_in_order)


def late_tapes(rules: Iterable[str], most: int = 14) -> st.SearchStrategy[list[Event]]:
    """Such events as they come when some of them are late."""
    lateness = st.sampled_from([0, 0, 0, 1, 4, 12, 40])

    def arrived(drawn: list[tuple[_Drawn, int]]) -> list[Event]:
        events = _in_order([one for one, _ in drawn])
        when = {e.id: e.time + late * SECOND for e, (_, late) in zip(events, drawn, strict=True)}
        return sorted(events, key=lambda event: when[event.id])

    return st.lists(st.tuples(_drawn(rules), lateness), max_size=most).map(arrived)


_Drawn = tuple[int, frozenset[str], str, object]


def _drawn(rules: Iterable[str]) -> st.SearchStrategy[_Drawn]:
    matched = st.frozensets(st.sampled_from(sorted(set(rules))), min_size=1)
    return st.tuples(STEPS, matched, st.sampled_from("xy"), NUMBERS)


def _in_order(drawn: Sequence[_Drawn]) -> list[Event]:
    time, made = 0, list[Event]()
    for number, (step, rules, group, value) in enumerate(drawn):
        time += step * SECOND
        made.append(Event(time, f"event {number}", rules, group, value))
    return made


def hits_of(event: Event) -> list[Hit]:
    """A hit for each rule that the event matched."""
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
