"""Sums of floats are the same on every Python, and the same as a total that is kept up to date."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detections.float_sum import float_sum


@given(st.lists(st.floats(allow_nan=False)))
def test_it_is_the_total_that_is_kept_up_to_date(values: list[float]) -> None:
    total = 0.0
    for value in values:
        total += value
    assert repr(float_sum(values)) == repr(total)


def test_what_rounding_loses_is_lost_on_every_python() -> None:
    assert float_sum([0.1] * 10) == 0.9999999999999999
    assert float_sum([1e16, 1.0, -1e16]) == 0.0


def test_what_is_too_large_is_infinite() -> None:
    assert float_sum([1e308, 1e308]) == float("inf")


def test_of_nothing_it_is_a_float() -> None:
    assert repr(float_sum([])) == "0.0"


def test_a_detection_that_adds_floats_otherwise_fails_its_tests() -> None:
    code = compile("sum([0.1, 0.2])", "module", "eval")
    with pytest.raises(AssertionError, match=r"detections\.example, line 1: sum\(\) of floats"):
        eval(code, {"__name__": "detections.example"})
    assert eval("sum([1, 2])", {"__name__": "detections.example"}) == 3
    assert eval("sum([0.5])", {"__name__": "simulation.example"}) == 0.5
