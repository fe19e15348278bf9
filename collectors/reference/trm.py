"""TRM Labs as a risk provider, by either of two interfaces at api.trmlabs.com.

``product: sanctions``, the Sanctions API (https://docs.trmlabs.com/api/sanctions): ``POST
/public/v1/sanctions/screening`` with a list of addresses is answered with ``isSanctioned`` of each.
1,000 requests a second and 100,000 a day with a key.

``product: screening``, Wallet Screening: ``POST /public/v2/screening/addresses`` with a list of
addresses and their chains is answered with ``addressRiskIndicators`` (category, level 0 to 15, type
OWNERSHIP, COUNTERPARTY or INDIRECT) and ``entities``. The levels, as Chainlink's documents of this
interface give them: 15 severe, 10 high, 5 medium, 1 low, 0 unknown. The score kept is the highest;
categories of OWNERSHIP are kept as they are, others with what they are of before them
(``counterparty:mixer``), so that a rule can tell who is a mixer from who once used one.

Both want HTTP Basic with the key as user and as password. ``chain: all`` is not documented, so an
address is asked about on ``ethereum`` (0x) or ``solana``.

The documents of Wallet Screening need a login: the form here is that of the answers which its
users have published, and what differs is refused with the place. Left open: how many addresses one
request may hold (``addresses_per_request``, 20 by default).
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct, field

from collectors.reference.http_api import BasicKey, HttpApi, HttpSettings
from collectors.reference.screening import categories
from pipeline.config.reference_providers import Trm


class Sanctioned(Struct, rename="camel"):
    """An answer of the Sanctions API."""

    address: str
    is_sanctioned: bool


class _Indicator(Struct, rename="camel"):
    category: str
    category_risk_score_level: float
    risk_type: str = "OWNERSHIP"


class _Entity(Struct, rename="camel"):
    category: str
    risk_score_level: float


class Screened(Struct, rename="camel"):
    """An answer of Wallet Screening."""

    address: str
    address_risk_indicators: list[_Indicator] = field(default_factory=list[_Indicator])
    entities: list[_Entity] = field(default_factory=list[_Entity])


class TrmProvider:
    """A :class:`collectors.reference.screening.RiskProvider`."""

    def __init__(self, settings: Trm) -> None:
        self._product = settings.product
        self.addresses_per_request = settings.addresses_per_request
        http = HttpSettings(
            timeout=settings.timeout,
            per_second=settings.per_second,
            ca_certificate=settings.ca_certificate,
        )
        self._api = HttpApi(settings.url, http, BasicKey(settings.api_key))

    async def assess(self, addresses: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
        """What is known of each."""
        asked = {_folded(address): address for address in addresses}
        if self._product == "sanctions":
            body = [{"address": address} for address in addresses]
            listed = await self._api.post("/public/v1/sanctions/screening", list[Sanctioned], body)
            answers = [(one.address, of_sanctioned(one)) for one in listed]
        else:
            body = [{"address": address, "chain": _chain(address)} for address in addresses]
            screened = await self._api.post("/public/v2/screening/addresses", list[Screened], body)
            answers = [(one.address, of_screened(one)) for one in screened]
        return [
            (asked[_folded(address)], values)
            for address, values in answers
            if _folded(address) in asked
        ]

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()


def of_sanctioned(answer: Sanctioned) -> dict[str, Any]:
    """The values of a `Risk`."""
    return {
        "provider": "trm",
        "level": "severe" if answer.is_sanctioned else None,
        "categories": ("sanctions",) if answer.is_sanctioned else (),
    }


def of_screened(answer: Screened) -> dict[str, Any]:
    """The values of a `Risk`."""
    indicators = answer.address_risk_indicators
    scores = [one.category_risk_score_level for one in indicators]
    scores += [one.risk_score_level for one in answer.entities]
    score = max(scores, default=0)
    named = [one.category for one in answer.entities]
    for one in indicators:
        own = one.risk_type.upper() == "OWNERSHIP"
        named.append(one.category if own else f"{one.risk_type}:{one.category}")
    return {
        "provider": "trm",
        "level": _level(score),
        "score": float(score),
        "categories": categories(named),
    }


def _level(score: float) -> str | None:
    for least, level in ((15, "severe"), (10, "high"), (5, "medium"), (1, "low")):
        if score >= least:
            return level
    return None


def _chain(address: str) -> str:
    return "ethereum" if address.startswith("0x") else "solana"


def _folded(address: str) -> str:
    return address.lower() if address[:2].lower() == "0x" else address
