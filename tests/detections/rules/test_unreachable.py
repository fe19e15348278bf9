"""Selections that can't match with those beside them are told; nothing else is."""

import pytest

from tests.detections.rules.documents import HEADER, problems, said


def ours(detection: str) -> str:
    return f"{HEADER}logsource: {{product: tapewatch}}\ndetection:\n{detection}\n"


def foreign(detection: str) -> str:
    return f"title: Foreign\nlogsource: {{product: windows}}\ndetection:\n{detection}\n"


def warnings(text: str) -> list[tuple[int, str]]:
    return [(p.location.line, p.message) for p in problems(text) if p.code == "rule/unreachable"]


BOTH = "the selection {} can't match here: {} can't be both"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("token.symbol: ACME", "token.symbol: OTHER"),
        ("token.symbol: [ACME, B]", "token.symbol: [C, D]"),
        ("token.symbol: ACME", "token.symbol|startswith: B"),
        ("token.symbol|startswith: B", "token.symbol: ACME"),
        ("token.symbol: ACME", "token.symbol|re|i: ^b"),
        ("token.symbol: ACME", "token.symbol|neq: acme"),
        ("token.symbol: ACME", "token.symbol: null"),
        ("token.symbol|exists: false", "token.symbol|contains: A"),
        ("token.amount|gt: 100", "token.amount|lt: 100"),
        ("token.amount|gte: 100.5", "token.amount|lt: 100.5"),
        ("token.amount|gt: 100", "token.amount: 99"),
        ("token.amount_raw|lt: 5", "token.amount_raw: '17'"),
        ("event.action: token-transfer", "event.action: wallet-frozen"),
    ],
)
def test_what_contradicts_itself(first: str, second: str) -> None:
    for one, two in ((first, second), (second, first)):
        text = ours(f"  s:\n    {one}\n  t:\n    {two}\n  condition: s and t")
        found = warnings(text)
        assert len(found) == 1, said(text)
        field = first.split("|")[0].split(":")[0]
        assert found[0][1].endswith(f"can't match here: {field} can't be both")


def test_both_places_are_told() -> None:
    text = ours("  s:\n    token.symbol: ACME\n  t:\n    token.symbol: B\n  condition: s and t")
    assert said(text) == (
        'rule.yml:17:5: warning: the selection "t" can\'t match here: '
        "token.symbol can't be both\n"
        "  17 |     token.symbol: B\n"
        "     |     ^^^^^^^^^^^^\n"
        "    see also rule.yml:15:5"
    )


@pytest.mark.parametrize(
    "detection",
    [
        "  s: {token.symbol: ACME}\n  t: {token.symbol|startswith: A}\n  condition: s and t",
        "  s: {token.amount|gt: 5}\n  t: {token.amount|lte: 6}\n  condition: s and t",
        "  s: {token.amount|gte: 5}\n  t: {token.amount|lte: 5}\n  condition: s and t",
        "  s: {token.symbol: [A, B]}\n  t: {token.symbol: [B, C]}\n  condition: s and t",
        # a list may hold both
        "  s: {investor.source.labels: a}\n  t: {investor.source.labels: b}\n  condition: s and t",
        # a number and its text
        "  s: {token.amount_raw: 5}\n  t: {token.amount_raw: '5'}\n  condition: s and t",
        # upper and lower case
        "  s: {token.symbol: acme}\n  t: {token.symbol|cased: ACME}\n  condition: s and t",
        "  s: {token.symbol: acme}\n  t: {token.symbol|re: ^ACME}\n  condition: s and t",
        # alternatives
        "  s: {token.symbol: A}\n  t: {token.symbol: B}\n  condition: s or t",
        "  s: {token.symbol: A}\n  t: {token.name: B}\n  condition: s and not t or t",
        # a field that isn't there is left out to be on the safe side
        "  s: {token.symbol: A}\n  t: {token.symbol: null}\n  condition: s and not t",
    ],
)
def test_what_may_match_is_not_told(detection: str) -> None:
    assert warnings(ours(detection)) == []


def test_an_alternative_that_can_t_match_is_told_alone() -> None:
    text = ours(
        "  a:\n    token.symbol: A\n  b:\n    token.symbol: B\n  c:\n    token.symbol: [B, C]\n"
        "  condition: (a or b) and c"
    )
    # a and b together are values of one field, as in a list
    assert warnings(text) == []
    text = ours(
        "  a:\n    token.symbol: A\n    token.name: X\n"
        "  b:\n    token.symbol: B\n    token.name: Y\n"
        "  c:\n    token.symbol: [B, C]\n  condition: (a or b) and c"
    )
    assert warnings(text) == [(15, BOTH.format('"a"', "token.symbol"))]


def test_a_filter_that_leaves_nothing_out_is_told() -> None:
    text = ours(
        "  s:\n    event.action: trade\n  filter:\n    source.address: '0x1'\n"
        "  condition: s and not filter"
    )
    assert warnings(text) == [
        (
            17,
            'the selection "filter" can\'t match here: no trade event has a field '
            "source.address: the not before it leaves nothing out",
        )
    ]


def test_a_field_that_the_events_don_t_have() -> None:
    text = ours("  s:\n    event.action: trade\n    token.amount: 5\n  condition: s")
    assert warnings(text) == [
        (16, 'the selection "s" can\'t match here: no trade event has a field token.amount')
    ]


def test_fields_that_no_kind_of_event_has_together() -> None:
    text = ours("  s:\n    market.order.id: a\n    token.amount: 5\n  condition: s")
    ((line, message),) = warnings(text)
    assert line == 16
    assert message.endswith("event has a field token.amount")


def test_rules_of_others_are_looked_through_too() -> None:
    text = foreign(
        "  s:\n    Image|endswith: '\\evil.exe'\n  filter:\n    Image|startswith: 'C:\\'\n"
        "    Image: 'C:\\good.exe'\n  condition: s and not filter"
    )
    assert [line for line, _ in warnings(text)] == [8]


def test_a_number_may_be_written_in_many_ways() -> None:
    text = foreign("  s: {a: 5}\n  t: {a: '5.0'}\n  u: {a|gte: 5}\n  condition: s and t and u")
    assert warnings(text) == []


def test_lists_of_ecs_may_hold_both() -> None:
    text = foreign("  s: {process.args: a}\n  t: {process.args: b}\n  condition: s and t")
    assert warnings(text) == []


def test_a_selection_is_told_once() -> None:
    text = ours(
        "  s:\n    token.symbol: A\n  t:\n    token.symbol: B\n    token.name: C\n    token.id: D\n"
        "  condition: (s and t) or (t and s)"
    )
    assert len(warnings(text)) == 1


def test_slips_in_names_of_ecs_are_told_in_rules_of_others() -> None:
    text = foreign(
        "  s:\n    proces.command_line: x\n    EventID: 5\n    winlog.event_data.Foo: 1\n"
        "    process.name: y\n  condition: s"
    )
    (problem,) = problems(text)
    assert (problem.severity, problem.message, problem.hint) == (
        "warning",
        'the Elastic Common Schema has no field "proces.command_line"',
        "process.command_line",
    )
