"""Slips that people make in correlations, and in what they refer to."""

import pytest

from tests.detections.rules.documents import correlation, part, problems, the_problem, together

COUNT = "type: event_count\nrules: x\ntimespan: 5m\ncondition: {gte: 3}"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("rules: x", "rule: x", 'the key "rule" isn\'t known here'),
        ("type: event_count\n  rules: x\n", "rules:\n  type: event_count\n", None),
    ],
)
def test_a_correlation_that_is_wrong_doesn_t_make_its_parts_wrong(
    old: str, new: str, message: str | None
) -> None:
    found = problems(together(part("x"), correlation(COUNT).replace(old, new)))
    assert [one for one in found if one.location.line == 1] == []
    assert message is None or [one.message for one in found] == [message]


def test_a_correlation_in_a_circle_doesn_t_make_its_parts_wrong() -> None:
    circle = correlation(COUNT.replace("rules: x", "rules: c"), extra="name: c\n")
    assert the_problem(together(part("x"), circle)).code == "rule/circle"


def test_a_part_that_no_correlation_names_is_told_of_once() -> None:
    found = the_problem(together(part("y"), part("x"), correlation(COUNT)))
    assert found.location.line == 1
    assert found.message == "no correlation refers to this rule, and it can't alert for itself"
    assert found.expected == (
        "its name in the rules of a correlation; or as a rule of its own: id, status, level, "
        "description, author, date, typology, falsepositives and references"
    )


def test_a_rule_of_another_folder_is_known_only_with_that() -> None:
    found = the_problem(correlation(COUNT.replace("rules: x", "rules: large_transfer")))
    assert found.message == 'there is no rule with the id or name "large_transfer"'
    assert found.advice == "if it stands in another folder, that must be named as well"


@pytest.mark.parametrize("called", ["Base x", "base_x"])
def test_a_rule_without_a_name_can_t_be_called_and_wants_one(called: str) -> None:
    nameless = part("x").replace("name: x\n", "")
    found = problems(together(nameless, correlation(COUNT.replace("rules: x", f"rules: {called}"))))
    (problem,) = (one for one in found if one.location.line > 9)
    assert problem.hint is None
    assert problem.advice == 'the rule "Base x" has no name: give it one, such as name: a_b'


@pytest.mark.parametrize(
    ("old", "new", "hint"),
    [
        ("timespan", "timeframe", "timespan"),
        ("timespan", "window", "timespan"),
        ("type: event_count", "type: count", "event_count"),
        ("type: event_count", "type: sum", "value_sum"),
        ("gte: 3", '">=": 3', "gte"),
        ("timespan: 5m", "timespan: PT5M", "5m"),
        ("timespan: 5m", "timespan: 00:05:00", "5m"),
    ],
)
def test_what_correlations_call_otherwise(old: str, new: str, hint: str) -> None:
    found = problems(together(part("x"), correlation(COUNT).replace(old, new)))
    assert hint in [one.hint for one in found]


def test_fields_with_a_comma_are_a_list() -> None:
    body = f"{COUNT}\ngroup-by: source.address, token.symbol"
    found = the_problem(together(part("x"), correlation(body)))
    assert found.hint == "[source.address, token.symbol]"


def test_ten_months_are_seldom_meant() -> None:
    body = COUNT.replace("5m", "10M")
    found = the_problem(together(part("x"), correlation(body)), severity="warning")
    assert (found.message, found.hint) == ("10M is 10 months, since M is a month", "10m")
    assert problems(together(part("x"), correlation(COUNT.replace("5m", "6M")))) == []


def test_without_a_timespan_it_is_said_how_one_looks() -> None:
    found = the_problem(together(part("x"), correlation(COUNT.replace("timespan: 5m\n", ""))))
    assert found.message == 'the key "timespan" is missing here'
    assert str(found.expected).startswith("a time such as 30s, 90m")
