"""Saved objects: import and export.

Strict about what Kibana's own importer checks (types, references, JSON within JSON) and, beyond it,
about the keys of each type's attributes. Source: elastic/kibana,
`src/core/packages/saved-objects` (routes `_import` and `_export`) and the types' schemas.
"""

from typing import Any, cast

import msgspec
from msgspec import Struct, field

from tests.servers.kibana.double import Answer, Call, Refusal, Route

#: Attributes of each type, as its schema has them.
_ATTRIBUTES: dict[str, frozenset[str]] = {
    "index-pattern": frozenset(
        (
            *("title", "name", "timeFieldName", "allowNoIndex", "sourceFilters", "fieldAttrs"),
            *("fieldFormatMap", "fields", "runtimeFieldMap", "typeMeta", "type", "allowHidden"),
        )
    ),
    "tag": frozenset(("name", "description", "color")),
    "search": frozenset(
        (
            *("title", "description", "columns", "sort", "grid", "hideChart", "hits", "viewMode"),
            *("isTextBasedQuery", "timeRestore", "kibanaSavedObjectMeta", "version"),
        )
    ),
    "visualization": frozenset(
        (
            *("title", "description", "visState", "uiStateJSON", "version"),
            *("kibanaSavedObjectMeta", "savedSearchRefName"),
        )
    ),
    "links": frozenset(("title", "description", "layout", "links")),
    "dashboard": frozenset(
        (
            *("title", "description", "version", "hits", "panelsJSON", "optionsJSON"),
            *("timeRestore", "timeFrom", "timeTo", "refreshInterval", "controlGroupInput"),
            *("kibanaSavedObjectMeta", "sections"),
        )
    ),
    "lens": frozenset(("title", "description", "visualizationType", "state")),
}
#: Attributes that are JSON in a text.
_JSON = frozenset(
    (
        *("panelsJSON", "optionsJSON", "searchSourceJSON", "visState", "uiStateJSON"),
        *("fieldAttrs", "fieldFormatMap", "fields", "runtimeFieldMap", "typeMeta"),
        *("sourceFilters", "ignoreParentSettingsJSON"),
    )
)


class Reference(Struct, frozen=True, forbid_unknown_fields=True):
    """What an object refers to."""

    type: str
    id: str
    name: str


class SavedObject(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A line of an import or export."""

    type: str
    id: str
    attributes: dict[str, Any]
    references: list[Reference]
    core_migration_version: str | None = field(name="coreMigrationVersion", default=None)
    type_migration_version: str | None = field(name="typeMigrationVersion", default=None)
    version: str | None = None
    updated_at: str | None = None
    created_at: str | None = None
    managed: bool | None = None


class ImportQuery(Struct, forbid_unknown_fields=True):
    """Query of `_import`."""

    overwrite: bool = False
    createNewCopies: bool = False
    compatibilityMode: bool = False


class Named(Struct, frozen=True, forbid_unknown_fields=True):
    """An object that an export is to hold."""

    type: str
    id: str


class ExportRequest(Struct, forbid_unknown_fields=True, rename="camel"):
    """Body of `_export`."""

    objects: list[Named] | None = None
    type: str | list[str] | None = None
    include_references_deep: bool = False
    exclude_export_details: bool = False
    search: str | None = None
    has_reference: Any = None


Key = tuple[str, str]


class SavedObjects:
    """`/api/saved_objects/_import` and `_export`. `by_space` holds what is there.

    `lacking` are types that this Kibana has not.
    """

    def __init__(self) -> None:
        self.by_space: dict[str, dict[Key, SavedObject]] = {}
        self.lacking: set[str] = set()

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/api/saved_objects/_import", self.do_import),
            Route("POST", "/api/saved_objects/_export", self.do_export),
            Route("GET", "/api/data_views/data_view/{id}", self.data_view),
        ]

    def of(self, space: str) -> dict[Key, SavedObject]:
        return self.by_space.setdefault(space, {})

    def do_import(self, call: Call) -> Answer:
        asked = call.query(ImportQuery)
        try:
            lines = [line for line in call.file().splitlines() if line.strip()]
            given = [msgspec.json.decode(line, type=SavedObject) for line in lines]
        except msgspec.ValidationError as error:
            raise Refusal(400, f"Invalid saved object: {error}") from None
        except msgspec.DecodeError as error:
            raise Refusal(400, f"Unexpected token in JSON: {error}") from None
        if len({(one.type, one.id) for one in given}) < len(given):
            raise Refusal(400, "Non-unique import objects detected")
        held = self.of(call.space)
        errors: list[dict[str, Any]] = []
        taken: list[SavedObject] = []
        known = held.keys() | {(one.type, one.id) for one in given}
        for one in given:
            wrong = self._wrong(one, known, held, asked.overwrite)
            if wrong is not None:
                errors.append({"id": one.id, "type": one.type, "meta": {}, "error": wrong})
            else:
                taken.append(one)
        for one in taken:
            one.version, one.updated_at = call.kibana.new_version(), call.kibana.now()
            held[one.type, one.id] = one
        answer: dict[str, Any] = {
            "success": not errors,
            "successCount": len(taken),
            "warnings": [],
            "successResults": [
                {"type": one.type, "id": one.id, "meta": {}, "managed": False} for one in taken
            ],
        }
        if errors:
            answer["errors"] = errors
        return Answer(200, answer)

    def _wrong(
        self, one: SavedObject, known: set[Key], held: dict[Key, SavedObject], overwrite: bool
    ) -> dict[str, Any] | None:
        allowed = _ATTRIBUTES.get(one.type)
        if allowed is None or one.type in self.lacking:
            return {"type": "unsupported_type"}
        if (one.type, one.id) in held and not overwrite:
            return {"type": "conflict"}
        missing = [r for r in one.references if (r.type, r.id) not in known]
        if missing:
            named = [{"type": r.type, "id": r.id} for r in missing]
            return {"type": "missing_references", "references": named}
        if unknown := one.attributes.keys() - allowed:
            return _unknown(
                f"[attributes.{sorted(unknown)[0]}]: definition for this key is missing"
            )
        try:
            _parse(one.attributes)
        except msgspec.DecodeError as error:
            return _unknown(f"JSON within the attributes: {error}")
        return None

    def data_view(self, call: Call) -> Answer:
        """Data views are saved objects too; their own API tells them in another form."""
        id_ = call.parameters["id"]
        held = self.of(call.space).get(("index-pattern", id_))
        if held is None:
            raise Refusal(404, f"Saved object [index-pattern/{id_}] not found")
        view = {"id": id_, "title": held.attributes["title"], "name": held.attributes["name"]}
        return Answer(200, {"data_view": view})

    def do_export(self, call: Call) -> Answer:
        asked = call.json(ExportRequest)
        if not asked.objects or asked.type is not None:
            raise Refusal(400, "the double exports objects by name only")
        held = self.of(call.space)
        missing = [one for one in asked.objects if (one.type, one.id) not in held]
        if missing:
            error = {"statusCode": 404, "error": "Not Found", "message": "Saved object not found"}
            named = [{"id": one.id, "type": one.type, "error": error} for one in missing]
            raise Refusal(400, "Error fetching objects to export", {"objects": named})
        found = [held[one.type, one.id] for one in asked.objects]
        lines = [msgspec.json.encode(_migrated(one)) for one in found]
        if not asked.exclude_export_details:
            details: dict[str, Any] = {
                "exportedCount": len(found),
                "missingRefCount": 0,
                "missingReferences": [],
            }
            lines.append(msgspec.json.encode(details))
        return Answer(200, b"\n".join(lines), "application/ndjson")


def _migrated(one: SavedObject) -> SavedObject:
    """As a newer Kibana gives it back: with versions and defaults of its own."""
    attributes = dict(one.attributes)
    if one.type == "dashboard":
        attributes["hits"] = 0
    if one.type == "search":
        attributes |= {"hits": 0, "viewMode": "documents"}
    return msgspec.structs.replace(
        one, attributes=attributes, core_migration_version="8.8.0", type_migration_version="10.9.0"
    )


def _unknown(message: str) -> dict[str, Any]:
    return {"type": "unknown", "message": message, "statusCode": 400}


def _parse(value: Any) -> None:
    """Raises msgspec.DecodeError where a text should be JSON and isn't."""
    if isinstance(value, dict):
        for key, inner in cast("dict[str, Any]", value).items():
            if key in _JSON and isinstance(inner, str):
                _parse(msgspec.json.decode(inner))
            else:
                _parse(inner)
    elif isinstance(value, list):
        for inner in cast("list[Any]", value):
            _parse(inner)
