"""Custom fields and templates of cases: `/api/cases/configure`.

Settings are one object of a space and an owner, with a version. Fields and templates of others in
it stay; Kibana takes ten of either.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct, field

from delivery.kibana.client import KibanaClient, KibanaRefused
from delivery.kibana.install.change import Change, differences, settled
from delivery.kibana.security_source import Cases, CaseTemplate, CustomField

OWNER = "securitySolution"
_PATH = "/api/cases/configure"
_OURS = "tapewatch-"
_MOST = 10


class _Held(Struct):
    id: str
    version: str
    closure_type: str
    custom_fields: list[dict[str, Any]] = field(
        name="customFields", default_factory=list[dict[str, Any]]
    )
    templates: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


class CaseSettings:
    """Those of the source, for cases of Elastic Security."""

    name = "case settings"
    lacking: tuple[str, ...] = ()

    def __init__(self, wanted: Cases) -> None:
        self._wanted = wanted

    async def plan(self, client: KibanaClient) -> list[Change]:
        held = await self._held(client)
        body = self._body(held)
        new = Change(
            kind="case settings",
            id=OWNER,
            title="Custom fields and templates",
            action="create",
            body=body,
        )
        if held is None:
            return [new]
        return [settled(new, differences(_compared(body), _compared(_as_body(held))))]

    async def apply(self, client: KibanaClient, changes: Sequence[Change]) -> list[str]:
        # Anew: it is one object, which others change as well.
        held = await self._held(client)
        for change in changes:
            if held is None:
                none = {"id": "none", "name": "none", "type": ".none", "fields": None}
                made = {"connector": none, "owner": OWNER, **change.body}
                await client.send("POST", _PATH, made, dict[str, Any])
            else:
                made = {"version": held.version, **self._body(held)}
                await client.send("PATCH", f"{_PATH}/{held.id}", made, dict[str, Any])
        return []

    async def _held(self, client: KibanaClient) -> _Held | None:
        found = await client.get(_PATH, list[_Held], query={"owner": OWNER})
        return found[0] if found else None

    def _body(self, held: _Held | None) -> dict[str, Any]:
        others = [one for one in (held.custom_fields if held else []) if not _is_ours(one)]
        theirs = [one for one in (held.templates if held else []) if not _is_ours(one)]
        fields = [*others, *(_field(one) for one in self._wanted.custom_fields)]
        types = {one.key: one.type for one in self._wanted.custom_fields}
        templates = [*theirs, *(_template(one, types) for one in self._wanted.templates)]
        for what, listed in (("custom fields", fields), ("templates", templates)):
            if len(listed) > _MOST:
                raise KibanaRefused(
                    400,
                    f"Kibana takes {_MOST} {what} of cases; there are {len(listed) - _MOST} too "
                    "many with ours. Remove some of yours, or of kibana/cases.yaml",
                    "the settings of cases",
                )
        closure = held.closure_type if held else self._wanted.closure
        return {"closure_type": closure, "customFields": fields, "templates": templates}


def _is_ours(one: dict[str, Any]) -> bool:
    return str(one.get("key", "")).startswith(_OURS)


def _as_body(held: _Held) -> dict[str, Any]:
    return {
        "closure_type": held.closure_type,
        "customFields": held.custom_fields,
        "templates": held.templates,
    }


def _compared(body: dict[str, Any]) -> dict[str, Any]:
    """By key: in which order they stand says nothing."""
    return {
        **body,
        "customFields": {one["key"]: one for one in body["customFields"]},
        "templates": {one["key"]: one for one in body["templates"]},
    }


def _field(one: CustomField) -> dict[str, Any]:
    made: dict[str, Any] = {
        "key": one.key,
        "label": one.label,
        "type": one.type,
        "required": one.required,
    }
    if one.default is not None:
        made["defaultValue"] = one.default
    return made


def _template(one: CaseTemplate, types: dict[str, str]) -> dict[str, Any]:
    case: dict[str, Any] = {
        "title": one.title,
        "description": one.text.strip(),
        "severity": one.severity,
        "tags": list(one.tags),
        "customFields": [
            {"key": key, "type": types[key], "value": value} for key, value in one.fields.items()
        ],
    }
    if one.category:
        case["category"] = one.category
    return {
        "key": one.key,
        "name": one.name,
        "description": one.description,
        "tags": list(one.tags),
        "caseFields": case,
    }
