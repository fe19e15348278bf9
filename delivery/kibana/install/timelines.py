"""Templates of Timeline: `POST` and `PATCH /api/timeline`.

Kibana takes a template anew only with a higher version, so its version alone is compared.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct, field

from delivery.kibana.client import KibanaClient
from delivery.kibana.install.change import Change, settled
from delivery.kibana.security_source import TimelineTemplate


class _Held(Struct):
    saved_object_id: str = field(name="savedObjectId", default="")
    version: str = ""
    template_version: int | None = field(name="templateTimelineVersion", default=None)


class TimelineTemplates:
    """Those of the source."""

    name = "timeline templates"
    lacking: tuple[str, ...] = ()

    def __init__(self, templates: Sequence[TimelineTemplate]) -> None:
        self._templates = list(templates)
        self._held: dict[str, _Held] = {}

    async def plan(self, client: KibanaClient) -> list[Change]:
        changes: list[Change] = []
        for one in self._templates:
            new = Change(
                kind="timeline template",
                id=one.id,
                title=one.title,
                action="create",
                body=_timeline(one),
            )
            held = await client.find("/api/timeline", _Held, query={"template_timeline_id": one.id})
            if held is None or not held.saved_object_id:
                changes.append(new)
                continue
            self._held[one.id] = held
            before = held.template_version or 0
            said = [f"version: {before} becomes {one.version}"] if before < one.version else []
            changes.append(settled(new, said))
        return changes

    async def apply(self, client: KibanaClient, changes: Sequence[Change]) -> list[str]:
        for change in changes:
            match change.action:
                case "create":
                    body = {
                        "timeline": change.body,
                        "timelineType": "template",
                        "templateTimelineId": change.id,
                        "templateTimelineVersion": change.body["templateTimelineVersion"],
                    }
                    await client.send("POST", "/api/timeline", body, msgspec.Raw)
                case "update":
                    held = self._held[change.id]
                    body = {
                        "timeline": change.body,
                        "timelineId": held.saved_object_id,
                        "version": held.version,
                    }
                    await client.send("PATCH", "/api/timeline", body, msgspec.Raw)
                case "unchanged":
                    pass
        return []


def _timeline(one: TimelineTemplate) -> dict[str, Any]:
    query: dict[str, Any] | None = None
    if one.query:
        kuery = {"kind": "kuery", "expression": one.query}
        query = {"filterQuery": {"kuery": kuery, "serializedQuery": ""}}
    return {
        "title": one.title,
        "description": one.description,
        "timelineType": "template",
        "templateTimelineId": one.id,
        "templateTimelineVersion": one.version,
        "status": "active",
        "eventType": "all",
        "kqlMode": "filter",
        "kqlQuery": query,
        "columns": [{"id": name, "columnHeaderType": "not-filtered"} for name in one.columns],
        "sort": [
            {"columnId": "@timestamp", "columnType": "date", "sortDirection": "asc"},
        ],
        "dataProviders": [
            {
                "id": f"tapewatch-{number}-{name}",
                "name": name,
                "enabled": True,
                "excluded": False,
                "kqlQuery": "",
                # Kibana puts the alert's own value of the field here.
                "queryMatch": {"field": name, "value": f"{{{name}}}", "operator": ":"},
                "type": "template",
                "and": [],
            }
            for number, name in enumerate(one.any)
        ],
    }
