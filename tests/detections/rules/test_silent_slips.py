"""Slips that leave a rule sound as Sigma, which then stays silent for ever."""

import pytest

from tests.detections.rules.documents import HEADER, problems, the_problem

OURS = HEADER + "logsource: {product: tapewatch}\n"


@pytest.mark.parametrize(
    ("selection", "hint"),
    [
        ("event.action = trade", "event.action: trade"),
        ("event.action:trade", "event.action: trade"),
        ("token.symbol == ACME", "token.symbol: ACME"),
        ("token.symbol != ACME", "token.symbol|neq: ACME"),
        ("token.amount >= 5", "token.amount|gte: 5"),
        ("[event.action = trade]", "event.action: trade"),
        ("\n    event.action = trade\n    token.symbol = ACME", "event.action: trade"),
    ],
)
def test_a_field_and_its_value_as_one_text_would_be_looked_for_as_text(
    selection: str, hint: str
) -> None:
    text = f"{OURS}detection:\n  s: {selection}\n  condition: s\n"
    problem = the_problem(text)
    assert problem.message == "this is text to find anywhere in an event, and no field with a value"
    assert problem.hint == hint


@pytest.mark.parametrize(
    "selection", ["wash trading", "a = b", "'https://example.com'", "event.action", "[x, 'a: b']"]
)
def test_other_text_is_looked_for_anywhere(selection: str) -> None:
    assert problems(f"{OURS}detection:\n  s: {selection}\n  condition: s\n") == []


def test_text_to_find_in_events_of_others_is_theirs_to_write() -> None:
    theirs = f"{HEADER}logsource: {{product: windows}}\n"
    assert problems(f"{theirs}detection:\n  s: event.action = x\n  condition: s\n") == []
