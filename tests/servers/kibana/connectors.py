"""Connectors (`/api/actions/connector`), of the types that Tapewatch makes.

Source: elastic/kibana, `oas_docs/output/kibana.yaml` and `stack_connectors/server/connector_types`.
"""

from typing import Any

import msgspec
from msgspec import Struct, field

from tests.servers.kibana.double import Answer, Call, Refusal, Route


class WebhookConfig(Struct, forbid_unknown_fields=True, rename="camel"):
    url: str
    method: str
    has_auth: bool
    auth_type: str | None = None
    headers: dict[str, str] | None = None


class EmailConfig(Struct, forbid_unknown_fields=True, rename="camel"):
    from_: str = field(name="from")
    service: str
    host: str
    port: int
    secure: bool
    has_auth: bool


class NoConfig(Struct, forbid_unknown_fields=True):
    pass


class PagerDutyConfig(Struct, forbid_unknown_fields=True, rename="camel"):
    api_url: str | None = None


class Login(Struct, forbid_unknown_fields=True):
    user: str | None = None
    password: str | None = None


class SlackSecrets(Struct, forbid_unknown_fields=True, rename="camel"):
    webhook_url: str


class PagerDutySecrets(Struct, forbid_unknown_fields=True, rename="camel"):
    routing_key: str


_TYPES: dict[str, tuple[type[Struct], type[Struct]]] = {
    ".webhook": (WebhookConfig, Login),
    ".slack": (NoConfig, SlackSecrets),
    ".pagerduty": (PagerDutyConfig, PagerDutySecrets),
    ".email": (EmailConfig, Login),
}


class CreateRequest(Struct, forbid_unknown_fields=True):
    name: str
    connector_type_id: str
    config: dict[str, Any] = field(default_factory=dict[str, Any])
    secrets: dict[str, Any] = field(default_factory=dict[str, Any])


class UpdateRequest(Struct, forbid_unknown_fields=True):
    name: str
    config: dict[str, Any] = field(default_factory=dict[str, Any])
    secrets: dict[str, Any] = field(default_factory=dict[str, Any])


class Connector(Struct):
    """What is kept. `secrets` are never given back."""

    id: str
    name: str
    connector_type_id: str
    config: dict[str, Any]
    secrets: dict[str, Any]
    is_missing_secrets: bool = False


class Connectors:
    """`by_space` holds them. `refused` types answer 403, as those that a licence doesn't have."""

    def __init__(self) -> None:
        self.by_space: dict[str, dict[str, Connector]] = {}
        self.refused: set[str] = set()

    def routes(self) -> list[Route]:
        path = "/api/actions/connector/{id}"
        return [
            Route("GET", path, self.get),
            Route("POST", path, self.create),
            Route("PUT", path, self.update),
        ]

    def of(self, space: str) -> dict[str, Connector]:
        return self.by_space.setdefault(space, {})

    def get(self, call: Call) -> Answer:
        return Answer(200, _shown(self._found(call)))

    def create(self, call: Call) -> Answer:
        asked = call.json(CreateRequest)
        id_ = call.parameters["id"]
        if id_ in self.of(call.space):
            raise Refusal(409, f"Saved object [action/{id_}] conflict")
        self._check(asked.connector_type_id, asked.config, asked.secrets)
        made = Connector(id_, asked.name, asked.connector_type_id, asked.config, asked.secrets)
        self.of(call.space)[id_] = made
        return Answer(200, _shown(made))

    def update(self, call: Call) -> Answer:
        asked = call.json(UpdateRequest)
        held = self._found(call)
        self._check(held.connector_type_id, asked.config, asked.secrets)
        held.name, held.config, held.secrets = asked.name, asked.config, asked.secrets
        held.is_missing_secrets = False
        return Answer(200, _shown(held))

    def _found(self, call: Call) -> Connector:
        id_ = call.parameters["id"]
        held = self.of(call.space).get(id_)
        if held is None:
            raise Refusal(404, f"Saved object [action/{id_}] not found")
        return held

    def _check(self, type_: str, config: dict[str, Any], secrets: dict[str, Any]) -> None:
        if type_ in self.refused:
            raise Refusal(
                403,
                f"Action type {type_} is disabled because your basic license does not support it. "
                "Please upgrade your license.",
            )
        if type_ not in _TYPES:
            raise Refusal(400, f'Action type "{type_}" is not registered.')
        for what, value, kind in zip(
            ("config", "secrets"), (config, secrets), _TYPES[type_], strict=True
        ):
            try:
                msgspec.convert(value, kind)
            except msgspec.ValidationError as error:
                raise Refusal(400, f"error validating connector type {what}: {error}") from None


def _shown(held: Connector) -> dict[str, Any]:
    return {
        "id": held.id,
        "name": held.name,
        "connector_type_id": held.connector_type_id,
        "config": {"headers": None, **held.config} if held.config else {},
        "is_preconfigured": False,
        "is_deprecated": False,
        "is_system_action": False,
        "is_missing_secrets": held.is_missing_secrets,
    }
