"""The space that everything is installed in: made where it isn't there."""

from collections.abc import Sequence
from typing import Any

from delivery.kibana.client import KibanaClient, KibanaRefused
from delivery.kibana.install.change import Change, settled


class Space:
    """A space by its id."""

    name = "space"
    lacking: tuple[str, ...] = ()

    async def plan(self, client: KibanaClient) -> list[Change]:
        body = {
            "id": client.space,
            "name": client.space.replace("-", " ").capitalize(),
            "description": "Market surveillance of tokenised securities, by Tapewatch",
        }
        new = Change(kind="space", id=client.space, title=client.space, action="create", body=body)
        try:
            await client.get(f"/api/spaces/space/{client.space}", dict[str, Any], spaced=False)
        except KibanaRefused as refused:
            if refused.status != 404:
                raise
            return [new]
        return [settled(new, ())]

    async def apply(self, client: KibanaClient, changes: Sequence[Change]) -> list[str]:
        for change in changes:
            if change.action == "create":
                try:
                    await client.send(
                        "POST", "/api/spaces/space", change.body, dict[str, Any], spaced=False
                    )
                except KibanaRefused as refused:
                    if refused.status != 409:  # by now somebody else has made it
                        raise
        return []
