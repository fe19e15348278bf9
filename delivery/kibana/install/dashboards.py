"""Dashboards by the Dashboards API: `PUT /api/dashboards/{id}` makes or replaces one."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from delivery.kibana.client import KibanaClient
from delivery.kibana.install.change import Change, differences, settled


class _Dashboard(Struct):
    id: str
    data: dict[str, Any]


class Dashboards:
    """The body of each, by id, and the titles of the panels that it can't hold."""

    name = "dashboards"

    def __init__(
        self, dashboards: Mapping[str, dict[str, Any]], left_out: Mapping[str, Sequence[str]]
    ) -> None:
        self._dashboards = dashboards
        self.lacking = tuple(
            f"dashboard {id_}: {', '.join(titles)}, which the Dashboards API can't hold"
            for id_, titles in left_out.items()
            if titles
        )

    async def plan(self, client: KibanaClient) -> list[Change]:
        changes: list[Change] = []
        for id_, body in self._dashboards.items():
            new = Change(kind="dashboard", id=id_, title=body["title"], action="create", body=body)
            held = await client.find(f"/api/dashboards/{id_}", _Dashboard)
            changes.append(new if held is None else settled(new, differences(body, held.data)))
        return changes

    async def apply(self, client: KibanaClient, changes: Sequence[Change]) -> list[str]:
        for change in changes:
            if change.action != "unchanged":
                await client.send(
                    "PUT", f"/api/dashboards/{change.id}", change.body, dict[str, Any]
                )
        return []
