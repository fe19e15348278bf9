"""Slips that people make in rules, each told where it stands and how it was meant."""

import datetime
from pathlib import Path

import pytest

from pipeline.problems import Problem
from tests.detections.rules.documents import (
    HEADER,
    correlation,
    folder,
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


@pytest.mark.parametrize(
    ("name", "text", "right"),
    [
        ("my.exception.yml", "exceptions: []\n", "my.exceptions.yml"),
        ("my.yml", "exceptions: []\n", "my.exceptions.yml"),
        ("my.list.yml", "lists: {}\n", "my.lists.yml"),
        ("my.tests.yml", "tests: []\n", "my.test.yml"),
        ("my_test.yml", "tests: []\n", "my.test.yml"),
        ("my-lists.yml", "lists: {}\n", "my.lists.yml"),
    ],
)
def test_a_file_of_something_else_has_another_name(
    tmp_path: Path, name: str, text: str, right: str
) -> None:
    (found,) = folder_problems(tmp_path, {name: text})
    assert found.hint is None
    assert str(found.advice).endswith(f"is called {right}")


def test_an_ending_in_capitals_is_an_ending(tmp_path: Path) -> None:
    (found,) = folder(tmp_path, {"R.YML": rule()}).rules
    assert found.title == "A rule"


def test_a_sentence_with_a_field_that_none_of_its_events_has() -> None:
    text = rule() + 'reason: "{market.trade.id} and {token.symbol}"\n'
    found = the_problem(text, severity="warning")
    assert place(found) == (18, 11)
    assert found.message == (
        'no event that this rule matches has a field market.trade.id: it is always "unknown"'
    )
    text = rule() + 'reason: "{token.symbol}[ in {market.trade.id}]"\n'
    assert the_problem(text, severity="warning").message == (
        "no event that this rule matches has a field market.trade.id: its brackets are always "
        "left out"
    )


@pytest.mark.parametrize(
    ("item", "value", "message", "hint"),
    [
        (
            "labels",
            "market maker",
            'investor.source.labels is never "market maker"',
            "market_maker",
        ),
        ("jurisdiction", "Norway", 'investor.source.jurisdiction is never "Norway"', None),
        (
            "accreditation",
            "acredited",
            'investor.source.accreditation is never "acredited"',
            "accredited",
        ),
        (
            "labels",
            "marketmaker",
            '"marketmaker" is none of the usual labels; it is taken as one of yours',
            "market_maker",
        ),
        (
            "labels",
            "custodain",
            '"custodain" is none of the usual labels; it is taken as one of yours',
            "custodian",
        ),
    ],
)
def test_what_no_party_is_would_leave_nobody_out(
    item: str, value: str, message: str, hint: str | None
) -> None:
    problem = the_problem(rule(f"investor.source.{item}: [{value}]"), severity="warning")
    assert (problem.message, problem.hint) == (message, hint)
    assert place(problem)[0] == 16


@pytest.mark.parametrize(
    "item",
    [
        "labels: [Market_Maker, custodian, agents, vip, 'kyc:expired', 'risk:*', 'market ?aker']",
        "labels|contains: 'market maker'",
        "jurisdiction: [NO, no, GB]",
        "accreditation: Retail",
    ],
)
def test_what_a_party_can_be_is_not_complained_of(item: str) -> None:
    assert problems(rule(f"investor.source.{item}")) == []


def test_an_id_that_is_a_number_is_told_once() -> None:
    text = rule("token.symbol: A")
    number = text.replace(text.split("id: ")[1].split("\n")[0], "4444")
    assert the_problem(number).message == "this isn't a UUID"


def test_a_field_in_a_field_is_written_with_a_dot() -> None:
    problem = the_problem(rule("token: {symbol: A}"))
    assert problem.message == "this can't stand here"
    assert problem.advice == "a field in a field is written with a dot: token.symbol"


def test_a_misspelt_detection_is_told_at_its_key() -> None:
    problem = the_problem(rule("token.symbol: A").replace("detection:", "detektion:"))
    assert (place(problem), problem.hint) == ((13, 1), "detection")
