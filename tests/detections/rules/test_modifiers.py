"""Every modifier of Sigma 2.1.0, from the rule file to a match."""

from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detections.rules.modifiers import MODIFIERS
from tests.detections.rules.documents import HEADER, matches, rules, the_problem

#: Appendix "Sigma Modifiers" of the specification.
SPECIFIED = (
    *("all", "startswith", "endswith", "contains", "exists", "cased", "neq", "windash"),
    *("re", "i", "m", "s", "base64", "base64offset", "utf16le", "utf16be", "utf16", "wide"),
    *("lt", "lte", "gt", "gte", "minute", "hour", "day", "week", "month", "year", "cidr"),
    *("expand", "fieldref"),
)


def rule(item: str) -> str:
    return (
        "title: Foreign\nlogsource: {product: other}\n"
        f"detection:\n  s:\n    {item}\n  condition: s\n"
    )


def test_every_modifier_of_the_specification_is_known() -> None:
    assert set(SPECIFIED) <= set(MODIFIERS)


def encoded(text: str, encoding: str, mark: bytes = b"") -> str:
    return b64encode(mark + text.encode(encoding)).decode()


CASES: list[tuple[str, Any, bool]] = [
    # text
    ("a|cased: Abc", "Abc", True),
    ("a|cased: Abc", "abc", False),
    ("a|startswith|cased: Ab", "Abc", True),
    ("a|startswith|cased: Ab", "abc", False),
    ("a|cased|startswith: Ab", "abc", False),
    ("a|contains|all: [a, b]", "xbxa", True),
    ("a|contains|all: [a, b]", "xb", False),
    ("a|endswith: [.exe, .DLL]", "x.dll", True),
    ("a|neq: abc", "abd", True),
    ("a|neq: [abc, abd]", "abd", False),
    ("a|contains|neq: b", "abc", False),
    ("a|contains|neq: b", "ac", True),
    # expressions
    ("a|re: ^ab?c$", "ac", True),
    ("a|re: ^ab?c$", "AC", False),
    ("a|re|i: ^ab?c$", "AC", True),
    ("a|re|ignorecase: ^ab?c$", "AC", True),
    ("a|re|m: ^b$", "a\nb\nc", True),
    ("a|re|multiline: ^b$", "a\nb\nc", True),
    ("a|re: a.b", "a\nb", False),
    ("a|re|s: a.b", "a\nb", True),
    ("a|re|dotall: a.b", "a\nb", True),
    ("a|re|i|m|s: ^B.C$", "a\nb\nc", True),
    (r"a|re: '\d{3}-\*'", "x123-*y", True),
    ("a|re|neq: ^b", "abc", True),
    ("a|re|contains: b+", "abbc", True),
    # sizes, with fractions
    ("a|gt: 0.5", 0.51, True),
    ("a|gt: 0.5", 0.5, False),
    ("a|gte: 0.1", 0.1, True),
    ("a|lt: 2.5", 2, True),
    ("a|lte: 2.5", 2.6, False),
    ("a|lt: 2.5", "2.4999", True),
    ("a|gt: 1e3", 1000.5, True),
    ("a|gte: 100000000000000000001", "100000000000000000000", False),
    ("a|gte: 100000000000000000001", "100000000000000000001", True),
    # networks
    ("a|cidr: 192.168.0.0/16", "192.168.44.1", True),
    ("a|cidr: 192.168.0.0/16", "192.169.0.1", False),
    ("a|cidr: [10.0.0.0/8, 'fe80::/10']", "fe80::1", True),
    ("a|cidr|neq: 10.0.0.0/8", "11.0.0.1", True),
    # presence
    ("a|exists: true", "x", True),
    ("a|exists: true", "", True),
    ("a|exists: false", "x", False),
    # parts of a time
    ("a|minute: 7", "2026-05-04T13:07:59Z", True),
    ("a|hour: [13, 14]", "2026-05-04T13:07:59Z", True),
    ("a|day: 4", "2026-05-04T13:07:59Z", True),
    ("a|week: 19", "2026-05-04T13:07:59Z", True),
    ("a|month: 5", "2026-05-04T13:07:59Z", True),
    ("a|year: 2026", "2026-05-04T13:07:59Z", True),
    ("a|year: 2025", "2026-05-04T13:07:59Z", False),
    ("a|hour|neq: 13", "2026-05-04T13:07:59Z", False),
    # options of Windows commands
    ("a|windash|contains: ' -f'", "del /f x", True),
    ("a|windash|contains: ' -f'", "del \u2013f x", True),
    ("a|contains|windash: ' /f'", "del -f x", True),
    ("a|windash: 'a -b'", "a /b", True),
    ("a|windash: 'a -b'", "a b", False),
    ("a|cased|windash: '-F'", "/f", False),
    ("a|contains|all|windash: [' -f', ' /q']", "del /f -q x", True),
    # encodings
    ("a|base64: fo*o".replace("*", r"\*"), encoded("fo*o", "utf-8"), True),
    ("a|base64: é", encoded("é", "utf-8"), True),
    ("a|base64offset|contains: foobar", "x" + b64encode(b"ab foobar cd").decode(), True),
    ("a|base64offset|contains: größe", b64encode("xy größe z".encode()).decode(), True),
    ("a|wide|base64: cmd", encoded("cmd", "utf-16le"), True),
    ("a|utf16le|base64: cmd", encoded("cmd", "utf-16le"), True),
    ("a|utf16be|base64: cmd", encoded("cmd", "utf-16be"), True),
    ("a|utf16|base64: cmd", encoded("cmd", "utf-16le", b"\xff\xfe"), True),
    ("a|wide|base64: größe", encoded("größe", "utf-16le"), True),
    ("a|wide|base64offset|contains: ping", encoded("xx ping", "utf-16le"), True),
    ("a|wide|contains: cmd", "x\x00c\x00m\x00d\x00", True),
    ("a|utf16be: cmd", "\x00c\x00m\x00d", True),
]


@pytest.mark.parametrize(("item", "value", "expected"), CASES)
def test_a_modifier_from_the_file_to_a_match(item: str, value: Any, expected: bool) -> None:
    assert matches(rules(rule(item)), {"a": value}) is expected


@pytest.mark.parametrize(
    ("item", "event", "expected"),
    [
        ("a|fieldref: b", {"a": "X", "b": "x"}, True),
        ("a|fieldref: b", {"a": "x", "b": "y"}, False),
        ("a|fieldref: b", {"a": "x"}, False),
        ("a|fieldref: [b, c]", {"a": "x", "b": "y", "c": "x"}, True),
        ("a|fieldref|neq: b", {"a": "x", "b": "y"}, True),
        ("a|fieldref|neq: b", {"a": "x", "b": "X"}, False),
        ("a|neq|fieldref: b", {"a": "x", "b": "x"}, False),
        ("a|fieldref|startswith: b", {"a": "xyz", "b": "xy"}, True),
        ("a|fieldref|endswith: b", {"a": "xyz", "b": "yz"}, True),
        ("a|fieldref|contains: b", {"a": "xyz", "b": "y"}, True),
        ("a|fieldref|contains: b", {"a": "xyz", "b": "q"}, False),
        ("a|exists: false", {}, True),
        ("a|neq: x", {}, True),
        ("'|all': [x, y]", {"a": "1x", "b": "2y"}, True),
        ("'|all': [x, y]", {"a": "1x"}, False),
        ("'|cased': X", {"a": "1x"}, False),
        ("'|re': 'x+$'", {"a": "1xx"}, True),
    ],
)
def test_modifiers_over_several_fields(item: str, event: dict[str, Any], expected: bool) -> None:
    assert matches(rules(rule(item)), event) is expected


@given(st.text(alphabet="aé*€x", min_size=3, max_size=6), st.binary(max_size=4), st.binary())
def test_base64_with_an_offset_is_found_wherever_the_value_stands(
    text: str, before: bytes, after: bytes
) -> None:
    literal = text.replace("*", r"\*")
    found = rules(rule(f"a|base64offset|contains|cased: '{literal}'"))
    assert matches(found, {"a": b64encode(before + text.encode() + after).decode()})


@pytest.mark.parametrize(
    ("item", "message", "expected"),
    [
        ("a|gt: '5'", "only numbers can be compared by size", "a number"),
        ("a|gt: .inf", "a number must be finite", "a number"),
        ("a|hour: 24", "this is no hour", "a whole number from 0 to 23"),
        ("a|hour: 5.5", "this is no hour", "a whole number from 0 to 23"),
        ("a|day: x", "this is no day", "a whole number from 1 to 31"),
        ("a|exists: yes", "exists is or isn't", "true or false"),
        ("a|re: ''\n    b|re|contains: ''", None, None),
        ("a|re: '('", None, None),
        ("a|contains|re: x", None, None),
        ("a|cidr: 10.0.0.1/8", None, None),
        ("a|fieldref: 'b*'", None, None),
        ("a|base64: 'b*'", "what is encoded as Base64 can't have wildcards", None),
        ("a|contains: 5", 'contains can\'t be applied to "5"', None),
        ("a|gt|contains: 5", None, None),
        ("a|re|cidr: x", None, None),
        ("a|i: x", 'ignorecase can\'t be applied to "x"', None),
        ("a: []", "there is no value in this list",
         "values; null for a field that isn't there"),
        ("a|windash: '-a -b -c -d -e -f'",
         "windash can't take more than 5 options in one value: "
         "write each as a value of its own, with contains and all", None),
    ],
)  # fmt: skip
def test_a_mistake_with_a_modifier(item: str, message: str | None, expected: str | None) -> None:
    problem = the_problem(rule(item))
    assert message is None or problem.message == message
    assert problem.expected == expected
    assert problem.location.line == 5 + item.count("\n")


def test_the_modifier_that_isn_t_known_is_underlined() -> None:
    problem = the_problem(rule("some.field|contians|all: x"))
    assert problem.hint == "contains"
    assert problem.context is not None
    start, length = problem.context.start, problem.context.length
    assert problem.context.text[start : start + length] == "contians"


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("token.symbol|startswith: null", "startswith can't be applied to null"),
        ("token.symbol|contains: [a, null]", "contains can't be applied to null"),
        ("token.symbol|contains: true", "contains can't be applied to true"),
        ("token.amount|gte|lte: 5", "lte can't be applied to a comparison by another modifier"),
        (
            "'@timestamp|hour|gte|lte': 5",
            "lte can't be applied to a comparison by another modifier",
        ),
        (
            "token.symbol|exists|contains: true",
            "contains can't be applied to what exists has made of the value",
        ),
        ("token.symbol|i: a", 'ignorecase can\'t be applied to "a"'),
    ],
)
def test_modifiers_that_don_t_go_with_a_value_are_told_in_words(item: str, message: str) -> None:
    ours = f"{HEADER}logsource: {{product: tapewatch}}\n"
    text = f"{ours}detection:\n  s:\n    {item}\n  condition: s\n"
    assert the_problem(text).message == message
