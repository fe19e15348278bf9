"""How high a value must be for chance to reach it seldom: counted on drawn values."""

import random

import pytest

from detections.baselines.tail import level_for


def exceeded(draw: random.Random, kind: str, tried: int, false_alerts: float) -> float:
    """How many of `tried` new values reach the level, on average over many tries."""

    def value() -> float:
        return draw.expovariate(1.0) if kind == "exponential" else draw.gauss(0, 1)

    rounds, reached = 400, 0
    for _ in range(rounds):
        level = level_for(sorted(value() for _ in range(500)), tried, false_alerts)
        reached += sum(value() >= level for _ in range(tried))
    return reached / rounds


def test_of_values_that_fall_off_exponentially_as_many_reach_it_as_are_allowed() -> None:
    assert exceeded(random.Random(1), "exponential", 100, 0.5) == pytest.approx(0.5, abs=0.2)


def test_of_a_thinner_tail_fewer_do() -> None:
    assert exceeded(random.Random(2), "normal", 100, 0.5) < 0.5


def test_the_more_are_tried_and_the_fewer_may_the_higher_it_is() -> None:
    values = [float(one) for one in range(100)]
    assert level_for(values, 10, 0.1) < level_for(values, 100, 0.1) < level_for(values, 100, 0.01)
    assert level_for(values, 100, 0.1) > values[-1]


def test_where_all_may_be_false_it_is_where_the_tail_begins() -> None:
    assert level_for([float(one) for one in range(100)], 1, 10.0) == 89.0


def test_of_few_values_it_is_the_highest() -> None:
    assert level_for([1.0, 2.0, 5.0], 10, 0.1) == 5.0
    assert level_for([], 10, 0.1) == 0.0
