"""Groups: which hits belong together."""

from tests.detections.correlations.made import Run, correlation, hit


def test_several_fields_make_one_group() -> None:
    run = Run(correlation("event_count", by=["who", "token"], gte=2))
    assert run.all([hit("a", 0, who="x", token="t"), hit("a", 1, who="x", token="u")]) == []
    (fired,) = run.take(hit("a", 2, who="x", token="u"))
    assert fired.group == {"who": "x", "token": "u"}


def test_values_compare_as_text_in_exact_case() -> None:
    run = Run(correlation("event_count", by=["n"], gte=2))
    (fired,) = run.all([hit("a", 0, n=7), hit("a", 1, n="x"), hit("a", 2, n="7")])
    assert fired.group == {"n": "7"}
    assert run.all([hit("a", 3, n="X"), hit("a", 4, n=True)]) == []
    (fired,) = run.take(hit("a", 5, n="true"))
    assert fired.group == {"n": "true"}


def test_a_hit_without_a_value_belongs_to_no_group_and_is_counted() -> None:
    run = Run(correlation("event_count", by=["who", "token"], gte=1))
    assert run.take(hit("a", 0, who="x")) == []
    assert run.take(hit("a", 1, who=[], token="t")) == []
    assert run.correlations.left_out == {("correlation", "token"): 1, ("correlation", "who"): 1}


def test_a_list_puts_the_hit_into_a_group_for_each_element() -> None:
    run = Run(correlation("event_count", by=["who"], gte=2))
    assert run.take(hit("a", 0, who=["x", "y", "x", None])) == []
    fired = run.take(hit("a", 1, who=("y", "x", "z")))
    assert [one.group for one in fired] == [{"who": "y"}, {"who": "x"}]


def test_lists_of_two_fields_make_all_pairs() -> None:
    run = Run(correlation("event_count", by=["who", "token"], gte=1))
    fired = run.take(hit("a", 0, who=["x", "y"], token=["t", "u"]))
    assert [tuple(one.group.values()) for one in fired] == [
        ("x", "t"),
        ("x", "u"),
        ("y", "t"),
        ("y", "u"),
    ]


def test_an_alias_reads_another_field_of_each_rule() -> None:
    aliases = {"party": {"a": "source", "b": "destination"}}
    run = Run(correlation("temporal", "a b", by=["party"], aliases=aliases))
    assert run.correlations.needs == {"a": ("source",), "b": ("destination",)}
    assert run.all([hit("a", 0, source="x"), hit("b", 1, destination="y", source="x")]) == []
    (fired,) = run.take(hit("b", 2, destination="x"))
    assert fired.group == {"party": "x"}


def test_a_rule_that_an_alias_does_not_name_has_no_value_for_it() -> None:
    run = Run(correlation("event_count", "a b", by=["party"], aliases={"party": {"a": "s"}}, gte=1))
    assert run.take(hit("b", 0, s="x", party="x")) == []
    assert run.correlations.left_out == {("correlation", "party"): 1}


def test_an_alias_may_be_what_is_measured() -> None:
    aliases = {"amount": {"a": "sold", "b": "bought"}}
    run = Run(correlation("value_sum", "a b", fields=["amount"], aliases=aliases, gte=5))
    assert run.take(hit("a", 0, sold=3, bought=100)) == []
    assert len(run.take(hit("b", 1, bought=2))) == 1


def test_what_a_hit_must_carry_is_told_by_rule() -> None:
    run = Run(
        correlation("event_count", "a", id="count", by=["who"], gte=2),
        correlation("value_sum", "a b", id="sum", by=["token"], fields=["amount"], gte=2),
        correlation("temporal_ordered", "count b", id="chain", by=["who", "venue"]),
    )
    assert run.correlations.needs == {
        "a": ("amount", "token", "venue", "who"),
        "b": ("amount", "token", "venue", "who"),
    }


def test_hits_of_other_rules_are_nothing_to_it() -> None:
    run = Run(correlation("event_count", gte=1))
    assert run.take(hit("other", 0), hit("another", 0)) == []
