"""Records and rules for tests, with what doesn't matter filled in."""

from typing import Any, TypeVar

from detections.engine.engine import Engine
from detections.rules import RuleSet
from detections.rules.loading import parse_rules
from detections.sigma.documents import flatten
from normalizer.events import Alert
from normalizer.events.chain import LiquidityAdded, LiquidityRemoved, PoolSwap, TokenTransfer
from normalizer.events.market import (
    BookSnapshot,
    BookUpdate,
    FeedGap,
    OrderCancelled,
    OrderChanged,
    OrderFilled,
    OrderPlaced,
    OrderRemoved,
    Trade,
    TradeBusted,
    TradeCorrected,
)

START = 1_767_225_600_000_000_000
MILLISECOND = 1_000_000

HEADER = """
title: A rule
id: 7d0f3a6e-6f6b-4f6e-9a43-3f4be2c9b0aa
status: test
level: high
description: For a test.
author: Tester
date: 2026-01-31
references: []
falsepositives: []
typology: spoofing
"""


class Tape:
    """Makes venue records one after the other: each call's `at` is in milliseconds."""

    def __init__(self, **common: Any) -> None:
        self._common = {
            "provider": "demo",
            "venue": "demo-venue",
            "instrument": "ACME-USD",
            **common,
        }
        self.number = 0

    def _fields(self, at: float, more: dict[str, Any]) -> dict[str, Any]:
        self.number += 1
        moment = START + round(at * MILLISECOND)
        return {
            "id": f"event-{self.number}",
            "timestamp": moment,
            "ingested": moment,
            "original": f"RAW/{self.number}/0",
            **self._common,
            **more,
        }

    def placed(
        self, at: float, order: str, side: str, price: float, quantity: float, **more: Any
    ) -> OrderPlaced:
        fields = self._fields(at, more)
        return OrderPlaced(**fields, order_id=order, side=side, price=price, quantity=quantity)

    def cancelled(self, at: float, order: str, side: str = "buy", **more: Any) -> OrderCancelled:
        return OrderCancelled(**self._fields(at, more), order_id=order, side=side)

    def removed(self, at: float, order: str, side: str = "buy", **more: Any) -> OrderRemoved:
        return OrderRemoved(**self._fields(at, more), order_id=order, side=side)

    def filled(self, at: float, order: str, side: str = "buy", **more: Any) -> OrderFilled:
        return OrderFilled(**self._fields(at, more), order_id=order, side=side)

    def changed(
        self, at: float, order: str, quantity: float, side: str = "buy", **more: Any
    ) -> OrderChanged:
        fields = self._fields(at, more)
        return OrderChanged(**fields, order_id=order, side=side, quantity=quantity)

    def trade(self, at: float, price: float, quantity: float, **more: Any) -> Trade:
        fields = self._fields(at, more)
        fields.setdefault("trade_id", f"trade-{self.number}")
        return Trade(**fields, price=price, quantity=quantity)

    def busted(self, at: float, trade: str, **more: Any) -> TradeBusted:
        return TradeBusted(**self._fields(at, more), trade_id=trade)

    def corrected(self, at: float, trade: str, **more: Any) -> TradeCorrected:
        return TradeCorrected(**self._fields(at, more), trade_id=trade)

    def snapshot(self, at: float, **more: Any) -> BookSnapshot:
        return BookSnapshot(**self._fields(at, more))

    def update(self, at: float, **more: Any) -> BookUpdate:
        return BookUpdate(**self._fields(at, more))

    def gap(self, at: float, **more: Any) -> FeedGap:
        return FeedGap(**self._fields(at, more))


def transfer(number: int = 1, **more: Any) -> TokenTransfer:
    fields: dict[str, Any] = {
        "id": f"transfer-{number}",
        "timestamp": START + number * MILLISECOND,
        "ingested": START + number * MILLISECOND,
        "original": f"RAW/{number}/0",
        "provider": "chain",
        "chain_id": 31337,
        "block_number": number,
        "block_hash": "0x" + "b" * 64,
        "transaction_hash": "0x" + f"{number:064x}",
        "source_address": "0x" + "a" * 40,
        "destination_address": "0x" + "b" * 40,
        "amount_raw": "1000000000000000000",
        "amount": 1.0,
    }
    return TokenTransfer(**{**fields, **_received_at_once(more), **more})


def swap(number: int = 1, **more: Any) -> PoolSwap:
    fields: dict[str, Any] = {
        **_in_pool("swap", number),
        "amount0_raw": "1",
        "amount1_raw": "-1",
        "sqrt_price_x96": "1",
        "tick": 0,
        "recipient": "0x" + "c" * 40,
        "sender": "0x" + "d" * 40,
    }
    return PoolSwap(**{**fields, **_received_at_once(more), **more})


L = TypeVar("L", LiquidityAdded, LiquidityRemoved)


def liquidity(kind: type[L], number: int = 1, **more: Any) -> L:
    fields = {**_in_pool("liquidity", number), "owner": "0x" + "c" * 40}
    return kind(**{**fields, **_received_at_once(more), **more})


def _in_pool(name: str, number: int) -> dict[str, Any]:
    return {
        "id": f"{name}-{number}",
        "timestamp": START + number * MILLISECOND,
        "ingested": START + number * MILLISECOND,
        "original": f"RAW/{number}/0",
        "provider": "chain",
        "chain_id": 31337,
        "block_number": number,
        "block_hash": "0x" + "b" * 64,
        "venue": "uniswap-v3",
        "instrument": "ACME/USDX",
        "pool": "0x" + "e" * 40,
    }


def _received_at_once(fields: dict[str, Any]) -> dict[str, Any]:
    return {"ingested": fields["timestamp"]} if "timestamp" in fields else {}


def sigma(detection: str, *, product: str = "tapewatch", extra: str = "") -> RuleSet:
    """A Sigma rule with this detection (indented by two)."""
    return parse_rules(
        f"{HEADER}logsource: {{product: {product}}}\n{extra}\ndetection:\n{detection}\n".encode()
    )


def correlator(name: str, parameters: str = "{}", header: str = HEADER) -> RuleSet:
    return parse_rules(f"{header}correlator: {name}\nparameters: {parameters}\n".encode())


def matches(rules: RuleSet, event: Any) -> bool:
    """Whether the one rule matches a record, or a document given as a dict."""
    return bool(alerts(rules, [event]))


def alerts(rules: RuleSet, events: list[Any]) -> list[Alert]:
    engine = Engine(rules)
    found: list[Alert] = []
    for number, event in enumerate(events):
        if isinstance(event, dict):
            document = {"@timestamp": START, "event.id": f"doc-{number}", **flatten(event)}
            found += engine.process_documents([document])
        else:
            found += engine.process([event])
    assert engine.take_problems() == []
    return found
