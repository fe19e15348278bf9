"""Jumio as a source: what its workflows decided of each account.

By https://documentation.jumio.ai (Retrieval API, Authorization, Rate Limits):

- Client credentials by HTTP Basic at ``auth.<region>.jumio.ai/oauth2/token``, for an hour.
- ``GET /accounts/{accountId}/workflow-executions/{workflowExecutionId}`` gives ``workflow.status``,
  ``decision.type`` (PASSED, WARNING, REJECTED, NOT_EXECUTED), ``completedAt`` and, among the
  capabilities, what was read from a document.
- 15 requests a second; 429 beyond.

There is no list of what was done: Jumio tells ids by callback. Whoever receives the callbacks
writes account and workflow to the CSV file ``workflows``, which only its owner may read.

The account is the person. Of several workflows the one completed last counts. PASSED verifies;
WARNING awaits somebody's decision, so it is pending, as is what isn't finished; a workflow whose
session or token expired is expired. Of what was read from the document only the expiry and the
country of the address are kept; the country that issued it isn't that of residence. A decided
workflow doesn't change, and is asked about once while this process lives.

Left open by the documents: whether a decision can be revised (asked for anew at each start).
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from collectors.reference.client_credentials import ClientCredentials
from collectors.reference.http_api import HttpApi, HttpSettings
from collectors.reference.people import pseudonyms_of, record_item, rows
from collectors.reference.source import Item, Rejected
from pipeline.config.reference_providers import Jumio
from pipeline.countries import alpha_2
from pipeline.pseudonyms import Pseudonyms
from pipeline.reference_records import Investor, Verification

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DECIDED = "PROCESSED"
_STATUS: Mapping[str, str] = {"PASSED": "verified", "REJECTED": "rejected", "WARNING": "pending"}
_ENDED = frozenset(("SESSION_EXPIRED", "TOKEN_EXPIRED"))


class _Workflow(Struct, rename="camel"):
    status: str
    definition_key: str | None = None


class _Decision(Struct):
    type: str | None = None


class _Address(Struct):
    country: str | None = None


class _Read(Struct, rename="camel"):
    expiry_date: str | None = None
    address: _Address | None = None


class _Extraction(Struct):
    data: _Read | None = None


class _Capabilities(Struct):
    extraction: list[_Extraction] = field(default_factory=list[_Extraction])


class Details(Struct, rename="camel"):
    """What is read of the details of a workflow."""

    workflow: _Workflow
    completed_at: str | None = None
    decision: _Decision | None = None
    capabilities: _Capabilities | None = None


class JumioSource:
    """A :class:`collectors.reference.source.ReferenceSource`."""

    complete = True

    def __init__(self, settings: Jumio, pseudonyms: Pseudonyms) -> None:
        self._settings = settings
        self._pseudonyms = pseudonyms
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
            style="basic",
        )
        self._api = HttpApi(settings.url, http, self._login)
        self._decided: dict[tuple[str, str], Details] = {}

    async def read(self) -> AsyncIterator[Item]:
        """A verification for each account, and its investor."""
        listed = await asyncio.to_thread(rows, self._settings.workflows, ("account", "workflow"))
        by_account: dict[str, list[Details]] = {}
        decided: dict[tuple[str, str], Details] = {}
        for number, (account, workflow) in enumerate(listed, 2):
            if not _UUID.fullmatch(account) or not _UUID.fullmatch(workflow):
                yield Rejected(f"line {number}", "account and workflow are UUIDs")
                continue
            details = self._decided.get((account, workflow)) or await self._asked(account, workflow)
            if details is None:
                yield Rejected(f"line {number}", "Jumio knows no such workflow of this account")
                continue
            by_account.setdefault(account, []).append(details)
            if details.workflow.status == _DECIDED:
                decided[account, workflow] = details
        # Only what is still in the file: who was taken out of it is forgotten.
        self._decided = decided
        named = await pseudonyms_of(self._pseudonyms, self._settings.name, by_account)
        for account, done in by_account.items():
            if account not in named:
                continue  # kept out
            pseudonym = named[account]
            said = verification_of(pseudonym, done)
            yield record_item(Verification, said, pseudonym)
            investor = {"id": pseudonym, "jurisdiction": said["country"]}
            yield record_item(Investor, investor, pseudonym)

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()
        await self._login.close()

    async def _asked(self, account: str, workflow: str) -> Details | None:
        path = f"/accounts/{account}/workflow-executions/{workflow}"
        return await self._api.get(path, Details)


def verification_of(pseudonym: str, done: Sequence[Details]) -> dict[str, Any]:
    """The values of a verification, of the workflow of an account that was completed last."""
    last = max(done, key=lambda details: details.completed_at or "")
    read = (
        [one.data for one in last.capabilities.extraction if one.data] if last.capabilities else []
    )
    countries = [alpha_2(one.address.country) for one in read if one.address is not None]
    return {
        "provider": "jumio",
        "investor": pseudonym,
        "status": _status(last),
        "level": last.workflow.definition_key,
        "country": next((code for code in countries if code), None),
        "checked": last.completed_at,
        "expires": min((one.expiry_date for one in read if one.expiry_date), default=None),
    }


def _status(details: Details) -> str:
    if details.workflow.status in _ENDED:
        return "expired"
    if details.workflow.status != _DECIDED or details.decision is None:
        return "pending"
    return _STATUS.get(details.decision.type or "", "pending")
