"""value_count: so many different values of a field within a timespan, by group."""

from tests.detections.correlations.made import Run, correlation, hit, ids


def test_it_counts_different_values() -> None:
    run = Run(correlation("value_count", by=["who"], fields=["to"], gte=3))
    assert run.all([hit("a", at, who="x", to=to) for at, to in enumerate("pqpq")]) == []
    (fired,) = run.take(hit("a", 5, who="x", to="r"))
    assert fired.metrics["count"] == 3
    assert fired.metrics["events"] == 5
    assert ids(fired) == ["a@0", "a@1", "a@2", "a@3", "a@5"]


def test_a_value_counts_until_its_last_event_is_out_of_the_window() -> None:
    run = Run(correlation("value_count", within=10, fields=["to"], gte=2))
    assert run.all([hit("a", 0, to="p"), hit("a", 10.5, to="q")]) == []
    assert len(run.all([hit("a", 11, to="q"), hit("a", 12, to="p")])) == 1


def test_values_are_compared_as_text_exactly() -> None:
    run = Run(correlation("value_count", fields=["to"], gte=3))
    assert run.all([hit("a", 0, to=1), hit("a", 1, to="1"), hit("a", 2, to="p")]) == []
    assert len(run.take(hit("a", 3, to="P"))) == 1


def test_each_value_of_a_list_counts() -> None:
    run = Run(correlation("value_count", fields=["to"], gte=3))
    assert run.take(hit("a", 0, to=["p", "q", "p"])) == []
    assert len(run.take(hit("a", 1, to=("r",)))) == 1


def test_several_fields_are_counted_together() -> None:
    run = Run(correlation("value_count", fields=["to", "token"], gte=3))
    assert run.all([hit("a", 0, to="p", token="t"), hit("a", 1, to="q", token="t")]) == []
    assert run.take(hit("a", 2, to="p", token="t")) == []
    assert len(run.take(hit("a", 3, to="p", token="u"))) == 1


def test_an_event_without_the_field_is_left_out_and_counted() -> None:
    run = Run(correlation("value_count", fields=["to"], gte=1))
    assert run.all([hit("a", 0), hit("a", 1, to=[])]) == []
    assert run.correlations.left_out == {("correlation", "to"): 2}


def test_an_event_that_matches_two_rules_counts_with_the_values_of_both() -> None:
    aliases = {"party": {"a": "from", "b": "to"}}
    run = Run(correlation("value_count", "a b", fields=["party"], aliases=aliases, gte=2))
    event = {"from": "p", "to": "q"}
    assert len(run.take(hit("a", 0, "one", **event), hit("b", 0, "one", **event))) == 1


def test_exactly_so_many_is_judged_when_the_window_closes() -> None:
    run = Run(correlation("value_count", within=10, fields=["to"], eq=2))
    run.all([hit("a", at, to=to) for at, to in ((0, "p"), (1, "q"), (5, "p"))])
    (fired,) = run.until(11)
    assert fired.metrics["count"] == 2
