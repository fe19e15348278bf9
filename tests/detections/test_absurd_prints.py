"""One absurd price or quantity doesn't make what comes after it look usual."""

from collections.abc import Callable, Sequence
from math import exp
from random import Random
from typing import Any

import pytest

from detections.alerting.findings import Witness
from detections.baselines.rate import MOVES, BlockRate, kept
from detections.engine.correlator_state import encode_state
from detections.markets.price_history import Deal, PriceHistory
from detections.markets.pump_tape import CHUNK, PumpTape
from detections.markets.reference_window import ReferenceWindow
from detections.markets.usual_moves import UsualMoves
from detections.parties import NOBODY
from pipeline.units import DAY, HOUR, MINUTE, SECOND
from tests.detections import test_price_move as move_rules
from tests.detections.correlators import closes
from tests.detections.correlators import test_pump_and_dump as pumps
from tests.detections.correlators import test_ramping as ramps
from tests.detections.correlators import test_steady_ramp as steady
from tests.detections.correlators.restarts import assert_the_same_after_a_restart
from tests.detections.samples import START, Tape, correlator

STEP = 5 * MINUTE
#: Prices at which somebody sold, or bought, what is worth 100.
SLIPS = [0.01, 1.0, 1_000.0, 1e9]


def wander(count: int = 100, by: float = 0.001) -> list[float]:
    chance, price, made = Random(7), 100.0, list[float]()
    for _ in range(count):
        price *= exp(chance.gauss(0, by))
        made.append(price)
    return made


def usual(prices: Sequence[float]) -> float:
    moves = UsualMoves()
    for number, price in enumerate(prices):
        moves.add(START + number * STEP, price, STEP)
    return moves.usual()


@pytest.mark.parametrize("place", [0, 1, 2, 5, 20, 60, 95, 99])
@pytest.mark.parametrize("slip", SLIPS)
def test_moves_stay_as_usual_as_they_were(place: int, slip: float) -> None:
    prices = wander()
    without = usual(prices)
    prices[place] = slip
    assert without / 1.05 < usual(prices) < 2 * without


def test_two_slips_within_an_hour_make_little_more_of_it() -> None:
    prices = wander()
    without = usual(prices)
    prices[90], prices[95] = 1.0, 5_000.0
    assert usual(prices) < 3 * without


def test_in_a_market_whose_price_stands_still_one_slip_is_half_a_percent() -> None:
    prices = [100.0] * 60
    prices[40] = 1_000.0
    assert 0 < usual(prices) < 0.005


def test_a_market_that_moves_more_from_now_on_is_known_soon() -> None:
    calm, wild = wander(100, 0.001), wander(100, 0.02)
    assert usual([*calm, *wild[:24]]) > 0.005
    assert usual([*calm, *wild]) == pytest.approx(usual(wild), rel=0.15)


def test_what_honestly_varies_is_learnt_nearly_as_it_is() -> None:
    """Returns as heavy in their tails as those of markets: Student's, with three degrees."""
    chance, keep = Random(3), kept(2_000)
    bounded, squares = BlockRate(), list[float]()
    for _ in range(4_000):
        normal = chance.gauss(0, 1)
        move = 0.001 * normal / (sum(chance.gauss(0, 1) ** 2 for _ in range(3)) / 3) ** 0.5
        bounded.learn(move * move, keep, MOVES)
        squares.append(move * move)
    weights = [keep ** (len(squares) - 1 - place) for place in range(len(squares))]
    plain = sum(w * one for w, one in zip(weights, squares, strict=True)) / sum(weights)
    assert 0.75 < (bounded.mean / plain) ** 0.5 <= 1


@pytest.mark.parametrize("place", [0, 1, 3, 20, 60])
def test_a_quantity_a_million_times_as_large_makes_no_rate(place: int) -> None:
    chance = Random(5)
    values = [chance.lognormvariate(0, 1) for _ in range(80)]
    rates = BlockRate(), BlockRate()
    for number, value in enumerate(values):
        rates[0].learn(value, kept(100))
        rates[1].learn(1e6 if number == place else value, kept(100))
    assert rates[1].mean < 2 * rates[0].mean
    assert rates[1].sigma < 5 * rates[0].sigma


def test_a_rate_takes_a_number_for_each_of_its_newest_values_and_no_more() -> None:
    rate = BlockRate()
    for number in range(200):
        rate.learn(1.0 + number % 7, kept(100))
    assert len(encode_state(rate)) < 32 * 9 + 100


@pytest.mark.parametrize("slip", SLIPS)
def test_a_pump_stays_as_strange(slip: float) -> None:
    def tape(prices: Sequence[float], value: float) -> PumpTape:
        made = PumpTape()
        for number, price in enumerate(prices):
            at, worth = START + number * CHUNK, value if number == 40 else 100.0
            made.add(at, price, worth, None, None, flagged=False)
        return made

    prices = wander()
    plain = tape(prices, 100.0)
    prices[40] = slip
    blinded = tape(prices, 1e12)
    assert blinded.volatility < 2 * plain.volatility
    assert blinded.value.mean < 1.5 * plain.value.mean


def test_one_trade_does_not_make_a_hundred_times_the_volume_usual_for_a_week() -> None:
    def after(quantity: float) -> float:
        history = PriceHistory(HOUR, 7 * DAY)
        for number in range(7 * 24):
            at = START + number * HOUR
            seen = Witness(id=f"t{number}", timestamp=at, original="")
            size = quantity if number == 100 else 10.0 + number % 5
            history.add(Deal(at, 10.0, size, 10.0 * size, NOBODY, NOBODY, seen))
        return history.usual_quantity(0.5) or 0.0

    assert after(12.0) == pytest.approx(12, rel=0.05)
    assert after(1e6) < 2 * after(12.0)


# -- what is found all the same --------------------------------------------------------------------


@pytest.mark.parametrize("slip", [0.1, 100.0])
def test_a_steady_ramp_is_told_after_a_slip(slip: float) -> None:
    events = steady.climbing()
    events[10].price = slip
    assert len(steady.found(events)) == 1


@pytest.mark.parametrize("slip", [0.1, 9.0, 11.0, 100.0])
@pytest.mark.parametrize("step", [3, 10, 20])
def test_nor_is_a_steady_ramp_hidden_by_one(slip: float, step: int) -> None:
    events = steady.climbing()
    events[steady.QUIET + 3 * step + 2].price = slip  # the last of a step
    assert len(steady.found(events)) == 1


def test_nor_a_ramp() -> None:
    tape = Tape()
    events = ramps.ramp(tape)
    stretch = 5 * 60_000.0  # at the end of which the price is looked at
    slip = tape.trade(stretch - 1_000, 100.0, 1, side="buy", buyer_account="f", seller_account="m")
    events = sorted([*events, slip], key=lambda one: one.timestamp)
    (finding,) = ramps.found(events)
    assert finding.metrics["directness"] == 1


def test_a_slip_before_a_purchase_makes_no_ramp_of_it() -> None:
    tape = Tape()
    events = ramps.ramp(tape, rise=0.001)
    slip = tape.trade(500, 0.01, 1, side="sell", buyer_account="m", seller_account="f")
    events = sorted([*events, slip], key=lambda one: one.timestamp)
    assert ramps.found(events) == []


def closing(slip: Callable[[list[Any]], object]) -> list[Any]:
    tape = Tape()
    marked = closes.mark(tape, closes.FIXING - 30_000)
    events = [*closes.usual(tape), *marked, *closes.after(tape)]
    slip(events)
    return closes.found(closes.stamped(events))


@pytest.mark.parametrize("price", [0.01, 1_000.0])
@pytest.mark.parametrize("place", [14, 40, 48])
def test_nor_is_a_marked_close_hidden_by_a_slip_in_the_hour_before(
    price: float, place: int
) -> None:
    def slip(events: list[Any]) -> None:
        events[place].price = price

    (plain,) = closing(list)
    (finding,) = closing(slip)
    assert finding.metrics["usual_change"] < 0.006
    assert finding.metrics["change"] == pytest.approx(plain.metrics["change"], abs=0.002)


@pytest.mark.parametrize("price", [0.01, 11.2, 1_000.0])
@pytest.mark.parametrize("place", range(3))
def test_nor_does_one_in_the_last_minutes_make_a_marked_close(price: float, place: int) -> None:
    """Who buys at one price, and once, of who slipped, at another one."""
    tape = Tape()
    own = closes.mark(tape, closes.FIXING - 60_000, to=10.01)
    own[place].price = price
    meanwhile = [
        tape.trade(closes.FIXING - 59_500 + n * 1_000, 10, 1, side="sell", buyer_account="b",
                   seller_account="a")
        for n in range(5)
    ]  # fmt: skip
    events = [*closes.usual(tape), *own, *meanwhile, *closes.after(tape)]
    events.sort(key=lambda one: one.timestamp)
    assert closes.found(closes.stamped(events), minimum_orders=1) == []


def test_nor_by_one_large_trade_in_it() -> None:
    def large(events: list[Any]) -> None:
        events[20].quantity = 1e9

    assert len(closing(large)) == 1


def test_of_the_hour_before_no_five_minutes_count_for_all() -> None:
    window = ReferenceWindow(START + HOUR, "fixing", "fixing")
    for number in range(49):
        seen = Witness(id=f"t{number}", timestamp=START + number * MINUTE, original="")
        window.add(
            HOUR - number * MINUTE, 10.0 + number % 2 / 100, 1e9 if number == 17 else 10.0,
            "buy", "b", "s", seen, window=10 * MINUTE, end=10 * SECOND,
        )  # fmt: skip
    assert window.usual_quantity(10 * MINUTE, 50 * MINUTE) < 3 * 100


# -- what is told of the slip itself ---------------------------------------------------------------


@pytest.mark.parametrize("price", [20.0, 1_000.0])
def test_a_slip_hides_no_pump_and_makes_no_fall(price: float) -> None:
    tape = Tape()
    usual_trades = pumps.usual(tape)
    slip = tape.trade(
        3 * pumps.HOUR, price, 3_000, side="buy", buyer_account="f", seller_account="s"
    )
    honest = [tape.trade(3 * pumps.HOUR + n * pumps.S, 10, 10, side="buy") for n in range(1, 9)]
    honest += [tape.trade(3 * pumps.HOUR + n * pumps.MIN, 10, 10, side="sell") for n in range(1, 9)]
    rushed = pumps.rush(tape, 3 * pumps.HOUR + 10 * pumps.MIN)
    told = pumps.found([*usual_trades, slip, *honest, *rushed])
    assert [one.metrics["change"] > 0.5 for one in told] == [True, False]
    assert pumps.found([*usual_trades, slip, *honest], finds="fall") == []


@pytest.mark.parametrize("finds", ["rise", "fall"])
def test_nor_do_prices_that_leap_up_and_down_make_one_pump_many(finds: str) -> None:
    """As in the first seconds of a pump, when buyers eat through the book and who sells is paid far
    less: of NAS/BTC on 14 January 2021 there were 17 alerts within three seconds."""
    tape = Tape()
    at = 3 * pumps.HOUR
    events = [*pumps.usual(tape), *pumps.rush(tape, at)]
    for n in range(10):
        later = at + (6 + n) * pumps.S
        events += [tape.trade(later, price, 30, side="buy") for price in (16.0, 12.0)]
    events += pumps.fall(tape, at + pumps.MIN, 10.0, trades=40)
    assert len(pumps.found(events, finds=finds)) == 1


def test_nor_does_one_on_the_way_up() -> None:
    tape = Tape()
    at = 3 * pumps.HOUR
    events = [*pumps.usual(tape), *pumps.rush(tape, at)]
    slip = tape.trade(at + 6 * pumps.S, 100.0, 1, side="buy")
    higher = [tape.trade(at + n * pumps.S, 11.0, 10, side="buy") for n in range(7, 20)]
    later = [tape.trade(at + n * pumps.MIN, 11.0, 10, side="buy") for n in range(3, 9)]
    assert pumps.found([*events, slip, *higher, *later], finds="fall") == []


def minutely(tape: Tape, prices: Sequence[float]) -> list[Any]:
    return [tape.trade(number * 60_000, price, 5) for number, price in enumerate(prices)]


@pytest.mark.parametrize("slip", [1.0, 100.0])
def test_a_slip_does_not_keep_a_real_move_from_being_told(slip: float) -> None:
    real = [10.0 + (0.5 if slip > 10 else -0.5) * step for step in range(1, 9)]
    prices = [*[10.0] * 30, slip, *[10.0] * 10, *real]
    told = move_rules.moves(minutely(Tape(), prices), minimum_change=0.25, window=HOUR)
    assert len(told) == 2
    assert told[1].metrics["price"] in real


@pytest.mark.parametrize("slip", [1.0, 100.0])
def test_nor_is_the_way_back_told_when_its_window_is_over(slip: float) -> None:
    prices = [*[10.0] * 30, slip, *[10.0] * 90]
    told = move_rules.moves(minutely(Tape(), prices), minimum_change=0.25, window=HOUR)
    assert [one.metrics["price"] for one in told] == [slip]


@pytest.mark.parametrize("slip", [1.0, 100.0])
def test_nor_after_a_restart_in_between(slip: float) -> None:
    prices = [*[10.0] * 30, slip, *[10.0] * 90]
    rules = correlator("price_move", "{window: 1h, minimum_change: 25%}")
    assert_the_same_after_a_restart(rules, minutely(Tape(), prices))
