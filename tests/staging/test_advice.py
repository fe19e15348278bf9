"""Whether a rule on trial may go live, by criteria that can be read."""

import pytest

from detections.staging.advice import Criteria, Trial, advise
from pipeline.units import DAY


def trial(**more: object) -> Trial:
    usual = {
        "observed": 10 * DAY,
        "alerts": 20,
        "largest_share": 0.2,
        "largest_entity": "INV-0001",
        "precision": None,
        "judged": 0,
    }
    return Trial(**(usual | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "verdict", "said"),
    [
        ({}, "promote", "seen 10 days, with 20 alerts, about 2 a day"),
        ({"alerts": 1}, "promote", "about 1 in 10 days"),
        ({"precision": 0.9, "judged": 10}, "promote", "90 % of 10 judged are right"),
        ({"observed": 2 * DAY}, "wait", "seen 2 days, with 20 alerts: 7 days are wanted"),
        ({"observed": 0, "alerts": 0}, "wait", "seen less than a day, with no alert"),
        ({"alerts": 0}, "backtest", "try it on events that should make it alert"),
        ({"alerts": 200}, "tune", "about 20 a day: at most 10 are wanted"),
        ({"observed": DAY // 24, "alerts": 11}, "tune", "about 11 a day"),
        ({"observed": DAY // 24, "alerts": 9}, "wait", "seen less than a day, with 9 alerts"),
        ({"largest_share": 0.75}, "tune", "75 % of its alerts are about INV-0001"),
        ({"largest_share": 1.0, "alerts": 3}, "promote", "with 3 alerts"),
        ({"precision": 0.4, "judged": 5}, "tune", "only 40 % of 5 judged alerts are right"),
    ],
)
def test_advice(changes: dict[str, object], verdict: str, said: str) -> None:
    found = advise(trial(**changes), Criteria())

    assert found.verdict == verdict
    assert any(said in reason for reason in found.reasons), found.reasons


def test_all_doubts_are_told() -> None:
    found = advise(trial(alerts=500, largest_share=0.9, precision=0.1, judged=100), Criteria())

    assert found.verdict == "tune"
    assert len(found.reasons) == 3


def test_the_criteria_can_be_others() -> None:
    strict = Criteria(least_days=30)
    loose = Criteria(most_per_day=100)

    assert advise(trial(), strict).verdict == "wait"
    assert advise(trial(alerts=500), loose).verdict == "promote"
