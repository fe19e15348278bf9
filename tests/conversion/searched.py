"""Records in a real Elasticsearch, with the templates of our own sink, to be searched by rules."""

import asyncio
import uuid
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from elasticsearch import Elasticsearch

from delivery.build import elasticsearch_fields
from delivery.elasticsearch_client import Connection
from delivery.elasticsearch_sink import ElasticsearchSink
from delivery.sink import Document
from delivery.templates import StreamNames
from normalizer.events import Record
from normalizer.events.ecs import nest
from pipeline.secrets import SecretText
from pipeline.units import SECOND
from tests.servers.elasticsearch.server import ElasticsearchServer

_AT_ONCE = 100
#: `index.max_result_window`.
_MOST = 10_000


class Searched:
    """A data stream with records in it."""

    def __init__(self, server: ElasticsearchServer, records: Sequence[Record]) -> None:
        assert len(records) <= _MOST, "a search would not give them all"
        self._server = server
        names = StreamNames(prefix=f"test-{uuid.uuid4().hex[:12]}-tapewatch", namespace="unit")
        self.stream = names.stream("events")
        asyncio.run(self._deliver(names, records))
        with server.client() as client:
            client.indices.refresh(index=self.stream)

    async def _deliver(self, names: StreamNames, records: Sequence[Record]) -> None:
        connection = Connection(urls=[SecretText(self._server.url)], timeout=60 * SECOND)
        sink = ElasticsearchSink("es", connection, elasticsearch_fields(), names=names)
        await sink.open()
        try:
            delivered = await sink.deliver([_document(record) for record in records])
        finally:
            await sink.close()
        assert delivered.refused == ()
        assert delivered.written == len(records)

    def hits(self, queries: Mapping[str, str]) -> dict[str, set[str]]:
        """Ids of the events that each query finds, asked as Kibana asks Lucene queries."""
        found: dict[str, set[str]] = {}
        with self._server.client(request_timeout=120) as client:
            for chunk in _chunks(list(queries.items())):
                found |= self._ask(client, chunk)
        return found

    def _ask(self, client: Elasticsearch, chunk: list[tuple[str, str]]) -> dict[str, set[str]]:
        searches: list[dict[str, object]] = []
        for _, query in chunk:
            asked = {"query_string": {"query": query, "analyze_wildcard": True}}
            searches += [{"index": self.stream}, {"query": asked, "size": _MOST, "_source": False}]
        answer = client.msearch(searches=searches)
        found: dict[str, set[str]] = {}
        for (name, query), response in zip(chunk, answer["responses"], strict=True):
            assert "error" not in response, f"{query}\n{response.get('error')}"
            found[name] = {hit["_id"] for hit in response["hits"]["hits"]}
        return found


def _document(record: Record) -> Document:
    return Document(
        content="events",
        id=record.id,
        timestamp=record.timestamp,
        source="test",
        position=f"EVENTS/1/{record.id}",
        body=msgspec.json.encode(nest(record)),
        redelivered=False,
    )


def _chunks(items: list[tuple[str, str]]) -> Iterable[list[tuple[str, str]]]:
    for start in range(0, len(items), _AT_ONCE):
        yield items[start : start + _AT_ONCE]
