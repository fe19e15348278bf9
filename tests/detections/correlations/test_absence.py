"""absence (an extension of ours): what should have come, and didn't."""

import pytest

from tests.detections.correlations.made import Run, correlation, hit, ids, seconds

# -- two rules: the second does not follow the first -----------------------------------------------


def test_it_fires_when_nothing_followed_within_the_timespan() -> None:
    run = Run(correlation("absence", "a b", within=10, by=["who"]))
    run.all([hit("a", 0, who="x"), hit("a", 1, who="y"), hit("b", 9, who="y")])
    assert run.until(10) == []
    (fired,) = run.until(10.1)
    assert fired.group == {"who": "x"}
    assert seconds(fired) == 10
    assert ids(fired) == ["a@0"]
    assert fired.completing.id == "a@0"
    assert run.until(1_000) == []


def test_the_timespan_is_inclusive() -> None:
    run = Run(correlation("absence", "a b", within=10))
    assert run.all([hit("a", 0), hit("b", 10)]) + run.until(100) == []
    run = Run(correlation("absence", "a b", within=10))
    assert len(run.all([hit("a", 0), hit("b", 10.001)])) == 1


def test_further_events_of_the_first_rule_are_evidence_and_move_nothing() -> None:
    run = Run(correlation("absence", "a b", within=10))
    (fired,) = run.all([hit("a", 0), hit("a", 4), hit("a", 8)]) + run.until(11)
    assert ids(fired) == ["a@0", "a@4", "a@8"]
    assert fired.metrics["count"] == 3
    assert fired.completing.id == "a@8"
    assert seconds(fired) == 10


def test_an_answer_is_for_all_that_are_waiting() -> None:
    run = Run(correlation("absence", "a b", within=10))
    assert run.all([hit("a", 0), hit("a", 4), hit("b", 8)]) + run.until(100) == []


def test_after_an_answer_the_next_event_waits_anew() -> None:
    run = Run(correlation("absence", "a b", within=10))
    (fired,) = run.all([hit("a", 0), hit("b", 3), hit("a", 5)]) + run.until(100)
    assert (ids(fired), seconds(fired)) == (["a@5"], 15)


def test_an_answer_before_the_event_is_none_but_at_the_same_time_it_is() -> None:
    run = Run(correlation("absence", "a b", within=10))
    assert len(run.all([hit("b", 0), hit("a", 1)]) + run.until(100)) == 1
    assert run.all([hit("b", 200), hit("a", 200)]) + run.until(300) == []


def test_an_event_that_is_both_answers_itself() -> None:
    run = Run(correlation("absence", "a b"))
    assert run.take(hit("a", 0, "one"), hit("b", 0, "one")) + run.until(100) == []


def test_what_is_never_answered_alerts_at_each_doubling() -> None:
    run = Run(correlation("absence", "a b", within=10))
    fired = run.all([hit("a", at) for at in range(0, 110, 5)]) + run.until(1_000)
    assert [one.metrics["events"] for one in fired] == [3, 6, 12]
    assert [one.metrics["alert_of_series"] for one in fired] == [1, 2, 3]


def test_an_answer_ends_the_series() -> None:
    run = Run(correlation("absence", "a b", within=10))
    fired = run.all([hit("a", 0), hit("b", 12), hit("a", 13)]) + run.until(100)
    assert [one.metrics["alert_of_series"] for one in fired] == [1, 1]


# -- one rule: nothing of it comes any more --------------------------------------------------------


def test_it_fires_a_timespan_after_the_last_event() -> None:
    run = Run(correlation("absence", "a", within=10, by=["source"]))
    assert run.all([hit("a", at, source="venue") for at in (0, 9, 19)]) == []
    assert run.until(29) == []
    (fired,) = run.until(29.1)
    assert fired.group == {"source": "venue"}
    assert (ids(fired), seconds(fired)) == (["a@19"], 29)


def test_it_fires_once_for_each_silence() -> None:
    run = Run(correlation("absence", "a", within=10))
    assert len(run.take(hit("a", 0)) + run.until(50) + run.until(5_000)) == 1
    assert len(run.take(hit("a", 6_000)) + run.until(7_000)) == 1


def test_events_of_other_groups_tell_the_time() -> None:
    run = Run(correlation("absence", "a", within=10, by=["source"]))
    run.take(hit("a", 0, source="silent"))
    (fired,) = run.take(hit("a", 30, source="alive"))
    assert fired.group == {"source": "silent"}
    assert seconds(fired) == 10


def test_what_never_came_is_not_missed() -> None:
    assert Run(correlation("absence", "a")).until(1_000) == []


def test_it_is_of_one_rule_or_two() -> None:
    with pytest.raises(ValueError, match="one rule or two"):
        Run(correlation("absence", "a b c"))
