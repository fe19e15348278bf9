"""Slips that leave a rule sound as Sigma, which then stays silent for ever."""

from pathlib import Path

import pytest

from tests.detections.rules.documents import (
    HEADER,
    correlation,
    folder_problems,
    part,
    problems,
    the_problem,
    together,
)

OURS = HEADER + "logsource: {product: tapewatch}\n"


@pytest.mark.parametrize(
    ("selection", "hint"),
    [
        ("event.action = trade", "event.action: trade"),
        ("event.action:trade", "event.action: trade"),
        ("token.symbol == ACME", "token.symbol: ACME"),
        ("token.symbl = ACME", "token.symbol: ACME"),
        ("Token.Symbol = ACME", "token.symbol: ACME"),
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
    "selection",
    [
        *("wash trading", "a = b", "'https://example.com'", "event.action", "[x, 'a: b']"),
        *("'token.com: buy now'", "'tags: x'"),
    ],
)
def test_other_text_is_looked_for_anywhere(selection: str) -> None:
    assert problems(f"{OURS}detection:\n  s: {selection}\n  condition: s\n") == []


@pytest.mark.parametrize("selection", ["agent-added", "[agent-added, ACME]"])
def test_a_kind_of_event_as_text_to_find_is_a_warning(selection: str) -> None:
    text = f"{OURS}detection:\n  s: {selection}\n  condition: s\n"
    problem = the_problem(text, severity="warning")
    assert problem.hint == "event.action: agent-added"


def test_a_field_that_there_is_not_as_one_text_with_its_value_is_a_warning() -> None:
    text = (
        f"{OURS}detection:\n  s: [token.type = bond, 'token.type: bond', a.b = c]\n  condition: s\n"
    )
    problem = the_problem(text, severity="warning")
    assert problem.message == "this is text to find anywhere in an event, and no field with a value"
    assert (problem.location.column, problem.hint) == (7, None)


def test_text_to_find_in_events_of_others_is_theirs_to_write() -> None:
    theirs = f"{HEADER}logsource: {{product: windows}}\n"
    assert problems(f"{theirs}detection:\n  s: event.action = x\n  condition: s\n") == []


def item(text: str) -> str:
    return f"{OURS}detection:\n  s:\n    event.action: token-transfer\n    {text}\n  condition: s\n"


A, B = f"0x{'a' * 40}", f"0x{'b' * 40}"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("investor.source.id: INV-1 or INV-2", "[INV-1, INV-2]"),
        ("investor.source.id: INV-1, INV-2, INV-3", "[INV-1, INV-2, INV-3]"),
        ("investor.source.id: INV-1;INV-2", "[INV-1, INV-2]"),
        ("investor.source.id: alice or bob", "[alice, bob]"),
        ("investor.source.id|neq: acct-1 OR acct-2", "[acct-1, acct-2]"),
        ("token.symbol: ACME and WIDGET", "[ACME, WIDGET]"),
        (f'source.address: "{A}, {B}"', f'["{A}", "{B}"]'),
        ("token.symbol: [ACME, 'X, Y']", "[X, Y]"),
    ],
)
def test_several_values_in_one_text(text: str, hint: str) -> None:
    problem = the_problem(item(text), severity="warning")
    assert problem.message == "this is one text, which no event has: several values are a list"
    assert (problem.hint, problem.location.line) == (hint, 16)


def test_an_order_may_be_called_by_several_parts() -> None:
    received = item("market.order.client_id: DESK|BLOCK").replace(
        "token-transfer", "order-received"
    )
    assert problems(received) == []


def test_several_kinds_of_event_in_one_text() -> None:
    problem = the_problem(item("token.transfer.type: mint").replace("token-tr", "trade, token-tr"))
    assert problem.hint == "[trade, token-transfer]"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ('token.symbol: "!ACME"', "token.symbol|neq: ACME"),
        ("token.symbol: not ACME", "token.symbol|neq: ACME"),
        ("token.symbol: '!= ACME'", "token.symbol|neq: ACME"),
        ("token.symbol: = ACME", "token.symbol: ACME"),
        ("investor.source.id: /INV-.*/", 'investor.source.id|re: "INV-.*"'),
        ("investor.source.id: '.*INV.*'", 'investor.source.id|re: ".*INV.*"'),
        ("token.symbol: 'ACME '", "token.symbol: ACME"),
        ("investor.source.cluster: ' Smith and Sons'", 'investor.source.cluster: "Smith and Sons"'),
        ("token.symbol: \"'ACME'\"", "token.symbol: ACME"),
        ("token.symbol|neq: 'ACME%'", 'token.symbol|neq: "ACME*"'),
        ("token.symbol|neq: '!ACME'", "token.symbol|neq: ACME"),
        ("token.symbol|neq: /ACME.*/", 'token.symbol|re|neq: "ACME.*"'),
        ("investor.source.id: ^INV-1", 'investor.source.id|re: "^INV-1"'),
        ("investor.source.id: 'INV-[0-9]+$'", 'investor.source.id|re: "INV-[0-9]+$"'),
        ("token.symbol: ^ACME$", 'token.symbol|re: "^ACME$"'),
        ("token.symbol: 'ACME%'", 'token.symbol: "ACME*"'),
        ("investor.source.id: 'INV-%'", 'investor.source.id: "INV-*"'),
        ("investor.source.id: '%-7%'", 'investor.source.id: "*-7*"'),
    ],
)
def test_what_other_languages_write_into_a_value(text: str, meant: str) -> None:
    problem = the_problem(item(text), severity="warning")
    assert problem.message == "this is looked for as it stands here, sign for sign"
    assert problem.hint == meant


@pytest.mark.parametrize(
    "text",
    [
        "token.name: Acme, Incorporated or so",
        "event.reason: not allowed, or frozen",
        "investor.source.id: A B",
        "token.name: 100%",
        "token.symbol: 'A*'",
        'investor.source.id|re: "^INV-1"',
        "investor.source.id|contains: ', '",
        "investor.source.id: = x y z",
        "investor.source.cluster: Smith and Sons",
        "investor.source.cluster: Acme, Inc.",
        "investor.source.id: Müller, Hans",
        "investor.source.id: OMNI|123",
        "investor.source.id: auth0|5f7c8e",
        "token.symbol: ^GSPC",
        "token.symbol: US$",
        "token.symbol: BRK.*",
        "investor.source.cluster: O'Brien'",
        "investor.source.id: '*'",
        "token.symbol: BUND-2.5%",
    ],
)
def test_text_that_may_stand_in_an_event_is_not_complained_of(text: str) -> None:
    assert problems(item(text)) == []


@pytest.mark.parametrize("size", ["gt", "gte", "lt", "lte"])
def test_a_list_of_sizes_is_no_range(size: str) -> None:
    problem = the_problem(item(f"token.amount|{size}: [5, 10]"), severity="warning")
    assert problem.message == "one of these is enough, so that the others say nothing"
    assert problem.expected == "one number; a range is two items, |gte and |lte"
    assert problems(item(f"token.amount|{size}: [5]")) == []
    assert problems(item("token.amount: [5, 10]")) == []


def test_a_list_is_named_by_expand(tmp_path: Path) -> None:
    lists = "lists:\n  custody: [x]\n"
    files = {"r.yml": item('source.address: "%custody%"'), "a.lists.yml": lists}
    (problem,) = folder_problems(tmp_path, files)
    assert problem.severity == "warning"
    assert problem.message == "this is the text %custody%, and not the list of that name"
    assert problem.hint == 'source.address|expand: "%custody%"'


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (f'"{A}, {B}"', "this is one text, which no event has: several values are a list"),
        (f'"{A}; {B}"', "this is one text, which no event has: several values are a list"),
        (f'"{A[:-1]}"', "this is no whole address"),
    ],
)
def test_a_value_of_a_list_that_no_event_has(tmp_path: Path, value: str, message: str) -> None:
    files = {"r.yml": item("token.symbol: X"), "a.lists.yml": f"lists:\n  some: [{value}]\n"}
    (problem,) = folder_problems(tmp_path, files)
    assert (problem.severity, problem.message) == ("warning", message)
    assert problem.location.line == 2


@pytest.mark.parametrize(
    "logsource", ["product: ethereum", "product: blockchain\n  service: chain", "category: trades"]
)
@pytest.mark.parametrize("field", ["token.symbl: A\n    token.symbol: A", "investor.labels: vip"])
def test_fields_of_our_events_under_another_log_source(logsource: str, field: str) -> None:
    theirs = f"{HEADER}logsource:\n  {logsource}\n"
    text = f"{theirs}detection:\n  s:\n    event.action: agent-added\n    {field}\n  condition: s\n"
    found = [one for one in problems(text) if one.code == "rule/logsource"]
    assert len(found) == 1
    assert found[0].message == (
        f"{field.rpartition('    ')[2].partition(':')[0]} is a field of our own events, and this "
        "log source of others: their fields aren't checked"
    )
    assert (found[0].severity, found[0].location.line) == ("warning", 12)
    assert found[0].expected == "product: tapewatch"


def test_fields_of_ecs_are_everybody_s() -> None:
    theirs = f"{HEADER}logsource: {{product: windows}}\n"
    text = f"{theirs}detection:\n  s: {{event.action: started, related.user: x, tags: y}}\n"
    assert problems(f"{text}  condition: s\n") == []


@pytest.mark.parametrize("text", ['""', "", "' '"])
def test_a_sentence_without_anything_in_it(text: str) -> None:
    problem = the_problem(f"{item('token.symbol: A')}reason: {text}\n")
    assert problem.message == "the sentence is empty"
    assert problem.advice == "remove the key, and the alert says what was found"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("{{token.symbol}} moved", "{token.symbol}"),
        ("moved {{ token.symbol }}", "{token.symbol}"),
        ("moved ${{token.symbl}}", "{token.symbol}"),
        ("moved %token.symbol%", "{token.symbol}"),
        ("moved <token.symbol>", "{token.symbol}"),
    ],
)
def test_a_field_in_other_braces_would_be_written_as_it_stands(text: str, meant: str) -> None:
    problem = the_problem(f'{item("token.symbol: A")}reason: "{text}"\n', severity="warning")
    assert problem.message == "this is written as it stands here, and not as a field's value"
    assert problem.hint == meant
    assert problem.location.line == 18


@pytest.mark.parametrize(
    "text", ["{{a}} {token.symbol}", "5% of {token.symbol}, 10% more", "<a.b>", "%token.com%"]
)
def test_braces_of_other_text_may_stand_in_a_sentence(text: str) -> None:
    assert problems(f'{item("token.symbol: A")}reason: "{text}"\n') == []


@pytest.mark.parametrize(("share", "meant"), [("0.95", "95"), ("0.5", "50"), ("0.999", "99.9")])
def test_a_share_where_a_percentile_is_asked(share: str, meant: str) -> None:
    body = (
        "type: value_percentile\nrules: sent\ntimespan: 5m\n"
        f"condition: {{field: token.amount, gt: 1, percentile: {share}}}"
    )
    problem = the_problem(together(part("sent"), correlation(body)), severity="warning")
    assert problem.hint == meant
    assert problem.message == f"{share} is less than the first percentile: it counts from 0 to 100"


def filtered(condition: str) -> str:
    return (
        f"{OURS}detection:\n  s: {{event.action: trade}}\n  filter_a: {{token.symbol: A}}\n"
        f"  filter_b: {{token.symbol: B}}\n"
        f"  filtered: {{market.venue: v}}\n  condition: {condition}\n"
    )


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        ("s and filter_a and not filter_b", ["filter_a"]),
        ("s and not filter_a or filter_b", ["filter_b"]),
        ("s and not (filter_a and not filter_b)", ["filter_b"]),
        ("s and 1 of filter_*", ["filter_a", "filter_b"]),
        ("all of them", ["filter_a", "filter_b"]),
        ("s and not 1 of filter_*", []),
        ("s and not filter_a and not filter_b", []),
        ("s and not (filter_a or filter_b)", []),
        ("s and filtered and not 1 of filter_*", []),
    ],
)
def test_a_filter_that_is_asked_for(condition: str, wanted: list[str]) -> None:
    found = [one for one in problems(filtered(condition)) if one.code == "rule/filter"]
    assert [one.message for one in found] == [
        f'the selection "{name}" is asked for here, and not left out' for name in wanted
    ]
    assert all((one.severity, one.location.line) == ("warning", 18) for one in found)


def test_a_list_of_groups_of_which_one_is_for_any_kind_of_event() -> None:
    groups = "    - event.action: trade\n    - token.symbol: A\n"
    text = f"{OURS}detection:\n  s:\n{groups}  condition: s\n"
    problem = the_problem(text, severity="warning")
    assert problem.message == 'each of these is enough for "s": this one is for any kind of event'
    assert problem.advice == "without the dashes all of them must hold together"
    assert (problem.location.line, problem.location.column) == (16, 7)
    both = text.replace("- token.symbol: A", "- {event.action: block, token.symbol: A}")
    assert "rule/alternatives" not in [one.code for one in problems(both)]
    # A group whose fields no such event has is an alternative to it, and not a part of it.
    other = text.replace("token.symbol: A", "token.amount|gte: 5")
    assert "rule/alternatives" not in [one.code for one in problems(other)]
    # By a pattern, this may be an event that has them.
    pattern = other.replace("- token.am", "- {event.action|startswith: token}\n    - token.am")
    assert "rule/alternatives" in [one.code for one in problems(pattern)]


@pytest.mark.parametrize("condition", ["t and s", "t and not s"])
def test_a_list_of_groups_beside_what_says_the_kind_of_event(condition: str) -> None:
    """None of the groups is for any kind then; and in what is left out each may be enough."""
    kind = "  t: {event.action: [trade, order-placed]}\n"
    groups = "    - event.action: trade\n    - token.symbol: A\n"
    text = f"{OURS}detection:\n{kind}  s:\n{groups}  condition: {condition}\n"
    assert problems(text) == []


def test_of_two_lists_of_groups_neither_says_the_kind_for_the_other() -> None:
    groups = "\n    - event.action: trade\n    - token.symbol: A\n"
    text = f"{OURS}detection:\n  t:{groups}  s:{groups}  condition: t and s\n"
    assert [one.code for one in problems(text)] == ["rule/alternatives"] * 2
