"""Late hits: each is judged in the windows that contain it, and none is dropped."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detections.correlations.hits import Firing
from detections.correlations.runtime import Correlations
from detections.rules.model import Correlation
from tests.detections.correlations import reference
from tests.detections.correlations.cases import EVERYTHING, SLIDING, hits_of, tapes
from tests.detections.correlations.made import SECOND, Run, correlation, hit, ids, seconds
from tests.detections.correlations.reference import Event

END = 1_000 * SECOND


def test_hits_behind_the_time_that_is_reached_are_counted() -> None:
    run = Run(correlation("event_count", "a", gte=9))
    run.all([hit("a", 5), hit("a", 4), hit("a", 5), hit("a", 7)])
    assert run.correlations.late == 1
    run.until(20)
    run.take(hit("a", 19))
    assert run.correlations.late == 2


def test_a_late_hit_completes_a_window_that_is_over() -> None:
    run = Run(correlation("event_count", "a", within=10, gte=3))
    assert run.all([hit("a", 2), hit("a", 8), hit("a", 12.5)]) == []
    (fired,) = run.take(hit("a", 5))
    assert ids(fired) == ["a@5", "a@8", "a@12.5"]
    assert seconds(fired) == 12.5  # when it came true
    assert fired.completing.id == "a@5"
    assert fired.metrics["count"] == 3


def test_a_late_hit_is_judged_with_what_is_still_kept() -> None:
    """That is the timespan before a group's newest event, and all of a series that goes on."""
    run = Run(correlation("event_count", "a", within=10, gte=3))
    run.all([hit("a", 0), hit("a", 4), hit("a", 11)])  # of 11, nothing before 1 is kept
    assert run.take(hit("a", 3)) != []  # 3, 4 and 11
    run = Run(correlation("event_count", "a", within=10, gte=3))
    run.all([hit("a", 0), hit("a", 2), hit("a", 13)])  # of 13, nothing before 3 is kept
    assert run.take(hit("a", 1)) == []


def test_once_a_late_hit_came_nothing_is_let_go_for_a_timespan() -> None:
    run = Run(correlation("event_count", "a", within=10, gte=3))
    assert run.all([hit("a", 0), hit("a", 100), hit("a", 5), hit("a", 108)]) == []
    (fired,) = run.all([hit("a", 6), hit("a", 7)])
    assert (ids(fired), seconds(fired)) == (["a@5", "a@6", "a@7"], 7)


def test_a_late_hit_in_a_series_that_goes_on_is_part_of_it() -> None:
    run = Run(correlation("event_count", "a", within=10, gte=2))
    first, *rest = run.all([hit("a", at) for at in (0, 2, 4)])
    assert (ids(first), rest) == (["a@0", "a@2"], [])
    (second,) = run.take(hit("a", 1))
    assert ids(second) == ["a@0", "a@1", "a@2", "a@4"]
    assert second.metrics["alert_of_series"] == 2


def test_a_late_hit_that_overlaps_a_series_that_is_over_is_part_of_it() -> None:
    run = Run(correlation("event_count", "a", within=10, gte=3))
    (fired,) = run.all([hit("a", 0), hit("a", 1), hit("a", 2)])
    assert run.take(hit("a", 11.5)) == []  # two within 10 s: the series is over
    assert run.take(hit("a", 1.8)) == []  # now it goes on to 11.5, and has 5 events
    (fired,) = run.take(hit("a", 1.9))
    assert fired.metrics["events"] == 6
    assert fired.metrics["alert_of_series"] == 2
    assert ids(fired) == ["a@1.8", "a@1.9", "a@2", "a@11.5"]  # what is still kept


def test_a_source_that_catches_up_is_judged_by_itself() -> None:
    """After an outage, what a venue had kept comes an hour late."""
    run = Run(correlation("event_count", "a", within=10, by=["venue"], gte=3))
    run.take(hit("a", 3_600, venue="other"))
    fired = run.all([hit("a", at, venue="late") for at in (0, 4, 8, 30, 35, 40)])
    assert [(ids(one), seconds(one)) for one in fired] == [
        (["a@0", "a@4", "a@8"], 8),
        (["a@30", "a@35", "a@40"], 40),
    ]


def test_a_late_hit_makes_a_closed_window_judged_again() -> None:
    run = Run(correlation("event_count", "a", within=10, eq=3))
    assert run.all([hit("a", 0), hit("a", 8)]) == []
    assert run.until(15) == []  # two, not three
    (fired,) = run.take(hit("a", 5))
    assert ids(fired) == ["a@0", "a@5", "a@8"]
    assert seconds(fired) == 10


def test_a_window_that_a_late_hit_opens_waits_as_long_as_the_hit_was_late() -> None:
    run = Run(correlation("event_count", "a", within=10, eq=2))
    run.until(100)
    run.take(hit("a", 40))  # its window is from 40 to 50, and it is 60 s late
    assert run.until(105) == []
    run.take(hit("a", 45))
    assert run.until(110) == []
    (fired,) = run.until(111)
    assert (ids(fired), seconds(fired)) == (["a@40", "a@45"], 50)


def test_a_late_window_before_a_series_is_part_of_it_though_others_came_meanwhile() -> None:
    run = Run(correlation("event_count", "a", within=10, eq=2))
    run.all([hit("a", 60), hit("a", 65)])
    (first,) = run.until(71)
    assert (ids(first), first.metrics["alert_of_series"]) == (["a@60", "a@65"], 1)
    run.take(hit("a", 46))  # its window is from 46 to 56, and 25 s late
    run.take(hit("a", 76))  # 11 s after the series, which 46 to 56 may still be a part of
    run.take(hit("a", 55))
    (second,) = run.until(82)
    assert second.metrics["alert_of_series"] == 2
    assert ids(second) == ["a@46", "a@55", "a@60", "a@65"]


def test_an_answer_that_came_before_its_late_question_counts() -> None:
    run = Run(correlation("absence", "a b", within=10))
    run.take(hit("b", 8))
    run.take(hit("a", 5))
    assert run.until(100) == []


def test_a_late_answer_is_in_time_while_the_window_is_open() -> None:
    run = Run(correlation("absence", "a b", within=10))
    run.all([hit("a", 0), hit("c", 0)])
    run.until(9)
    run.take(hit("b", 3))
    assert run.until(100) == []


def test_temporal_order_is_by_event_time_not_by_arrival() -> None:
    run = Run(correlation("temporal_ordered", "a b", within=10))
    assert run.take(hit("a", 5)) == []
    assert run.take(hit("b", 4)) == []  # before it
    (fired,) = run.take(hit("a", 3))
    assert (ids(fired), seconds(fired)) == (["a@3", "b@4", "a@5"], 4)


@settings(max_examples=80, deadline=None)
@given(tapes("abc"), st.integers(1, 100))
def test_a_source_that_is_late_as_a_whole_is_judged_as_if_it_were_not(
    tape: list[Event], late: int
) -> None:
    on_time, delayed = Correlations(EVERYTHING), Correlations(EVERYTHING)
    expected, fired = list[Firing](), list[Firing]()
    for event in tape:
        expected += on_time.observe(hits_of(event), event.time)
        fired += delayed.advance(event.time + late * SECOND)
        fired += delayed.observe(hits_of(event), event.time)
    assert fired + delayed.advance(2 * END) == expected + on_time.advance(2 * END)


LASTING = {name: rule for name, rule in SLIDING.items() if not name.startswith("value_")}


@pytest.mark.parametrize("name", [*LASTING, "value_count"])
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_it_fires_as_soon_as_any_window_is_true_whatever_the_order(
    name: str, data: st.DataObject
) -> None:
    rule = SLIDING[name]
    tape = data.draw(tapes(rule.correlation.rules, most=8))
    tape = [event._replace(group="x") for event in tape if event.time <= 10 * SECOND]
    correlations, came, fired = Correlations([rule]), list[Event](), list[Firing]()
    for event in data.draw(st.permutations(tape)):
        came.append(event)
        fired += correlations.observe(hits_of(event), event.time)
        assert bool(fired) == any_window_is_true(rule.correlation, came)


def any_window_is_true(correlation: Correlation, events: Sequence[Event]) -> bool:
    windows = ([one for one in events if one.time <= last.time] for last in events)
    return any(reference.judge(correlation, window).true for window in windows)
