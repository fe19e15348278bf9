"""Limits: memory is bounded, the oldest goes first, and what goes is counted."""

from typing import Any

import pytest
from hypothesis import given, settings

from detections.correlations.hits import Limits
from detections.correlations.runtime import Correlations
from tests.detections.correlations.cases import EVERYTHING, hits_of, late_tapes
from tests.detections.correlations.made import Run, correlation, hit, ids
from tests.detections.correlations.reference import Event

BY = ["who"]


def test_the_group_longest_without_news_goes_first() -> None:
    run = Run(correlation("event_count", by=BY, gte=2), limits=Limits(most_groups=2))
    run.all([hit("a", at, who=who) for at, who in enumerate("xyx")])
    assert run.fired  # x has two
    assert run.take(hit("a", 3, who="z")) == []  # y goes
    assert run.correlations.evictions == {("correlation", "groups"): 1}
    assert run.take(hit("a", 4, who="y")) == []  # it begins anew, and x goes
    assert run.correlations.evictions == {("correlation", "groups"): 2}


def test_groups_without_news_for_a_timespan_are_forgotten_and_not_counted() -> None:
    run = Run(correlation("event_count", within=10, by=BY, gte=2), limits=Limits(most_groups=2))
    run.all([hit("a", 20 * at, who=f"{at}") for at in range(100)])
    assert run.correlations.evictions == {}
    assert held_groups(run) <= 2


def test_a_group_keeps_so_many_events_the_newest() -> None:
    limits = Limits(most_events=4)
    run = Run(correlation("event_count", within=100, gte=2), limits=limits)
    fired = run.all([hit("a", at) for at in range(16)])
    assert [one.metrics["events"] for one in fired] == [2, 4, 8, 16]
    assert ids(fired[-1]) == ["a@12", "a@13", "a@14", "a@15"]
    assert run.correlations.evictions == {("correlation", "events"): 12}


def test_a_rule_that_asks_for_more_events_gets_as_many() -> None:
    limits = Limits(most_events=4)
    run = Run(correlation("event_count", within=100, gte=10), limits=limits)
    (fired,) = run.all([hit("a", at) for at in range(12)])
    assert fired.metrics["count"] == 10
    assert run.correlations.evictions == {("correlation", "events"): 2}


@pytest.mark.parametrize(
    ("kind", "count"), [("event_count", 20), ("value_count", 4), ("value_sum", 4)]
)
def test_a_window_that_closes_counts_events_that_had_to_go(kind: Any, count: int) -> None:
    """Of values, only those that are kept are known."""
    fields = [] if kind == "event_count" else ["n"]
    rule = correlation(kind, within=100, fields=fields, lt=100)
    run = Run(rule, limits=Limits(most_events=4))
    run.all([hit("a", at, n=at) for at in range(20)])
    (fired,) = run.until(1_000)
    assert fired.metrics["count"] == count
    assert fired.metrics["events"] == 20
    assert ids(fired) == ["a@16", "a@17", "a@18", "a@19"]
    assert run.correlations.evictions == {("correlation", "events"): 16}


def test_all_groups_together_keep_so_many_events() -> None:
    limits = Limits(most_events=5, most_held=6)
    run = Run(correlation("event_count", within=100, by=BY, gte=5), limits=limits)
    run.all([hit("a", at, who="x") for at in range(4)])
    run.all([hit("a", 4 + at, who="y") for at in range(3)])  # seven: x goes
    assert run.correlations.evictions == {("correlation", "groups"): 1}
    assert run.take(hit("a", 8, who="x")) == []
    assert len(run.all([hit("a", 9, "y4", who="y"), hit("a", 9, "y5", who="y")])) == 1


def test_an_open_window_of_a_group_that_had_to_go_is_not_judged() -> None:
    run = Run(correlation("absence", "a b", by=BY, within=10), limits=Limits(most_groups=1))
    run.all([hit("a", 0, who="x"), hit("a", 1, who="y")])
    (fired,) = run.until(100)
    assert fired.group == {"who": "y"}
    assert run.correlations.evictions == {("correlation", "groups"): 1}


def test_an_event_of_long_lists_makes_a_thousand_groups_at_most() -> None:
    run = Run(correlation("event_count", by=["who", "token"], gte=1))
    many = [str(n) for n in range(1_000)]
    assert len(run.take(hit("a", 0, who=many, token=many))) == 1_000


@settings(max_examples=60, deadline=None)
@given(late_tapes("abc", most=40))
def test_no_more_is_kept_than_allowed(tape: list[Event]) -> None:
    limits = Limits(most_groups=2, most_events=3, most_held=4)
    correlations = Correlations(EVERYTHING, limits)
    for event in tape:
        correlations.observe(hits_of(event), event.time)
        for part in correlations._parts:
            windows = part.windows
            assert len(windows.groups) <= 2
            assert windows.held == sum(group.held() for group in windows.groups.values()) <= 4
            assert all(group.held() <= 3 for group in windows.groups.values())


def held_groups(run: Run) -> int:
    return sum(len(part.windows.groups) for part in run.correlations._parts)
