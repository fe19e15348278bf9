"""Chainalysis as a risk provider, by either of two interfaces.

``product: sanctions``, the Sanctions API (https://auth-developers.chainalysis.com, "Check if an
address is sanctioned"): ``GET /api/v1/address/{address}`` at public.chainalysis.com with the header
``X-API-Key``. ``identifications`` is empty, or says of which lists the address is. It knows only
sanctions, so an address without any has no level.

``product: entities``, Address Screening (https://docs.chainalysis.com/api/address-screening/):
``GET /v2/entities/{address}`` at api.chainalysis.com/api/risk with the header ``Token``. ``risk``
is Low, Medium, High or Severe; categories are those of its cluster, its identifications and the
rules that exposure triggered. Since December 2024 an address needn't be registered before.

Names and descriptions of the identified are not read: they may be of persons.

Left open by the documents: a score in numbers (there is none), and what an address of a chain that
isn't known is answered with (404 is taken for "nothing known").
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from msgspec import Struct, field

from collectors.reference.http_api import HeaderKey, HttpApi, HttpSettings
from collectors.reference.screening import categories
from pipeline.config.reference_providers import Chainalysis
from pipeline.secrets import SecretText

_SANCTIONS_URL = "https://public.chainalysis.com"
_ENTITIES_URL = "https://api.chainalysis.com/api/risk"
_LEVELS = {"low": "low", "medium": "medium", "high": "high", "severe": "severe"}


class _Category(Struct):
    category: str | None = None


class Sanctions(Struct):
    """The answer of the Sanctions API."""

    identifications: list[_Category]


class Entity(Struct, rename="camel"):
    """The answer of Address Screening."""

    risk: str | None = None
    cluster: _Category | None = None
    address_identifications: list[_Category] = field(default_factory=list[_Category])
    triggers: list[_Category] = field(default_factory=list[_Category])


class ChainalysisProvider:
    """A :class:`collectors.reference.screening.RiskProvider`."""

    addresses_per_request = 1

    def __init__(self, settings: Chainalysis) -> None:
        self._product = settings.product
        free = settings.product == "sanctions"
        http = HttpSettings(
            timeout=settings.timeout,
            per_second=settings.per_second,
            ca_certificate=settings.ca_certificate,
        )
        url = settings.url or SecretText(_SANCTIONS_URL if free else _ENTITIES_URL)
        key = HeaderKey("X-API-Key" if free else "Token", settings.api_key)
        self._api = HttpApi(url, http, key)

    async def assess(self, addresses: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
        """What is known of each."""
        return [
            (address, values)
            for address in addresses
            if (values := await self._one(quote(address, safe=""))) is not None
        ]

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()

    async def _one(self, address: str) -> dict[str, Any] | None:
        if self._product == "sanctions":
            answer = await self._api.get(f"/api/v1/address/{address}", Sanctions)
            return None if answer is None else of_sanctions(answer)
        entity = await self._api.get(f"/v2/entities/{address}", Entity)
        return None if entity is None else of_entity(entity)


def of_sanctions(answer: Sanctions) -> dict[str, Any]:
    """The values of a `Risk`."""
    found = categories(one.category for one in answer.identifications)
    return {
        "provider": "chainalysis",
        "level": "severe" if answer.identifications else None,
        "categories": found,
    }


def of_entity(entity: Entity) -> dict[str, Any]:
    """The values of a `Risk`."""
    named = [entity.cluster, *entity.address_identifications, *entity.triggers]
    return {
        "provider": "chainalysis",
        "level": _LEVELS.get((entity.risk or "").lower()),
        "categories": categories(one.category for one in named if one is not None),
    }
