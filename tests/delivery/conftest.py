"""Names of data streams and templates that only one test uses, and a sink that writes to them."""

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
from elasticsearch import BadRequestError

from delivery.build import elasticsearch_fields
from delivery.elasticsearch_client import Connection
from delivery.elasticsearch_sink import ElasticsearchSink
from delivery.templates import StreamNames
from pipeline.secrets import SecretText
from pipeline.units import SECOND
from tests.fixtures.elasticsearch import remove_all
from tests.servers.elasticsearch.server import ElasticsearchServer


@pytest.fixture
def names(elasticsearch: ElasticsearchServer) -> Iterator[StreamNames]:
    prefix = f"test-{uuid.uuid4().hex[:12]}-tapewatch"
    yield StreamNames(prefix=prefix, namespace="unit")
    with elasticsearch.client(request_timeout=30) as client:
        try:
            remove_all(client, prefix)
        except BadRequestError:
            pass  # the node of Maven Central can't delete data streams, nor templates they use


@pytest.fixture
async def elastic(
    elasticsearch: ElasticsearchServer, names: StreamNames
) -> AsyncIterator[ElasticsearchSink]:
    connection = Connection(urls=[SecretText(elasticsearch.url)], timeout=20 * SECOND)
    sink = ElasticsearchSink("es", connection, elasticsearch_fields(), names=names)
    await sink.open()
    yield sink
    await sink.close()
