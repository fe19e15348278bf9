"""Slips that people make in rules, each told where it stands and how it was meant."""

import pytest

from pipeline.problems import Problem
from tests.detections.rules.documents import HEADER, problems, said, the_problem

OURS = HEADER + "logsource: {product: tapewatch}\n"


def rule(*items: str, condition: str = "s and not filter_a") -> str:
    inner = "".join(f"    {item}\n" for item in items)
    return (
        f"{OURS}detection:\n  s:\n    event.action: token-transfer\n{inner}"
        f"  filter_a: {{token.symbol: B}}\n  condition: {condition}\n"
    )


def place(problem: Problem) -> tuple[int, int]:
    return problem.location.line, problem.location.column


ADDRESS = "0x00000000000000000000000000000000000000d4"


def test_an_address_without_quotes_is_meant_as_it_is_written() -> None:
    problem = the_problem(rule(f"source.address: {ADDRESS}"))
    assert problem.expected == f'text: put it in quotes, "{ADDRESS}"'


@pytest.mark.parametrize("address", ["0xd4", ADDRESS[:-1], ADDRESS + "0", "0x" + "g" * 40])
def test_what_can_t_be_an_address_is_a_warning(address: str) -> None:
    problem = the_problem(rule(f'source.address: "{address}"'), severity="warning")
    assert place(problem) == (16, 21)
    assert problem.message == f'source.address is never "{address}": this is no whole address'
    assert problem.expected == "0x and 40 digits"


@pytest.mark.parametrize(
    "item",
    [
        f'source.address: "{ADDRESS}"',
        "source.address: '0x00*'",
        "source.address|startswith: '0x00'",
        "source.address: So11111111111111111111111111111111111111112",
        f'market.pool.address: "0x{"ab" * 32}"',
        'source.address: "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359"',
        'source.address: "0x3C499C542CEF5E3811E1192CE70D8CC03D5C3359"',
    ],
)
def test_whole_addresses_and_patterns_are_none(item: str) -> None:
    assert [one for one in problems(rule(item)) if one.code == "rule/address"] == []


def test_an_address_with_a_digit_that_was_mistyped_is_known_by_its_capitals() -> None:
    wrong = "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3358"
    problem = the_problem(rule(f'source.address: "{wrong}"'), severity="warning")
    assert problem.message == "the capitals in this address aren't those of its checksum (EIP-55)"
    assert problem.advice == "copy it anew; all in small letters it isn't checked"


@pytest.mark.parametrize(
    ("modifier", "hint"),
    [
        (">=", "gte"),
        (">", "gt"),
        ("<=", "lte"),
        ("<", "lt"),
        ("!=", "neq"),
        ("ge", "gte"),
        ("regex", "re"),
        ("begins_with", "startswith"),
        ("like", "contains"),
        ("Contains", "contains"),
    ],
)
def test_a_modifier_by_another_name(modifier: str, hint: str) -> None:
    assert the_problem(rule(f"token.symbol|{modifier}: A")).hint == hint


def test_a_modifier_that_is_not_there() -> None:
    assert the_problem(rule("token.symbol|: A")).message == 'no modifier stands after this "|"'


@pytest.mark.parametrize(
    ("number", "meant"),
    [
        ("1,000", "1000"),
        ("1_000", "1000"),
        ("1'000'000", "1000000"),
        ("1 000", "1000"),
        ("1,000.50", "1000.50"),
        ('"1000"', "1000"),
        ("10k", "10000"),
        ("1.000,00", None),
        ("a lot", None),
        ("1,00", None),
    ],
)
def test_a_number_as_people_write_it(number: str, meant: str | None) -> None:
    assert the_problem(rule(f"token.amount|gte: {number}")).hint == meant
    text = (
        f"title: B\nname: b\nlogsource: {{product: tapewatch}}\ndetection:\n"
        f"  s: {{event.action: trade}}\n  condition: s\n---{HEADER}correlation:\n"
        f"  type: event_count\n  rules: [b]\n  timespan: 5m\n  condition: \n    gte: {number}\n"
    )
    assert the_problem(text).hint == meant


@pytest.mark.parametrize(
    ("value", "hint"),
    [('">= 1000"', "token.amount|gte: 1000"), ('"< 5.5"', "token.amount|lt: 5.5")],
)
def test_a_comparison_in_a_value_belongs_to_the_key(value: str, hint: str) -> None:
    assert the_problem(rule(f"token.amount: {value}")).hint == hint


@pytest.mark.parametrize("item", ["token.symbol|contains|re: A", "source.address|cidr: 1.1.1.1/99"])
def test_what_pysigma_says_names_no_place_of_its_own(item: str) -> None:
    assert "rule.yml:" not in the_problem(rule(item)).message


def test_a_key_without_a_value_is_a_warning() -> None:
    problem = the_problem(rule("token.symbol:"), severity="warning")
    assert problem.message == "nothing stands here: token.symbol must not be there then"
    assert problem.advice == "write the value, or null if that is meant"
    assert problems(rule("token.symbol: null")) == []


def test_a_selection_without_anything_in_it() -> None:
    text = rule().replace("{token.symbol: B}", "")
    assert the_problem(text).message == 'the selection "filter_a" is empty'


@pytest.mark.parametrize(
    ("condition", "message", "hint"),
    [
        ("s AND NOT filter_a", '"and" or "or" is missing before this', "and"),
        ("s && filter_a", '"and" or "or" is missing before this', "and"),
        ("s || filter_a", "counting with | belonged to an old form of Sigma", "or"),
        ("s, filter_a", "a comma can't stand in a condition", "and"),
        ("s and ! filter_a", 'no selection is called "!"', "not"),
        ("s and not 1 of fitler_*", 'no selection matches "fitler_*"', "filter_*"),
        ("all of thm", 'no selection matches "thm"', "them"),
    ],
)
def test_words_of_a_condition_in_other_forms(condition: str, message: str, hint: str) -> None:
    problem = the_problem(rule(condition=condition))
    assert (problem.message, problem.hint) == (message, hint)


def test_where_a_condition_can_t_be_read_no_selection_is_called_unused() -> None:
    assert "isn't used" not in said(rule(condition="s AND NOT filter_a"))


def test_a_condition_beside_the_detection_instead_of_in_it() -> None:
    problem = the_problem(rule().replace("  condition:", "condition:"))
    assert place(problem) == (17, 1)
    assert problem.message == "the condition stands outside the detection"
    assert problem.advice == "indent it as far as the selections"


def test_a_condition_within_a_selection() -> None:
    text = rule().replace("{token.symbol: B}", "\n    token.symbol: B")
    problem = the_problem(text.replace("  condition:", "    condition:"))
    assert place(problem) == (18, 5)
    assert problem.message == 'the condition stands within the selection "filter_a"'
    assert problem.advice == "indent it as far as the selections"


@pytest.mark.parametrize("key", ["conditon", "Condition", "conditions"])
def test_a_condition_whose_key_is_misspelt(key: str) -> None:
    problem = the_problem(rule().replace("condition:", f"{key}:"))
    assert place(problem) == (17, 3)
    assert (problem.message, problem.hint) == (f'there is no "condition", but "{key}"', "condition")


def test_values_that_should_be_tags_are_told_where_they_stand() -> None:
    problem = the_problem(rule() + "tags: [attack t1078]\n")
    assert problem.location.line == 18
    assert problem.expected == "a namespace and a name with a dot between, such as attack.t1078"
