"""Transfers for tests of what an offering allows: by holder's letter, whole tokens and day."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from detections.alerting.findings import Finding
from detections.correlators.base import Correlator
from normalizer.events.chain import ZERO_ADDRESS, TokenTransfer
from tests.detections.samples import transfer

SECOND = 1_000_000_000
UNIT = 10**6


def wallet(letter: str) -> str:
    return "0x" + letter * 40


def at(day: str, hour: int = 12) -> int:
    moment = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC)
    return int((moment + timedelta(hours=hour)).timestamp()) * SECOND


class Log:
    """Makes transfers of one token, one after the other."""

    def __init__(self, classification: str | None = None, **common: Any) -> None:
        self._common = {
            "token_id": "acme",
            "token_symbol": "ACME",
            "token_classification": classification,
            **common,
        }
        self.number = 0

    def moved(
        self, source: str, destination: str, tokens: float, day: str, **more: Any
    ) -> TokenTransfer:
        self.number += 1
        return transfer(
            self.number,
            timestamp=at(day),
            source_address=source if source.startswith("0x") else wallet(source),
            destination_address=(
                destination if destination.startswith("0x") else wallet(destination)
            ),
            amount_raw=str(round(tokens * UNIT)),
            amount=tokens,
            **{**self._common, **more},
        )

    def issued(self, destination: str, tokens: float, day: str, **more: Any) -> TokenTransfer:
        return self.moved(ZERO_ADDRESS, destination, tokens, day, transfer_type="mint", **more)

    def burned(self, source: str, tokens: float, day: str, **more: Any) -> TokenTransfer:
        return self.moved(source, ZERO_ADDRESS, tokens, day, transfer_type="burn", **more)


def found(correlator: Correlator[Any], events: list[Any]) -> list[Finding]:
    return [finding for event in events for finding in correlator.observe(event)]
