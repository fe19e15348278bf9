"""How improbable a dealing is: against numbers that can be had by hand, and by drawing."""

import math
import random

import pytest

from detections.markets.improbable_dealing import (
    by_chance,
    chance_among,
    chance_of_own,
    chance_of_side,
    student_tail,
)


@pytest.mark.parametrize(
    ("t", "degrees", "one_of"),
    [
        # Quantiles of printed tables: 95% and 99.5% on one side.
        (6.3138, 1, 20),
        (2.9200, 2, 20),
        (2.3534, 3, 20),
        (1.8331, 9, 20),
        (63.657, 1, 200),
        (3.2498, 9, 200),
        (2.7564, 29, 200),
    ],
)
def test_students_tail_is_that_of_the_tables(t: float, degrees: int, one_of: int) -> None:
    assert student_tail(t, degrees) == pytest.approx(1 / one_of, rel=1e-3)


def test_coins_leave_all_of_equal_runs_on_one_side_as_seldom_as_they_should() -> None:
    assert chance_of_side([5.0], 5.0) == 0.5
    assert chance_of_side([85.0] * 8, 680.0) == 2**-8
    assert chance_of_side([1.0] * 4, 2.0) == 5 / 16, "all four, or three of them"


@pytest.mark.parametrize("size", [5e-324, 1e-200, 1e200, 1e308, 1.7e308])
def test_sizes_may_be_as_huge_or_tiny_as_numbers_are(size: float) -> None:
    assert chance_of_side([size] * 8, size) == chance_of_side([1.0] * 8, 1.0)
    assert chance_of_side([size] * 65, size) == chance_of_side([1.0] * 65, 1.0)
    assert chance_of_own(size, [size] * 9) == chance_of_own(1.0, [1.0] * 9)


def test_of_sizes_that_are_no_numbers_the_side_says_nothing() -> None:
    assert chance_of_side([math.inf, 1.0], 1.0) == 1
    assert chance_of_side([0.0, 0.0], 0.0) == 1
    assert chance_of_side([], 0.0) == 1


def test_of_one_large_run_the_side_says_nothing_however_many_small_ones_there_are() -> None:
    assert chance_of_side([1_000.0, *[1.0] * 9], 990.0) > 0.4


def test_of_many_runs_the_normal_distribution_stands_for_the_sum() -> None:
    many = [1.0] * 65
    assert chance_of_side(many, 17.0) == pytest.approx(math.erfc(17 / math.sqrt(130)) / 2)


def test_within_what_others_did_the_rank_counts() -> None:
    values = sorted(float(one) for one in range(1, 100))
    assert chance_among(50.0, values) == 51 / 100
    assert chance_among(99.0, values) == 2 / 100


def test_beyond_all_of_them_the_tail_of_their_sizes_does() -> None:
    draw = random.Random(1)
    values = sorted(draw.paretovariate(2.0) for _ in range(1_000))
    assert chance_among(100.0, values) == pytest.approx(100.0**-2, rel=1.0)
    assert chance_among(400.0, values) < chance_among(100.0, values) / 8


def test_sizes_that_were_all_alike_have_no_tail_to_tell_of_and_a_thin_one_is_taken() -> None:
    assert chance_among(1_000.0, [10.0] * 100) == pytest.approx(0.1 * 100.0**-4)


def test_of_few_others_nothing_is_extrapolated() -> None:
    assert chance_among(1e9, [1.0, 2.0, 3.0]) == 1 / 4


def test_a_past_of_a_few_times_says_little() -> None:
    few, many = chance_of_own(5.0, [1.0] * 3), chance_of_own(5.0, [1.0] * 19)
    assert few is not None
    assert many is not None
    assert many < 1e-4 < 5e-3 < few


def test_a_past_in_which_nothing_was_done_says_nothing() -> None:
    assert chance_of_own(5.0, []) is None
    assert chance_of_own(5.0, [0.0, 0.0]) is None


def test_the_combination_of_two_that_are_by_chance_is_as_probable_as_it_says() -> None:
    draw = random.Random(2)
    below = sum(by_chance(draw.random(), draw.random()) <= 0.05 for _ in range(20_000))
    assert below == pytest.approx(1_000, abs=100)
    assert by_chance(1.0, 1.0) == 1.0
    assert by_chance(0.0, 0.5) == 0.0
