"""A condition against an event, part by part."""

import pytest

from detections.explanation.conditions import explain_condition
from detections.explanation.failing import failing, holding
from detections.explanation.seen import Seen
from tests.detections.explanation.explained import explain, why_out
from tests.detections.samples import sigma, swap, transfer

RULE = """\
  selection:
    event.action: token-transfer
    token.amount|gte: 100
  filter_own: {investor.source.labels: [custodian, issuer]}
  filter_small:
    - {token.symbol: TEST}
    - {token.symbol|startswith: DUST, token.amount|lt: 5}
  condition: selection and not 1 of filter_*"""


def test_every_part_is_shown_with_what_was_wanted_and_what_came() -> None:
    event = transfer(amount=50.0, source_labels=("exchange", "custodian"), token_symbol="DUST-1")
    assert explain(RULE, event) == [
        "- all",
        "  - selection: all",
        "    + event.action token-transfer (token-transfer)",
        "    - token.amount at least 100 (50)",
        "  - not",
        "    + any",
        "      + filter_own: investor.source.labels custodian or issuer (exchange, custodian)",
        "      - filter_small: any",
        "        - token.symbol TEST (DUST-1)",
        "        - all",
        "          + token.symbol text that begins with DUST (DUST-1)",
        "          - token.amount less than 5 (50)",
    ]


def test_what_is_missing_is_said_to_be() -> None:
    assert explain("  s: {token.symbol: ACME}\n  condition: s", transfer(token_symbol=None)) == [
        "- s: token.symbol ACME [no value]"
    ]
    assert explain("  s: {market.order.id: x}\n  condition: s", transfer()) == [
        "- s: market.order.id x [never there]"
    ]


DOCUMENT = {"event.id": "1", "@timestamp": 0, "proces.name": "cmd.exe", "user.name": ["eve", "bob"]}


def test_a_field_of_nearly_that_name_is_pointed_out_in_a_document() -> None:
    found = explain("  s: {process.name: cmd.exe, user.id: 1}\n  condition: s", DOCUMENT)
    assert found == [
        "- s: all",
        "  - process.name cmd.exe [no value] <proces.name: cmd.exe>",
        "  - user.id 1 [no value]",
    ]


def test_a_misspelt_field_in_what_was_sent_of_a_record_of_ours_is_pointed_out() -> None:
    sent = {"token.symbol": "ACME", "token.amuont": 100}
    found = explain(
        "  s: {token.amount|gte: 5}\n  condition: s", transfer(amount=None), document=sent
    )
    assert found == ["- s: token.amount at least 5 [no value] <token.amuont: 100>"]


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ("token.symbol: AC*", "text that begins with AC"),
        ("token.symbol: '*ME'", "text that ends with ME"),
        ("token.symbol|contains: CM", "text that contains CM"),
        ("token.symbol: A?M*", "text like A?M*"),
        ("token.symbol: ''", 'empty text ("")'),
        ("token.symbol|cased: ACME", "ACME, case and all"),
        ("token.symbol|re|i: '^ac'", "text that fits /^ac/i"),
        ("token.symbol: null", "no value"),
        ("token.symbol|exists: true", "any value"),
        ("token.symbol|exists: false", "no such field"),
        ("token.amount|gt: 1.5", "more than 1.5"),
        ("token.amount|lte: 7", "at most 7"),
        ("token.amount: 7", "7"),
        (
            "investor.source.labels|contains: [a, b, c]",
            "text that contains a, text that contains b or text that contains c",
        ),
        ("'@timestamp|hour': 12", "a time whose hour (UTC) is 12"),
        (
            "source.address|fieldref: destination.address",
            "the same as the field destination.address, which is 0x" + "b" * 40,
        ),
        (
            "token.symbol|fieldref|startswith: token.name",
            "text that begins with the field token.name, which has no value",
        ),
    ],
)
def test_what_a_value_asks_for_is_said_in_words(item: str, words: str) -> None:
    part = _explained(item)
    assert part.wanted == words


def _explained(item: str) -> "object":
    rules = sigma(f"  s: {{{item}}}\n  condition: s")
    return explain_condition(rules.sigma[0].conditions, Seen(transfer(token_symbol="ACME")))


def test_addresses_in_a_network() -> None:
    event = {"event.id": "1", "@timestamp": 0, "source.ip": "10.1.2.3"}
    assert explain("  s: {source.ip|cidr: 10.0.0.0/8}\n  condition: s", event) == [
        "+ s: source.ip an address in 10.0.0.0/8 (10.1.2.3)"
    ]


def test_keywords() -> None:
    assert explain("  k: [foo, '0xbb']\n  condition: k", transfer()) == [
        "+ k: any",
        "  - keyword any value that contains foo",
        "  + keyword any value that contains 0xbb (blockchain.block.hash: 0x" + "b" * 64 + ")",
    ]


def test_all_values_of_a_field() -> None:
    event = transfer(source_labels=("pool",))
    found = explain("  s: {investor.source.labels|all: [pool, router]}\n  condition: s", event)
    assert found == [
        "- s: all",
        "  + investor.source.labels pool (pool)",
        "  - investor.source.labels router (pool)",
    ]


@pytest.mark.parametrize(
    ("detection", "why"),
    [
        (RULE, "event.action is pool-swap, it wants token-transfer"),
        ("  s: {token.amount|gte: 5}\n  condition: s", "a pool-swap event never has token.amount"),
        (
            "  a: {event.action: trade}\n  b: {event.action: order-placed}\n  condition: a or b",
            "event.action is pool-swap, it wants trade or order-placed",
        ),
        (
            "  s: {event.provider: chain}\n  f: {token.amount: null}\n  condition: s and not f",
            "it leaves alone token.amount: no value",
        ),
        ("  s: {event.provider: elsewhere}\n  condition: s", None),
        ("  s: {event.action: [trade, pool-swap]}\n  condition: s", None),
    ],
)
def test_why_no_event_of_a_kind_can_match(detection: str, why: str | None) -> None:
    assert why_out(detection, swap()) == why


def test_a_document_is_ruled_out_by_its_action() -> None:
    event = {"event.id": "1", "@timestamp": 0, "event.action": "started"}
    detection = "  s: {event.action: stopped, user.name: eve}\n  condition: s"
    assert why_out(detection, event) == "event.action is started, it wants stopped"
    assert why_out(detection, {**event, "event.action": "stopped"}) is None


def test_as_few_parts_as_are_needed_tell_what_failed_or_held() -> None:
    conditions = sigma(RULE).sigma[0].conditions
    small = explain_condition(conditions, Seen(transfer(amount=50.0)))
    assert [part.field for part in failing(small)] == ["token.amount"]
    assert holding(small) == []
    excluded = explain_condition(conditions, Seen(transfer(amount=500.0, token_symbol="TEST")))
    (negation,) = failing(excluded)
    assert [part.name or part.field for part in holding(negation.parts[0])] == ["token.symbol"]
    fine = explain_condition(conditions, Seen(transfer(amount=500.0)))
    assert failing(fine) == []
