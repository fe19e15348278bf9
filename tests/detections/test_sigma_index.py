"""The index finds the rules that match, all of them and no others, as trying each does."""

from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
)
from sigma.types import (
    CompareOperators,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaNumber,
    SigmaString,
)

from detections.sigma.compiler import compile_condition
from detections.sigma.conditions import condition
from detections.sigma.index import build_program
from detections.sigma.readers import DocumentReader

FIELDS = ("event.action", "source.ip", "user.name", "token.amount")
TEXTS = ("trade", "Trade", "order", "10.0.0.7", "10.1.2.3", "2001:db8::1", "7", "")
VALUES = st.one_of(
    st.sampled_from(TEXTS),
    st.sampled_from((0, 7, 7.5, -1, True)),
    st.lists(st.sampled_from((*TEXTS, 7)), max_size=3),
)
DOCUMENTS = st.dictionaries(st.sampled_from(FIELDS), VALUES)

TESTS = st.one_of(
    st.sampled_from(("trade", "ORDER", "tra*", "*der", "*rad*", "10.0.0.7", "7", "t*e")).map(
        SigmaString
    ),
    st.sampled_from(("Trade", "*rad*")).map(SigmaCasedString),
    st.sampled_from(
        ("10.0.0.0/8", "10.1.0.0/16", "10.0.0.7/32", "0.0.0.0/0", "2001:db8::/32", "::/0")
    ).map(SigmaCIDRExpression),
    st.builds(
        SigmaCompareExpression,
        st.sampled_from((0, 7, 7.5)).map(SigmaNumber),
        st.sampled_from(
            [CompareOperators.LT, CompareOperators.LTE, CompareOperators.GT, CompareOperators.GTE]
        ),
    ),
    st.booleans().map(SigmaExists),
)
LEAVES = st.builds(ConditionFieldEqualsValueExpression, st.sampled_from(FIELDS), TESTS)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(ConditionAND),
        st.lists(inner, min_size=1, max_size=3).map(ConditionOR),
        inner.map(lambda one: ConditionNOT([one])),
    ),
    max_leaves=4,
)


@given(st.lists(TREES, min_size=1, max_size=40), st.lists(DOCUMENTS, min_size=1, max_size=10))
def test_the_index_finds_what_trying_each_rule_finds(
    trees: list[Any], documents: list[Mapping[str, Any]]
) -> None:
    reader = DocumentReader()
    rules = [(number, condition(tree)) for number, tree in enumerate(trees)]
    tests = {number: compile_condition(node, reader) for number, node in rules}
    program = build_program(rules, reader)
    for document in documents:
        found = None if program is None else program(document)
        assert sorted(found or ()) == [
            number
            for number, test in tests.items()
            if (test if isinstance(test, bool) else test(document))
        ]


@given(st.lists(TESTS, min_size=12, max_size=60), DOCUMENTS)
def test_many_rules_over_one_field_are_found_by_look_up(
    values: list[Any], document: Mapping[str, Any]
) -> None:
    reader = DocumentReader()
    rules = [
        (number, condition(ConditionFieldEqualsValueExpression("source.ip", value)))
        for number, value in enumerate(values)
    ]
    tests = {number: compile_condition(node, reader) for number, node in rules}
    program = build_program(rules, reader)
    found = None if program is None else program(document)
    assert sorted(found or ()) == [
        number
        for number, test in tests.items()
        if (test if isinstance(test, bool) else test(document))
    ]
