"""A snapshot, restored, goes on as if nothing had been."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detections.correlations.hits import Hit, Limits
from detections.correlations.runtime import Correlations
from detections.correlations.state import SnapshotError
from detections.findings import witness
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


@settings(max_examples=120, deadline=None)
@given(late_tapes("abc", most=20), st.integers(0, 20), LIMITS)
def test_it_goes_on_the_same(tape: list[Event], cut: int, limits: Limits) -> None:
    straight = Correlations(EVERYTHING, limits)
    for event in tape[:cut]:
        straight.observe(hits_of(event), event.time)
    taken = straight.snapshot()
    assert straight.snapshot() == taken

    restored = Correlations(EVERYTHING, limits)
    restored.restore(taken)
    assert restored.snapshot() == taken
    for event in tape[cut:]:
        hits = hits_of(event)
        assert restored.observe(hits, event.time) == straight.observe(hits, event.time)
        assert restored.snapshot() == straight.snapshot()
    assert restored.advance(END) == straight.advance(END)
    assert restored.snapshot() == straight.snapshot()
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

    straight, restored = Correlations(everything_kept()), Correlations(everything_kept())
    for number in range(1, 5):
        straight.observe([hit_of(number)], hit_of(number).timestamp)
    restored.restore(straight.snapshot())
    assert restored.snapshot() == straight.snapshot()
    end = transfer(1).timestamp + 1_000 * SECOND
    expected = straight.advance(end)
    assert {firing.rule for firing in expected} == {"few", "silence", "no answer"}
    assert restored.advance(end) == expected


def test_a_changed_rule_is_told() -> None:
    taken = Run(
        correlation("event_count", id="one", gte=2),
        correlation("event_count", id="two", gte=2),
        correlation("event_count", id="three", gte=2),
    ).correlations.snapshot()
    run = Run(
        correlation("event_count", id="one", gte=2),
        correlation("event_count", id="two", gte=3, hash="another"),
        correlation("event_count", id="four", gte=2),
    )
    with pytest.raises(SnapshotError) as failure:
        run.correlations.restore(taken)
    assert str(failure.value) == (
        "the snapshot of the correlations was taken with other rules: "
        '"Title of two" (two) has changed; "Title of four" (four) is new; '
        '"Title of three" (three) is gone. Restore it with the rules that it was taken with, or '
        "replay the events"
    )


def test_what_cannot_be_restored_leaves_the_state_as_it_is() -> None:
    rule = correlation("event_count", gte=2)
    run = Run(rule)
    run.take(hit("a", 0))
    taken = run.correlations.snapshot()
    for damaged in (b"", b"\xc1", taken[:-1], taken[:20], msgspec.msgpack.encode([99])):
        with pytest.raises(SnapshotError):
            run.correlations.restore(damaged)
    assert run.correlations.snapshot() == taken
    assert len(run.take(hit("a", 1))) == 1


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_any_damage_is_noticed(data: st.DataObject) -> None:
    run = Run(*EVERYTHING)
    run.all([hit(rule, at, group="x", value=at) for at, rule in enumerate("abcab")])
    taken = bytearray(run.correlations.snapshot())
    taken[data.draw(st.integers(0, len(taken) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SnapshotError):
        Run(*EVERYTHING).correlations.restore(bytes(taken))


def test_an_event_of_an_unknown_kind_is_refused() -> None:
    run = Run(correlation("absence", "a", within=10))
    odd = msgspec.structs.replace(hit("a", 0), event=Decimal(1))
    run.take(odd)
    with pytest.raises(TypeError, match="Decimal"):
        run.correlations.snapshot()
