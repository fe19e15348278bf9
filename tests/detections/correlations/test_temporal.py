"""temporal: events of the rules within a timespan of each other, in any order, by group."""

import pytest

from detections.rules.model import Expression, Junction, Negation, Reference
from tests.detections.correlations.made import Run, correlation, hit, ids, seconds

A, B, C = Reference("a"), Reference("b"), Reference("c")


def test_it_fires_when_all_rules_have_an_event() -> None:
    run = Run(correlation("temporal", "a b c", within=10, by=["who"]))
    assert run.all([hit("c", 0, who="x"), hit("a", 5, who="x"), hit("b", 6, who="y")]) == []
    (fired,) = run.take(hit("b", 10, who="x"))
    assert ids(fired) == ["c@0", "a@5", "b@10"]
    assert fired.metrics["count"] == 3  # rules
    assert seconds(fired) == 10


def test_all_must_be_within_one_timespan() -> None:
    run = Run(correlation("temporal", "a b c", within=10))
    assert run.all([hit("c", 0), hit("a", 5), hit("b", 10.5)]) == []
    assert len(run.take(hit("c", 15))) == 1


def test_one_event_may_be_of_several_rules() -> None:
    run = Run(correlation("temporal", "a b"))
    (fired,) = run.take(hit("a", 0, "one"), hit("b", 0, "one"))
    assert ids(fired) == ["one"]


def test_so_many_of_the_rules_may_be_enough() -> None:
    run = Run(correlation("temporal", "a b c", gte=2))
    assert run.all([hit("a", 0), hit("a", 1)]) == []
    assert len(run.take(hit("c", 2))) == 1


def test_at_most_so_many_is_judged_when_the_window_closes() -> None:
    run = Run(correlation("temporal", "a b c", within=10, lt=2))
    run.all([hit("a", 0), hit("a", 10), hit("b", 20), hit("c", 21)])
    (fired,) = [*run.fired, *run.until(100)]
    assert (ids(fired), seconds(fired)) == (["a@0", "a@10"], 10)


# -- boolean conditions ----------------------------------------------------------------------------


def any_of(*parts: Expression) -> Expression:
    return Junction("or", parts)


def all_of(*parts: Expression) -> Expression:
    return Junction("and", parts)


def test_a_condition_without_not_is_judged_at_once() -> None:
    run = Run(correlation("temporal", "a b c", expression=all_of(A, any_of(B, C))))
    assert run.all([hit("b", 0), hit("c", 1)]) == []
    assert len(run.take(hit("a", 2))) == 1


def test_a_condition_with_not_is_judged_when_the_window_closes() -> None:
    """A transfer that is not followed by a report."""
    rule = correlation("temporal", "a b", within=10, expression=all_of(A, Negation(B)))
    run = Run(rule)
    assert run.take(hit("a", 0)) == []
    assert run.until(10) == []
    (fired,) = run.until(11)
    assert (ids(fired), seconds(fired)) == (["a@0"], 10)
    run = Run(rule)
    assert run.all([hit("a", 0), hit("b", 10)]) + run.until(100) == []


@pytest.mark.parametrize(
    ("rules", "fires"), [("b", True), ("c", True), ("b c", False), ("a", False), ("a b", False)]
)
def test_conditions_nest(rules: str, fires: bool) -> None:
    one_of_two = any_of(all_of(B, Negation(C)), all_of(C, Negation(B)))
    run = Run(correlation("temporal", "a b c", expression=all_of(one_of_two, Negation(A))))
    run.all([hit(rule, at) for at, rule in enumerate(rules.split())])
    assert bool(run.until(100)) == fires
