"""Which of the orders that go together are a set: as quickly as on a busy book it must be."""

import sys
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from detections.alerting.findings import Witness
from detections.books.order_book import BookSide
from detections.books.pulled_sets import MOST_GONE, STEAD, Criteria, Shown, ShownSets
from tests.detections.samples import START

CRITERIA = Criteria(
    orders=3,
    placement_window=100,
    pull_window=50,
    maximum_lifetime=10**12,
    maximum_fill_share=0.1,
    quantity_tolerance=0.5,
    reaction_window=100,
    after_window=100,
)
SETTLED = START + 10**12


def gone(orders: list[tuple[float, int]]) -> ShownSets:
    """Bids of these quantities, placed at these times, that all went at once."""
    shown, side = ShownSets(), BookSide(1)
    for number, (quantity, at) in enumerate(orders):
        came = Witness(id=f"came-{number}", timestamp=START + at)
        shown.come(f"{number}", True, Shown(10.0 - number / 100, quantity, came), 10**12)
    for number in range(len(orders)):
        seen = Witness(id=f"went-{number}", timestamp=START + 10_000)
        shown.go(f"{number}", True, seen, side, 100.0, CRITERIA)
    return shown


def first_set(shown: ShownSets) -> set[str]:
    found = next(iter(shown.settle(SETTLED, CRITERIA)), None)
    return set() if found is None else {one.came.id for one in found.orders}


def by_trying_all(orders: list[tuple[float, int]]) -> set[str]:
    """Of each quantity as the largest, and each time as the first, what is alike."""
    best: tuple[bool, float, set[str]] = (False, 0.0, set())
    for largest, _ in orders:
        least = largest * (1 - CRITERIA.quantity_tolerance)
        for _, start in orders:
            some = {
                f"came-{number}": quantity
                for number, (quantity, at) in enumerate(orders)
                if least <= quantity <= largest and start <= at <= start + CRITERIA.placement_window
            }
            enough = len(some) >= CRITERIA.orders
            if (enough, sum(some.values())) > best[:2]:
                best = (enough, sum(some.values()), set(some))
    return best[2] if best[0] else set()


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2**32), st.integers(3, 24))
def test_it_is_the_most_of_all_that_are_alike(seed: int, count: int) -> None:
    chance = Random(seed)
    # No two sets have as much: each quantity is a power of two with parts of its own.
    orders = [
        (chance.choice((1.0, 2.0, 4.0)) + 2.0**-number / 16, chance.randrange(400))
        for number in range(count)
    ]
    wanted = by_trying_all(orders)
    found = first_set(gone(orders))
    if "came-0" in wanted:  # what went first is judged first
        assert found == wanted
    else:
        assert not found or "came-0" not in found


def test_what_went_earlier_than_told_is_judged_in_time_once_it_is_the_first() -> None:
    shown, side = ShownSets(), BookSide(1)
    times = [10_000, 2_000, *[10_000] * (MOST_GONE - 1)]  # one more than are kept
    for number, at in enumerate(times):
        came = Witness(id=f"came-{number}", timestamp=START)
        shown.come(f"{number}", True, Shown(10.0, 5.0, came), 10**12)
        seen = Witness(id=f"went-{number}", timestamp=START + at)
        shown.go(f"{number}", True, seen, side, 100.0, CRITERIA)
    first = shown.bids.gone[0]
    assert first.went_at == START + 2_000
    assert shown.settles_after == first.went_at + STEAD + CRITERIA.pull_window


def test_as_many_as_are_kept_cost_little() -> None:
    chance = Random(1)
    orders = [(10.0 + chance.random(), chance.randrange(100)) for _ in range(MOST_GONE)]
    shown, calls = gone(orders), 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        list(shown.settle(SETTLED, CRITERIA))
    finally:
        sys.setprofile(None)
    assert calls < 40_000
