"""A case made up for the tests: one who spoofs, a counterparty, and others."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from normalizer.events import Alert, AlertUpdate, Event, Record, RulesChanged
from normalizer.events.ecs import nest
from normalizer.events.market import FeedGap, OrderCancelled, OrderPlaced, Trade
from normalizer.events.reference import ReferenceChanged
from pipeline.units import DAY, HOUR, MINUTE, SECOND
from tests.demo.invented_alerts import T0, alert

SPOOFER, INVESTOR = "acct-mirage", "INV-1060"
RULE = "00000000-0000-4000-8000-000000000001"


def placed(name: str, at: int, account: str = SPOOFER, **more: object) -> OrderPlaced:
    fields = _common(name, at) | {
        "order_id": f"order-{name}",
        "side": "buy",
        "price": 99.94,
        "quantity": 390.0,
        "investor_account": account,
        "related_user": (account,),
    }
    return OrderPlaced(**(fields | more))  # type: ignore[arg-type]


def cancelled(name: str, at: int) -> OrderCancelled:
    return OrderCancelled(
        **_common(name, at),  # type: ignore[arg-type]
        order_id="order-e1",
        side="buy",
        investor_account=SPOOFER,
        related_user=(SPOOFER,),
    )


def trade(name: str, at: int, seller: str = SPOOFER, buyer: str = "acct-willow") -> Trade:
    return Trade(
        **_common(name, at),  # type: ignore[arg-type]
        trade_id="3",
        price=100.04,
        quantity=1.5,
        buyer_account=buyer,
        seller_account=seller,
        related_user=(buyer, seller),
    )


def gap(name: str, at: int, provider: str = "venue") -> FeedGap:
    return FeedGap(**(_common(name, at) | {"provider": provider}))  # type: ignore[arg-type]


def rules_changed(name: str, at: int, *rules: str) -> RulesChanged:
    return RulesChanged(
        id=name, timestamp=at, ingested=at, original="", provider="tapewatch",
        rules="ab" * 32, changed=rules, operator="alice",
    )  # fmt: skip


def known(name: str, at: int, who: str = INVESTOR) -> ReferenceChanged:
    return ReferenceChanged(
        id=name, timestamp=at, ingested=at, original="RAW/9/0", provider="reference:kyc",
        record_kind="investor", key=who, change="changed", related_user=(who,),
    )  # fmt: skip


def _common(name: str, at: int) -> dict[str, object]:
    return {
        "id": name, "timestamp": at, "ingested": at, "original": f"RAW/1/{name}",
        "provider": "venue", "venue": "demo-venue", "instrument": "ACME-USD",
    }  # fmt: skip


ALERT = alert(
    "abc123",
    "spoofing",
    evidence_events=("e1", "e2", "e3"),
    entities=(SPOOFER, INVESTOR),
    related_user=(SPOOFER, INVESTOR, "acct-willow"),
    created=T0 - 750,
    ended=T0,
    metrics={"depth_share": 0.37, "executed": 1.5},
    confidence=0.8,
)
AGAIN = alert("abd", "wash_trading", timestamp=T0 + MINUTE, entities=(SPOOFER,))
LATER = alert("abe", "wash_trading", timestamp=T0 + 2 * HOUR, entities=(SPOOFER,))
OTHERS = alert("abf", "wash_trading", timestamp=T0, entities=("acct-honest",))
RETRACTED = AlertUpdate(
    id="u1", timestamp=T0 + DAY, provider="chain", reason="its blocks left the chain",
    message="A rule: retracted", alert_id="abd", status="retracted", rule_id=RULE,
    rule_name="A rule", level="high", typology="wash_trading",
)  # fmt: skip
#: With an event that the alert rests on and that is long before the window.
EVENTS: tuple[Event, ...] = (
    placed("e1", T0 - 5 * DAY),
    trade("e2", T0 - SECOND),
    cancelled("e3", T0),
    placed("near", T0 + 2 * SECOND),
    placed("far", T0 + 2 * HOUR),
    placed("honest", T0, "acct-honest"),
    trade("honest-trade", T0, "acct-honest", "acct-willow"),
    gap("gap", T0 - MINUTE),
    gap("other-gap", T0 - MINUTE, "another-venue"),
    rules_changed("rules", T0 - 2 * MINUTE, RULE),
    rules_changed("other-rules", T0 - 2 * MINUTE, "11111111-0000-4000-8000-000000000001"),
    known("kyc", T0 - 30 * DAY),
    known("kyc-later", T0 + 2 * HOUR),
    known("kyc-other", T0 - DAY, "INV-9"),
)


def write(folder: Path, records: Sequence[Record | Alert | AlertUpdate]) -> Path:
    """The folders of a file sink, with these documents."""
    for part in ("alerts", "events"):
        chosen = [
            one for one in records if isinstance(one, Alert | AlertUpdate) is (part == "alerts")
        ]
        (folder / part).mkdir(parents=True, exist_ok=True)
        lines = [msgspec.json.encode(nest(one)) + b"\n" for one in chosen]
        (folder / part / "20261126T000000Z-00000001.ndjson").write_bytes(b"".join(lines))
    return folder


CASE: tuple[Record | Alert | AlertUpdate, ...] = (*EVENTS, ALERT, AGAIN, LATER, OTHERS, RETRACTED)  # type: ignore[assignment]
