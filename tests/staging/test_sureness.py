"""How sure alerts say that they are, beside how often they were right."""

import pytest

from detections.proportions import wilson
from detections.staging.sureness import Outcome, sureness


def verdict(right: int, wrong: int, confidence: float) -> str:
    some = [Outcome(True, confidence, (confidence,))] * right
    found = sureness([*some, *[Outcome(False, confidence, (confidence,))] * wrong])
    assert found is not None
    return found.verdict


@pytest.mark.parametrize("judged", [10, 25, 27, 60, 500, 1_999])
def test_who_is_certain_and_always_right_is_as_sure_as_they_should_be(judged: int) -> None:
    assert (wilson(judged, judged).high, wilson(0, judged).low) == (1.0, 0.0)
    assert verdict(judged, 0, 1.0) == ""
    assert verdict(0, judged, 0.0) == ""


def test_nobody_is_told_to_be_surer_than_a_calibration_makes_anything() -> None:
    assert verdict(5_000, 0, 0.99) == verdict(0, 5_000, 0.01) == ""
    assert verdict(5_000, 0, 0.98) == "too unsure"
    assert verdict(0, 5_000, 0.02) == "too sure"


def test_nothing_is_said_of_too_few() -> None:
    assert verdict(0, 9, 1.0) == ""
    assert verdict(0, 10, 1.0) == "too sure"
