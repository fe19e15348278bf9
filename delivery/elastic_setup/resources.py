"""Everything that is put on a server, as it should be there, in the order of writing."""

from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Struct

from delivery.elastic_setup.lacking import Lacking
from delivery.elastic_setup.pipelines import pipeline_body
from delivery.elastic_setup.retention import Retention
from delivery.elastic_setup.roles import ROLES, role_body
from delivery.templates import DATA, Data, Fields, StreamNames, templates

Kind = Literal["ILM policy", "ingest pipeline", "component template", "index template", "role"]
#: The path of each kind, before the name.
PATHS: dict[Kind, str] = {
    "ILM policy": "/_ilm/policy",
    "ingest pipeline": "/_ingest/pipeline",
    "component template": "/_component_template",
    "index template": "/_index_template",
    "role": "/_security/role",
}
MANAGED_BY = "tapewatch"
_WRITTEN = "written by `tapewatch setup elastic`"
_META: dict[str, Any] = {"managed_by": MANAGED_BY, "description": _WRITTEN}
_CUSTOM = f"{_WRITTEN}; put changes into the @custom one"


class Resource(Struct, frozen=True, kw_only=True):
    """One of them. `body` is what is put, with the mark that it is ours."""

    kind: Kind
    name: str
    body: dict[str, Any]

    @property
    def path(self) -> str:
        return f"{PATHS[self.kind]}/{self.name}"


class Wanted(Struct, frozen=True, kw_only=True):
    """What is to be on the server, for which data streams.

    `roles`: whether those are, too, which only `tapewatch setup elastic` writes.
    """

    names: StreamNames
    fields: Fields
    retention: Retention
    data: Sequence[Data] = DATA
    roles: bool = False


def resources(wanted: Wanted, lacking: Lacking, version: tuple[int, int]) -> list[Resource]:
    """All of them, for a server of a version that lacks something."""
    names, found = wanted.names, list[Resource]()
    if wanted.retention.keeper(lacking) == "ilm":
        for data in wanted.data:
            policy = {**wanted.retention.policy(data), "_meta": _META}
            found.append(
                Resource(kind="ILM policy", name=names.policy(data), body={"policy": policy})
            )
    if not lacking.processors:
        for data in wanted.data:
            body = {**pipeline_body(security=not lacking.security), "_meta": _META}
            found.append(Resource(kind="ingest pipeline", name=names.pipeline(data), body=body))
    for template in templates(names, wanted.fields, wanted.retention, lacking, wanted.data):
        kind: Kind = "component template" if template.component else "index template"
        body = {**template.body, "_meta": {**_META, "description": _CUSTOM}}
        found.append(Resource(kind=kind, name=template.name, body=body))
    if wanted.roles and not lacking.security:
        for who in ROLES:
            body = {**role_body(who, names, version), "metadata": _META}
            found.append(Resource(kind="role", name=names.role(who), body=body))
    return found
