"""What can be said of spoofing on feeds without accounts, and what can't."""

from collections.abc import Callable
from typing import Any

import pytest

from detections.engine.engine import Engine
from normalizer.events import Alert
from tests.detections.correlators.restarts import assert_the_same_after_a_restart
from tests.detections.samples import Tape, alerts, correlator

Cycle = Callable[..., list[Any]]


def found(events: list[Any], parameters: str = "{}") -> list[Alert]:
    return alerts(correlator("inferred_spoofing", parameters), events)


def by_level(tape: Tape, start: float, number: int, **more: Any) -> list[Any]:
    """A bid level of 5,000 more, bought meanwhile, and gone again."""
    size, lives = more.get("size", 5000), more.get("lives", 900)
    events = [
        tape.update(start, bid_prices=(10.0,), bid_quantities=(1000.0 + size,)),
        tape.trade(start + 500, 10.05, 300, side=more.get("side", "buy")),
        tape.update(start + lives, bid_prices=(10.0,), bid_quantities=(1000.0,)),
    ]
    if not more.get("trades", True):
        del events[1]
    return events


def by_order(tape: Tape, start: float, number: int, **more: Any) -> list[Any]:
    size, lives, order = more.get("size", 5000), more.get("lives", 900), f"s{number}"
    events = [
        tape.placed(start, order, "buy", 10.0, size),
        tape.trade(start + 500, 10.05, 300, side=more.get("side", "buy"), maker_order_id="a"),
        tape.cancelled(start + lives, order, remaining=float(size)),
    ]
    if not more.get("trades", True):
        del events[1]
    return events


def market(tape: Tape, cycle: Cycle) -> list[Any]:
    if cycle is by_level:
        prices = {"bid_prices": (10.0, 9.99), "bid_quantities": (1000.0, 4000.0)}
        return [tape.snapshot(0, ask_prices=(10.05,), ask_quantities=(9000.0,), **prices)]
    return [
        tape.placed(0, "b1", "buy", 10.0, 1000),
        tape.placed(0, "b2", "buy", 9.99, 4000),
        tape.placed(0, "a", "sell", 10.05, 9000),
    ]


def tape_of(cycle: Cycle, times: int = 3, every: float = 60_000, **more: Any) -> list[Any]:
    tape = Tape()
    events = market(tape, cycle)
    for number in range(times):
        events += cycle(tape, 10_000 + number * every, number, **more)
    return [*events, tape.trade(10_000 + times * every, 10.05, 1, side="sell")]


@pytest.mark.parametrize("cycle", [by_level, by_order])
class TestBoth:
    def test_the_same_three_times_is_a_pattern(self, cycle: Cycle) -> None:
        (alert,) = found(tape_of(cycle))
        assert alert.reason == (
            "3 times within 2 min some 5,000 ACME-USD came on the bid side of demo-venue, last at "
            "10, and went after 0.9 s at most with next to nothing filled, each time while others "
            "bought (the feed names no accounts)"
        )
        assert alert.tags == ("inferred", "anonymous")
        assert alert.confidence < 0.4
        assert len(alert.evidence_events) == 10  # with the one that settles it

    def test_twice_is_none(self, cycle: Cycle) -> None:
        assert found(tape_of(cycle, 2)) == []
        assert len(found(tape_of(cycle, 2), "{minimum_times: 2}")) == 1

    def test_so_is_what_takes_too_long(self, cycle: Cycle) -> None:
        assert found(tape_of(cycle, every=301_000)) == []
        assert found(tape_of(cycle, lives=5001)) == []
        assert len(found(tape_of(cycle, lives=5000))) == 1

    def test_and_what_is_small(self, cycle: Cycle) -> None:
        assert found(tape_of(cycle, size=499)) == []
        assert len(found(tape_of(cycle, size=500))) == 1

    def test_others_must_believe_in_it(self, cycle: Cycle) -> None:
        assert found(tape_of(cycle, side="sell")) == []
        assert found(tape_of(cycle, trades=False)) == []

    def test_the_quantities_must_be_alike(self, cycle: Cycle) -> None:
        def three(*sizes: float) -> list[Any]:
            tape = Tape()
            events = market(tape, cycle)
            for number, size in enumerate(sizes):
                events += cycle(tape, 10_000 + number * 60_000, number, size=size)
            return [*events, tape.trade(400_000, 10.05, 1, side="sell")]

        assert len(found(three(5000, 4950, 5000))) == 1
        assert found(three(5000, 4800, 5000)) == []

    def test_who_quotes_has_another_there_at_once(self, cycle: Cycle) -> None:
        assert found(tape_of(cycle, 20, every=1500)) == []

    def test_in_a_market_that_trades_all_the_time_it_means_nothing(self, cycle: Cycle) -> None:
        tape = Tape()
        events = market(tape, cycle)
        for second in range(300):
            at = 2_000 * second
            if second % 10 == 5:
                events += cycle(tape, at + 10, second, trades=False)
            events.append(tape.trade(at + 900, 10.05, 1, side="buy", maker_order_id="a"))
        events.sort(key=lambda event: event.timestamp)
        assert found(events, "{minimum_times_alone: 64}") == []

    def test_six_times_tell_it_though_nobody_trades(self, cycle: Cycle) -> None:
        def shown(number: int) -> list[Any]:
            tape = Tape()
            events = market(tape, cycle)
            for one in range(number):
                events += cycle(tape, 10_000 + one * 4_000, one, trades=False)
            return [*events, tape.trade(60_000, 10.05, 1, side="sell")]

        assert found(shown(5)) == []
        (alert,) = found(shown(6))
        assert "next to nothing filled (the feed names no accounts)" in alert.reason
        assert alert.metrics["times"] == 6

    @pytest.mark.parametrize(("others", "told"), [(6, True), (7, False)])
    def test_a_quantity_that_mostly_stays_says_of_nobody_who_he_is(
        self, cycle: Cycle, others: int, told: bool
    ) -> None:
        """In half an hour of a real book half of all orders were of 100 shares."""
        tape = Tape()
        events = market(tape, cycle)
        for one in range(6):
            at = 10_000 + one * 40_000
            events += cycle(tape, at, one, trades=False)
            for stays in range(2 * one, min(2 * one + 2, others)):
                at += 10_000
                events += cycle(tape, at, 100 + stays, trades=False, lives=6_000)
        assert bool(found([*events, tape.trade(400_000, 10.05, 1, side="sell")])) is told

    @pytest.mark.parametrize(("lives", "told"), [(1_400, True), (1_500, False)])
    def test_what_is_there_half_of_the_time_is_not_there_for_moments(
        self, cycle: Cycle, lives: float, told: bool
    ) -> None:
        """A program that follows the best price may look at it every other second only."""
        tape = Tape()
        events = market(tape, cycle)
        for one in range(20):
            events += cycle(tape, 10_000 + one * 3_000, one, trades=False, lives=lives)
        assert bool(found([*events, tape.trade(100_000, 10.05, 1, side="sell")])) is told

    def test_saved_and_restored_in_the_middle_it_finds_the_same(self, cycle: Cycle) -> None:
        assert_the_same_after_a_restart(correlator("inferred_spoofing"), tape_of(cycle))

    def test_who_shows_it_on_both_sides_makes_a_market(self, cycle: Cycle) -> None:
        tape = Tape()
        events = market(tape, cycle)
        for one in range(12):
            at = 10_000 + one * 4_000
            events += cycle(tape, at, one, trades=False)
            if cycle is by_order:
                events.append(tape.placed(at + 2_500, f"o{one}", "sell", 10.05, 5_000))
                events.append(tape.cancelled(at + 3_500, f"o{one}", "sell", remaining=5_000))
            else:
                for later, quantity in ((2_500, 14_000.0), (3_500, 9_000.0)):
                    events.append(
                        tape.update(at + later, ask_prices=(10.05,), ask_quantities=(quantity,))
                    )
        assert found([*events, tape.trade(60_000, 10.05, 1, side="sell")]) == []


def test_a_level_that_was_traded_was_meant() -> None:
    tape = Tape()
    events = market(tape, by_level)
    for number in range(3):
        start = 10_000 + number * 60_000
        came, bought, went = by_level(tape, start, number)
        sold = tape.trade(start + 890, 10.0, 5000, side="sell")
        # A trade may come before its level has changed, or after.
        events += [came, bought, *((sold, went) if number % 2 else (went, sold))]
    assert found([*events, tape.trade(400_000, 10.05, 1, side="sell")]) == []


def test_a_removal_without_a_reason_counts_as_inferred() -> None:
    tape = Tape()
    events = market(tape, by_order)
    for number in range(3):
        placed, traded, _ = by_order(tape, 10_000 + number * 60_000, number)
        gone = tape.removed(10_900 + number * 60_000, f"s{number}")
        events += [placed, traded, gone]
    assert len(found([*events, tape.trade(400_000, 10.05, 1, side="sell")])) == 1


@pytest.mark.parametrize(("taken", "told"), [(6_000, True), (9_000, False)])
def test_what_others_took_was_there_until_then(taken: float, told: bool) -> None:
    tape = Tape()
    events = market(tape, by_order)
    for number in range(6):
        at = 10_000 + number * 10_000
        events += by_order(tape, at, number, trades=False)
        other = f"f{number}"
        events.append(tape.placed(at + 4_000, other, "buy", 10.0, 5_000))
        events.append(tape.trade(at + taken, 10.0, 5_000, side="sell", maker_order_id=other))
        events.append(tape.filled(at + taken, other))
    assert bool(found([*events, tape.trade(200_000, 10.05, 1, side="sell")])) is told


def test_of_named_accounts_nothing_is_said_here() -> None:
    tape = Tape(investor_account="acct-1")
    events = market(tape, by_order)
    for number in range(4):
        events += by_order(tape, 10_000 + number * 60_000, number)
    assert found(events) == []


@pytest.mark.parametrize("instrument", ["ACME-USD", "*"])
def test_over_a_gap_nothing_is_known(instrument: str) -> None:
    events = tape_of(by_level)
    for place in (9, 6, 3):
        moment = events[place].timestamp
        gap = Tape(instrument=instrument).gap(0, timestamp=moment, id=f"gap-{place}")
        events.insert(place, gap)
    assert found(events) == []


@pytest.mark.parametrize("told", [True, False])
def test_what_was_filled_was_there_till_then_whether_or_not_that_is_told_once_more(
    told: bool,
) -> None:
    def stream(rests: float) -> list[Any]:
        tape = Tape()
        events = market(tape, by_order)
        for number in range(6):
            start = 10_000 + 60_000 * number
            events += by_order(tape, start, number, trades=False)
            order, end = f"meant-{number}", start + 5_000 + rests
            events += [
                tape.placed(start + 5_000, order, "buy", 10.0, 5_000),
                tape.trade(end, 10.0, 5_000, side="sell", maker_order_id=order),
                *([tape.filled(end, order)] if told else []),
            ]
        return [*events, tape.trade(400_000, 10.05, 1, side="sell")]

    assert len(found(stream(rests=10_000))) == 1
    assert found(stream(rests=40_000)) == [], "it is there more often than not"


def test_a_bid_and_an_offer_of_opposite_prices_are_two() -> None:
    """As in the book of a spread, whose price may be less than nothing."""
    tape = Tape()
    book = tape.snapshot(
        0,
        bid_prices=(-5.0, -6.0),
        bid_quantities=(1.0, 100.0),
        ask_prices=(5.0, 6.0),
        ask_quantities=(1.0, 100.0),
    )
    large = {"bid_prices": (-5.0,), "ask_prices": (5.0,)}
    shown = tape.update(1, **large, bid_quantities=(900.0,), ask_quantities=(900.0,))
    engine = Engine(correlator("inferred_spoofing", "{}"))
    engine.process([book, shown])
    (entry,) = engine.book.correlators
    (watched,) = entry.correlator.state.books.values()
    assert set(watched.levels) == {(True, -5.0), (False, 5.0)}
    assert set(watched.levels.values()) == set(watched.live)
