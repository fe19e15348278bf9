"""What is usual, against the same computed from all that came."""

from math import sqrt
from statistics import fmean, median

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detections.baselines.rate import BlockRate, kept
from detections.baselines.robust import Baseline, Baselines, Level, excess, level_of, quantile_of
from detections.engine.correlator_state import check_savable
from pipeline.units import MINUTE

AMOUNTS = st.floats(0, 1e9, allow_nan=False)


class State(msgspec.Struct):
    usual: Baseline = msgspec.field(default_factory=Baseline)


def test_it_can_be_saved_with_a_correlators_state() -> None:
    check_savable(State)


@given(st.lists(AMOUNTS, min_size=1, max_size=60))
def test_the_level_is_that_of_the_textbook(values: list[float]) -> None:
    level = level_of(values)
    middle = median(values)
    assert level.median == middle
    assert level.mad == median(abs(value - middle) for value in values)
    assert level.mean == pytest.approx(fmean(values))
    assert level.deviation == pytest.approx(fmean(abs(value - middle) for value in values))
    assert sum(value <= level.high for value in values) >= 0.99 * len(values)


@given(st.lists(AMOUNTS, min_size=1, max_size=60), st.floats(0.01, 1))
def test_a_quantile_is_the_least_value_that_enough_are_not_above(
    values: list[float], part: float
) -> None:
    found = quantile_of(sorted(values), part)
    assert sum(value <= found for value in values) >= part * len(values)
    assert sum(value < found for value in values) < part * len(values)


@settings(max_examples=80)
@given(
    st.lists(st.tuples(st.integers(0, 300), st.floats(0.5, 100)), max_size=50),
    st.integers(0, 3),
    st.integers(3, 12),
)
def test_blocks_are_learnt_once_with_those_in_which_nothing_came(
    steps: list[tuple[int, float]], delay: int, most: int
) -> None:
    width = 100
    terms = Baselines(width, most=most, minimum=2, delay=delay)
    usual, time = Baseline(), 1_000
    told: dict[int, float] = {}
    blocks: list[int] = []
    for later, amount in steps:
        time += later
        terms.add(usual, time, amount)
        block = time // width
        told[block] = told.get(block, 0.0) + amount
        blocks = list(range(min(told), block - delay))
        wanted = [told.get(n, 0.0) for n in blocks][-most:]
        assert usual.values == pytest.approx(wanted)
        assert usual.level.median == pytest.approx(median(wanted) if wanted else 0)
        assert terms.is_warm(usual) is (len(wanted) >= 2)
        assert len(usual.waiting) <= delay + 1


@given(
    st.lists(st.floats(1, 100), min_size=30, max_size=30),
    st.integers(3, 20),
    st.integers(1, 8),
)
def test_what_was_flagged_is_not_learnt_and_the_rest_is(
    amounts: list[float], first: int, count: int
) -> None:
    terms = Baselines(MINUTE, most=100, minimum=1, delay=2)
    usual = Baseline()
    for number, amount in enumerate(amounts):
        strange = first <= number < first + count
        terms.add(usual, number * MINUTE, amount * (1_000 if strange else 1))
        if strange:
            terms.withhold(usual, number * MINUTE, number * MINUTE)
    wanted = [
        amount for number, amount in enumerate(amounts[:-3]) if not first <= number < first + count
    ]
    assert usual.values == wanted


def test_what_was_flagged_before_it_was_learnt_is_withheld_when_told_later() -> None:
    terms = Baselines(MINUTE, minimum=1, delay=3)
    usual = Baseline()
    for number in range(10):
        terms.add(usual, number * MINUTE, 500.0 if number in (5, 6) else 1.0)
        if number == 7:
            terms.withhold(usual, 5 * MINUTE, 6 * MINUTE)
    terms.go_to(usual, 20 * MINUTE)
    assert max(usual.values) == 1.0


def test_what_goes_on_for_ever_is_how_the_market_is_now() -> None:
    terms = Baselines(MINUTE, most=20, minimum=5, most_withheld=30)
    usual = Baseline()
    for number in range(120):
        strange = number >= 20
        terms.add(usual, number * MINUTE, 100.0 if strange else 1.0)
        if strange and number < 45:
            assert usual.level.median <= 1.0
        if strange and excess(100.0, usual.level, 1.0) > 10:
            terms.withhold(usual, number * MINUTE, number * MINUTE)
    assert usual.level.median == 100.0


def test_a_long_silence_costs_no_more_than_what_is_kept() -> None:
    terms = Baselines(MINUTE, most=50, minimum=5)
    usual = Baseline()
    terms.add(usual, 0, 7.0)
    terms.add(usual, 10**9 * MINUTE, 7.0)
    assert usual.values == [0.0] * 50


@given(AMOUNTS, st.lists(AMOUNTS, max_size=30), st.floats(1e-6, 1e6))
def test_nothing_is_divided_by_less_than_the_floor(
    value: float, values: list[float], floor: float
) -> None:
    level = level_of(values)
    assert abs(excess(value, level, floor)) <= abs(value - level.median) / floor * (1 + 1e-9)


def test_where_more_than_half_are_alike_the_mean_deviation_stands_in() -> None:
    level = level_of([0.0] * 8 + [5.0, 15.0])
    assert level.mad == 0
    assert level.sigma == pytest.approx(1.2533141373155003 * 2.0)
    assert Level(median=1, mad=2).sigma == pytest.approx(2.965204437011204)


@given(st.lists(st.floats(0, 5), min_size=1, max_size=40), st.floats(1, 50))
def test_a_rate_is_the_weighted_mean_of_blocks_with_the_empty_ones(
    values: list[float], half_life: float
) -> None:
    keep = kept(half_life)
    rate, empty = BlockRate(), 0
    for value in values:
        if value < 1:
            empty += 1
            continue
        rate.pass_empty(empty, keep)
        rate.learn(value, keep)
        empty = 0
    rate.pass_empty(empty, keep)
    told = [value if value >= 1 else 0.0 for value in values]
    weights = [keep ** (len(told) - 1 - place) for place in range(len(told))]
    mean = sum(w * v for w, v in zip(weights, told, strict=True)) / sum(weights)
    squares = sum(w * (v - mean) ** 2 for w, v in zip(weights, told, strict=True))
    assert rate.weight == pytest.approx(sum(weights))
    assert rate.mean == pytest.approx(mean)
    assert rate.sigma == pytest.approx(sqrt(squares / sum(weights)), abs=1e-6)


def test_one_burst_makes_the_next_no_more_usual_than_it_may() -> None:
    rate, keep = BlockRate(), kept(100)
    for _ in range(50):
        rate.learn(4.0, keep)
    rate.learn(1e9, keep)
    assert rate.mean < 5
    assert rate.excess(100, 1, 1.0) > 10
    assert BlockRate().excess(3.0, 2, 0.5) == 6.0
