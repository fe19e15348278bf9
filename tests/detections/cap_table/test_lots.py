"""Lots: what was got first leaves first, and nothing is gained or lost on the way."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detections.cap_table.calendar import after, day_of, start_of
from detections.cap_table.lots import FREE, Lot, put, settle, take
from detections.engine.correlator_state import Whole
from tests.detections.cap_table.movements import at

AMOUNTS = st.integers(1, 2**200)


def lot(acquired: int, amount: int) -> Lot:
    return Lot(acquired, acquired, acquired, Whole(amount))


def times_and_amounts(lots: list[Lot]) -> list[tuple[int, int]]:
    return [(one.acquired, int(one.amount)) for one in lots]


def test_the_first_leaves_first_and_the_last_one_is_split() -> None:
    lots = [lot(1, 10), lot(2, 10), lot(3, 10)]
    taken, missing = take(lots, 15)
    assert times_and_amounts(taken) == [(1, 10), (2, 5)]
    assert times_and_amounts(lots) == [(2, 5), (3, 10)]
    assert missing == 0


def test_what_is_not_there_is_missing() -> None:
    lots = [lot(1, 10)]
    taken, missing = take(lots, 25)
    assert (times_and_amounts(taken), lots, missing) == ([(1, 10)], [], 15)


def test_a_lot_with_an_older_time_goes_before_younger_ones() -> None:
    lots = [lot(1, 10), lot(3, 10)]
    put(lots, lot(2, 7))
    assert times_and_amounts(lots) == [(1, 10), (2, 7), (3, 10)]


def test_lots_of_one_time_are_one() -> None:
    lots = [lot(1, 10)]
    put(lots, lot(1, 5))
    assert times_and_amounts(lots) == [(1, 15)]


@given(st.lists(st.tuples(st.integers(0, 20), AMOUNTS), max_size=40), AMOUNTS)
def test_nothing_is_gained_or_lost(pieces: list[tuple[int, int]], amount: int) -> None:
    lots: list[Lot] = []
    for acquired, size in pieces:
        put(lots, lot(acquired, size))
    whole = sum(size for _, size in pieces)
    assert sum(one.amount for one in lots) == whole
    assert lots == sorted(lots, key=lambda one: one.acquired)
    taken, missing = take(lots, amount)
    assert sum(one.amount for one in taken) + missing == amount
    assert sum(one.amount for one in taken) + sum(one.amount for one in lots) == whole
    assert missing == max(0, amount - whole)
    if taken and lots:
        assert taken[-1].acquired <= lots[0].acquired


@given(st.integers(17, 60), st.integers(0, 70), st.integers(1, 40))
def test_settling_keeps_the_sum_and_every_young_lot(count: int, free: int, most: int) -> None:
    lots = [lot(number, number + 1) for number in range(count)]
    before = sum(one.amount for one in lots)
    given_up = settle(lots, free, most)
    assert sum(one.amount for one in lots) == before
    assert len(lots) <= most
    young = [number for number in range(count) if number >= free]
    kept = [one.acquired for one in lots if one.acquired > FREE]
    assert kept == [n for n in range(count) if n in kept], "in order"
    assert given_up == len([number for number in young if number not in kept])
    if most >= count:
        assert given_up == 0
        assert kept[-len(young) :] == young or not young


def test_few_lots_are_left_alone() -> None:
    lots = [lot(number, 1) for number in range(10)]
    assert settle(lots, 100, 2) == 0
    assert len(lots) == 10


@pytest.mark.parametrize(
    ("begun", "months", "days", "over"),
    [
        ("2025-03-11", 6, 0, "2025-09-11"),
        ("2025-08-31", 6, 0, "2026-02-28"),
        ("2023-08-31", 6, 0, "2024-02-29"),
        ("2024-02-29", 12, 0, "2025-02-28"),
        ("2025-12-31", 12, 0, "2026-12-31"),
        ("2026-01-05", 0, 40, "2026-02-14"),
        ("2026-05-31", -3, 0, "2026-02-28"),
        ("1969-12-31", 1, 0, "1970-01-31"),
    ],
)
def test_periods_are_of_calendar_months(begun: str, months: int, days: int, over: str) -> None:
    for hour in (0, 23):
        end = after(at(begun, hour), months, days)
        assert day_of(end) == over
        assert end == start_of(date.fromisoformat(over))
