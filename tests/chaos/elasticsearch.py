"""A real Elasticsearch of the scenarios' own, which can be killed, and what it holds."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from elasticsearch.helpers import scan

from tests.chaos.outcome import Holding, holding
from tests.chaos.scenario import Unavailable
from tests.servers.elasticsearch.distribution import cache_folder, unpacked_server
from tests.servers.elasticsearch.errors import ElasticsearchUnavailable
from tests.servers.elasticsearch.java import find_jdk
from tests.servers.elasticsearch.node import kill_node, restart_node, start_node, stop_node


class ElasticsearchNode:
    """One node; use it as a context manager. Raises Unavailable."""

    def __enter__(self) -> "ElasticsearchNode":
        try:
            self._jdk = find_jdk()
            self._home = unpacked_server(cache_folder(), self._jdk)
        except ElasticsearchUnavailable as error:
            raise Unavailable(str(error)) from None
        self._node = start_node(self._home, self._jdk, quick=True)
        self._client = self._node.server.client(request_timeout=60)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
        stop_node(self._node)

    @property
    def url(self) -> str:
        """Where it answers, before and after a crash."""
        return self._node.server.url

    def kill(self) -> None:
        """`kill -9`."""
        kill_node(self._node)

    def restart(self) -> None:
        """Start it again on the data that the killed one left; returns when it answers."""
        self._node = restart_node(self._node, self._home, self._jdk, quick=True)

    def version(self) -> str:
        """The server's own word."""
        return str(self._client.info()["version"]["number"])

    def sink(self, namespace: str, url: str) -> dict[str, Any]:
        """The configuration of a sink that writes into it through `url`."""
        return {
            "name": "elastic",
            "type": "elasticsearch",
            "urls": [url],
            "namespace": namespace,
            "retry_maximum": "500ms",
            "timeout": "5s",
            "batch": 100,
        }

    def held(self, namespace: str) -> Holding:
        """What the data streams of a namespace hold."""
        return holding(self._documents("events", namespace), self._documents("alerts", namespace))

    def _documents(self, content: str, namespace: str) -> Iterator[dict[str, Any]]:
        index = f"logs-tapewatch.{content}-{namespace}"
        self._client.indices.refresh(index=index)
        for hit in scan(self._client, index=index, size=2_000):
            yield hit["_source"]


def namespace_of(folder: Path) -> str:
    """A namespace for the round whose files lie in `folder`."""
    return folder.name.replace("round-", "chaos-")


__all__ = ["ElasticsearchNode", "namespace_of"]
