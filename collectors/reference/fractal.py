"""Fractal ID as a source: the state of each user's verification, and of users whose tokens are
given also country, wallets, accreditation and expiry.

By https://docs.developer.fractal.id (the text of github.com/trustfractal/id-integration-docs):

- Client credentials at ``AUTH_DOMAIN/oauth/token`` with the scope ``client.stats:read``.
- ``GET /v2/stats/user-verifications``: a list of ``user_id``, ``level`` and ``credential``
  (approved, rejected, pending, contacted, expired). The page shows no paging.
- ``GET /v2/users/me`` with a user's own access token: ``uid``, ``verification_cases`` with level,
  status (pending, contacted, done), credential and details, and ``wallets``. The tokens are had by
  your application when a user authorises it; it writes those that are valid to the file
  ``user_tokens``, since Fractal replaces a refresh token with each use and two can't share one.

Of details only ``residential_address_country`` and the days of expiry are read: what the records
here don't name is never kept. A level is a KYC level with add-ons, joined by ``+``;
an approved one with ``accreditation`` makes an accredited investor. Where a user has several
levels, the best counts, and the earliest expiry of what it rests on.

Left open by the documents: limits of requests, and whether ``user-verifications`` is bounded.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct, field

from collectors.reference.client_credentials import ClientCredentials
from collectors.reference.http_api import HttpApi, HttpSettings
from collectors.reference.people import pseudonyms_of, record_item, user_tokens
from collectors.reference.source import Item, SourceFault
from pipeline.config.reference_providers import Fractal
from pipeline.countries import alpha_2
from pipeline.pseudonyms import Pseudonyms
from pipeline.reference_records import Investor, Verification

Status = Literal["verified", "pending", "rejected", "expired", "revoked"]

_STATUS: Mapping[str, Status] = {
    "approved": "verified",
    "pending": "pending",
    "contacted": "pending",
    "rejected": "rejected",
    "expired": "expired",
}
#: The better a status is for the investor, the later it stands.
_ORDER: Sequence[Status] = ("revoked", "rejected", "expired", "pending", "verified")
#: Wallets of these currencies are on EVM chains or Solana, whose addresses records can hold.
_CHAINS = frozenset(("eth", "sol"))


class _UserVerification(Struct):
    user_id: str
    level: str
    credential: str


class _Details(Struct):
    residential_address_country: str | None = None
    identification_document_date_of_expiry: str | None = None
    residential_address_proof_date_of_expiry: str | None = None


class _Case(Struct):
    level: str
    status: str | None = None
    credential: str | None = None
    details: _Details | None = None


class _Wallet(Struct):
    address: str
    currency: str = ""
    verified: bool = False


class _User(Struct):
    uid: str
    verification_cases: list[_Case] = field(default_factory=list[_Case])
    wallets: list[_Wallet] = field(default_factory=list[_Wallet])


class FractalSource:
    """A :class:`collectors.reference.source.ReferenceSource`."""

    complete = True

    def __init__(self, settings: Fractal, pseudonyms: Pseudonyms) -> None:
        self._settings = settings
        self._pseudonyms = pseudonyms
        self._http = HttpSettings(
            timeout=settings.timeout,
            per_second=settings.per_second,
            ca_certificate=settings.ca_certificate,
            most_bytes=256 * 1024 * 1024,
        )
        self._login = ClientCredentials(
            settings.token_url,
            settings.client_id,
            settings.client_secret,
            settings=self._http,
            style="form",
            more={"scope": "client.stats:read"},
        )
        self._api = HttpApi(settings.url, self._http, self._login)

    async def read(self) -> AsyncIterator[Item]:
        """A verification for each user, and an investor for each whose token is there."""
        listed = await self._api.get("/v2/stats/user-verifications", list[_UserVerification])
        if listed is None:
            raise SourceFault(f"{self._api.shown}: there are no statistics at this URL (HTTP 404)")
        users = {user.uid: user for user in await self._users()}
        by_user: dict[str, list[_Case]] = {}
        for one in listed:
            case = _Case(one.level, credential=one.credential)
            by_user.setdefault(one.user_id, []).append(case)
        for uid, user in users.items():
            by_user.setdefault(uid, user.verification_cases)
        named = await pseudonyms_of(self._pseudonyms, self._settings.name, by_user)
        for uid, cases in by_user.items():
            if uid not in named:
                continue  # kept out
            user, pseudonym = users.get(uid), named[uid]
            said = verification_of(pseudonym, cases, user)
            yield record_item(Verification, said, pseudonym)
            if user is not None:
                yield record_item(Investor, investor_of(pseudonym, said, user), pseudonym)

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()
        await self._login.close()

    async def _users(self) -> list[_User]:
        if self._settings.user_tokens is None:
            return []
        found: list[_User] = []
        for token in await asyncio.to_thread(user_tokens, self._settings.user_tokens):
            api = HttpApi(self._settings.url, self._http, token)
            try:
                user = await api.get("/v2/users/me", _User)
            finally:
                await api.close()
            if user is not None:
                found.append(user)
        return found


def verification_of(pseudonym: str, cases: Sequence[_Case], user: _User | None) -> dict[str, Any]:
    """The values of a verification: the best that is said of a user."""
    best = max(cases, key=lambda case: _ORDER.index(_status(case)), default=None)
    status = _status(best) if best is not None else "pending"
    details = [case.details for case in (user.verification_cases if user else ()) if case.details]
    approved = [case.level for case in cases if _status(case) == "verified"]
    ends = [
        day
        for one in details
        for day in (
            one.identification_document_date_of_expiry,
            one.residential_address_proof_date_of_expiry,
        )
        if day
    ]
    countries = [one.residential_address_country for one in details]
    return {
        "provider": "fractal",
        "investor": pseudonym,
        "status": status,
        "level": best.level[:256] if best is not None else None,
        "country": next((code for one in countries if (code := alpha_2(one))), None),
        "accreditation": "accredited" if _is_accredited(approved) else None,
        "expires": min(ends, default=None),
    }


def investor_of(pseudonym: str, said: Mapping[str, Any], user: _User) -> dict[str, Any]:
    """The values of the investor behind a user who lets us see country and wallets."""
    wallets = [one for one in user.wallets if one.verified and one.currency.lower() in _CHAINS]
    return {
        "id": pseudonym,
        "jurisdiction": said["country"],
        "accreditation": said["accreditation"],
        "accredited_until": said["expires"] if said["accreditation"] else None,
        "addresses": tuple(sorted({wallet.address for wallet in wallets})),
    }


def _status(case: _Case) -> Status:
    """A word that isn't documented counts as pending: it verifies nobody and rejects nobody.

    One of the documents' two examples has the outcome as ``credential``, the other as ``status``.
    """
    return _STATUS.get(case.credential or case.status or "", "pending")


def _is_accredited(levels: Sequence[str]) -> bool:
    return any("accreditation" in level.split("+") for level in levels)
