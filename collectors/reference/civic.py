"""Civic Pass as a source: the state of every pass that you have issued, by wallet.

By the Civic Pass Customer API (https://docs.civic.com, OpenAPI 1.0.0):

- Client credentials by a JSON body with an ``audience`` at ``auth0.civic.com/oauth/token``.
- ``POST /pass`` with ``limit`` and ``skip`` lists passes: wallet, chain, gatekeeper
  network, ``state`` (ACTIVE, FROZEN, REVOKED, REQUESTED; a filter of it knows REJECTED, too) and
  ``events`` with their times in seconds. Pages until one is not full.

A pass says of a wallet that its holder passed the checks of its gatekeeper network, and not who
that is, so these are verifications of addresses, without an investor; PII requests
(``/piirequest``) are never made. A frozen pass counts as revoked until it is unfrozen. A wallet
with several passes is judged by the one that changed last.

Left open by the documents: when a pass expires is set (``expiryTimestamp``) but not told, so
``expires`` is empty, and an expired pass whose state stays ACTIVE can't be told from one that
holds; whether a list may change between two pages (it is read in one go, and a wallet that comes
twice is one record); limits of requests.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime

from msgspec import Struct, field

from collectors.reference.client_credentials import ClientCredentials
from collectors.reference.http_api import HttpApi, HttpSettings
from collectors.reference.people import record_item
from collectors.reference.source import Item, SourceFault
from pipeline.config.reference_providers import Civic
from pipeline.reference_records import Verification

PAGE = 100
MOST_PASSES = 1_000_000
_STATUS: Mapping[str, str] = {
    "ACTIVE": "verified",
    "FROZEN": "revoked",
    "REVOKED": "revoked",
    "REQUESTED": "pending",
    "REJECTED": "rejected",
}


class _Chain(Struct):
    type: str
    network: str


class _Event(Struct):
    timestamp: float


class Pass(Struct, rename="camel"):
    """What is read of a pass."""

    chain: _Chain
    gatekeeper_network: str
    wallet_address: str
    state: str
    events: list[_Event] = field(default_factory=list[_Event])

    @property
    def changed(self) -> float:
        """When it changed last, in seconds since the epoch; 0 where that isn't told."""
        return max((event.timestamp for event in self.events), default=0)


class _Page(Struct):
    records: list[Pass]


class CivicSource:
    """A :class:`collectors.reference.source.ReferenceSource`."""

    complete = True

    def __init__(self, settings: Civic) -> None:
        self._settings = settings
        http = HttpSettings(
            timeout=settings.timeout,
            per_second=settings.per_second,
            ca_certificate=settings.ca_certificate,
        )
        self._login = ClientCredentials(
            settings.token_url,
            settings.client_id,
            settings.client_secret,
            settings=http,
            style="json",
            more={"audience": settings.audience},
        )
        self._api = HttpApi(settings.url, http, self._login)

    async def read(self) -> AsyncIterator[Item]:
        """A verification for each wallet that has a pass."""
        latest: dict[str, Pass] = {}
        skip = 0
        while True:
            body = {"limit": PAGE, "skip": skip}
            page = (await self._api.post("/pass", _Page, body)).records
            for one in page:
                if self._settings.gatekeeper_network in (None, one.gatekeeper_network):
                    wallet = one.wallet_address
                    wallet = wallet.lower() if wallet.startswith("0x") else wallet
                    known = latest.get(wallet)
                    if known is None or one.changed >= known.changed:
                        latest[wallet] = one
            if len(page) < PAGE:
                break
            skip += len(page)
            if skip >= MOST_PASSES:
                raise SourceFault(f"{self._api.shown}: it lists more than {MOST_PASSES} passes")
        for wallet, one in latest.items():
            yield record_item(Verification, _values(wallet, one), wallet)

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()
        await self._login.close()


def _values(wallet: str, one: Pass) -> dict[str, object]:
    checked = datetime.fromtimestamp(one.changed, UTC) if 0 < one.changed < 10**11 else None
    return {
        "provider": "civic",
        "address": wallet,
        "status": _STATUS.get(one.state, "pending"),
        "level": f"{one.gatekeeper_network} on {one.chain.network}"[:256],
        "checked": checked and checked.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
