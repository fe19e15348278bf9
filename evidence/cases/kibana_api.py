"""Kibana's Cases API, as far as it is needed: its records, and one function for each call.

Source: Elastic's OpenAPI document of the Cases API (`/api/cases`), Kibana 8.8 or newer: createCase,
updateCase, getCase, findCases, addCaseComment, findCaseActivity, getCaseConfiguration.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType, field

from delivery.kibana.client import KibanaClient
from delivery.sink import SinkUnavailable

KibanaStatus = Literal["open", "in-progress", "closed"]
KibanaSeverity = Literal["low", "medium", "high", "critical"]
Owner = Literal["securitySolution", "observability", "cases"]

#: Limits of the API.
MOST_TITLE, MOST_TEXT, MOST_CUSTOM, MOST_ALERTS = 160, 30_000, 160, 1_000
_PAGE = 100
#: Pages that are read of one answer; Kibana itself gives no more than 10,000 of anything.
_MOST_PAGES = 100


class KibanaUser(Struct):
    """Who did something."""

    username: str | None = None
    full_name: str | None = None
    email: str | None = None
    profile_uid: str | None = None

    @property
    def called(self) -> str:
        """A name of theirs."""
        return self.username or self.email or self.full_name or self.profile_uid or "unknown"


class CustomValue(Struct):
    """The value of a custom field."""

    key: str
    type: str
    value: str | bool | float | None = None


class Assignee(Struct):
    """Somebody by their profile."""

    uid: str


class KibanaComment(Struct):
    """A comment or attachment of a case."""

    id: str
    type: str = ""
    comment: str = ""
    alert_id: list[str] | str = field(name="alertId", default_factory=list[str])

    @property
    def alerts(self) -> list[str]:
        """Ids of the alerts that it attaches."""
        return self.alert_id if isinstance(self.alert_id, list) else [self.alert_id]


class KibanaCase(Struct):
    """A case as Kibana has it."""

    id: str
    version: str
    status: KibanaStatus
    severity: KibanaSeverity = "low"
    title: str = ""
    tags: list[str] = field(default_factory=list[str])
    created_by: KibanaUser = field(default_factory=KibanaUser)
    updated_at: str | None = None
    updated_by: KibanaUser | None = None
    created_at: str = ""
    assignees: list[Assignee] = field(default_factory=list[Assignee])
    comments: list[KibanaComment] = field(default_factory=list[KibanaComment])
    custom_fields: list[CustomValue] = field(name="customFields", default_factory=list[CustomValue])


class _ChangedComment(Struct):
    type: str = ""
    comment: str = ""


class Payload(Struct):
    """What a user action changed: of many kinds, of which these are looked at."""

    status: KibanaStatus | None = None
    assignees: list[Assignee] | None = None
    comment: _ChangedComment | None = None
    severity: str | None = None
    title: str | None = None
    tags: list[str] | None = None


class UserAction(Struct):
    """What somebody did to a case in Kibana."""

    id: str
    type: str
    action: str
    created_at: str = ""
    created_by: KibanaUser = field(default_factory=KibanaUser)
    payload: Payload = field(default_factory=Payload)


class _Found(Struct):
    cases: list[KibanaCase]
    total: int = 0


class _Actions(Struct):
    actions: list[UserAction] = field(name="userActions")
    total: int = 0


class _Configured(Struct):
    custom_fields: list[CustomValue] = field(name="customFields", default_factory=list[CustomValue])


class NewCase(Struct, kw_only=True):
    """Body of `POST /api/cases`."""

    title: str
    description: str
    tags: Sequence[str]
    owner: Owner
    severity: KibanaSeverity
    category: str | None = None
    assignees: Sequence[Assignee] = ()
    custom_fields: Sequence[CustomValue] = field(name="customFields", default=())
    settings: dict[str, bool] = field(default_factory=lambda: {"syncAlerts": False})
    connector: dict[str, str | None] = field(
        default_factory=lambda: {"id": "none", "name": "none", "type": ".none", "fields": None}
    )


class CaseChange(Struct, kw_only=True, omit_defaults=True):
    """One of the cases of `PATCH /api/cases`."""

    id: str
    version: str
    status: KibanaStatus | UnsetType = UNSET
    severity: KibanaSeverity | UnsetType = UNSET
    assignees: Sequence[Assignee] | UnsetType = UNSET
    custom_fields: Sequence[CustomValue] | UnsetType = field(name="customFields", default=UNSET)

    @property
    def changes(self) -> bool:
        """Whether anything is to be changed."""
        values = (self.status, self.severity, self.assignees, self.custom_fields)
        return any(value is not UNSET for value in values)


async def create(client: KibanaClient, case: NewCase) -> KibanaCase:
    """Open a case. Not to be sent twice: a second one would be another case."""
    return await client.send("POST", "/api/cases", case, KibanaCase, once=True)


async def change(client: KibanaClient, wanted: CaseChange) -> KibanaCase:
    """Change a case of this version. Raises KibanaRefused, with 409 where it is another now."""
    body = {"cases": [wanted]}
    changed = await client.send("PATCH", "/api/cases", body, list[KibanaCase])
    if len(changed) != 1:
        said = f"{client.shown}: PATCH /api/cases of one case answers with {len(changed)} cases"
        raise SinkUnavailable(said)
    return changed[0]


async def get(client: KibanaClient, case: str) -> KibanaCase | None:
    """A case with its comments; None where it isn't there (any more)."""
    return await client.find(f"/api/cases/{case}", KibanaCase)


async def comment(client: KibanaClient, case: str, text: str, owner: Owner) -> KibanaCase:
    """Write a comment."""
    body = {"type": "user", "comment": text[:MOST_TEXT], "owner": owner}
    return await client.send("POST", f"/api/cases/{case}/comments", body, KibanaCase, once=True)


async def attach(
    client: KibanaClient,
    case: str,
    alerts: Sequence[str],
    index: str,
    rule: tuple[str, str],
    owner: Owner,
) -> KibanaCase:
    """Attach alerts of one rule, given by its id and name."""
    body: dict[str, Any] = {
        "type": "alert",
        "alertId": list(alerts),
        "index": [index] * len(alerts),
        "rule": {"id": rule[0], "name": rule[1]},
        "owner": owner,
    }
    return await client.send("POST", f"/api/cases/{case}/comments", body, KibanaCase, once=True)


async def find(
    client: KibanaClient, owner: Owner, *, tag: str | None = None, since: str = ""
) -> AsyncIterator[KibanaCase]:
    """Cases, or those with a tag, the last changed first, down to those of `since` (ISO 8601)."""
    query = {"owner": owner, "sortField": "updatedAt", "sortOrder": "desc"}
    if tag is not None:
        query["tags"] = tag
    for page in range(1, _MOST_PAGES + 1):
        paged = {**query, "page": str(page), "perPage": str(_PAGE)}
        found = await client.get("/api/cases/_find", _Found, query=paged)
        for case in found.cases:
            if (case.updated_at or case.created_at) < since:
                return
            yield case
        if len(found.cases) < _PAGE:
            return


async def actions(client: KibanaClient, case: str) -> list[UserAction]:
    """What was done to a case in Kibana, the first first."""
    done: list[UserAction] = []
    for page in range(1, _MOST_PAGES + 1):
        query = {"sortOrder": "asc", "page": str(page), "perPage": str(_PAGE)}
        path = f"/api/cases/{case}/user_actions/_find"
        found = await client.get(path, _Actions, query=query)
        done += found.actions
        if len(found.actions) < _PAGE:
            break
    return done


async def custom_fields(client: KibanaClient, owner: Owner) -> dict[str, str]:
    """The custom fields that are configured for cases of an owner: type by key."""
    path = "/api/cases/configure"
    settings = await client.get(path, list[_Configured], query={"owner": owner})
    return {one.key: one.type for held in settings for one in held.custom_fields}
