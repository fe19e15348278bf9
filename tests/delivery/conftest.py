"""Names of data streams and templates that only one test uses."""

import uuid
from collections.abc import Iterator

import pytest
from elasticsearch import BadRequestError

from delivery.templates import StreamNames
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
