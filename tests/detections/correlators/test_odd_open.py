"""Openings at which much is traded on one side, of nobody who is named."""

from collections.abc import Sequence
from typing import Any

import pytest

from detections.rules import RuleSet
from normalizer.events import Alert
from normalizer.events.market import TradeBusted, TradeCorrected
from tests.detections.correlators.restarts import assert_the_same_after_a_restart
from tests.detections.samples import HEADER, START, Tape, alerts, correlator
from tests.detections.test_revised_trades import revised

MINUTES, DAYS = 60_000, 86_400_000
PUSHED = (10.0, 10.01, 10.02, 10.03)


def rule(parameters: str = "{}") -> RuleSet:
    return correlator("odd_open", parameters, HEADER.replace("high", "medium"))


def found(events: list[Any], parameters: str = "{}") -> list[Alert]:
    return alerts(rule(parameters), events)


def day(
    tape: Tape,
    number: int,
    *,
    prices: Sequence[float] = (10.0, 10.0),
    size: float = 10,
    side: str = "buy",
    amid: float = 0,
    against: float = 0,
    every: float = 30_000,
) -> list[Any]:
    """A day from its open: what is traded in the first minutes, and ten in each five after them.

    So much others take of the other side amid it, and before or after it (`against`).
    """
    open_at = number * DAYS
    session: dict[str, Any] = {"phase": "continuous", "phase_began": START + open_at * 1_000_000}
    events = [
        tape.trade(open_at + 1_000 + every * place, price, size, side=side, **session)
        for place, price in enumerate(prices)
    ]
    other = "sell" if side == "buy" else "buy"
    if amid:
        half = tape.trade(open_at + 1_000 + 1.5 * every, prices[1], amid, side=other, **session)
        events.insert(2, half)
    if against:
        early = tape.trade(open_at + 500, prices[0], against, side=other, **session)
        late = tape.trade(open_at + 4 * MINUTES, prices[0], against, side=other, **session)
        events = [early, *events, late]
    events += [
        tape.trade(open_at + (6 + 5 * step) * MINUTES, 10.0, 10, side="sell", **session)
        for step in range(12)
    ]
    return events


def days(before: int = 2, earlier: float = 10, **last: Any) -> list[Any]:
    tape = Tape()
    told: dict[str, Any] = {"prices": PUSHED, "size": 15, **last}
    return [
        *(event for number in range(before) for event in day(tape, number, size=earlier)),
        *day(tape, before, **told),
    ]


def test_much_on_one_side_that_took_the_price_with_it_is_odd() -> None:
    (alert,) = found(days())
    assert alert.reason == (
        "in the first 5 min of the day others bought 60 ACME-USD on demo-venue at 4 times, 100% of "
        "all that was traded meanwhile; but for the largest that is 4.5 times what all trade in as "
        "long a time, and 4.5 times what did on 2 days before; the price rose by 0.3% to 10.03 "
        "(the feed names no accounts)"
    )
    assert alert.tags == ("inferred", "anonymous")
    assert len(alert.evidence_events) == 4 + 1  # with the one after the first minutes


def test_downwards_too() -> None:
    (alert,) = found(days(side="sell", prices=(10.0, 9.99, 9.98, 9.96)))
    assert "others sold 60" in alert.reason
    assert "the price fell by 0.4% to 9.96" in alert.reason


def test_before_openings_are_known_nothing_is_said() -> None:
    assert found(days(1)) == []
    assert len(found(days(1), "{minimum_days: 1}")) == 1


def test_what_is_traded_every_morning_is_not_odd() -> None:
    assert found(days(earlier=22.6)) == []
    assert len(found(days(earlier=22.5))) == 1


def test_where_nothing_was_taken_twice_at_openings_before_that_is_said() -> None:
    tape = Tape()
    events = [event for number in range(2) for event in day(tape, number, prices=(10.0,))]
    (alert,) = found([*events, *day(tape, 2, prices=PUSHED, size=15)])
    assert "in as long a time, and next to nothing did on 2 days before" in alert.reason


def test_nor_is_what_is_traded_all_day_long() -> None:
    assert found(days(size=6.6, earlier=1)) == []
    assert len(found(days(size=6.7, earlier=1))) == 1


def test_nor_what_goes_on_both_sides() -> None:
    assert found(days(amid=26)) == []
    assert len(found(days(amid=25))) == 1


def test_what_the_quotes_of_the_night_come_to_before_it_does_not_hide_it() -> None:
    assert len(found(days(against=500))) == 1


@pytest.mark.parametrize("sold", [100, 95, 90])
def test_nor_does_an_order_of_the_same_side_that_is_sold_again(sold: float) -> None:
    """It is larger than all of the run that comes after it."""
    tape = Tape()
    events = [event for number in range(2) for event in day(tape, number)]
    open_at = 2 * DAYS
    session: dict[str, Any] = {"phase": "continuous", "phase_began": START + open_at * 1_000_000}
    before = [
        tape.trade(open_at + 300, 10.0, 100, side="buy", **session),
        tape.trade(open_at + 500, 10.0, sold, side="sell", **session),
    ]
    (alert,) = found([*events, *before, *day(tape, 2, prices=PUSHED, size=15)])
    assert alert.metrics["quantity"] == 60
    assert alert.metrics["times"] == 4


@pytest.mark.parametrize("slip", [5.0, 20.0])
def test_one_price_far_off_all_others_goes_nowhere(slip: float) -> None:
    assert found(days(prices=(10.0, 10.0, slip, 10.0, 10.0))) == []
    (alert,) = found(days(prices=(10.0, 10.01, slip, 10.02, 10.03)))
    assert alert.metrics["change"] == pytest.approx(0.003)


def test_what_was_taken_at_one_time_is_no_series_with_little_more() -> None:
    tape = Tape()
    events = [event for number in range(2) for event in day(tape, number)]
    open_at = 2 * DAYS
    session: dict[str, Any] = {"phase": "continuous", "phase_began": START + open_at * 1_000_000}
    once = tape.trade(open_at + 500, 10.0, 900, side="buy", **session)
    assert found([*events, once, *day(tape, 2, prices=PUSHED, size=4)]) == []


def test_nor_what_took_the_price_nowhere() -> None:
    assert found(days(prices=(10.0, 10.01, 10.02, 10.029))) == []
    assert found(days(prices=(10.03, 10.02, 10.01, 10.0))) == []


def test_one_large_order_is_no_series() -> None:
    assert found(days(every=0)) == []


def test_after_the_first_minutes_nothing_counts() -> None:
    assert found(days(every=5 * MINUTES)) == []


@pytest.mark.parametrize("name", ["buyer_account", "seller_id", "buyer_cluster"])
def test_of_who_is_named_nothing_is_said_here(name: str) -> None:
    tape = Tape(**{name: "acct-1"})
    events = [event for number in range(2) for event in day(tape, number)]
    assert found([*events, *day(tape, 2, prices=PUSHED, size=15)]) == []


def test_who_does_it_day_by_day_is_told_of_each_time() -> None:
    tape = Tape()
    events = [event for number in range(2) for event in day(tape, number)]
    for number in range(2, 32):
        events += day(tape, number, prices=PUSHED, size=20)
    assert len(found(events)) == 30


def test_what_grew_and_was_not_odd_is_usual_soon() -> None:
    tape = Tape()
    events = [event for number in range(2) for event in day(tape, number)]
    for number in range(2, 6):
        events += day(tape, number, prices=PUSHED, size=20, amid=39)
    assert found([*events, *day(tape, 6, prices=PUSHED, size=20)]) == []
    grown = [event for number in range(2) for event in day(tape, number)]
    assert len(found([*grown, *day(tape, 6, prices=PUSHED, size=20)])) == 1


def test_a_trade_that_was_taken_back_makes_no_opening() -> None:
    events = days()
    place = next(n for n, one in enumerate(events) if one.price == PUSHED[2])
    busted = revised(TradeBusted, events[place], 10)
    assert found([*events[: place + 1], busted, *events[place + 1 :]]) == []
    corrected = revised(TradeCorrected, events[place], 10, price=10.015)
    assert len(found([*events[: place + 1], corrected, *events[place + 1 :]])) == 1


def test_saved_and_restored_in_the_middle_it_finds_the_same() -> None:
    assert_the_same_after_a_restart(rule(), days(3))
