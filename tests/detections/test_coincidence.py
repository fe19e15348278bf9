"""How likely chance alone is, found without adding up what can't be the least."""

import random
from fractions import Fraction
from math import comb

import pytest

from detections.books import coincidence
from detections.books.coincidence import Habit, binomial_tail, tail_at_least
from pipeline.units import MINUTE, SECOND


def nothing_told(least: int, tries: int, probability: float) -> float:
    """A bound that spares nothing."""
    return 0.0


@pytest.mark.parametrize("tries", [1, 2, 7, 40, 128])
@pytest.mark.parametrize("probability", [0.0, 1e-6, 0.01, 0.25, 0.5, 0.51, 0.9, 1.0])
def test_a_tail_is_at_least_what_is_told_without_adding_up(tries: int, probability: float) -> None:
    for least in range(tries + 1):
        told = tail_at_least(least, tries, probability)
        assert told <= binomial_tail(least, tries, probability) + 1e-12


@pytest.mark.parametrize("tries", [1, 7, 128])
@pytest.mark.parametrize("probability", [1e-6, 0.01, 0.25, 0.5, 0.9])
def test_a_tail_is_the_sum_of_all_its_probabilities(tries: int, probability: float) -> None:
    each = [
        comb(tries, n) * Fraction(probability) ** n * (1 - Fraction(probability)) ** (tries - n)
        for n in range(tries + 1)
    ]
    for least in range(tries + 1):
        found = binomial_tail(least, tries, probability)
        assert found == pytest.approx(float(sum(each[least:])), abs=1e-12)


def test_what_is_told_is_near_enough_to_spare_the_sum() -> None:
    assert tail_at_least(30, 100, 0.2) > 0.5 * binomial_tail(30, 100, 0.2)


def test_what_is_usual_is_the_same_however_often_it_was_asked() -> None:
    numbers = random.Random(4)
    asked, other = (Habit(0, 0, pulled=20, met=4, span=20.0 * SECOND) for _ in range(2))
    now, gaps = 0, list[int]()
    for _ in range(500):
        now += round(SECOND * numbers.choice((0, 1e-3, 0.1, 1, 30, 600)) * numbers.random())
        gaps.append(asked.note_trade(now))
        assert gaps[-1] == other.note_trade(now)
        if numbers.random() < 0.1:
            assert asked.chance(now, []) < 1.0
    for span in (SECOND // 64, SECOND // 3, 10 * SECOND, 1_000 * SECOND):
        for one in (asked, other):
            one.span = float(one.pulled * span)
        assert asked.chance(now, [SECOND]) == other.chance(now, [SECOND])
    assert asked == other
    assert asked.covered is not None
    assert asked.covered[0] == sum(min(gap, SECOND // 64) for gap in gaps)
    assert asked.covered[-1] == sum(min(gap, 64 * SECOND) for gap in gaps)


def test_chance_is_the_same_as_where_all_is_added_up(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = random.Random(3)
    habits: list[Habit] = []
    for _ in range(200):
        pulled = numbers.randint(1, 128)
        met = numbers.randint(0, pulled // 2)
        covered = sorted(MINUTE * numbers.random() for _ in range(10))
        reactions = [numbers.choice((SECOND // 64, numbers.randint(1, SECOND))) for _ in range(met)]
        habits.append(
            Habit(0, 0, covered, pulled=pulled, met=met, span=SECOND * pulled, reactions=reactions)
        )
    found = [one.chance(MINUTE, [SECOND]) for one in habits]
    assert 20 < sum(each < 0.5 for each in found) < 180
    monkeypatch.setattr(coincidence, "tail_at_least", nothing_told)
    assert found == [one.chance(MINUTE, [SECOND]) for one in habits]
