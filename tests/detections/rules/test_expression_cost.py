"""Expressions that a text could keep busy for ever are refused."""

import pytest

from detections.rules.expression_cost import takes_for_ever
from tests.detections.rules.documents import HEADER, problems, the_problem

BAD = [
    "^(a+)+$",
    "(a*)*b",
    r"^(\w+\s?)*$",
    r"(\s*\w+\s*)*;",
    "(a|.)*x",
    "(a|b+)*c",
    "^([ab]+c?)+$",
    r"^([a-zA-Z0-9_.-]+.?)+@",
    "(?:x+){1,200}y",
    "(?:.*,?)*z",
    "^(a+?)+$",
]
GOOD = [
    "ACME.*",
    ".*a.*b.*c",
    r"(\w+\s)*x",
    "([^,]*,)*",
    "(a+b)*",
    "(ab*)*",
    "(a|b)*",
    r"(\w|\d)*x",  # which is one set to the engine
    "(?:x+){1,3}y",
    r"^0x[0-9a-f]{40}$",
    r"(?:https?://)?(?:[a-z0-9-]+\.)+[a-z]{2,}",
    "(?>a+)+b",
    "a{2,5}",
    "(",
]


@pytest.mark.parametrize("expression", BAD)
def test_a_repetition_that_ends_another_takes_for_ever(expression: str) -> None:
    assert takes_for_ever(expression)


@pytest.mark.parametrize("expression", GOOD)
def test_others_don_t(expression: str) -> None:
    assert not takes_for_ever(expression)


def test_it_is_told_at_the_value_and_refused() -> None:
    text = (
        f"{HEADER}logsource: {{product: tapewatch}}\ndetection:\n"
        "  s:\n    token.name|re: '^(a+)+$'\n  condition: s\n"
    )
    found = the_problem(text)
    assert (found.location.line, found.location.column) == (15, 20)
    assert found.message == "this expression can take for ever: a repetition ends another one"
    assert found.advice == "write it as one repetition: (a+)+ as a+"
    others = text.replace("product: tapewatch", "product: windows").replace("token.name", "name")
    assert [one.severity for one in problems(others)] == ["warning"]
