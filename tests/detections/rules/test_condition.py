"""Our reading of conditions gives the trees that pySigma gives."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sigma.conditions import (
    ConditionIdentifier,
    ConditionItem,
    ConditionSelector,
    SigmaCondition,
)
from sigma.rule import SigmaDetections

from detections.rules.condition import parse_condition

NAMES = ("selection", "filter_a", "filter_b", "sel-x", "_hidden")


def shape(tree: Any) -> Any:
    """A tree as plain lists, alternatives of one kind in one another flattened."""
    if isinstance(tree, ConditionIdentifier):
        return tree.identifier
    if isinstance(tree, ConditionSelector):
        return (tree.cond_class.__name__, tree.pattern)
    assert isinstance(tree, ConditionItem)
    return [type(tree).__name__, *(shape(arg) for arg in tree.args)]


def pysigma(text: str) -> Any:
    empty = SigmaDetections.__new__(SigmaDetections)
    return SigmaCondition(text, empty).parse(postprocess=False)


operands = st.sampled_from(
    (*NAMES, "1 of them", "all of them", "any of filter_*", "all of *_a", "1 of sel*")
)
conditions = st.recursive(
    operands,
    lambda inner: st.one_of(
        inner.map("not {}".format),
        inner.map("({})".format),
        st.tuples(inner, inner).map(" and ".join),
        st.tuples(inner, inner).map(" or ".join),
    ),
    max_leaves=8,
)


@given(conditions)
def test_a_condition_is_read_as_pysigma_reads_it(text: str) -> None:
    parsed = parse_condition(text, NAMES)
    assert parsed.errors == ()
    assert shape(parsed.tree) == shape(pysigma(text))


@pytest.mark.parametrize(
    ("pattern", "used"),
    [
        ("1 of them", {"selection", "filter_a", "filter_b", "sel-x"}),
        ("1 of filter_*", {"filter_a", "filter_b"}),
        ("all of *_a", {"filter_a"}),
        ("1 of _*", {"_hidden"}),
        ("not (selection and filter_b)", {"selection", "filter_b"}),
    ],
)
def test_the_selections_that_it_uses(pattern: str, used: set[str]) -> None:
    assert parse_condition(pattern, NAMES).used == used


@pytest.mark.parametrize("name", ["notable", "android", "order", "all", "of"])
def test_a_name_that_begins_like_a_word_is_a_name(name: str) -> None:
    # pySigma takes "notable" for "not able".
    assert parse_condition(f"selection and {name}", (*NAMES, name)).used == {"selection", name}


def test_every_selection_that_isn_t_there_is_told() -> None:
    errors = parse_condition("selektion and 1 of fitler* and filter_c and !filter_a", NAMES).errors
    assert [(str(error), error.start, error.end, error.hint) for error in errors] == [
        ('no selection is called "selektion"', 0, 9, "selection"),
        ('no selection matches "fitler*"', 19, 26, "filter_*"),
        ('no selection is called "filter_c"', 31, 39, "filter_b"),
        ('no selection is called "!filter_a"', 44, 53, "not filter_a"),
    ]


@pytest.mark.parametrize(
    "text", ["(" * 5000 + "selection", "not " * 2000 + "selection", "x" * 20_000]
)
def test_a_monstrous_condition_is_refused(text: str) -> None:
    assert parse_condition(text, NAMES).errors


@given(st.text(alphabet="not andr1f*_()|x-", max_size=30))
def test_it_raises_nothing(text: str) -> None:
    parsed = parse_condition(text, NAMES)
    assert (parsed.tree is None) == bool(parsed.errors)
