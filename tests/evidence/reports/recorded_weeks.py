"""Two weeks made up for the tests: alerts, what became of them, events, and cases."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from evidence.cases.actions import About, Wish, do, opened
from normalizer.events import (
    SEVERITY,
    Alert,
    AlertUpdate,
    CaseActivity,
    Level,
    Record,
    RulesChanged,
)
from normalizer.events.chain import TokenTransferRefused
from normalizer.events.ecs import nest
from normalizer.events.market import FeedGap, OrderPlaced, Trade
from pipeline.units import DAY, HOUR, MINUTE, SECOND
from tests.demo.invented_alerts import alert

Told = Record | Alert | AlertUpdate | CaseActivity


def at(text: str) -> int:
    """Nanoseconds of a time in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


#: Monday 16 November 2026, 0:00 in London.
WEEK = at("2026-11-16")
WASH = "00000000-0000-4000-8000-00000000000a"
SPOOF = "00000000-0000-4000-8000-00000000000b"
REFUSED = "00000000-0000-4000-8000-00000000000c"
LISTED = "00000000-0000-4000-8000-00000000000d"


def given(
    name: str, when: int, rule: str, title: str, typology: str, level: Level, **more: Any
) -> Alert:
    fields: dict[str, Any] = {
        "timestamp": when,
        "created": when - MINUTE,
        "ended": when,
        "rule_id": rule,
        "rule_name": title,
        "level": level,
        "severity": SEVERITY[level],
        "token_symbol": "ACME",
        "token_id": "acme",
        "entities": ("acct-echo", "INV-1061"),
        "related_user": ("acct-echo", "INV-1061"),
        "evidence_events": (f"trade-{name}",),
    }
    return alert(name, typology, **(fields | more))


def wash(name: str, when: int, **more: Any) -> Alert:
    return given(name, when, WASH, "Self-trade on a venue", "wash_trading", "high", **more)


def spoof(name: str, when: int, **more: Any) -> Alert:
    title = "Large order cancelled while the other side traded"
    return given(name, when, SPOOF, title, "spoofing", "medium", **more)


ALERTS: tuple[Alert, ...] = (
    wash("w0", WEEK - DAY),  # Sunday: of the week before
    wash("w1", WEEK),
    wash("w2", WEEK + 2 * DAY, tags=("unsure",), gap_source="venue"),
    wash("w3", WEEK + 6 * DAY + 23 * HOUR),
    wash("w4", WEEK + 7 * DAY),  # Monday after
    spoof("s0", WEEK - 2 * DAY),
    spoof("s1", WEEK + 2 * DAY, token_symbol="HARBOUR", token_id="harbour"),
    spoof("s2", WEEK + 2 * DAY + HOUR, token_symbol=None, token_id=None, instrument="XYZ-USD"),
    given(
        "r1", WEEK + DAY, REFUSED, "Transfer refused by the token", "transfer_restrictions", "low"
    ),
    given(
        "l1", WEEK + 3 * DAY, LISTED, "Transfer with a sanctioned address", "sanctions", "critical"
    ),
    given("t1", WEEK + 3 * DAY, "trial", "A rule on trial", "layering", "high", staged=True),
)
UPDATES: tuple[AlertUpdate, ...] = (
    AlertUpdate(
        id="u1", timestamp=WEEK + 4 * DAY, provider="chain", reason="its blocks left the chain",
        message="retracted", alert_id="r1", status="retracted", rule_id=REFUSED,
        rule_name="Transfer refused by the token", level="low", typology="transfer_restrictions",
    ),
)  # fmt: skip


def _common(name: str, when: int, provider: str = "venue") -> dict[str, Any]:
    return {
        "id": name, "timestamp": when, "ingested": when, "original": f"RAW/1/{name}",
        "provider": provider,
    }  # fmt: skip


def trade(name: str, when: int, **more: Any) -> Trade:
    fields: dict[str, Any] = _common(name, when) | {
        "venue": "demo-venue", "instrument": "ACME-USD", "trade_id": name, "price": 100.04,
        "quantity": 13.0, "currency": "USD", "buyer_account": "acct-echo",
        "buyer_id": "INV-1061", "seller_account": "acct-echo", "seller_id": "INV-1061",
        "related_user": ("acct-echo", "INV-1061"),
    }  # fmt: skip
    return Trade(**(fields | more))


EVENTS: tuple[Record, ...] = (
    trade("trade-w1", WEEK),
    trade("trade-w2", WEEK + 2 * DAY),
    trade("trade-w3", WEEK + 6 * DAY + 23 * HOUR),
    OrderPlaced(
        **_common("order", WEEK - DAY), venue="demo-venue", instrument="ACME-USD", order_id="1",
        side="buy", price=99.0, quantity=1.0,
    ),
    FeedGap(
        **_common("gap", WEEK + 2 * DAY), venue="demo-venue", instrument="ACME-USD",
        reason="sequence 11 came where 9 should have",
    ),
    TokenTransferRefused(
        **_common("refused", WEEK + DAY, "chain"), block_number=7, chain_id=1,
        network="ethereum", block_hash="0x" + "00" * 32,
        transaction_hash="0x" + "ab" * 32, token_symbol="ACME", amount_raw="1",
        source_address="0x" + "01" * 20, destination_address="0x" + "02" * 20,
        reason="Transfer not possible", token_address="0x" + "03" * 20,
    ),
    RulesChanged(
        **_common("rules", WEEK + DAY, "tapewatch"), rules="ab" * 32, changed=(WASH,),
        operator="alice", reason="a lower threshold for self-trades",
    ),
)  # fmt: skip


def case(name: str, alerts: Sequence[Alert], *wishes: Wish) -> list[CaseActivity]:
    """A case opened with some alerts of one rule a minute after the first, and what was done."""
    first = alerts[0]
    begun, state = opened(
        name,
        About(title=first.rule_name, typology=first.typology, entities=first.entities,
              token_id=first.token_id, token_symbol=first.token_symbol),
        Wish(
            action="opened", who="tapewatch", at=first.timestamp + MINUTE, origin="tapewatch",
            alerts=[one.id for one in alerts], rule_id=first.rule_id, rule_name=first.rule_name,
            level=first.level, four_eyes=first.level in ("high", "critical"),
        ),
    )  # fmt: skip
    done = [begun]
    for wish in wishes:
        activity, state = do(state, wish)
        done.append(activity)
    return done


def by_id(*names: str) -> list[Alert]:
    return [one for one in ALERTS if one.id in names]


CASES: tuple[CaseActivity, ...] = (
    *case(
        "TW-WASH", by_id("w1", "w2", "w3"),
        Wish(action="assigned", who="lead", at=WEEK + HOUR, assignee="ann"),
        Wish(action="commented", who="ann", at=WEEK + 2 * HOUR, comment="both accounts are one's"),
        Wish(action="resolution-proposed", who="ann", at=WEEK + 5 * HOUR, resolution="reported"),
        Wish(action="closed", who="ben", at=WEEK + DAY, resolution="reported"),
    ),
    *case(
        "TW-SPOOF", by_id("s1", "s2"),
        Wish(action="closed", who="ann", at=WEEK + 3 * DAY, resolution="false-positive",
             why="a market maker's quotes"),
    ),
    *case("TW-LISTED", by_id("l1"),
          Wish(action="escalated", who="tapewatch", at=WEEK + 4 * DAY, step="24h")),
    *case("TW-OLD", by_id("s0")),
)  # fmt: skip


def write(folder: Path, records: Sequence[Told]) -> Path:
    """The folders of a file sink, with these documents."""
    for part in ("alerts", "events", "cases"):
        chosen = [one for one in records if _part(one) == part]
        (folder / part).mkdir(parents=True, exist_ok=True)
        lines = [msgspec.json.encode(nest(one)) + b"\n" for one in chosen]
        (folder / part / "20261123T000000Z-00000001.ndjson").write_bytes(b"".join(lines))
    return folder


def _part(record: Told) -> str:
    if isinstance(record, CaseActivity):
        return "cases"
    return "alerts" if isinstance(record, Alert | AlertUpdate) else "events"


ALL: tuple[Told, ...] = (*ALERTS, *UPDATES, *EVENTS, *CASES)
