"""value_sum: the sum of a field within a timespan, by group; exact, whatever the numbers."""

import random

from hypothesis import given
from hypothesis import strategies as st

from detections.correlations.conditions import Condition
from detections.correlations.tallies import SumTally
from detections.correlations.values import numbers
from tests.detections.correlations.made import Run, correlation, hit, ids


def test_it_adds_up_within_the_timespan() -> None:
    run = Run(correlation("value_sum", within=10, by=["who"], fields=["amount"], gte=100))
    assert run.all([hit("a", 0, who="x", amount=60), hit("a", 11, who="x", amount=50)]) == []
    (fired,) = run.take(hit("a", 12, who="x", amount=50.5))
    assert fired.metrics["value"] == 100.5
    assert fired.metrics["count"] == 2
    assert ids(fired) == ["a@11", "a@12"]


def test_integers_of_any_size_stay_exact() -> None:
    great = 10**21
    run = Run(correlation("value_sum", fields=["amount"], gt=great))
    assert run.all([hit("a", 0, amount=str(great - 1)), hit("a", 1, amount="1")]) == []
    assert len(run.take(hit("a", 2, amount="1"))) == 1


def test_decimals_as_text_are_exact_and_so_is_the_threshold() -> None:
    run = Run(correlation("value_sum", fields=["amount"], gt=0.3))
    assert run.all([hit("a", 0, amount="0.1"), hit("a", 1, amount="0.2")]) == []
    assert len(run.take(hit("a", 2, amount="0.000000000000000001"))) == 1
    assert len(Run(correlation("value_sum", fields=["n"], gte=0.3)).take(hit("a", 0, n="0.30")))


def test_floats_are_rounded_once_at_the_end() -> None:
    run = Run(correlation("value_sum", fields=["amount"], gte=1))
    amounts = (0.7, 0.1, 0.2)  # 0.7 + 0.1 + 0.2 is 0.9999999999999999, added one by one
    (fired,) = run.all([hit("a", at, amount=amount) for at, amount in enumerate(amounts)])
    assert fired.metrics["value"] == 1


def test_all_numbers_of_a_list_are_added() -> None:
    assert Run(correlation("value_sum", fields=["n"], gte=6)).take(hit("a", 0, n=[1, "2", 3.0]))


def test_what_is_no_number_is_left_out_and_counted() -> None:
    run = Run(correlation("value_sum", fields=["n"], gte=0))
    odd = ["many", None, True, float("inf"), float("nan"), "1e5", "0x10", "", {}]
    assert run.all([hit("a", at, n=n) for at, n in enumerate(odd)]) == []
    assert run.correlations.left_out == {("correlation", "n"): len(odd)}


def test_at_most_is_judged_when_the_window_closes() -> None:
    run = Run(correlation("value_sum", within=10, fields=["n"], lte=5))
    assert run.all([hit("a", 0, n=2), hit("a", 1, n=3)]) == []
    (fired,) = run.until(11)
    assert fired.metrics["value"] == 5


ANY_NUMBER = st.one_of(
    st.integers(-(2**256), 2**256),
    st.floats(allow_nan=False, allow_infinity=False),
    st.decimals(-(10**20), 10**20, places=18).map(str),
)


@given(st.lists(ANY_NUMBER, min_size=1), st.integers(0, 2**32))
def test_neither_the_order_nor_what_came_and_went_makes_a_difference(
    values: list[int | float | str], seed: int
) -> None:
    condition = Condition(())
    straight, other, chance = SumTally(condition), SumTally(condition), random.Random(seed)
    payloads = [numbers(value) for value in values]
    for payload in payloads:
        straight.add(0, payload)
    for payload in chance.sample(payloads, len(payloads)):
        other.add(0, payload)
        other.add(0, (1e300, 7))
        other.remove((1e300, 7))
    assert other.value() == straight.value()
