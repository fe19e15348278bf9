"""Correlations and correlators see events in the order of their times, however these come."""

from collections.abc import Sequence
from itertools import pairwise
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detections.engine.engine import Engine
from detections.engine.event_time import tie, tie_of
from detections.engine.state import CannotRestore
from detections.rules import RuleSet
from detections.rules.loading import parse_rules
from normalizer.events import Alert, Record
from tests.detections.samples import HEADER, START, Tape, correlator, transfer

SECOND = 1_000_000_000

BASE = """
title: A transfer
name: moved
id: 0b9ad0a3-0b54-4a34-8a11-8e1d6b6f3f01
logsource: {product: tapewatch, service: chain}
detection: {s: {event.action: token-transfer}, condition: s}
"""


def correlation(body: str) -> RuleSet:
    return parse_rules(f"{HEADER}correlation:\n{body}\n---\n{BASE}".encode())


BURST = correlation(
    "  type: event_count\n  rules: [moved]\n  group-by: [source.address]\n"
    "  timespan: 10s\n  condition: {gte: 3}"
)
FEW = correlation(
    "  type: event_count\n  rules: [moved]\n  group-by: [source.address]\n"
    "  timespan: 10s\n  condition: {lte: 2}"
)
SILENCE = correlation(
    "  type: absence\n  rules: [moved]\n  group-by: [source.address]\n  timespan: 10s"
)
SELF_TRADES = correlator("wash_trading", "{pattern: self_trade, minimum_trades: 2, window: 1m}")


def move(number: int, second: float, sender: str = "a") -> Record:
    return transfer(
        number, timestamp=START + int(second * SECOND), source_address="0x" + sender * 40
    )


def run(
    rules: RuleSet, events: Sequence[Record], *, lateness: int = 0, cuts: Sequence[int] = ()
) -> list[Alert]:
    engine = Engine(rules, allowed_lateness=lateness)
    bounds = [0, *sorted({cut % (len(events) + 1) for cut in cuts}), len(events)]
    alerts = [
        alert for first, last in pairwise(bounds) for alert in engine.process(events[first:last])
    ]
    assert engine.take_problems() == []
    return [*alerts, *engine.finish()]


def encoded(alerts: Sequence[Alert]) -> list[bytes]:
    return [msgspec.json.encode(alert) for alert in alerts]


@st.composite
def tapes(draw: st.DrawFn) -> list[Record]:
    """Transfers and trades within a minute, some at the same time, in order of time."""
    events: list[Record] = []
    tape = Tape(sequence=None)
    moments = draw(st.lists(st.integers(0, 60), min_size=1, max_size=30))
    for number, second in enumerate(sorted(moments)):
        sender = draw(st.sampled_from("ab"))
        if draw(st.booleans()):
            events.append(move(number, second, sender))
        else:
            events.append(
                tape.trade(second * 1_000, 10, 5, buyer_account=sender, seller_account=sender)
            )
    return events


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param(BURST, id="burst"),
        pytest.param(FEW, id="few"),
        pytest.param(SILENCE, id="silence"),
        pytest.param(SELF_TRADES, id="self-trades"),
    ],
)
def test_every_order_of_arrival_within_the_lateness_gives_the_same_alerts(rules: RuleSet) -> None:
    @settings(max_examples=60, deadline=None)
    @given(tapes(), st.randoms(use_true_random=False))
    def check(events: list[Record], chance: Random) -> None:
        shuffled = list(events)
        chance.shuffle(shuffled)
        lateness = 61 * SECOND
        expected = encoded(run(rules, events, lateness=lateness))
        assert encoded(run(rules, shuffled, lateness=lateness)) == expected

    check()


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param(BURST, id="burst"),
        pytest.param(FEW, id="few"),
        pytest.param(SILENCE, id="silence"),
        pytest.param(SELF_TRADES, id="self-trades"),
    ],
)
def test_batches_and_redelivery_make_no_difference(rules: RuleSet) -> None:
    @settings(max_examples=60, deadline=None)
    @given(tapes(), st.lists(st.integers(0, 100), max_size=5), st.sampled_from([0, 5, 61]))
    def check(events: list[Record], cuts: list[int], lateness: int) -> None:
        once = encoded(run(rules, events, lateness=lateness * SECOND))
        assert encoded(run(rules, events, lateness=lateness * SECOND, cuts=cuts)) == once
        twice = [event for one in events for event in (one, one)]
        assert encoded(run(rules, twice, lateness=lateness * SECOND)) == once

    check()


@pytest.mark.parametrize("rules", [BURST, FEW, SILENCE], ids=["burst", "few", "silence"])
def test_a_restored_engine_goes_on_as_if_nothing_had_happened(rules: RuleSet) -> None:
    @settings(max_examples=60, deadline=None)
    @given(tapes(), st.integers(0, 30), st.sampled_from([0, 5, 61]))
    def check(events: list[Record], cut: int, lateness: int) -> None:
        before = Engine(rules, allowed_lateness=lateness * SECOND)
        alerts = before.process(events[:cut])
        after = Engine(rules, allowed_lateness=lateness * SECOND)
        after.restore(before.snapshot())
        assert after.snapshot() == before.snapshot()
        alerts += after.process([*events[:cut], *events[cut:]])  # what was taken counts once
        alerts += after.finish()
        assert encoded(alerts) == encoded(run(rules, events, lateness=lateness * SECOND))

    check()


def test_a_snapshot_that_cannot_be_read_changes_nothing() -> None:
    engine = Engine(BURST)
    assert engine.process([move(1, 0), move(2, 1)]) == []
    with pytest.raises(CannotRestore, match="can't be read"):
        engine.restore(b"nonsense")
    assert len(engine.process([move(3, 2)])) == 1


def test_with_lateness_events_wait_until_no_older_one_can_come() -> None:
    engine = Engine(BURST, allowed_lateness=5 * SECOND)
    assert engine.process([move(1, 0), move(2, 1), move(3, 2)]) == []
    assert engine.process([move(4, 7, "b")]) == [], "another event of second 2 could still come"
    (alert,) = engine.process([move(5, 7.1, "b")])
    assert alert.evidence_events == ("transfer-1", "transfer-2", "transfer-3")


def test_without_lateness_nothing_waits() -> None:
    engine = Engine(BURST)
    assert engine.process([move(1, 0), move(2, 1)]) == []
    assert len(engine.process([move(3, 2)])) == 1


def test_an_event_that_is_later_than_allowed_is_taken_and_its_alerts_are_marked() -> None:
    engine = Engine(BURST, allowed_lateness=5 * SECOND)
    assert engine.process([move(1, 0), move(2, 1), move(9, 8, "b")]) == []
    (alert,) = engine.process([move(3, 2)])
    assert "late" in alert.tags
    assert engine.late == 1


def test_a_late_event_counts_at_its_own_time() -> None:
    # By arrival, three events within ten seconds of arrival would be a burst; by time they aren't.
    assert run(BURST, [move(1, 0), move(2, 100), move(3, 50)]) == []
    # And what is a burst by time is one, however late its middle comes.
    assert len(run(BURST, [move(1, 0), move(2, 9), move(3, 4)])) == 1


def test_silence_is_told_when_the_time_has_passed() -> None:
    alerts = run(SILENCE, [move(1, 0, "a"), move(2, 5, "b"), move(3, 14, "b")])
    assert [(a.entities, a.timestamp - START) for a in alerts] == [
        (("0x" + "a" * 40,), 10 * SECOND)
    ]


def test_the_end_of_the_input_is_no_silence() -> None:
    assert run(SILENCE, [move(1, 0)]) == []


def test_the_time_can_be_moved_on_without_an_event() -> None:
    engine = Engine(SILENCE)
    assert engine.process([move(1, 0)]) == []
    assert engine.advance(START + 10 * SECOND) == []
    assert len(engine.advance(START + 10 * SECOND + 1)) == 1


def test_logs_of_one_block_come_in_the_order_of_the_chain() -> None:
    """All of a block have one time, and ids that say nothing: the hash of the transaction."""
    issued = transfer(
        1, id="1:0xff:9", transfer_type="mint", log_index=9, destination_address="0x" + "a" * 40
    )
    sold = transfer(2, id="1:0x00:10", log_index=10, timestamp=issued.timestamp, block_number=1)
    locked = correlator("lock_up")
    for order in ([issued, sold], [sold, issued]):
        engine = Engine(locked, allowed_lateness=SECOND)
        (alert,) = [*engine.process(order), *engine.finish()]
        assert "1 issued on 2026-01-01" in alert.reason


def test_a_document_has_the_tie_of_its_record() -> None:
    record = transfer(1, log_index=7)
    assert tie(record) == tie_of("chain", None, record.id, record.block_number, 7)
    assert tie(transfer(1)) == tie_of("chain", None, record.id, 1)
    assert tie(transfer(1, sequence=3, log_index=7)) == tie_of("chain", 3, record.id, 1, 7)
