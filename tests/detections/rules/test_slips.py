"""Slips that people make in rules, each told where it stands and how it was meant."""

import datetime
from pathlib import Path

import pytest
from msgspec.structs import fields as fields_of_struct

from detections.rules.correlation import CorrelationDocument
from detections.rules.document import Logsource
from detections.rules.stray_keys import KEYS_OF
from pipeline.problems import Problem
from tests.detections.rules.documents import (
    HEADER,
    correlation,
    folder_problems,
    part,
    problems,
    said,
    the_problem,
    together,
)

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


@pytest.mark.parametrize(
    ("date", "meant"),
    [
        ("2026/11/23", "2026-11-23"),
        ("2026-1-3", "2026-01-03"),
        ("23.11.2026", "2026-11-23"),
        ("11/23/2026", "2026-11-23"),
        ("23/11/2026", "2026-11-23"),
        ("2026-11-23T10:00:00Z", "2026-11-23"),
        ("03/04/2026", None),
        ("32.11.2026", None),
        ("yesterday", None),
    ],
)
def test_a_date_in_another_form(date: str, meant: str | None) -> None:
    assert the_problem(rule().replace("2026-01-31", date)).hint == meant


TODAY = datetime.date(2026, 11, 26)


@pytest.mark.parametrize(
    ("dates", "message"),
    [
        ("date: 2062-11-23", "this date is still to come"),
        ("date: 2026-11-23\nmodified: 2027-01-01", "this date is still to come"),
        ("date: 2026-11-23\nmodified: 2026-11-22", "it was modified before it was written"),
        ("date: 2026-11-27", None),  # where it is tomorrow already
        ("date: 2026-11-23\nmodified: 2026-11-23", None),
    ],
)
def test_a_date_that_can_t_be(tmp_path: Path, dates: str, message: str | None) -> None:
    files = {"r.yml": rule().replace("date: 2026-01-31", dates)}
    found = folder_problems(tmp_path, files, today=TODAY)
    assert [one.message for one in found] == ([message] if message else [])
    assert all(one.severity == "warning" for one in found)


def test_two_rules_of_one_title_are_a_warning(tmp_path: Path) -> None:
    other = rule().replace("id: 7d0f", "id: 8d0f")
    (found,) = folder_problems(tmp_path, {"a.yml": rule(), "b.yml": other})
    assert (found.message, found.severity) == ('another rule has the title "A rule"', "warning")
    assert found.location.file.endswith("b.yml")
    assert found.related[0].file.endswith("a.yml")


def test_parts_of_correlations_may_have_one_title(tmp_path: Path) -> None:
    counted = correlation("type: event_count\nrules: x\ntimespan: 5m\ncondition: {gte: 3}")
    again = counted.replace("c0000000", "d0000000").replace("rules: x", "rules: y")
    again = again.replace("Correlation 1", "Correlation 2")
    files = {
        "a.yml": together(part("x"), counted),
        "b.yml": together(part("x").replace("name: x", "name: y"), again),
    }
    assert folder_problems(tmp_path, files) == []


COUNT = "type: event_count\nrules: x\ntimespan: 5m\ncondition: {gte: 3}"


def test_keys_that_are_not_indented_enough_are_told_and_read() -> None:
    found = problems(
        part("seen")
        + "---\n"
        + correlation("type: event_count\nrules: [seen]").rstrip()
        + "\ntimespan: 1 hour\ncondition: {gte: 2}\n"
    )
    assert [(one.message, one.advice or one.hint) for one in found] == [
        (
            'the key "timespan" stands outside the correlation',
            "indent it, so that it stands below correlation",
        ),
        ('"1 hour": "hour" isn\'t a unit of a duration', "1h"),
        (
            'the key "condition" stands outside the correlation',
            "indent it, so that it stands below correlation",
        ),
    ]
    unindented = OURS.replace("logsource: {product: tapewatch}", "logsource:\nproduct: tapewatch")
    problem = the_problem(f"{unindented}detection:\n  s: {{token.symbol: A}}\n  condition: s\n")
    assert problem.message == 'the key "product" stands outside the logsource'


def test_the_keys_that_may_stray_are_those_of_the_groups() -> None:
    assert KEYS_OF["logsource"] == {one.encode_name for one in fields_of_struct(Logsource)}
    assert KEYS_OF["correlation"] == {
        one.encode_name for one in fields_of_struct(CorrelationDocument)
    } - {"generate"}


def test_a_correlation_by_another_word_is_read_all_the_same() -> None:
    text = correlation("type: event_count\nrules: [sen]\ntimespan: 1h\ncondition: {gte: 2}")
    found = problems(part("seen") + "---\n" + text.replace("correlation:", "correlations:"))
    assert [(one.message, one.hint) for one in found] == [
        (
            "there is neither a detection nor a correlation, a filter or a correlator",
            "correlation",
        ),
        ('there is no rule with the id or name "sen"', "seen"),
    ]


def test_a_list_is_no_rule() -> None:
    problem = the_problem("- title: A\n  id: b\n")
    assert problem.advice == 'a rule begins without a dash; between two stands a line "---"'


def test_an_empty_condition_of_a_correlation_is_missing() -> None:
    found = problems(
        part("seen"), correlation("type: event_count\nrules: [seen]\ntimespan: 1h\ncondition:")
    )
    assert [(one.message, one.expected) for one in found] == [
        ("the value is missing", "such as {gte: 10}")
    ]


def test_an_id_that_is_none_is_told_how_to_make_whatever_else_is_wrong() -> None:
    text = rule("token.symbol: A").replace("status: test", "status: tst")
    text = text.replace("id: 7d0f3a6e-6f6b-4f6e-9a43-3f4be2c9b0aa", "id: my-rule")
    found = [one for one in problems(text) if one.location.line == 3]
    assert [one.advice for one in found] == ["make one with: uuidgen"]


def test_a_selection_whose_items_are_not_indented_enough() -> None:
    text = f"{OURS}detection:\n  s:\n  event.action: token-transfer\n  condition: s\n"
    (problem,) = problems(text)
    assert problem.message == 'the selection "s" is empty'
    assert problem.advice == "indent what belongs to it: event.action"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bus: {type: embedded}\ndetections: {rules: [r]}\nsinks: []\n", "--config"),
        ("labels:\n  - {entities: [a]}\n", "--labels"),
        ("investors:\n  - {id: INV-1}\n", "reference data"),
    ],
)
def test_another_file_of_ours_is_told_for_what_it_is(text: str, said: str) -> None:
    (problem,) = problems(text)
    assert problem.code == "rule/not-a-rule"
    assert said in (problem.advice or "")
