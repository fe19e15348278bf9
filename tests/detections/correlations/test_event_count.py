"""event_count: so many matches of the rules within a timespan, by group."""

import pytest

from tests.detections.correlations.made import Run, correlation, hit, ids, seconds


def test_it_fires_with_the_match_that_is_enough() -> None:
    run = Run(correlation("event_count", "a", within=10, by=["who"], gte=3))
    assert run.all([hit("a", 0, who="x"), hit("a", 4, who="x")]) == []
    (fired,) = run.take(hit("a", 9, who="x"))
    assert fired.rule == "correlation"
    assert fired.group == {"who": "x"}
    assert seconds(fired) == 9
    assert ids(fired) == ["a@0", "a@4", "a@9"]
    assert fired.completing.id == "a@9"
    assert fired.metrics == {"count": 3, "events": 3, "span_seconds": 9, "alert_of_series": 1}


def test_events_that_are_a_timespan_apart_are_within_it() -> None:
    assert Run(correlation("event_count", within=10, gte=2)).all([hit("a", 0), hit("a", 10)])
    run = Run(correlation("event_count", within=10, gte=2))
    assert run.all([hit("a", 0), hit("a", 10.000000001)]) == []


def test_the_window_slides_with_each_event() -> None:
    run = Run(correlation("event_count", within=10, gte=3))
    fired = run.all([hit("a", at) for at in (0, 9, 11, 18, 30, 31, 39.5)])
    assert [ids(one) for one in fired] == [["a@9", "a@11", "a@18"], ["a@30", "a@31", "a@39.5"]]


def test_each_group_is_counted_by_itself() -> None:
    run = Run(correlation("event_count", by=["who"], gte=2))
    assert run.all([hit("a", 0, who="x"), hit("a", 1, who="y"), hit("a", 2, who="X")]) == []
    (fired,) = run.take(hit("a", 3, who="y"))
    assert fired.group == {"who": "y"}


def test_without_groups_all_are_counted_together() -> None:
    (fired,) = Run(correlation("event_count", gte=2)).all([hit("a", 0), hit("a", 1)])
    assert fired.group == {}


def test_matches_of_any_of_the_rules_are_counted() -> None:
    run = Run(correlation("event_count", "a b", gte=2))
    assert run.all([hit("a", 0), hit("c", 1)]) == []
    assert len(run.take(hit("b", 2))) == 1


def test_an_event_that_matches_two_of_the_rules_counts_once() -> None:
    run = Run(correlation("event_count", "a b", gte=2))
    assert run.take(hit("a", 0, "one"), hit("b", 0, "one")) == []
    (fired,) = run.take(hit("b", 1, "two"))
    assert ids(fired) == ["one", "two"]


@pytest.mark.parametrize(
    ("comparison", "enough"),
    [({"gt": 2}, 3), ({"gte": 2}, 2), ({"gt": 1.5}, 2), ({"gte": 2.5}, 3), ({"gte": 0}, 1)],
)
def test_it_fires_at_the_first_count_that_fulfils_the_condition(
    comparison: dict[str, float], enough: int
) -> None:
    run = Run(correlation("event_count", **comparison))
    (fired, *_) = run.all([hit("a", at) for at in range(5)])
    assert fired.metrics["count"] == enough


# -- series ----------------------------------------------------------------------------------------


def test_a_series_alerts_again_at_each_doubling_with_all_of_its_events() -> None:
    run = Run(correlation("event_count", within=10, gte=3))
    fired = run.all([hit("a", at) for at in range(30)])
    assert [one.metrics["events"] for one in fired] == [3, 6, 12, 24]
    assert [one.metrics["alert_of_series"] for one in fired] == [1, 2, 3, 4]
    assert [one.metrics["count"] for one in fired] == [3, 6, 11, 11]  # of the last ten seconds
    assert [len(one.evidence) for one in fired] == [3, 6, 12, 24]
    assert [one.metrics["span_seconds"] for one in fired] == [2, 5, 11, 23]


def test_a_series_ends_when_the_condition_is_false_at_an_event() -> None:
    run = Run(correlation("event_count", within=10, gte=3))
    assert len(run.all([hit("a", at) for at in (0, 1, 2, 12)])) == 1  # 2 and 12: two only
    assert len(run.all([hit("a", at) for at in (13, 14)])) == 1  # a new one


def test_a_series_ends_when_nothing_comes_for_a_timespan() -> None:
    run = Run(correlation("event_count", within=10, gte=1))
    assert len(run.all([hit("a", at) for at in (0, 10, 20, 30)])) == 3  # at 1, 2 and 4 events
    assert len(run.take(hit("a", 41))) == 1


# -- conditions that a further event could make false ----------------------------------------------


def test_fewer_than_is_judged_when_the_window_closes() -> None:
    run = Run(correlation("event_count", within=10, by=["who"], lt=3))
    assert run.all([hit("a", 0, who="x"), hit("a", 5, who="x")]) == []
    assert run.until(10) == []  # an event at 10 would still be in it
    (fired,) = run.until(10.1)
    assert seconds(fired) == 10
    assert ids(fired) == ["a@0", "a@5"]
    assert fired.completing.id == "a@5"


def test_a_window_opens_with_the_first_event_and_the_next_one_with_the_next() -> None:
    run = Run(correlation("event_count", within=10, eq=2))
    fired = run.all([hit("a", at) for at in (3, 13, 14, 25)]) + run.until(100)
    assert [ids(one) for one in fired] == [["a@3", "a@13"]]  # then 14 to 24, then 25 to 35
    assert run.all([hit("a", 200), hit("a", 201)]) == []
    assert len(run.until(300)) == 1


def test_the_events_of_others_let_a_window_close() -> None:
    run = Run(correlation("event_count", within=10, by=["who"], lt=3))
    run.take(hit("a", 0, who="x"))
    (fired,) = run.take(hit("a", 30, who="y"))
    assert fired.group == {"who": "x"}


def test_a_range_is_judged_when_the_window_closes() -> None:
    run = Run(correlation("event_count", within=10, gt=1, lte=3))
    assert run.all([hit("a", at) for at in (0, 1, 2, 3)]) + run.until(11) == []  # four
    assert len(run.all([hit("a", 20), hit("a", 21)]) + run.until(31)) == 1


def test_windows_that_are_true_one_after_the_other_are_a_series() -> None:
    run = Run(correlation("event_count", within=10, lt=3))
    fired = run.all([hit("a", at) for at in (0, 11, 22, 33)]) + run.until(100)
    # One window each, none more than a timespan after the last event... 11 s are.
    assert [one.metrics["alert_of_series"] for one in fired] == [1, 1, 1, 1]
    run = Run(correlation("event_count", within=10, lt=3))
    fired = run.all([hit("a", at) for at in (0, 9, 12, 19, 23, 30, 34)]) + run.until(100)
    assert [one.metrics["events"] for one in fired] == [2, 4]
    assert [one.metrics["alert_of_series"] for one in fired] == [1, 2]
