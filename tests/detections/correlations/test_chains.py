"""Chains: correlations of correlations."""

import pytest

from tests.detections.correlations.made import Run, correlation, hit, ids, seconds

MANY = correlation("event_count", "a", id="many", by=["who"], within=10, gte=3)


def test_a_firing_is_a_hit_with_the_values_of_its_event_and_its_group() -> None:
    run = Run(MANY, correlation("temporal_ordered", "many b", by=["host"], within=20))
    run.all([hit("a", at, who="x", host=f"h{at}") for at in range(3)])
    assert run.take(hit("b", 5, host="h1")) == []  # the completing event was on h2
    (fired,) = run.take(hit("b", 6, host="h2"))
    assert fired.rule == "correlation"
    assert ids(fired) == ["a@0", "a@1", "a@2", "b@6"]
    assert fired.metrics["events"] == 4
    assert fired.completing.id == "b@6"


def test_both_fire_unless_the_lower_one_is_silent() -> None:
    upper = correlation("temporal", "many b", by=["who"])
    hits = [*(hit("a", at, who="x") for at in range(3)), hit("b", 4, who="x")]
    assert [fired.rule for fired in Run(MANY, upper).all(hits)] == ["many", "correlation"]
    silent = correlation("event_count", "a", id="many", by=["who"], gte=3, silent=True)
    assert [fired.rule for fired in Run(silent, upper).all(hits)] == ["correlation"]


def test_the_completing_event_is_the_one_that_a_rule_matched() -> None:
    run = Run(MANY, correlation("temporal", "b many", by=["who"]))
    run.take(hit("b", 0, who="x"))
    *_, fired = run.all([hit("a", at, who="x") for at in range(1, 4)])
    assert fired.rule == "correlation"
    assert (fired.completing.rule, fired.completing.id) == ("a", "a@3")
    assert seconds(fired) == 3


def test_a_window_that_closes_hands_on_at_its_end() -> None:
    """Nothing for ten seconds, and then a transfer."""
    quiet = correlation("absence", "a", id="quiet", within=10)
    run = Run(quiet, correlation("temporal_ordered", "quiet b", within=5))
    run.all([hit("a", 0), hit("b", 16)])
    assert [(fired.rule, seconds(fired)) for fired in run.fired] == [("quiet", 10)]  # 6 s apart
    run.all([hit("a", 20), hit("b", 35)])
    assert [fired.rule for fired in run.fired] == ["quiet", "quiet", "correlation"]
    assert ids(run.fired[-1]) == ["a@20", "b@35"]


def test_a_hit_at_the_end_of_a_window_counts_in_it() -> None:
    quiet = correlation("absence", "a", id="quiet", within=10)
    run = Run(quiet, correlation("event_count", "quiet b", id="few", within=5, eq=2))
    run.all([hit("a", 0), hit("b", 5)])  # the window of `few` is from 5 to 10
    fired = run.until(100)
    assert [(one.rule, seconds(one)) for one in fired] == [("quiet", 10), ("few", 10)]


def test_a_condition_that_holds_is_there_until_its_last_event() -> None:
    """Refused for an hour, then allowed: the last alert of the refusals is long ago by then."""
    run = Run(
        correlation("event_count", "a", id="many", within=60, gte=10),
        correlation("temporal_ordered", "many b", within=60),
    )
    refused = run.all([hit("a", at) for at in range(0, 3_000, 5)])
    assert seconds(refused[-1]) < 2_900
    (fired,) = run.take(hit("b", 3_000))
    assert fired.rule == "correlation"


def test_types_that_count_count_firings() -> None:
    run = Run(
        correlation("event_count", "a", id="many", by=["who"], within=10, gte=2),
        correlation("event_count", "many", within=100, gte=3),
    )
    fired = run.all([hit("a", at, who="x") for at in range(7)])  # fires at 2 and at 4 events
    assert [one.rule for one in fired] == ["many", "many"]
    fired = run.take(hit("a", 7, who="x"))  # and at 8
    assert [one.rule for one in fired] == ["many", "correlation"]
    assert fired[-1].metrics["count"] == 3
    assert len(fired[-1].evidence) == 8  # each event once


def test_other_types_count_what_holds() -> None:
    """Three wallets with many refusals each, whenever these alerted."""
    run = Run(
        correlation("event_count", "a", id="many", by=["who"], within=10, gte=2, silent=True),
        correlation("value_count", "many", within=10, fields=["who"], gte=3),
    )
    run.all([hit("a", at, who="x") for at in range(30)])  # alerted at 15 for the last time
    run.all([hit("a", 30 + at / 10, f"y{at}", who="y") for at in range(2)])
    (fired,) = run.all([hit("a", 31 + at / 10, f"z{at}", who="z") for at in range(2)])
    assert fired.metrics["count"] == 3


def test_an_event_and_the_firing_that_it_completes_count_once() -> None:
    run = Run(
        correlation("event_count", "a", id="many", gte=2, silent=True),
        correlation("event_count", "many a", gte=3),
    )
    assert run.all([hit("a", 0), hit("a", 1)]) == []
    assert len(run.take(hit("a", 2))) == 1


def test_chains_of_three() -> None:
    run = Run(
        correlation("event_count", "a", id="many", by=["who"], gte=2, silent=True),
        correlation("temporal", "many b", id="both", by=["who"], silent=True),
        correlation("absence", "both c", by=["who"], within=10),
    )
    run.all([hit("a", 0, who="x"), hit("a", 1, who="x"), hit("b", 2, who="x")])
    (fired,) = run.until(100)
    assert (ids(fired), seconds(fired)) == (["a@0", "a@1", "b@2"], 12)


def test_a_rule_must_come_after_those_that_it_refers_to() -> None:
    with pytest.raises(ValueError, match="before"):
        Run(correlation("temporal", "many b"), MANY)
