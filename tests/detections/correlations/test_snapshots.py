"""A snapshot, restored, goes on as if nothing had been."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detections.alerting.findings import witness
from detections.correlations.hits import Hit, Limits
from detections.correlations.runtime import Correlations
from detections.correlations.state import SnapshotError
from detections.rules.model import CorrelationRule
from tests.detections.correlations.cases import EVERYTHING, hits_of, late_tapes
from tests.detections.correlations.made import SECOND, Run, correlation, hit
from tests.detections.correlations.reference import Event
from tests.detections.samples import transfer

END = 1_000 * SECOND
LIMITS = st.sampled_from(
    [
        Limits(),
        Limits(most_groups=1),
        Limits(most_events=3),
        Limits(most_groups=2, most_events=2, most_held=3),
    ]
)


def saved(known: Correlations, rules: list[CorrelationRule]) -> dict[str, list[bytes]]:
    return {rule.rule.id: list(known.parts_of(rule.rule.id)) for rule in rules}


def restored_of(
    known: Correlations, rules: list[CorrelationRule], limits: Limits | None = None
) -> Correlations:
    restored = Correlations(rules, limits or Limits())
    parts = saved(known, rules)
    restored.take({rule: restored.read(rule, some) for rule, some in parts.items()})
    restored.reached, restored.late = known.reached, known.late
    return restored


@settings(max_examples=120, deadline=None)
@given(late_tapes("abc", most=20), st.integers(0, 20), LIMITS)
def test_it_goes_on_the_same(tape: list[Event], cut: int, limits: Limits) -> None:
    straight = Correlations(EVERYTHING, limits)
    for event in tape[:cut]:
        straight.observe(hits_of(event), event.time)
    taken = saved(straight, EVERYTHING)
    assert saved(straight, EVERYTHING) == taken

    restored = restored_of(straight, EVERYTHING, limits)
    assert saved(restored, EVERYTHING) == taken
    for event in tape[cut:]:
        hits = hits_of(event)
        assert restored.observe(hits, event.time) == straight.observe(hits, event.time)
        assert saved(restored, EVERYTHING) == saved(straight, EVERYTHING)
    assert restored.advance(END) == straight.advance(END)
    assert saved(restored, EVERYTHING) == saved(straight, EVERYTHING)
    assert restored.late == straight.late
    assert restored.evictions == straight.evictions
    assert restored.left_out == straight.left_out


def everything_kept() -> list[CorrelationRule]:
    return [
        correlation("event_count", "a", id="many", by=["who"], within=60, gte=2, silent=True),
        correlation("value_sum", "a", id="sum", by=["who"], within=60, fields=["n"], gte=10**30),
        correlation("value_count", "a", id="values", fields=["who", "n"], within=60, gte=100),
        correlation("value_avg", "a", id="closing", by=["who"], within=60, fields=["n"], lt=0),
        correlation("event_count", "a", id="few", by=["who"], within=60, lt=10),
        correlation("absence", "a", id="silence", by=["who"], within=60),
        correlation("absence", "many b", id="no answer", by=["who"], within=60),
        correlation("temporal_ordered", "a many b", id="order", within=60),
    ]


@pytest.mark.parametrize("kind", ["record", "document", "line"])
def test_what_was_kept_of_events_comes_back_as_it_was(kind: str) -> None:
    """Firings carry records, documents or lines, with values of all kinds."""

    def hit_of(number: int) -> Hit:
        record = transfer(number)
        line = msgspec.json.encode(record)
        document = {"event.id": record.id, "amount": 2**200, "list": [1, "x"], "none": None}
        return Hit(
            rule="a",
            id=record.id,
            timestamp=record.timestamp,
            values={
                "who": ["x", "y"],
                "n": (str(10**25), 7, 0.1, "2.5"),
                "more": ((1, 2**90), [3]),
            },
            evidence=line if kind == "line" else witness(record),
            event={"record": record, "document": document, "line": line}[kind],
        )

    rules = everything_kept()
    straight = Correlations(rules)
    for number in range(1, 5):
        straight.observe([hit_of(number)], hit_of(number).timestamp)
    restored = restored_of(straight, rules)
    assert saved(restored, rules) == saved(straight, rules)
    end = transfer(1).timestamp + 1_000 * SECOND
    expected = straight.advance(end)
    assert {firing.rule for firing in expected} == {"few", "silence", "no answer"}
    assert restored.advance(end) == expected


def test_what_cannot_be_read_leaves_the_state_as_it_is() -> None:
    run = Run(correlation("event_count", id="one", gte=2))
    run.take(hit("a", 0))
    parts = list(run.correlations.parts_of("one"))
    for damaged in ([], [b""], [parts[0], b"nonsense"], [parts[0], parts[1][:-1]], [parts[1]]):
        with pytest.raises(SnapshotError):
            run.correlations.read("one", damaged)
    assert list(run.correlations.parts_of("one")) == parts
    assert len(run.take(hit("a", 1))) == 1


def test_one_correlation_can_be_given_what_another_engines_knows() -> None:
    """As after a change of rules: the others go on, and nothing of the past closes a window."""
    rules = everything_kept()
    straight, other = Correlations(rules), Correlations(rules)
    for number in range(1, 5):
        for one in (straight, other):
            one.observe([hit("a", number, group="x")], number * SECOND)
    moved = Correlations(rules)
    moved.take({rule.rule.id: straight.known(rule.rule.id) for rule in rules})
    moved.reached, moved.late = straight.reached, straight.late
    assert saved(moved, rules) == saved(other, rules)
    assert moved.advance(END) == other.advance(END)
    assert saved(moved, rules) == saved(other, rules)


def test_an_event_of_an_unknown_kind_is_refused() -> None:
    run = Run(correlation("absence", "a", within=10))
    odd = msgspec.structs.replace(hit("a", 0), event=Decimal(1))
    run.take(odd)
    with pytest.raises(TypeError, match="Decimal"):
        list(run.correlations.parts_of("correlation"))
