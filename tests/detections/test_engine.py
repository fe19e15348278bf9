"""The engine: order, identity, duplicates, and rules that fail."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from detections.engine.engine import Engine
from detections.identity import fingerprint
from detections.rules.loading import RuleSet, parse_rules
from detections.sigma.conditions import FieldTest
from normalizer.events import Alert
from tests.detections.samples import HEADER, Tape, correlator, sigma, transfer

ANY_TRANSFER = "  s: {event.action: token-transfer}\n  condition: s"


def with_id(last: str) -> bytes:
    return HEADER.replace("b0aa", last).encode() + (
        b"logsource: {product: tapewatch}\ndetection:\n" + ANY_TRANSFER.encode() + b"\n"
    )


def test_an_alert_carries_the_rule_the_evidence_and_the_context() -> None:
    rules = sigma(
        ANY_TRANSFER,
        extra='tags: [attack.impact]\nreason: "{token.amount} {token.symbol} moved"',
    )
    event = transfer(
        token_id="acme",
        token_symbol="ACME",
        token_address="0xt",
        source_investor="INV-1",
        related_hash=("0xh",),
        related_user=("0xu",),
        tags=("unsure",),
        amount=1234.5,
    )
    (alert,) = Engine(rules).process([event])
    rule = rules.sigma[0].rule
    assert alert.reason == "1,234.5 ACME moved"
    assert alert.message == "A rule: 1,234.5 ACME moved"
    assert (alert.rule_id, alert.rule_hash, alert.rule_version) == (
        rule.id,
        rule.hash,
        "2026-01-31",
    )
    assert (alert.severity, alert.risk_score, alert.level) == (73, 73.0, "high")
    assert alert.entities == ("INV-1", "0x" + "b" * 40)
    assert alert.evidence_events == ("transfer-1",)
    assert alert.evidence_originals == ("RAW/1/0",)
    assert alert.evidence_transactions == (event.transaction_hash,)
    assert alert.evidence_blocks == (1,)
    assert (alert.block_number, alert.chain_id, alert.token_symbol) == (1, 31337, "ACME")
    assert alert.related_hash == ("0xh",)
    assert "0xu" in alert.related_user
    assert alert.tags == ("attack.impact", "unsure")
    assert msgspec.json.decode(msgspec.json.encode(alert), type=Alert) == alert


def test_the_zero_address_is_no_entity() -> None:
    (alert,) = Engine(sigma(ANY_TRANSFER)).process([transfer(source_address="0x" + "0" * 40)])
    assert alert.entities == ("0x" + "b" * 40,)


def test_the_same_facts_give_the_same_ids() -> None:
    events = [transfer(n) for n in range(5)]
    first = [alert.id for alert in Engine(sigma(ANY_TRANSFER)).process(events)]
    second = [a.id for e in events for a in Engine(sigma(ANY_TRANSFER)).process([e])]
    assert first == second
    assert len(set(first)) == 5


def test_another_content_of_the_rule_gives_another_id_and_another_layout_does_not() -> None:
    def alert_id(rules: RuleSet) -> str:
        return Engine(rules).process([transfer()])[0].id

    same = "  condition:   's'  # a comment\n  s:\n    event.action: 'token-transfer'"
    changed = "  s: {event.action: [token-transfer, pool-swap]}\n  condition: s"
    assert alert_id(sigma(same)) == alert_id(sigma(ANY_TRANSFER))
    assert alert_id(sigma(changed)) != alert_id(sigma(ANY_TRANSFER))


@given(st.lists(st.lists(st.text(max_size=3), max_size=3), max_size=3))
def test_no_two_sequences_of_parts_share_a_fingerprint(parts: list[list[str]]) -> None:
    flat = ["".join(part) for part in parts]
    if flat != parts:
        assert fingerprint(parts) != fingerprint(flat)


def test_lengths_keep_parts_apart() -> None:
    assert fingerprint(["ab", "c"]) != fingerprint(["a", "bc"])
    assert fingerprint([["a", "b"]]) != fingerprint([["a"], ["b"]])
    assert fingerprint([["a"], "b"]) != fingerprint(["a", ["b"]])


def test_a_redelivered_event_counts_once() -> None:
    engine = Engine(correlator("wash_trading", "{pattern: self_trade, minimum_trades: 2}"))
    trade = Tape().trade(0, 10, 5, buyer_account="a", seller_account="a")
    assert engine.process([trade, trade]) == []
    assert engine.process([trade]) == []
    assert engine.duplicates == 2


def test_what_is_remembered_is_bounded() -> None:
    engine = Engine(sigma(ANY_TRANSFER), remembered=10)
    for number in range(100):
        engine.process([transfer(number)])
        assert len(engine.seen) <= 20
    assert engine.process([transfer(91)]) == []
    assert len(engine.process([transfer(1)])) == 1


def test_alerts_come_in_the_order_of_events_then_of_rule_ids() -> None:
    data = b"---\n".join([with_id("b0bb"), with_id("b0aa"), with_id("b0cc")])
    alerts = Engine(parse_rules(data)).process([transfer(1), transfer(2)])
    assert [(a.evidence_events[0], a.rule_id[-4:]) for a in alerts] == [
        (f"transfer-{n}", last) for n in (1, 2) for last in ("b0aa", "b0bb", "b0cc")
    ]


def test_a_rule_that_fails_stops_no_other_and_is_reported() -> None:
    engine = Engine(parse_rules(b"---\n".join([with_id("b0aa"), with_id("b0bb")])))

    def fail(value: Any) -> bool:
        raise KeyError("broken")

    engine.book.conditions[0] = (0, FieldTest("token.amount", fail))
    (alert,) = engine.process([transfer()])
    assert alert.rule_id.endswith("b0bb")
    (problem,) = engine.take_problems()
    assert "b0aa" in problem
    assert "transfer-1" in problem
    assert "KeyError" in problem
    assert engine.failures == 1
    assert engine.take_problems() == []


def test_a_rule_without_a_reason_says_what_matched() -> None:
    (alert,) = Engine(sigma(ANY_TRANSFER)).process([transfer(related_user=("0xu", "0xv"))])
    assert alert.reason == "the event token-transfer matched, about 0xu, 0xv"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=8))
def test_batches_make_no_difference(sizes: list[int]) -> None:
    tape = Tape()
    events: list[Any] = []
    for number in range(60):
        account = f"a{number % 3}"
        events.append(
            tape.trade(number * 1000.0, 10, 5, buyer_account=account, seller_account=account)
        )
    rules = correlator("wash_trading", "{pattern: self_trade, minimum_trades: 4, window: 1m}")
    whole = Engine(rules).process(events)
    engine, alerts, at = Engine(rules), list[Alert](), 0
    while at < len(events):
        for size in sizes:
            alerts += engine.process(events[at : at + size])
            at += size
    assert alerts == whole
    assert whole
