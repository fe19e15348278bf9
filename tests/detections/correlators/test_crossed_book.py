"""When a book is said to be crossed for good, which no venue's own is, and when not."""

from typing import Any

import pytest

from detections.rules import RuleSet
from normalizer.events import Alert
from tests.detections.correlators.restarts import assert_the_same_after_a_restart
from tests.detections.samples import HEADER, Tape, alerts, correlator

SECOND = 1_000
"""Milliseconds, as a tape counts them."""


def rule(parameters: str = "{}") -> RuleSet:
    return correlator("crossed_book", parameters, HEADER.replace("level: high", "level: medium"))


def found(events: list[Any], parameters: str = "{}") -> list[Alert]:
    return alerts(rule(parameters), events)


def lost(tape: Tape) -> list[Any]:
    """A bid whose end nobody was told, and offers that have come below it."""
    return [
        tape.placed(0, "lost", "buy", 101.0, 5, investor_account="acct-1"),
        tape.placed(30 * SECOND, "low", "sell", 100.0, 7),
        tape.placed(30 * SECOND, "high", "sell", 100.5, 7),
    ]


def trades(
    tape: Tape, start: int = 60 * SECOND, count: int = 10, every: int = 10 * SECOND, **more: Any
) -> list[Any]:
    return [tape.trade(start + every * n, 100.0, 1.0, side="buy", **more) for n in range(count)]


def test_a_book_that_ten_trades_in_a_minute_and_more_found_crossed_is_told_with_both_orders() -> (
    None
):
    tape = Tape()
    events = [*lost(tape), *trades(tape)]
    (alert,) = found(events)
    assert alert.reason == (
        "the book of ACME-USD on demo-venue is crossed, for 90 s and 10 trades: a bid of 101 "
        "(order lost, there for 2.5 min) stands above an offer of 100 (order low, there for "
        "2 min); ends of orders were lost, or another book's came among them, and whatever weighs "
        "orders against the book is wrong there"
    )
    assert alert.level == "medium"
    assert alert.metrics == {"trades": 10, "crossed_seconds": 90, "bid": 101, "offer": 100}
    assert alert.evidence_orders == ("lost",), "of the offer nobody is named, so it isn't kept"
    assert len(alert.evidence_events) == 3, "how the bid came, the first trade, and the newest"
    assert not found(events[:-1]), "nine trades"
    assert not found([*lost(tape), *trades(tape, every=6 * SECOND)]), "54 s"


def test_it_is_told_again_after_the_pause_if_it_is_so_still() -> None:
    tape = Tape()
    told = found([*lost(tape), *trades(tape, count=1_460)])
    assert [alert.metrics["crossed_seconds"] for alert in told] == [90, 14_490]


def test_one_trade_that_finds_it_uncrossed_begins_the_count_anew() -> None:
    tape = Tape()
    cleared = [
        tape.cancelled(155 * SECOND, "lost", "buy"),
        *trades(tape, 156 * SECOND, 1),
        tape.placed(157 * SECOND, "lost-again", "buy", 101.0, 5),
    ]
    before = [*lost(tape), *trades(tape, count=9)]
    assert not found([*before, *cleared, *trades(tape, 160 * SECOND, 9)])
    assert len(found([*before, *cleared, *trades(tape, 160 * SECOND, 10)])) == 1


def test_within_the_pause_a_book_that_was_mended_and_broke_again_is_not_told_of() -> None:
    tape = Tape()
    events = [
        *lost(tape),
        *trades(tape),
        tape.cancelled(155 * SECOND, "lost", "buy"),
        *trades(tape, 156 * SECOND, 1),
        tape.placed(157 * SECOND, "lost-again", "buy", 101.0, 5),
        *trades(tape, 160 * SECOND, 100),
    ]
    assert len(found(events)) == 1
    assert len(found(events, "{pause: 1m}")) > 1


def test_an_order_that_comes_in_to_trade_and_is_told_as_if_it_rested_crosses_for_a_moment() -> None:
    tape = Tape()
    events = [tape.placed(0, "bid", "buy", 100.0, 1e6)]
    for n in range(60):
        at = (60 + 10 * n) * SECOND
        events += [
            tape.placed(at, f"taker-{n}", "sell", 99.0, 5),
            tape.trade(at, 100.0, 5, maker_order_id="bid", taker_order_id=f"taker-{n}"),
            tape.filled(at, f"taker-{n}", "sell"),
        ]
    assert not found(events)


def test_a_locked_book_is_not_crossed() -> None:
    tape = Tape()
    events = [
        tape.placed(0, "bid", "buy", 100.0, 5),
        tape.placed(0, "offer", "sell", 100.0, 5),
        *trades(tape, count=50),
    ]
    assert not found(events)


@pytest.mark.parametrize(
    ("phase", "told"),
    [(None, 1), ("continuous", 1), ("opening-auction", 0), ("closing-auction", 0), ("halted", 0)],
)
def test_in_an_auction_orders_may_stand_against_each_other(phase: Any, told: int) -> None:
    tape = Tape()
    assert len(found([*lost(tape), *trades(tape, phase=phase)])) == told


def test_a_book_by_level_is_told_by_its_levels() -> None:
    tape = Tape()
    book = tape.snapshot(
        0,
        bid_prices=(101.0, 99.0),
        bid_quantities=(5.0, 5.0),
        ask_prices=(100.0, 102.0),
        ask_quantities=(2.0, 3.0),
    )
    (alert,) = found([book, *trades(tape)])
    assert "a bid of 101 stands above an offer of 100;" in alert.reason
    gone = tape.update(1, bid_prices=(101.0,), bid_quantities=(0.0,))
    assert not found([book, gone, *trades(tape)])


def test_books_of_two_venues_are_two() -> None:
    tape, other = Tape(), Tape(venue="other")
    events = [*lost(tape), *trades(tape, count=6), *trades(other, count=6)]
    assert not found(events)


def test_saved_and_restored_in_the_middle_it_finds_the_same() -> None:
    tape = Tape()
    events = [*lost(tape), *trades(tape, count=400)]
    assert_the_same_after_a_restart(rule(), events)
