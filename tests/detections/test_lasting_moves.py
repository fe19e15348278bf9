"""How far a price usually goes in a longer time, without what only bounces."""

from collections.abc import Sequence
from math import exp, sqrt
from random import Random

import pytest

from detections.engine.correlator_state import encode_state
from detections.markets.lasting_moves import Known, LastingMoves
from pipeline.units import DAY, HOUR, MINUTE
from tests.detections.samples import START

STEP = 5 * MINUTE
LONG = 30


def walk(by: float, *, bounce: float = 0.0, count: int = 300, seed: int = 7) -> list[float]:
    """Prices of trades at bid or offer, whose middle wanders by so much in a step."""
    chance, middle, made = Random(seed), 0.0, list[float]()
    for _ in range(count):
        middle += chance.gauss(0, by)
        made.append(100 * exp(middle + chance.choice((-bounce, bounce))))
    return made


def learnt(prices: Sequence[float]) -> LastingMoves:
    moves = LastingMoves()
    for number, price in enumerate(prices):
        moves.add(START + number * STEP, price, STEP)
    return moves


def usual(prices: Sequence[float]) -> float:
    return learnt(prices).past[-1].usual(LONG)


def mean(by: float, bounce: float) -> float:
    return sum(usual(walk(by, bounce=bounce, seed=seed)) for seed in range(20)) / 20


def test_a_walk_goes_as_far_as_the_root_of_the_time() -> None:
    assert 0.6 < mean(0.001, 0.0) / (0.001 * sqrt(LONG)) < 1.05


def test_what_bounces_goes_hardly_further_in_a_long_time_than_in_a_short_one() -> None:
    assert usual(walk(0.0, bounce=0.003)) < 3 * 0.003
    # By single steps alone it were four times as far.
    assert learnt(walk(0.0, bounce=0.003)).usual(LONG) > 7 * 0.003


def test_what_really_goes_is_told_under_the_bounce() -> None:
    true = sqrt(LONG * 0.001**2 + 2 * 0.003**2)
    assert 0.8 < mean(0.001, 0.003) / true < 1.3


def test_a_price_that_goes_back_makes_nothing_less_than_a_step_usual() -> None:
    """To and fro in turn: the longer moves are shorter than the single ones."""
    prices = [100 + number % 2 for number in range(101)]
    assert usual(prices) == pytest.approx(0.01, rel=0.1)


@pytest.mark.parametrize("place", [3, 40, 150, 250, 290, 298])
@pytest.mark.parametrize("slip", [0.01, 1.0, 1e9])
def test_a_slip_neither_makes_much_usual_nor_little(place: int, slip: float) -> None:
    prices = walk(0.001, bounce=0.003)
    without = usual(prices)
    prices[place] = slip
    assert without / 1.5 < usual(prices) < 2 * without


def test_it_tells_what_was_known_before_a_time() -> None:
    prices = walk(0.001, bounce=0.001)
    calm = learnt(prices)
    climbs = [prices[-1] * 1.004**number for number in range(1, 37)]
    moves = learnt([*prices, *climbs])
    began = START + len(prices) * STEP
    assert moves.until(began + 1).usual(LONG) == pytest.approx(
        learnt([*prices, prices[-1]]).past[-1].usual(LONG)
    )
    assert moves.past[-1].usual(LONG) > 2 * calm.past[-1].usual(LONG)
    moves.forget(began)
    assert len(moves.past) == 37  # and one before them
    assert moves.until(0) == moves.past[0]
    assert LastingMoves().until(began) == Known()


def test_nights_and_what_was_before_them_are_no_moves() -> None:
    """Each day ten times as dear as the one before."""
    moves, chance = LastingMoves(), Random(5)
    for day in range(4):
        opened = START - START % DAY + day * DAY + 8 * HOUR
        for number in range(96):
            price = 10**day * exp(chance.gauss(0, 0.001))
            moves.add(opened + number * STEP, price, STEP, opened)
    assert moves.past[-1].usual(LONG) < 0.01


def test_long_silence_counts_as_if_each_step_of_it_had_been_told() -> None:
    """And takes no longer than a short one."""
    prices = walk(0.001, count=60)
    told, silent = learnt([*prices, *[prices[-1]] * 1_000]), learnt(prices)
    told.add(START + 2_000 * STEP, 101.0, STEP)
    silent.add(START + 2_000 * STEP, 101.0, STEP)
    assert silent.past[-1].growth == pytest.approx(told.past[-1].growth)
    assert silent.longer.weight == pytest.approx(told.longer.weight)


def test_what_is_kept_is_bounded() -> None:
    moves = LastingMoves()
    for number, price in enumerate(walk(0.001, count=3_000)):
        moves.add(START + number * STEP, price, STEP)
        moves.forget(START + number * STEP - 3 * HOUR)
    assert len(moves.past) <= 38
    assert len(encode_state(moves)) < 3_000
