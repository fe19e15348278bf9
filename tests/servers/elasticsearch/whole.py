"""What a full Elasticsearch distribution answers to a set-up, as far as ours can't be one.

ILM and the REST interface of data streams are missing in the server of our tests. This double holds
what is put, in memory, and answers in the forms of Elastic's REST API reference (9.4), with what a
server adds of its own: versions, times, defaults. It refuses what it doesn't know. Whether a body
is one that Elasticsearch takes is not its business: `test_elastic_bodies.py` holds them against
Elastic's own types.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from elastic_transport import ApiResponseMeta, HttpHeaders, NodeConfig
from elasticsearch import ApiError, BadRequestError, NotFoundError

_STAMP = {"created_date_millis": 1_795_693_935_378, "modified_date_millis": 1_795_693_935_378}
_PUT = re.compile(
    r"/(_ilm/policy|_ingest/pipeline|_component_template|_index_template|_security/role)/([^/?]+)"
)
_ERRORS: Mapping[int, type[ApiError]] = {400: BadRequestError, 404: NotFoundError}


class WholeDistribution:
    """It knows one data stream, `stream`, where that is given: with its mapping and settings."""

    def __init__(
        self,
        stream: str | None = None,
        *,
        mapping: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        lifecycle: Mapping[str, Any] | None = None,
        serverless: bool = False,
    ) -> None:
        self.held: dict[str, dict[str, Any]] = {}
        self.stream = stream
        self.mapping = dict(mapping or {})
        self.settings = dict(settings or {})
        self.lifecycle = dict(lifecycle) if lifecycle is not None else None
        self.serverless = serverless
        self.asked: list[tuple[str, str]] = []
        self.ilm = "RUNNING"
        #: What the cluster limits every retention to.
        self.most_retention: str | None = None

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        self.asked.append((method, path))
        if path == "/_index_template/_simulate":
            return {"template": body["template"], "overlapping": []}
        put = _PUT.fullmatch(path)
        if put is not None:
            return self._resource(method, put[1], put[2], body)
        if path == "/_ilm/status":
            if self.serverless:
                raise _error(410, "api_not_available_exception")
            return {"operation_mode": self.ilm}
        if path == "/_security/_authenticate":
            return {"username": "admin"}
        if path == "/_security/user/_has_privileges":
            return {
                "cluster": dict.fromkeys(body["cluster"], True),
                "index": {
                    name: dict.fromkeys(one["privileges"], True)
                    for one in body["index"]
                    for name in one["names"]
                },
            }
        if path.startswith("/_nodes/ingest"):
            kinds = ("append", "geoip", "set", "set_security_user")
            return {"nodes": {"a": {"ingest": {"processors": [{"type": k} for k in kinds]}}}}
        return self._stream(method, path, body)

    def _resource(self, method: str, kind: str, name: str, body: Any) -> Any:
        if kind == "_ilm/policy" and self.serverless:
            raise _error(410, "api_not_available_exception")
        key = f"{kind}/{name}"
        if method == "PUT":
            self.held[key] = body
            return {"acknowledged": True}
        if key not in self.held:
            raise _error(404, "resource_not_found_exception")
        held = self.held[key]
        answers: Mapping[str, Callable[[], Any]] = {
            "_ilm/policy": lambda: {
                name: {
                    "version": 1,
                    "modified_date": "2026-01-01T00:00:00.000Z",
                    "policy": held["policy"],
                    "in_use_by": {"indices": [], "data_streams": [], "composable_templates": []},
                }
            },
            "_ingest/pipeline": lambda: {name: {**held, **_STAMP}},
            "_security/role": lambda: {
                name: {**held, "run_as": [], "transient_metadata": {"enabled": True}}
            },
            "_component_template": lambda: {
                "component_templates": [{"name": name, "component_template": {**held, **_STAMP}}]
            },
            "_index_template": lambda: {
                "index_templates": [{"name": name, "index_template": {**held, **_STAMP}}]
            },
        }
        return answers[kind]()

    def _stream(self, method: str, path: str, body: Any) -> Any:
        index = f".ds-{self.stream}-2026.01.01-000001"
        match method, path:
            case "GET", _ if self.stream is None or self.stream not in path:
                raise _error(404, "index_not_found_exception")
            case "GET", _ if path == f"/{self.stream}/_mapping":
                return {index: {"mappings": self.mapping}}
            case "GET", _ if path == f"/{self.stream}/_settings?flat_settings=true":
                return {index: {"settings": self.settings}}
            case "PUT", _ if path == f"/{self.stream}/_settings":
                self.settings |= body
            case "GET", _ if path == f"/_data_stream/{self.stream}/_lifecycle":
                return {"data_streams": [self._lifecycle()]}
            case "PUT", _ if path == f"/_data_stream/{self.stream}/_lifecycle":
                self.lifecycle = body
            case "PUT", _ if path == f"/{index}/_mapping":
                self.mapping.setdefault("properties", {}).update(body["properties"])
            case "GET", _ if path == f"/_data_stream/{self.stream}":
                return {"data_streams": [{"name": self.stream}]}
            case _:
                raise _error(400, f"no handler found for uri [{path}] and method [{method}]")
        return {"acknowledged": True}

    def _lifecycle(self) -> dict[str, Any]:
        if self.lifecycle is None:
            return {"name": self.stream}
        retention = self.lifecycle.get("data_retention")
        added: dict[str, Any] = {"retention_determined_by": "data_stream_configuration"}
        if self.most_retention is not None:
            retention, added = (
                self.most_retention,
                {"retention_determined_by": "max_global_retention"},
            )
        if retention is not None:
            added["effective_retention"] = retention
        return {"name": self.stream, "lifecycle": {**self.lifecycle, **added}}


def _error(status: int, reason: str) -> ApiError:
    node = NodeConfig("http", "double", 9200)
    meta = ApiResponseMeta(status, "1.1", HttpHeaders(), 0.0, node)
    body = {"error": {"type": reason, "reason": reason}, "status": status}
    return _ERRORS.get(status, ApiError)(reason, meta, body)
