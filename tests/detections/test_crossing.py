"""What is found in a book that stays crossed is unsure: its depth isn't the venue's."""

from typing import Any

import pytest

from normalizer.events import Alert
from tests.detections.correlators.restarts import assert_the_same_after_a_restart
from tests.detections.samples import HEADER, Tape, alerts, correlator
from tests.detections.spoofing_samples import honest, spoof

SECOND = 1_000
"""Milliseconds, as a tape counts them."""
RULE = correlator("spoofing")


def lost(tape: Tape) -> list[Any]:
    """Offers whose ends nobody told, below the best bid."""
    return [tape.placed(0, "lost", "sell", 10.005, 900)]


def trades(tape: Tape, count: int = 10, every: int = 10 * SECOND, **more: Any) -> list[Any]:
    return [tape.trade(SECOND + every * n, 10.05, 1.0, **more) for n in range(count)]


def found(tape: Tape, before: list[Any]) -> Alert:
    (alert,) = alerts(RULE, [*before, *spoof(tape, 120 * SECOND)])
    return alert


def test_an_alert_on_a_book_that_stays_crossed_says_so() -> None:
    tape = Tape()
    sure = found(tape, [*honest(tape), *trades(tape)])
    tape = Tape()
    unsure = found(tape, [*honest(tape), *lost(tape), *trades(tape)])

    assert sure.tags == ()
    assert unsure.tags == ("unsure", "crossed-book")
    assert unsure.confidence == pytest.approx(0.6 * sure.confidence, rel=0.1)
    assert unsure.gap_source is None, "no gap was told"


@pytest.mark.parametrize(
    ("start", "how"),
    [
        (120 * SECOND, {"count": 8}),  # the spoofer's is the ninth
        (59 * SECOND, {"every": 4 * SECOND}),
        (120 * SECOND, {"phase": "closing-auction"}),
    ],
)
def test_it_takes_ten_trades_and_a_minute_in_continuous_trading(
    start: int, how: dict[str, Any]
) -> None:
    tape = Tape()
    before = [*honest(tape), *lost(tape), *trades(tape, **how)]
    (alert,) = alerts(RULE, [*before, *spoof(tape, start)])
    assert alert.tags == ()


def test_a_trade_that_finds_it_uncrossed_or_a_snapshot_ends_the_doubt() -> None:
    tape = Tape()
    events = [*honest(tape), *lost(tape), *trades(tape)]
    gone = tape.cancelled(110 * SECOND, "lost", "sell")
    mended = [gone, tape.trade(111 * SECOND, 10.05, 1.0)]
    assert found(tape, [*events, *mended]).tags == ()

    snapshot = tape.snapshot(
        110 * SECOND,
        bid_prices=(10.01, 10.00),
        bid_quantities=(5000.0, 8000.0),
        bid_order_ids=("b1", "b2"),
        ask_prices=(10.05,),
        ask_quantities=(900.0,),
        ask_order_ids=("a1",),
    )
    assert found(tape, [*events, snapshot]).tags == ()


def test_what_looks_at_no_book_and_what_tells_of_it_are_sure() -> None:
    tape = Tape()
    events = [*honest(tape), *lost(tape), *trades(tape, buyer_account="a", seller_account="a")]
    told = alerts(correlator("wash_trading", "{pattern: self_trade}"), events)
    assert told
    assert all(alert.tags == () for alert in told)

    header = HEADER.replace("level: high", "level: medium")
    (of_it,) = alerts(correlator("crossed_book", header=header), events)
    assert of_it.tags == ()


def test_the_doubt_outlives_a_restart() -> None:
    tape = Tape()
    events = [*honest(tape), *lost(tape), *trades(tape), *spoof(tape, 120 * SECOND)]
    assert_the_same_after_a_restart(RULE, events)
