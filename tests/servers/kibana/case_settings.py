"""Settings of cases (`/api/cases/configure`): custom fields and templates.

Source: elastic/kibana, `oas_docs/output/kibana.yaml`, "cases", and the bounds of
`cases/common/constants`.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from tests.servers.kibana.double import Answer, Call, Refusal, Route

Key = Annotated[str, Meta(pattern=r"^[a-z0-9_-]+$", min_length=1, max_length=36)]
Owner = Literal["cases", "observability", "securitySolution"]
Closure = Literal["close-by-pushing", "close-by-user"]


class CustomField(Struct, forbid_unknown_fields=True, rename="camel", omit_defaults=True):
    key: Key
    label: Annotated[str, Meta(min_length=1, max_length=50)]
    type: Literal["text", "toggle", "number"]
    required: bool
    default_value: str | bool | int | None = None


class TemplateField(Struct, forbid_unknown_fields=True):
    key: Key
    type: Literal["text", "toggle", "number"]
    value: str | bool | int | None


class CaseFields(Struct, forbid_unknown_fields=True, rename="camel", omit_defaults=True):
    title: Annotated[str, Meta(max_length=160)] | None = None
    description: Annotated[str, Meta(max_length=30_000)] | None = None
    severity: Literal["low", "medium", "high", "critical"] | None = None
    category: Annotated[str, Meta(max_length=50)] | None = None
    tags: Annotated[list[str], Meta(max_length=200)] | None = None
    assignees: list[dict[str, str]] | None = None
    custom_fields: list[TemplateField] | None = None


class Template(Struct, forbid_unknown_fields=True, rename="camel", omit_defaults=True):
    key: Key
    name: Annotated[str, Meta(min_length=1, max_length=50)]
    description: Annotated[str, Meta(max_length=1000)] | None = None
    tags: Annotated[list[Annotated[str, Meta(max_length=50)]], Meta(max_length=10)] | None = None
    case_fields: CaseFields | None = None


Fields = Annotated[list[CustomField], Meta(max_length=10)]
Templates = Annotated[list[Template], Meta(max_length=10)]


class Connector(Struct, forbid_unknown_fields=True):
    id: str
    name: str
    type: str
    fields: None


class CreateRequest(Struct, forbid_unknown_fields=True, rename={"custom_fields": "customFields"}):
    connector: Connector
    closure_type: Closure
    owner: Owner
    custom_fields: Fields = msgspec.field(default_factory=list[CustomField])
    templates: Templates = msgspec.field(default_factory=list[Template])


class PatchRequest(Struct, forbid_unknown_fields=True, rename={"custom_fields": "customFields"}):
    version: str
    closure_type: Closure | None = None
    custom_fields: Fields | None = None
    templates: Templates | None = None


class ConfigureQuery(Struct, forbid_unknown_fields=True):
    owner: Owner | None = None


class CaseSettings:
    """`by_space` holds the settings of each owner."""

    def __init__(self) -> None:
        self.by_space: dict[str, dict[str, dict[str, Any]]] = {}

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/api/cases/configure", self.get),
            Route("POST", "/api/cases/configure", self.create),
            Route("PATCH", "/api/cases/configure/{id}", self.patch),
        ]

    def of(self, space: str) -> dict[str, dict[str, Any]]:
        return self.by_space.setdefault(space, {})

    def get(self, call: Call) -> Answer:
        asked = call.query(ConfigureQuery)
        found = [one for owner, one in self.of(call.space).items() if asked.owner in (None, owner)]
        return Answer(200, found)

    def create(self, call: Call) -> Answer:
        asked = call.json(CreateRequest)
        _check(asked.custom_fields, asked.templates)
        made: dict[str, Any] = {
            "id": call.kibana.new_id(),
            "version": call.kibana.new_version(),
            "created_at": call.kibana.now(),
            "created_by": {"username": call.user, "email": None, "full_name": None},
            "updated_at": None,
            "updated_by": None,
            "mappings": [],
            "error": None,
            **msgspec.to_builtins(asked),
        }
        self.of(call.space)[asked.owner] = made
        return Answer(200, made)

    def patch(self, call: Call) -> Answer:
        asked = call.json(PatchRequest)
        id_ = call.parameters["id"]
        held = next((one for one in self.of(call.space).values() if one["id"] == id_), None)
        if held is None:
            raise Refusal(404, f"Saved object [cases-configure/{id_}] not found")
        if held["version"] != asked.version:
            raise Refusal(
                409,
                "This configuration has been updated. Please refresh before saving additional "
                "updates.",
            )
        _check(asked.custom_fields or [], asked.templates or [])
        changed = {
            key: value
            for key, value in msgspec.to_builtins(asked).items()
            if value is not None and key != "version"
        }
        held |= {**changed, "version": call.kibana.new_version(), "updated_at": call.kibana.now()}
        return Answer(200, held)


def _check(fields: list[CustomField], templates: list[Template]) -> None:
    types = {one.key: one.type for one in fields}
    if len(types) < len(fields):
        raise Refusal(400, "Invalid duplicated customFields keys in request")
    if len({one.key for one in templates}) < len(templates):
        raise Refusal(400, "Invalid duplicated templates keys in request")
    for one in templates:
        for value in (one.case_fields.custom_fields if one.case_fields else None) or []:
            if types.get(value.key) != value.type:
                raise Refusal(400, f"Invalid custom field keys: {value.key}")
