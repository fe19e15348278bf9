"""Data views, tags, searches, Vega, links and dashboards: an import of saved objects.

`POST /api/saved_objects/_export` tells what is there, `_import` with `overwrite` writes. An object
with a description is as it should be when it tells our revision, whatever people did to it since:
what they arranged stays until a new version of ours comes.
"""

from collections.abc import Sequence
from typing import Any, cast

from msgspec import Struct, field

from delivery.kibana.client import KibanaClient, KibanaRefused
from delivery.kibana.install.change import Change, Kind, differences, settled
from delivery.kibana.saved_objects import SavedObject, ndjson, revision

_KINDS: dict[str, Kind] = {"index-pattern": "data view", "dashboard": "dashboard"}


class _ImportError(Struct):
    id: str
    type: str
    error: dict[str, Any] = field(default_factory=dict[str, Any])


class _Imported(Struct):
    success: bool
    errors: list[_ImportError] = field(default_factory=list[_ImportError])


class SavedObjects:
    """All objects of the source, or those that the Dashboards API doesn't hold."""

    name = "saved objects"
    lacking: tuple[str, ...] = ()

    def __init__(self, objects: Sequence[SavedObject]) -> None:
        self._objects = list(objects)

    async def plan(self, client: KibanaClient) -> list[Change]:
        held = {(one["type"], one["id"]): one for one in await self._held(client)}
        return [_change(one, held.get((one["type"], one["id"]))) for one in self._objects]

    async def apply(self, client: KibanaClient, changes: Sequence[Change]) -> list[str]:
        wanted = [one.body for one in changes if one.action != "unchanged"]
        if not wanted:
            return []
        answer = await client.upload(
            "/api/saved_objects/_import", ndjson(wanted), _Imported, query={"overwrite": "true"}
        )
        lost = [one for one in answer.errors if one.error.get("type") == "unsupported_type"]
        wrong = [one for one in answer.errors if one not in lost]
        if wrong:
            said = "; ".join(f"{one.type} {one.id}: {_reason(one)}" for one in wrong[:5])
            raise KibanaRefused(400, said, "the import of saved objects")
        return [f"{one.type} {one.id}: this Kibana has no objects of that type" for one in lost]

    async def _held(self, client: KibanaClient) -> list[dict[str, Any]]:
        """Those of ours that are there. An export that names others is refused, and says which."""
        asked = [{"type": one["type"], "id": one["id"]} for one in self._objects]
        while asked:
            try:
                return await client.export(
                    "/api/saved_objects/_export",
                    {"objects": asked, "excludeExportDetails": True},
                )
            except KibanaRefused as refused:
                missing = _missing(refused)
                if not missing:
                    raise
                asked = [one for one in asked if (one["type"], one["id"]) not in missing]
        return []


def _missing(refused: KibanaRefused) -> set[tuple[str, str]]:
    """Objects that an export could not find."""
    if refused.status != 400 or not isinstance(refused.attributes, dict):
        return set()
    attributes = cast("dict[str, Any]", refused.attributes)
    named: list[dict[str, Any]] = attributes.get("objects") or []
    return {(one["type"], one["id"]) for one in named if one.get("error")}


def _change(ours: SavedObject, held: SavedObject | None) -> Change:
    attributes = ours["attributes"]
    new = Change(
        kind=_KINDS.get(ours["type"], "saved object"),
        id=ours["id"],
        title=attributes.get("name") or attributes["title"],
        action="create",
        body=ours,
    )
    if held is None:
        return new
    told = revision(attributes)
    if told is not None and told == revision(held["attributes"]):
        return settled(new, ())
    return settled(new, differences(attributes, held["attributes"]))


def _reason(one: _ImportError) -> str:
    kind = one.error.get("type", "unknown")
    if kind == "missing_references":
        named = [f"{r['type']} {r['id']}" for r in one.error.get("references", [])]
        return f"it refers to what isn't there: {', '.join(named)}"
    return str(one.error.get("message") or kind)
