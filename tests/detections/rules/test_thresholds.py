"""Whether comparisons can hold is what trying every number gives."""

from hypothesis import given
from hypothesis import strategies as st

from detections.rules.model import Comparison
from detections.rules.thresholds import OPERATORS, Scope, always_holds, can_hold, in_words

MOST = 6
COMPARE = {
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
    "eq": lambda a, b: a == b,
    "neq": lambda a, b: a != b,
}
halves = st.integers(-2, 2 * MOST + 4).map(lambda n: n // 2 if n % 2 == 0 else n / 2)
comparisons = st.lists(st.builds(Comparison, st.sampled_from(OPERATORS), halves), max_size=4)
COUNT = Scope(noun="count", least=1, most=MOST)


def holds(number: float, wanted: list[Comparison]) -> bool:
    return all(COMPARE[one.operator](number, one.number) for one in wanted)


@given(comparisons)
def test_of_counts(wanted: list[Comparison]) -> None:
    counts = range(1, MOST + 1)
    assert can_hold(wanted, COUNT) == any(holds(count, wanted) for count in counts)
    assert always_holds(wanted, COUNT) == all(holds(count, wanted) for count in counts)


@given(comparisons)
def test_of_values(wanted: list[Comparison]) -> None:
    # Between and beyond all that is named, so that any other number is like one of these.
    quarters = range(-20, 10 * MOST)
    assert can_hold(wanted, Scope(noun="value")) == any(
        holds(quarter / 4, wanted) for quarter in quarters
    )


def test_numbers_of_any_size_are_exact() -> None:
    great = 2**256
    apart = [Comparison("gt", great), Comparison("lt", great + 1)]
    assert not can_hold(apart, Scope(noun="count", least=1))
    assert can_hold(apart, Scope(noun="value"))
    assert not can_hold([Comparison("gt", great), Comparison("lte", great)], Scope(noun="value"))


def test_in_words() -> None:
    wanted = [Comparison("gt", 100), Comparison("lte", 200), Comparison("neq", 0.5)]
    assert in_words(wanted) == "greater than 100 and at most 200 and other than 0.5"
