"""Unusual moves of price and volume: late trades, what is forgotten, and what is usual."""

import math
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from detections.alerting.findings import Finding, witness
from detections.correlators.price_move import Parameters, PriceMove
from detections.markets.price_history import SLOTS, Deal, PriceHistory
from detections.parties import Party
from normalizer.events.market import Trade
from pipeline.problems import ProblemsFound
from pipeline.units import DAY, HOUR, MINUTE
from tests.detections.samples import START, Tape, correlator

MINUTES = 60_000


def moves(events: list[Trade], **parameters: Any) -> list[Finding]:
    detection = PriceMove(Parameters(**parameters))
    return [finding for event in events for finding in detection.observe(event)]


def deal(trade: Trade) -> Deal:
    who = Party("acct-1", None, None)
    notional = trade.price * trade.quantity
    return Deal(trade.timestamp, trade.price, trade.quantity, notional, who, who, witness(trade))


def hourly(tape: Tape, hours: int, price: float = 10, quantity: float = 100) -> list[Trade]:
    return [tape.trade(hour * 60 * MINUTES, price, quantity) for hour in range(hours)]


@settings(max_examples=50, deadline=None)
@given(st.permutations(range(6)))
def test_the_window_is_the_same_in_whatever_order_its_trades_come(order: list[int]) -> None:
    tape = Tape()
    trades = [tape.trade(number * MINUTES, 10 + number, 5) for number in range(6)]
    detection = PriceMove(Parameters(minimum_change=0.5, minimum_trades=6))
    found = [one for place in order for one in detection.observe(trades[place])]
    (finding,) = found
    assert finding.metrics["change"] == 0.5
    assert {w.id for w in finding.witnesses} <= {trade.id for trade in trades}


def test_a_trade_older_than_the_window_is_the_price_before_it() -> None:
    tape = Tape()
    old, new = tape.trade(0, 10, 5), tape.trade(30 * 60 * MINUTES, 14, 5)
    late = tape.trade(60 * MINUTES, 11, 5)
    last = tape.trade(30 * 60 * MINUTES + 1, 14, 5)
    (finding,) = moves([old, new, late, last], minimum_change=0.25)
    assert finding.metrics["price_before"] == 11
    assert finding.witnesses[0].id == late.id


def test_a_price_of_long_ago_is_no_price_before_the_window() -> None:
    tape = Tape()
    events = [tape.trade(0, 10, 5), *(tape.trade(49 * 60 * MINUTES + n, 20, 5) for n in range(3))]
    assert moves(events) == []


def test_memory_is_bounded_however_busy_the_market_is() -> None:
    tape = Tape()
    history = PriceHistory(HOUR, DAY)
    for number in range(20_000):
        history.add(deal(tape.trade(number * 1_000, 10, 1)))
    assert len(history.slots) <= SLOTS
    assert len(history.volumes) <= 200
    assert sum(slot.trades for slot in history.slots) == pytest.approx(3_600, abs=20)


def test_markets_are_kept_apart_and_the_idlest_is_forgotten() -> None:
    detection = PriceMove(Parameters())
    tapes = [Tape(instrument=f"T{number}") for number in range(2_001)]
    for tape in tapes:
        assert list(detection.observe(tape.trade(0, 10, 1))) == []
    # The first one's price is forgotten by now, the second one's isn't.
    assert list(detection.observe(tapes[0].trade(MINUTES, 20, 1))) == []
    assert list(detection.observe(tapes[2].trade(MINUTES, 20, 1))) != []


def test_where_nothing_is_usual_any_volume_is_a_multiple_but_only_one_alert() -> None:
    tape = Tape()
    burst = [tape.trade(200 * 60 * MINUTES + n * 1_000, 10, 500) for n in range(40)]
    events = [*hourly(tape, 2), *burst]
    found = moves(
        events, window=HOUR, minimum_change=0.0, minimum_volume_multiple=10.0, minimum_trades=5
    )
    (finding,) = found
    assert "where nothing is usual" in finding.reason
    assert math.isinf(finding.metrics["volume_multiple"])


def test_what_is_usual_is_not_known_before_enough_was_seen() -> None:
    tape = Tape()
    history = PriceHistory(HOUR, DAY)
    for trade in hourly(tape, 10):
        history.add(deal(trade))
    assert history.usual_quantity(0.5) is None
    assert history.usual_quantity(0.25) == pytest.approx(100, rel=0.15)


@pytest.mark.parametrize("seed", range(12))
def test_what_comes_close_behind_counts_as_all_else(seed: int) -> None:
    """What is remembered from one deal to the next only saves time."""
    chance, by_hour = random.Random(seed), seed % 2 == 1
    # Nanoseconds, and parts that end at other times than the window does.
    at, opened, one = 100_000, None, deal(Tape().trade(0, 10, 1))
    quick, slow = PriceHistory(1_999, 10_007), PriceHistory(1_999, 10_007)
    for _ in range(1_500):
        dice = chance.random()
        later = chance.randint(0, 4 if dice < 0.9 else 60 if dice < 0.993 else 4_000)
        at += -later if 0.97 < dice < 0.975 or dice > 0.999 else later
        opened = at if later > 3_000 else opened
        slow.alike_until, slow.usual = 0, (0.0, False, 0, None)
        now = replace(one, timestamp=at, quantity=float(chance.randint(1, 5)))
        for history in (quick, slow):
            history.add(now, opened)
        assert (quick.slots, quick.before, quick.closed) == (slow.slots, slow.before, slow.closed)
        assert quick.volumes == slow.volumes
        assert quick.trades == slow.trades
        assert dice > 0.3 or quick.traded() == slow.traded()
        usual = slow.usual_quantity(0.1, by_hour=by_hour)
        assert quick.usual_quantity(0.1, by_hour=by_hour) == usual


def sessions(days: int = 6, opened: int = 8) -> list[Trade]:
    """Of so many hours each day from 8 o'clock on 100 each."""
    tape = Tape()
    return [
        tape.trade(
            (24 * day + 8 + hour) * 60 * MINUTES + 30 * MINUTES, 10, 100,
            phase="continuous", phase_began=START + (24 * day + 8) * 60 * MINUTES * 1_000_000,
        )
        for day in range(days)
        for hour in range(opened)
    ]  # fmt: skip


def test_while_a_venue_is_closed_nothing_is_usual_nor_makes_it_less() -> None:
    """Of a third of the time that it is open all is traded."""
    history, around_the_clock = PriceHistory(HOUR, 7 * DAY), PriceHistory(HOUR, 7 * DAY)
    for trade in sessions():
        history.add(deal(trade), trade.phase_began)
        around_the_clock.add(deal(trade))
    assert history.usual_quantity(0.5) == pytest.approx(100, rel=0.1)
    assert around_the_clock.usual_quantity(0.5) == pytest.approx(100 * 8 / 24, rel=0.15)
    assert len(history.closed) <= 8 * 24


@pytest.mark.parametrize("hours", [(0.1,), (0.1, 8.1)], ids=["one a day", "and in an auction"])
def test_where_hardly_anything_is_traded_the_rest_of_the_day_is_no_night(
    hours: tuple[float, ...],
) -> None:
    """What it is from a deal to the next session that has one is not known to be a night."""
    tape, history = Tape(), PriceHistory(HOUR, 7 * DAY)
    for day in range(7):
        for hour in hours:
            began = (24 * day + 8 + 8 * (hour > 8)) * 60 * MINUTES
            trade = tape.trade((24 * day + 8 + hour) * 60 * MINUTES, 10, 100)
            history.add(deal(trade), START + began * 1_000_000)
    usual = history.usual_quantity(0.5)
    assert usual is not None
    assert 1 < usual / (len(hours) * 100 / 8) < 2


def test_a_busy_hour_of_a_venue_that_closes_is_not_ten_times_its_nights() -> None:
    tape = Tape()
    open_at = (6 * 24 + 8) * 60 * MINUTES
    found: list[int] = []
    for times in (5, 12):
        busy = [
            tape.trade(
                open_at + 60 * MINUTES + n * MINUTES, 10, 2 * times,
                phase="continuous", phase_began=START + open_at * 1_000_000,
            )
            for n in range(5, 55)
        ]  # fmt: skip
        alerts = moves(
            [*sessions(), *busy],
            window=HOUR, baseline=7 * DAY, minimum_change=0.0, minimum_volume_multiple=10.0,
            minimum_trades=5,
        )  # fmt: skip
        found.append(len(alerts))
    assert found == [0, 1]


def weekly(tape: Tape, days: int = 7) -> list[Trade]:
    """Each hour 100, and 700 from 14 to 15 o'clock."""
    return [
        tape.trade((24 * day + hour) * 60 * MINUTES + 30 * MINUTES, 10, 700 if hour == 14 else 100)
        for day in range(days)
        for hour in range(24)
    ]


@pytest.mark.parametrize(
    ("hour", "usual"), [(15, 0.7 * 625 + 0.3 * 117), (3, 0.7 * 100 + 0.3 * 125)]
)
def test_what_is_usual_at_an_hour_of_the_day_is_what_it_was_then(hour: int, usual: float) -> None:
    """Of a week, with all hours as three days more; the hour is known to an eighth."""
    tape = Tape()
    history = PriceHistory(HOUR, 7 * DAY)
    for trade in weekly(tape):
        history.add(deal(trade))
    history.add(deal(tape.trade(7 * 24 * 60 * MINUTES + hour * 60 * MINUTES, 10, 1)))
    assert history.usual_quantity(0.5, by_hour=True) == pytest.approx(usual, rel=0.02)
    assert history.usual_quantity(0.5) == pytest.approx(120, rel=0.05)


def test_one_absurd_hour_is_not_usual_at_it() -> None:
    tape = Tape()
    history = PriceHistory(HOUR, 7 * DAY)
    for trade in [tape.trade((2 * 24 + 3) * 60 * MINUTES, 10, 1e9), *weekly(tape)]:
        history.add(deal(trade))
    history.add(deal(tape.trade((7 * 24 + 4) * 60 * MINUTES, 10, 1)))
    usual = history.usual_quantity(0.5, by_hour=True)
    assert usual is not None
    assert usual < 3 * 120


def test_an_hour_of_the_day_is_as_all_hours_are_where_little_is_known() -> None:
    tape = Tape()
    history = PriceHistory(HOUR, 7 * DAY)
    for trade in weekly(tape, 1):
        history.add(deal(trade))
    history.add(deal(tape.trade((24 + 15) * 60 * MINUTES, 10, 1)))
    plain, by_hour = history.usual_quantity(0.1), history.usual_quantity(0.1, by_hour=True)
    assert plain is not None
    assert by_hour is not None
    assert plain < by_hour < 700 / 2


@pytest.mark.parametrize(("hour", "found"), [(14, 0), (3, 1)])
def test_what_is_usual_in_the_afternoon_is_not_at_night(hour: int, found: int) -> None:
    tape = Tape()
    start = (7 * 24 + hour) * 60 * MINUTES
    burst = [tape.trade(start + n * MINUTES, 10, 40) for n in range(5, 55)]  # 2,000 in an hour
    alerts = moves(
        [*weekly(tape), *burst],
        window=HOUR, baseline=7 * DAY, minimum_change=0.0, minimum_volume_multiple=10.0,
        minimum_trades=5, by_hour=True,
    )  # fmt: skip
    assert len(alerts) == found


def test_a_window_of_a_day_has_no_hour() -> None:
    tape = Tape()
    history = PriceHistory(DAY, 7 * DAY)
    for trade in weekly(tape, 8):
        history.add(deal(trade))
    plain, by_hour = history.usual_quantity(0.5), history.usual_quantity(0.5, by_hour=True)
    assert by_hour == pytest.approx(plain, rel=0.01)


def test_a_series_ends_when_nothing_held_for_a_window() -> None:
    tape = Tape()
    first = [tape.trade(0, 10, 5), tape.trade(1 * MINUTES, 13, 5)]
    quiet = [tape.trade(minute * MINUTES, 13, 5) for minute in range(2, 20)]
    again = [tape.trade(25 * MINUTES + n, 17, 5) for n in range(2)]
    found = moves([*first, *quiet, *again], window=5 * MINUTE)
    assert [finding.metrics["alert_of_series"] for finding in found] == [1, 1]


def test_a_price_that_turns_around_alerts_again() -> None:
    tape = Tape()
    prices = (10, 13, 14, 7, 6)
    events = [tape.trade(n * MINUTES, price, 5) for n, price in enumerate(prices)]
    found = moves(events)
    assert [round(finding.metrics["change"], 1) for finding in found] == [0.3, -0.3]


def test_a_rule_for_which_nothing_matters_is_refused_where_it_stands() -> None:
    with pytest.raises(ProblemsFound) as caught:
        correlator("price_move", "{minimum_change: 0%}")
    (problem,) = caught.value.problems
    assert "every trade would be an alert" in problem.message
    assert problem.location.column > 1
