"""Every source has its own clock: what waits, waits for the slowest that isn't idle."""

from collections.abc import Sequence
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detections.engine.engine import Engine
from detections.engine.event_time import MOST_SOURCES, TimeLimits, Watermark
from detections.offline import detect
from detections.rules import RuleSet
from normalizer.events import Alert, Record, RulesChanged
from normalizer.events.ecs import nest
from pipeline.problems import Problem
from tests.detections.samples import START, Tape, transfer
from tests.detections.test_event_time import BURST, FEW, SELF_TRADES, SILENCE

SECOND = 1_000_000_000
HOUR = 3_600 * SECOND
RULES = [
    pytest.param(BURST, id="burst"),
    pytest.param(FEW, id="few"),
    pytest.param(SILENCE, id="silence"),
    pytest.param(SELF_TRADES, id="self-trades"),
]


def move(number: int, second: float, *, source: str = "chain", sender: str = "a") -> Record:
    return transfer(
        number,
        timestamp=START + int(second * SECOND),
        provider=source,
        source_address="0x" + sender * 40,
    )


def _refuse(problem: Problem) -> None:
    pytest.fail(str(problem))


def watermark(lateness: int = 0, idle_after: int = 30) -> Watermark:
    return Watermark(TimeLimits(lateness * SECOND, idle_after * SECOND))


def encoded(alerts: Sequence[Alert]) -> list[bytes]:
    return [msgspec.json.encode(alert) for alert in alerts]


# -- the watermark ---------------------------------------------------------------------------------


def test_the_slowest_source_says_how_far_time_has_come() -> None:
    time = watermark(lateness=2)
    assert time.see("chain", 10 * SECOND)
    assert time.value == 8 * SECOND
    assert not time.see("venue", 20 * SECOND), "the chain may still send what is of second 8"
    assert time.see("chain", 15 * SECOND)
    assert time.value == 13 * SECOND


def test_a_source_that_is_idle_holds_nothing_up() -> None:
    time = watermark(idle_after=30)
    time.see("chain", 10 * SECOND)
    time.see("venue", 40 * SECOND)
    assert time.value == 10 * SECOND
    assert time.see("venue", 40 * SECOND + 1)
    assert time.value == 40 * SECOND + 1


def test_the_watermark_never_goes_back() -> None:
    time = watermark(idle_after=30)
    time.see("chain", 10 * SECOND)
    time.see("venue", 100 * SECOND)
    assert not time.see("chain", 80 * SECOND), "it is awake again"
    assert time.value == 100 * SECOND
    assert not time.see("venue", 105 * SECOND), "and is waited for"
    assert time.see("chain", 102 * SECOND)
    assert time.value == 102 * SECOND


def test_a_stream_of_very_many_sources_takes_bounded_memory() -> None:
    time = watermark()
    for number in range(3 * MOST_SOURCES):
        time.see(f"host-{number}", number * SECOND)
    assert len(time.newest) <= MOST_SOURCES + 1
    assert time.value == (3 * MOST_SOURCES - 31) * SECOND


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 200)), max_size=80),
    st.integers(0, 5),
    st.integers(1, 50),
)
def test_the_watermark_is_the_least_of_the_sources_that_are_not_idle(
    seen: list[tuple[str, int]], lateness: int, idle_after: int
) -> None:
    time, newest, least = watermark(lateness, idle_after), dict[str, int](), -(2**63)
    for source, second in seen:
        moved = time.see(source, second * SECOND)
        newest[source] = max(newest.get(source, 0), second)
        active = [one for one in newest.values() if one >= max(newest.values()) - idle_after]
        value = max(least, (min(active) - lateness) * SECOND)
        assert time.value == value
        assert moved is (value > least)
        least = value


# -- several sources in the engine -----------------------------------------------------------------

_SOURCES = ("chain", "other", "third")


@st.composite
def sources(draw: st.DrawFn) -> list[list[Record]]:
    """By source, its events of some minutes, in order; each begins with one at the same time."""
    found: list[list[Record]] = []
    number = 0
    tape = Tape(sequence=None)
    for source in _SOURCES:
        number += 1
        events: list[Record] = [move(number, 0, source=source, sender="f")]
        for second in sorted(draw(st.lists(st.integers(1, 120), max_size=12))):
            number += 1
            who = draw(st.sampled_from("ab"))
            if draw(st.booleans()):
                events.append(move(number, second, source=source, sender=who))
            else:
                events.append(
                    tape.trade(
                        second * 1_000,
                        10.0,
                        5.0,
                        provider=source,
                        buyer_account=who,
                        seller_account=who,
                    )
                )
        found.append(events)
    return found


def interleaved(by_source: list[list[Record]], chance: Random) -> list[Record]:
    """Each source in its own order, and the first event of each before all others."""
    order = [place for place, events in enumerate(by_source) for _ in events[1:]]
    chance.shuffle(order)
    rest = [iter(events[1:]) for events in by_source]
    return [*(events[0] for events in by_source), *(next(rest[place]) for place in order)]


def engine(rules: RuleSet, lateness: int, idle_after: int = HOUR) -> Engine:
    return Engine(rules, allowed_lateness=lateness, idle_after=idle_after)


@pytest.mark.parametrize("rules", RULES)
def test_every_interleaving_of_sources_that_are_in_order_gives_the_same_alerts(
    rules: RuleSet,
) -> None:
    @settings(max_examples=60, deadline=None)
    @given(sources(), st.randoms(use_true_random=False))
    def check(by_source: list[list[Record]], chance: Random) -> None:
        by_time = sorted((e for events in by_source for e in events), key=lambda e: e.timestamp)
        straight = engine(rules, lateness=1)
        expected = encoded([*straight.process(by_time), *straight.finish()])
        mixed = engine(rules, lateness=1)
        alerts = mixed.process(interleaved(by_source, chance))
        assert encoded([*alerts, *mixed.finish()]) == expected
        assert mixed.late == 0

    check()


@pytest.mark.parametrize("rules", RULES)
def test_batches_and_snapshots_at_any_point_make_no_difference(rules: RuleSet) -> None:
    @settings(max_examples=60, deadline=None)
    @given(
        sources(),
        st.randoms(use_true_random=False),
        st.integers(0, 40),
        st.sampled_from([0, 1, 5 * SECOND]),
        st.sampled_from([10 * SECOND, HOUR]),
    )
    def check(
        by_source: list[list[Record]], chance: Random, cut: int, lateness: int, idle_after: int
    ) -> None:
        events = interleaved(by_source, chance)
        once = engine(rules, lateness, idle_after)
        expected = encoded([*once.process(events), *once.finish()])
        before, after = (engine(rules, lateness, idle_after) for _ in range(2))
        alerts = before.process(events[:cut])
        after.restore(before.snapshot())
        assert after.snapshot() == before.snapshot()
        for event in events[cut:]:
            alerts += after.process([event])
        assert encoded([*alerts, *after.finish()]) == expected

    check()


@pytest.mark.parametrize("lateness", [0, 5 * SECOND], ids=["at-once", "waiting"])
def test_lines_give_the_same_as_records(lateness: int) -> None:
    @settings(max_examples=40, deadline=None)
    @given(sources(), st.randoms(use_true_random=False), st.booleans())
    def check(by_source: list[list[Record]], chance: Random, future: bool) -> None:
        events = interleaved(by_source, chance)
        if future:
            events.insert(len(events) // 2, from_the_future(99, 30))
        records, lines = engine(FEW, lateness), engine(FEW, lateness)
        expected = encoded([*records.process(events), *records.finish()])
        written = [msgspec.json.encode(nest(event)) for event in events]
        found = encoded(list(detect(lines, written, report=_refuse)))
        assert sorted(found) == sorted(expected)
        assert lines.watermark.newest == records.watermark.newest

    check()


def test_what_waits_waits_for_the_slowest_source() -> None:
    one = engine(BURST, lateness=SECOND, idle_after=30 * SECOND)
    early = [move(n, n, source="chain") for n in (1, 2, 3)]
    assert one.process([move(9, 0.5, source="venue", sender="b"), *early]) == []
    assert one.process([move(10, 20, source="chain", sender="b")]) == [], "the venue is behind"
    assert len(one.process([move(11, 5, source="venue", sender="b")])) == 1
    assert one.late == 0


def test_a_source_that_wakes_up_behind_the_watermark_is_late() -> None:
    one = engine(BURST, lateness=SECOND, idle_after=5 * SECOND)
    assert one.process([move(1, 0, source="venue"), move(2, 8, sender="b")]) == []
    (alert,) = one.process([move(n, n - 2, source="venue") for n in (3, 4)])
    assert "late" in alert.tags
    assert one.late == 2


def test_without_lateness_nothing_waits_for_another_source() -> None:
    one = engine(BURST, lateness=0)
    assert one.process([move(9, 0, source="venue", sender="b")]) == []
    assert len(one.process([move(n, n) for n in (1, 2, 3)])) == 1


def test_without_lateness_what_only_time_closes_waits_for_the_slowest_source() -> None:
    one = engine(SILENCE, lateness=0, idle_after=60 * SECOND)
    assert one.process([move(1, 0, source="venue"), move(2, 50, sender="b")]) == []
    assert one.process([move(3, 9, source="venue")]) == [], "it wasn't silent, only behind"
    (alert,) = one.process([move(4, 20, source="venue", sender="c")])
    assert alert.entities == ("0x" + "a" * 40,)
    assert one.late == 0


def test_a_group_is_not_forgotten_while_a_slower_source_holds_the_time() -> None:
    one = engine(FEW, lateness=0, idle_after=100 * SECOND)
    assert one.process([move(1, 0, source="venue", sender="c"), move(2, 50)]) == []
    assert one.process([move(3, 58, source="venue", sender="d")]) != []
    alerts = one.process([move(4, 70), move(5, 70, source="venue", sender="d")])
    assert ("0x" + "a" * 40,) in [alert.entities for alert in alerts]


@pytest.mark.parametrize("slower", [7, 17], ids=["behind", "there"])
def test_a_series_goes_on_in_a_window_that_waits_for_a_slower_source(slower: int) -> None:
    """The windows from 1 and from 17 are of one series, whether or not the first one was judged
    before the transfer at 28 came."""
    one = engine(FEW, lateness=0)
    events = [move(1, 1), move(2, 7), move(3, slower, source="venue", sender="c")]
    events += [move(4, 17), move(5, 28), move(6, 29, source="venue", sender="c")]
    alerts = [*one.process(events), *one.finish()]
    mine = [alert for alert in alerts if alert.entities == ("0x" + "a" * 40,)]
    assert [alert.timestamp - START for alert in mine] == [11 * SECOND]


# -- clocks that are wrong -------------------------------------------------------------------------


def from_the_future(number: int, received: float, **more: Any) -> Record:
    """An event that says that it happened an hour after it was received."""
    at = START + int(received * SECOND)
    return transfer(number, timestamp=at + HOUR, **{"ingested": at, **more})


@pytest.mark.parametrize("lateness", [0, SECOND, 20 * SECOND])
def test_an_event_of_the_far_future_changes_nothing_for_others(lateness: int) -> None:
    @settings(max_examples=60, deadline=None)
    @given(sources(), st.randoms(use_true_random=False), st.integers(3, 40))
    def check(by_source: list[list[Record]], chance: Random, place: int) -> None:
        for rules in (BURST, FEW, SILENCE):
            events = sorted((e for some in by_source for e in some), key=lambda e: e.timestamp)
            straight, disturbed = engine(rules, lateness), engine(rules, lateness)
            expected = encoded([*straight.process(events), *straight.finish()])
            received = events[min(place, len(events)) - 1].timestamp - START
            future = from_the_future(99, received / SECOND, source_address="0x" + "9" * 40)
            events.insert(place, future)
            alerts = [*disturbed.process(events), *disturbed.finish()]
            others = [one for one in alerts if "0x" + "9" * 40 not in one.entities]
            assert sorted(encoded(others)) == sorted(expected)
            assert disturbed.late == straight.late

    check()


def test_an_event_of_the_future_happened_at_its_receipt() -> None:
    one = engine(BURST, lateness=0)
    (alert,) = one.process([move(1, 1), from_the_future(2, 2), move(3, 3)])
    assert alert.timestamp == START + 3 * SECOND
    assert alert.evidence_events == ("transfer-1", "transfer-2", "transfer-3")


def test_a_correlator_sees_an_event_of_the_future_at_its_receipt() -> None:
    tape = Tape(sequence=None)
    trades = [
        tape.trade(n * 1_000, 10.0, 5.0, buyer_account="x", seller_account="x") for n in (1, 2)
    ]
    trades[1].timestamp += HOUR
    (alert,) = engine(SELF_TRADES, lateness=0).process(trades)
    assert alert.timestamp == START + 2 * SECOND


def test_sources_are_bounded_also_while_the_slowest_says_nothing() -> None:
    time = Watermark(TimeLimits(idle_after=HOUR))
    time.see("slowest", START)
    for number in range(3 * MOST_SOURCES):
        time.see(f"source-{number}", START + SECOND)
    assert len(time.newest) <= MOST_SOURCES + 1


def test_a_source_whose_clock_is_an_hour_ahead_makes_no_other_late() -> None:
    one = engine(BURST, lateness=SECOND, idle_after=30 * SECOND)
    events: list[Record] = []
    for n in range(1, 60, 2):
        events += [from_the_future(n, n, provider="wrong"), move(n + 1, n, sender="b")]
    alerts = one.process(events)
    assert one.late == 0
    assert {alert.entities for alert in alerts} == {("0x" + "a" * 40,), ("0x" + "b" * 40,)}


def test_a_document_says_when_it_was_received_or_is_believed() -> None:
    rules = SILENCE
    plain = {"event.id": "d1", "@timestamp": START + HOUR, "event.provider": "host"}
    received = {**plain, "event.id": "d2", "event.ingested": "2026-01-01T00:00:05Z"}
    one, other = engine(rules, 0), engine(rules, 0)
    one.process_documents([plain])
    other.process_documents([received])
    assert one.watermark.lead == START + HOUR
    assert other.watermark.lead == START


def test_a_change_of_rules_among_recorded_events_moves_no_time() -> None:
    changed = RulesChanged(
        id="rules-1", timestamp=START + HOUR, ingested=START + HOUR, original="",
        provider="tapewatch", rules="0" * 64,
    )  # fmt: skip
    one = engine(SILENCE, lateness=0)
    records = [move(1, 0), changed, move(2, 5), changed, move(3, 9)]
    lines = [msgspec.json.encode(nest(record)) for record in records]
    assert list(detect(one, lines, report=_refuse)) == []
    assert one.watermark.lead == START + 9 * SECOND
