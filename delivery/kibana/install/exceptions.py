"""The list of exceptions that Tapewatch's rules in Elastic Security share, and its items."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from delivery.kibana.client import KibanaClient
from delivery.kibana.install.change import Change, differences, settled
from delivery.kibana.security_source import Condition, ExceptionItem, ExceptionList

NAMESPACE = "single"
_LISTS = "/api/exception_lists"
_ITEMS = "/api/exception_lists/items"


class ListReference(Struct, frozen=True):
    """What a rule needs to know of a list."""

    id: str
    list_id: str


async def reference(client: KibanaClient, list_id: str) -> ListReference | None:
    """The list as it is in Kibana; None if it isn't there."""
    query = {"list_id": list_id, "namespace_type": NAMESPACE}
    held = await client.find(_LISTS, dict[str, Any], query=query)
    return ListReference(held["id"], list_id) if held is not None else None


class Exceptions:
    """A list with its items. Items of others in it stay."""

    name = "exceptions"
    lacking: tuple[str, ...] = ()

    def __init__(self, wanted: ExceptionList) -> None:
        self._wanted = wanted

    async def plan(self, client: KibanaClient) -> list[Change]:
        wanted = self._wanted
        body: dict[str, Any] = {
            "list_id": wanted.id,
            "name": wanted.name,
            "description": wanted.description.strip(),
            "type": "detection",
            "namespace_type": NAMESPACE,
            "tags": ["Tapewatch"],
        }
        query = {"list_id": wanted.id, "namespace_type": NAMESPACE}
        held = await client.find(_LISTS, dict[str, Any], query=query)
        new = Change(
            kind="exception list", id=wanted.id, title=wanted.name, action="create", body=body
        )
        changes = [new if held is None else settled(new, differences(body, held))]
        for item in wanted.items:
            body = _item(item, wanted.id)
            new = Change(kind="exception", id=item.id, title=item.name, action="create", body=body)
            there = None
            if held is not None:
                query = {"item_id": item.id, "namespace_type": NAMESPACE}
                there = await client.find(_ITEMS, dict[str, Any], query=query)
            changes.append(new if there is None else settled(new, differences(body, there)))
        return changes

    async def apply(self, client: KibanaClient, changes: Sequence[Change]) -> list[str]:
        for change in changes:
            path = _LISTS if change.kind == "exception list" else _ITEMS
            match change.action:
                case "create":
                    await client.send("POST", path, change.body, dict[str, Any])
                case "update":
                    # An item stays in its list.
                    body = {key: value for key, value in change.body.items() if key != "list_id"}
                    if change.kind == "exception list":
                        body = change.body
                    await client.send("PUT", path, body, dict[str, Any])
                case "unchanged":
                    pass
        return []


def _item(item: ExceptionItem, list_id: str) -> dict[str, Any]:
    return {
        "item_id": item.id,
        "list_id": list_id,
        "name": item.name,
        "description": item.description,
        "type": "simple",
        "namespace_type": NAMESPACE,
        "tags": ["Tapewatch"],
        "entries": [_entry(one) for one in item.conditions],
    }


def _entry(one: Condition) -> dict[str, Any]:
    made = {"field": one.field, "operator": "excluded" if one.lacks else "included"}
    if not one.values:
        return {**made, "type": "exists"}
    if len(one.values) == 1:
        return {**made, "type": "match", "value": one.values[0]}
    return {**made, "type": "match_any", "value": one.values}
