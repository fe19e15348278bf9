"""What Sigma detections mean, over records and over plain documents."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from normalizer.events.chain import PoolSwap
from tests.detections.samples import Tape, alerts, matches, sigma, swap, transfer


def foreign(detection: str) -> Any:
    return sigma(detection, product="windows")


CASES: list[tuple[str, dict[str, Any], bool]] = [
    # equality, case, types
    ("a: X", {"a": "x"}, True),
    ("a: x", {"a": "X"}, True),
    ("a: x", {"a": "xy"}, False),
    ("a: 5", {"a": 5}, True),
    ("a: 5", {"a": "5"}, True),
    ("a: '5'", {"a": 5}, True),
    ("a: 5", {"a": 5.5}, False),
    ("a: true", {"a": True}, True),
    ("a: true", {"a": "TRUE"}, True),
    ("a: true", {"a": False}, False),
    ("a: 1", {"a": True}, False),
    ("a: ''", {"a": ""}, True),
    ("a: ''", {}, False),
    ("a|cased: X", {"a": "x"}, False),
    ("a|cased: X", {"a": "X"}, True),
    ("a|contains|cased: B", {"a": "abc"}, False),
    # missing and null
    ("a: null", {}, True),
    ("a: null", {"a": None}, True),
    ("a: null", {"a": "x"}, False),
    ("a: null", {"a": []}, True),
    ("a|exists: true", {"a": 0}, True),
    ("a|exists: true", {}, False),
    ("a|exists: false", {}, True),
    # lists in the rule, lists in the event
    ("a: [x, y]", {"a": "Y"}, True),
    ("a: [x, y]", {"a": "z"}, False),
    ("a: [x, 5, null]", {}, True),
    ("a: x", {"a": ["q", "x"]}, True),
    ("a: x", {"a": ["q"]}, False),
    ("a|all: [x, y]", {"a": ["x", "y", "z"]}, True),
    ("a|all: [x, y]", {"a": ["x"]}, False),
    ("a|contains|all: [b, c]", {"a": "abcd"}, True),
    ("a|contains|all: [b, q]", {"a": "abcd"}, False),
    # neq is the opposite of equal, also where the field is missing
    ("a|neq: x", {"a": "x"}, False),
    ("a|neq: x", {"a": "y"}, True),
    ("a|neq: x", {}, True),
    ("a|neq: [x, y]", {"a": "y"}, False),
    # parts and wildcards
    ("a|contains: B", {"a": "abc"}, True),
    ("a|startswith: AB", {"a": "abc"}, True),
    ("a|startswith: bc", {"a": "abc"}, False),
    ("a|endswith: BC", {"a": "abc"}, True),
    ("a: a*c", {"a": "aXXc"}, True),
    ("a: a*c", {"a": "aXXcd"}, False),
    ("a: 'a?c'", {"a": "abc"}, True),
    ("a: 'a?c'", {"a": "ac"}, False),
    ("a: '*'", {"a": "anything"}, True),
    ("a: '*'", {}, False),
    ("a: 'ab*ba'", {"a": "aba"}, False),
    ("a: 'ab*ba'", {"a": "abba"}, True),
    ("a: 'x*b*c*y'", {"a": "x-c-b-y"}, False),
    ("a: 'x*b*c*y'", {"a": "x-b-c-y"}, True),
    (r"a: 'a\*c'", {"a": "a*c"}, True),
    (r"a: 'a\*c'", {"a": "abc"}, False),
    (r"a: 'C:\Windows\*'", {"a": "c:\\windows*"}, True),
    ("a: 'a.c'", {"a": "abc"}, False),
    ("a: a*c", {"a": "a\nc"}, True),
    # expressions
    ("a|re: ^b+$", {"a": "bbb"}, True),
    ("a|re: ^b+$", {"a": "BBB"}, False),
    ("a|re|i: ^b+$", {"a": "BBB"}, True),
    ("a|re: a.c", {"a": "xa\ncx"}, False),
    ("a|re|s: a.c", {"a": "xa\ncx"}, True),
    ("a|re: ^c", {"a": "a\nc"}, False),
    ("a|re|m: ^c", {"a": "a\nc"}, True),
    (r"a|re: 'x\d{2,3}\*?'", {"a": "x12"}, True),
    # numbers
    ("a|gt: 5", {"a": 5}, False),
    ("a|gt: 5", {"a": 5.1}, True),
    ("a|gte: 5", {"a": 5}, True),
    ("a|lt: 0.5", {"a": 0.4}, True),
    ("a|lte: 0.5", {"a": 0.6}, False),
    ("a|gt: 5", {"a": "6"}, True),
    ("a|gt: 5", {"a": "six"}, False),
    ("a|gt: 0", {"a": True}, False),
    ("a|gt: 5", {}, False),
    ("a|gt: 5", {"a": [1, 9]}, True),
    # exact beyond 2**53 and beyond 64 bits, in text and as a number
    ("a|gte: 1000000000000000001", {"a": "1000000000000000000"}, False),
    ("a|gte: 1000000000000000001", {"a": "1000000000000000001"}, True),
    (f"a|gt: {2**255}", {"a": str(2**255)}, False),
    (f"a|gt: {2**255}", {"a": str(2**255 + 1)}, True),
    (f"a: {2**200 + 1}", {"a": str(2**200)}, False),
    ("a|gt: 0.1", {"a": "0.1000000000000000055511151231257827021181583404541015625"}, False),
    # networks, references, moments
    ("a|cidr: 10.0.0.0/8", {"a": "10.1.2.3"}, True),
    ("a|cidr: 10.0.0.0/8", {"a": "11.1.2.3"}, False),
    ("a|cidr: 10.0.0.0/8", {"a": "not an address"}, False),
    ("a|cidr: 2001:db8::/32", {"a": "2001:db8::1"}, True),
    ("a|fieldref: b", {"a": "X", "b": "x"}, True),
    ("a|fieldref: b", {"a": 5, "b": "5"}, True),
    ("a|fieldref: b", {"a": "x"}, False),
    ("a|fieldref|startswith: b", {"a": "xyz", "b": "xy"}, True),
    ("a|hour: 13", {"a": "2026-01-31T13:05:00Z"}, True),
    ("a|hour: 13", {"a": "2026-01-31T13:05:00+02:00"}, False),
    ("a|minute: 5", {"a": 1_767_225_900_000_000_000}, True),
    # encodings
    ("a|base64: foobar", {"a": "Zm9vYmFy"}, True),
    ("a|base64offset|contains: foobar", {"a": "xxhmb29iYXyy"}, True),
    ("a|wide|base64offset|contains: ping", {"a": "cABpAG4AZwA="}, True),
    ("a|windash|contains: ' -f'", {"a": "rm /f"}, True),
    # nested names
    ("a.b.c: x", {"a": {"b": {"c": "x"}}}, True),
    ("a.b.c: x", {"a.b": {"c": "x"}}, True),
    ("a.b: x", {"a": [{"b": "q"}, {"b": "x"}]}, True),
]


@pytest.mark.parametrize(("item", "document", "expected"), CASES)
def test_an_item_matches_as_sigma_says(item: str, document: dict[str, Any], expected: bool) -> None:
    rule = foreign(
        f"  s: {{{item}}}\n  condition: s"
        if "{" not in item
        else f"  s:\n    {item}\n  condition: s"
    )
    assert matches(rule, document) is expected


CONDITIONS: list[tuple[str, str, bool]] = [
    ("x and y", "xy", True),
    ("x and y", "x", False),
    ("x or y", "y", True),
    ("not x", "y", True),
    ("x and not y", "xy", False),
    ("x or y and z", "x", True),
    ("(x or y) and z", "x", False),
    ("1 of sel*", "a", True),
    ("all of sel*", "a", False),
    ("all of sel*", "ab", True),
    ("any of sel*", "b", True),
    ("1 of them", "z", True),
    ("all of them", "xyz", False),
    ("not 1 of sel*", "xyz", True),
    ("x and not (y or z)", "x", True),
]


@pytest.mark.parametrize(("condition", "present", "expected"), CONDITIONS)
def test_a_condition_combines_selections(condition: str, present: str, expected: bool) -> None:
    rule = foreign(
        "  x: {f|contains: x}\n  y: {f|contains: y}\n  z: {f|contains: z}\n"
        "  sel_a: {f|contains: a}\n  sel_b: {f|contains: b}\n"
        f"  condition: {condition}"
    )
    assert matches(rule, {"f": present}) is expected


def test_several_conditions_are_alternatives() -> None:
    rule = foreign("  x: {f: x}\n  y: {f: y}\n  condition: [x, y]")
    assert matches(rule, {"f": "y"})


def test_groups_in_a_list_are_alternatives_and_items_in_a_group_go_together() -> None:
    rule = foreign("  s:\n    - {a: 1, b: 2}\n    - {c: 3}\n  condition: s")
    assert matches(rule, {"a": 1, "b": 2})
    assert matches(rule, {"c": 3})
    assert not matches(rule, {"a": 1})


def test_keywords_are_looked_for_in_every_value() -> None:
    rule = foreign("  s: [needle, 4711]\n  condition: s")
    assert matches(rule, {"deep": {"down": ["hay", "a NEEDLE in it"]}})
    assert matches(rule, {"n": 4711})
    assert not matches(rule, {"needle": "only a name"})


def test_keywords_that_must_all_be_there() -> None:
    rule = foreign("  s:\n    '|all': [one, two]\n  condition: s")
    assert matches(rule, {"a": "one", "b": "two"})
    assert not matches(rule, {"a": "one"})


def test_keywords_work_over_records_too() -> None:
    rule = sigma("  s: ['*AcMe*']\n  condition: s")
    assert matches(rule, transfer(token_symbol="ACME"))
    assert not matches(rule, transfer(token_symbol="OTHER"))


@pytest.mark.parametrize(
    ("item", "event", "expected"),
    [
        ("token.amount|gte: 10", transfer(amount=10.0), True),
        ("token.amount|gte: 10", transfer(amount=None), False),
        (f"token.amount_raw|gte: {2**200 + 1}", transfer(amount_raw=str(2**200)), False),
        (f"token.amount_raw|gte: {2**200 + 1}", transfer(amount_raw=str(2**200 + 1)), True),
        ("investor.source.labels: CUSTODIAN", transfer(source_labels=("x", "custodian")), True),
        ("investor.source.labels: custodian", transfer(), False),
        ("investor.source.labels: null", transfer(), True),
        ("investor.source.labels|exists: true", transfer(source_labels=("x",)), True),
        ("source.address|fieldref: destination.address", transfer(), False),
        ("event.action: token-transfer", transfer(), True),
        ("event.action: token-*", transfer(), True),
        ("event.action|startswith: pool", transfer(), False),
        ("event.action: pool-swap", swap(), True),
        ("market.trade.price|exists: false", transfer(), True),
        ("market.order.side: BUY", Tape().placed(0, "o", "buy", 1, 1), True),
    ],
)
def test_records_are_read_by_attribute(item: str, event: Any, expected: bool) -> None:
    assert matches(sigma(f"  s:\n    {item}\n  condition: s"), event) is expected


def test_a_filter_with_any_of_several_labels_holds_a_rule_back() -> None:
    rule = sigma(
        "  s: {event.action: token-transfer}\n"
        "  filter: {investor.destination.labels: [custodian, treasury]}\n"
        "  condition: s and not filter"
    )
    assert matches(rule, transfer())
    assert not matches(rule, transfer(destination_labels=("verified", "treasury")))


def test_an_event_meets_only_rules_that_could_match_it() -> None:
    from detections.engine.engine import Engine
    from detections.fields import shapes

    book = Engine(sigma("  s: {event.action: pool-swap}\n  condition: s")).book
    met = {record for record in shapes() if book.of_record(record).program is not None}
    assert met == {PoolSwap}


@given(st.text(max_size=30), st.lists(st.text(alphabet="ab*?\\.", max_size=6), max_size=3))
def test_wildcards_agree_with_expressions(text: str, pieces: list[str]) -> None:
    import re

    from sigma.types import SigmaString, SpecialChars

    from detections.sigma.texts import text_test

    pattern = SigmaString("*".join(pieces))
    source = "".join(
        re.escape(part)
        if isinstance(part, str)
        else ".*"
        if part is SpecialChars.WILDCARD_MULTI
        else "."
        for part in pattern.s
    )
    candidate = text + "".join(pieces).replace("*", "a").replace("?", "b").replace("\\", "")
    expected = re.fullmatch(source, candidate, re.DOTALL) is not None
    assert text_test(pattern, cased=True)(candidate) is expected


def test_documents_get_alerts_with_what_they_say_of_themselves() -> None:
    rule = foreign("  s: {a: x}\n  condition: s")
    (alert,) = alerts(
        rule, [{"a": "x", "user": {"name": "eve"}, "market": {"venue": "v"}, "event.module": "m"}]
    )
    assert (alert.entities, alert.venue, alert.provider) == (("eve",), "v", "m")
