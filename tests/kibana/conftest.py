"""The demo's documents, once for all tests of what Kibana asks for."""

import pytest

from tests.kibana.demo_documents import DemoIndex, demo_index
from tests.servers.elasticsearch.server import ElasticsearchServer


@pytest.fixture(scope="session")
def demo(elasticsearch: ElasticsearchServer) -> DemoIndex:
    return demo_index(elasticsearch)
