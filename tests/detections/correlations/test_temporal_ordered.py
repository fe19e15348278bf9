"""temporal_ordered: events of the rules one after the other within a timespan, by group."""

import pytest

from detections.rules.model import Junction, Negation, Reference
from tests.detections.correlations.made import Run, correlation, hit, ids, seconds

A, B, C = Reference("a"), Reference("b"), Reference("c")


def test_it_fires_when_the_last_rule_follows_the_others() -> None:
    run = Run(correlation("temporal_ordered", "a b c", within=10, by=["who"]))
    assert run.all([hit(rule, at, who="x") for at, rule in enumerate("cab")]) == []
    assert run.take(hit("c", 9, who="y")) == []
    (fired,) = run.take(hit("c", 11, who="x"))
    assert ids(fired) == ["a@1", "b@2", "c@11"]  # from the event that begins the order
    assert fired.metrics["count"] == 3
    assert seconds(fired) == 11


def test_the_first_and_the_last_are_at_most_a_timespan_apart() -> None:
    run = Run(correlation("temporal_ordered", "a b c", within=10))
    assert run.all([hit("a", 0), hit("b", 1), hit("c", 10.5)]) == []
    assert run.take(hit("a", 11)) == []
    assert run.take(hit("c", 12)) == []  # a, then no b
    assert len(run.all([hit("b", 13), hit("c", 14)])) == 1


def test_the_latest_beginning_counts() -> None:
    run = Run(correlation("temporal_ordered", "a b", within=10))
    (fired,) = run.all([hit("a", 0), hit("a", 8), hit("b", 15)])
    assert ids(fired) == ["a@8", "b@15"]


def test_events_of_the_same_time_follow_each_other_in_any_order() -> None:
    run = Run(correlation("temporal_ordered", "a b"))
    assert run.take(hit("b", 5)) == []
    assert len(run.take(hit("a", 5))) == 1


def test_each_rule_takes_an_event_of_its_own() -> None:
    run = Run(correlation("temporal_ordered", "a b"))
    assert run.take(hit("a", 5, "one"), hit("b", 5, "one")) == []
    (fired,) = run.take(hit("a", 5, "two"), hit("b", 5, "two"))
    assert ids(fired) == ["one", "two"]


def test_a_rule_may_stand_there_twice() -> None:
    run = Run(correlation("temporal_ordered", "a b a"))
    assert run.all([hit("a", 0), hit("a", 1), hit("b", 2)]) == []
    assert len(run.take(hit("a", 3))) == 1


def test_so_many_of_the_rules_in_their_order_may_be_enough() -> None:
    run = Run(correlation("temporal_ordered", "a b c", gte=2))
    assert run.all([hit("c", 0), hit("a", 1)]) == []
    (fired,) = run.take(hit("c", 2))
    assert fired.metrics["count"] == 2


def test_a_boolean_condition_keeps_the_order() -> None:
    first_one_then_c = Junction("and", (Junction("or", (A, B)), C))
    run = Run(correlation("temporal_ordered", "a b c", expression=first_one_then_c))
    assert run.all([hit("c", 0), hit("b", 1)]) == []
    (fired,) = run.take(hit("c", 2))
    assert ids(fired) == ["b@1", "c@2"]


def test_not_has_no_place_in_an_order() -> None:
    with pytest.raises(ValueError, match="not"):
        Run(correlation("temporal_ordered", "a b", expression=Junction("and", (A, Negation(B)))))
