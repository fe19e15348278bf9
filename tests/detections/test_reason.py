"""The sentence of a rule."""

import pytest

from detections.fields import actions, taxonomy
from detections.rules.reason import ReasonError, fill_reason, parse_reason
from detections.sigma.readers import DocumentReader, RecordReader
from tests.detections.samples import transfer


def said(template: str, **fields: object) -> str:
    reader = RecordReader(actions()["token-transfer"])
    return fill_reason(parse_reason(template), reader, taxonomy().get)(transfer(**fields))


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{token.amount} moved", "1,234,567.5 moved"),
        ("block {blockchain.block.number}", "block 1"),
        ("{token.symbol} of {token.name}", "ACME of unknown"),
        ("{investor.source.labels}", "a, b"),
        ("{event.action}", "token-transfer"),
        ("{{token.amount}}", "{token.amount}"),
        ("at {@timestamp}", "at 2026-01-01 00:00:00 UTC"),
        ("{market.order.id}", "unknown"),
        ("nothing to fill in", "nothing to fill in"),
        ("", ""),
        ("to {token.symbol}[ ({token.name})] now", "to ACME now"),
        ("to {token.name}[ ({token.symbol})][, {token.amount}]", "to unknown (ACME), 1,234,567.5"),
        ("[{token.symbol} of {token.name} and ]nothing else", "nothing else"),
        ("[ [[{investor.source.labels}]]]", " [a, b]"),
        ("[{market.order.id}]", ""),
    ],
)
def test_fields_are_written_for_people(template: str, expected: str) -> None:
    fields = {"amount": 1_234_567.5, "token_symbol": "ACME", "source_labels": ("a", "b")}
    assert said(template, **fields) == expected


def test_documents_are_read_by_name() -> None:
    fill = fill_reason(parse_reason("{a.b} and {c}"), DocumentReader(), taxonomy().get)
    assert fill({"a.b": [1, 2]}) == "1, 2 and unknown"


@pytest.mark.parametrize(
    "template",
    [
        *("{", "}", "{a", "a}", "{a{b}}", "x" * 1_001),
        *("[{a}", "{a}]", "[{a}[{b}]]", "[a]", "[", "]"),
    ],
)
def test_what_is_no_template(template: str) -> None:
    with pytest.raises(ReasonError):
        parse_reason(template)


def test_a_format_specification_is_only_a_strange_field_name() -> None:
    assert parse_reason("{token.amount:>999999999}").fields == ("token.amount:>999999999",)


def test_a_text_from_outside_cannot_break_or_turn_the_line() -> None:
    assert said("{event.reason}!", reason="no\n\u202egnp\x1b[31m") == "no  gnp [31m!"


def test_long_values_are_cut() -> None:
    assert len(said("{token.symbol}" * 50, token_symbol="x" * 10_000)) <= 2_000
