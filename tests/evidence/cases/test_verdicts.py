"""What closed cases say of the alerts in them."""

import random
from typing import Any

import pytest

from evidence.cases.verdicts import verdicts
from tests.evidence.cases.examples import Worked


def closed(resolution: str, *, level: Any = "medium") -> Worked:
    worked = Worked(level)
    worked.do("closed", "bob", resolution=resolution, why="looked into")
    return worked


def judged(worked: Worked) -> dict[str, bool]:
    return {one: found.right for one, found in verdicts(worked.activities).of_alerts.items()}


@pytest.mark.parametrize(
    ("resolution", "right"),
    [
        ("reported", True),
        ("referred", True),
        ("warned", True),
        ("no-breach", False),
        ("false-positive", False),
        ("explained", False),
    ],
)
def test_with_a_breach_its_alerts_were_right_without_one_wrong(
    resolution: str, right: bool
) -> None:
    assert judged(closed(resolution)) == {"alert-1": right}


@pytest.mark.parametrize("resolution", ["duplicate", "data-error", "retracted"])
def test_other_reasons_say_nothing_of_the_rule(resolution: str) -> None:
    found = verdicts(closed(resolution).activities)
    assert (found.of_alerts, found.cases, found.broken) == ({}, 0, 0)


def test_an_open_case_says_nothing_nor_one_that_was_reopened() -> None:
    assert judged(Worked("medium")) == {}
    worked = closed("reported")
    worked.do("reopened", "alice", why="more came")
    assert judged(worked) == {}
    worked.do("closed", "bob", resolution="explained", why="a market maker")
    assert judged(worked) == {"alert-1": False}


def test_what_joined_after_it_was_closed_nobody_has_judged() -> None:
    worked = Worked("medium")
    worked.join(2, level="medium", four_eyes=False)
    worked.do("closed", "bob", resolution="warned", why="dealt with")
    worked.join(3, level="medium", four_eyes=False)
    assert judged(worked) == {"alert-1": True, "alert-2": True}


def test_what_was_retracted_is_left_out() -> None:
    worked = Worked("medium")
    worked.join(2, level="medium", four_eyes=False)
    worked.do("alerts-retracted", "tapewatch", origin="tapewatch", alerts=["alert-1"])
    worked.do("closed", "bob", resolution="warned", why="dealt with")
    assert judged(worked) == {"alert-2": True}


def test_a_proposal_is_no_verdict_before_somebody_else_approves() -> None:
    worked = Worked("high")
    worked.do("assigned", "boss", assignee="alice")
    worked.do("resolution-proposed", "alice", resolution="reported", why="seen")
    assert judged(worked) == {}
    worked.do("closed", "bob", resolution="reported", why="seen as well")
    assert judged(worked) == {"alert-1": True}


def test_order_and_copies_make_no_difference() -> None:
    worked = closed("reported")
    activities = worked.activities * 2
    random.Random(1).shuffle(activities)
    assert verdicts(activities) == verdicts(worked.activities)


def test_a_case_without_its_beginning_is_told() -> None:
    found = verdicts(closed("reported").activities[1:])
    assert (found.of_alerts, found.cases, found.broken) == ({}, 0, 1)
