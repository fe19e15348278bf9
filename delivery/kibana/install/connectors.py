"""Connectors: `POST` and `PUT /api/actions/connector/{id}`. Kibana never gives secrets back.

So a changed secret alone isn't noticed; `--secrets` sends all again.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct, field

from delivery.endpoint import revealed
from delivery.kibana.client import KibanaClient
from delivery.kibana.install.change import Change, differences, settled
from pipeline.config.kibana import (
    EmailConnector,
    KibanaConnector,
    PagerDutyConnector,
    SlackConnector,
    WebhookConnector,
)
from pipeline.secrets import Secret


class _Held(Struct):
    name: str
    connector_type_id: str
    config: dict[str, Any] = field(default_factory=dict[str, Any])
    is_missing_secrets: bool = False


class Connectors:
    """Those of the configuration. `all_secrets`: send them though nothing else has changed."""

    name = "connectors"
    lacking: tuple[str, ...] = ()

    def __init__(self, connectors: Sequence[KibanaConnector], *, all_secrets: bool = False) -> None:
        self._connectors = {one.id: one for one in connectors}
        self._all_secrets = all_secrets

    async def plan(self, client: KibanaClient) -> list[Change]:
        changes: list[Change] = []
        for one in self._connectors.values():
            type_, config = _shape(one)
            wanted = {"name": one.name, "connector_type_id": type_, "config": config}
            new = Change(kind="connector", id=one.id, title=one.name, action="create", body=wanted)
            held = await client.find(f"/api/actions/connector/{one.id}", _Held)
            if held is None:
                changes.append(new)
                continue
            theirs = {
                "name": held.name,
                "connector_type_id": held.connector_type_id,
                "config": held.config,
            }
            found = differences(wanted, theirs)
            if held.is_missing_secrets:
                found.append("secrets: Kibana has lost them")
            elif self._all_secrets:
                found.append("secrets: sent again")
            changes.append(settled(new, found))
        return changes

    async def apply(self, client: KibanaClient, changes: Sequence[Change]) -> list[str]:
        for change in changes:
            path = f"/api/actions/connector/{change.id}"
            if change.action == "unchanged":
                continue
            body: dict[str, Any] = {**change.body, "secrets": _secrets(self._connectors[change.id])}
            if change.action == "create":
                await client.send("POST", path, body, dict[str, Any])
            else:
                # The type of a connector stays what it is.
                del body["connector_type_id"]
                await client.send("PUT", path, body, dict[str, Any])
        return []


def _shape(one: KibanaConnector) -> tuple[str, dict[str, Any]]:
    """Kibana's type and what of its settings may be seen."""
    match one:
        case WebhookConnector():
            login = one.username is not None
            config: dict[str, Any] = {"url": one.url, "method": "post", "hasAuth": login}
            if login:
                config["authType"] = "webhook-authentication-basic"
            return ".webhook", config
        case SlackConnector():
            return ".slack", {}
        case PagerDutyConnector():
            return ".pagerduty", {}
        case EmailConnector():
            return ".email", {
                "from": one.sender,
                "host": one.host,
                "port": one.port,
                "secure": one.secure,
                "hasAuth": one.username is not None,
                "service": "other",
            }


def _secrets(one: KibanaConnector) -> dict[str, Any]:
    match one:
        case SlackConnector():
            return {"webhookUrl": _revealed(one.url, one.id)}
        case PagerDutyConnector():
            return {"routingKey": _revealed(one.routing_key, one.id)}
        case WebhookConnector() | EmailConnector():
            if one.username is None or one.password is None:
                return {}
            return {"user": one.username, "password": _revealed(one.password, one.id)}


def _revealed(secret: Secret, id_: str) -> str:
    return revealed(secret, f"the connector {id_}")
