"""A book of others, and a large order in it that is cancelled once its owner has sold."""

from typing import Any

from normalizer.events import Alert
from tests.detections.samples import Tape, alerts, correlator

SPOOFER = {"investor_account": "acct-12", "investor_id": "INV-0031", "investor_cluster": "CL-1"}
SOLD = {
    "seller_account": "acct-12",
    "seller_id": "INV-0031",
    "seller_cluster": "CL-1",
    "side": "buy",
}


def honest(tape: Tape, **more: Any) -> list[Any]:
    return [
        tape.placed(0, "b1", "buy", 10.01, 5000, **more),
        tape.placed(0, "b2", "buy", 10.00, 8000, **more),
        tape.placed(0, "a1", "sell", 10.05, 900, **more),
    ]


def found(events: list[Any], parameters: str = "{}") -> list[Alert]:
    return alerts(correlator("spoofing", parameters), events)


def spoof(tape: Tape, start: float = 1000, number: int = 1, **more: Any) -> list[Any]:
    order = f"spoof-{number}"
    return [
        tape.placed(start, order, "buy", 10.02, 5000, **{**SPOOFER, **more}),
        tape.trade(start + 500, 10.05, 300, buyer_account="acct-3", **SOLD),
        tape.cancelled(start + 840, order, remaining=5000.0, **more),
    ]
