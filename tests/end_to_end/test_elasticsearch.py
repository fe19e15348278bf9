"""The recorded session into a real Elasticsearch, which is away for a while."""

import uuid
from pathlib import Path

from tests.end_to_end.pipeline_run import Installation
from tests.fixtures.proxy import ProxyFactory
from tests.servers.elasticsearch.server import ElasticsearchServer


def test_elasticsearch_that_goes_away_gets_every_document_once(
    tmp_path: Path, elasticsearch: ElasticsearchServer, proxy: ProxyFactory
) -> None:
    between = proxy(elasticsearch.url)
    namespace = f"run-{uuid.uuid4().hex[:8]}"
    installation = Installation(
        tmp_path,
        sinks=[
            {"name": "files", "type": "file", "path": "out"},
            {
                "name": "elastic",
                "type": "elasticsearch",
                "urls": [between.through(elasticsearch.url)],
                "namespace": namespace,
                "retry_maximum": "1s",
                "batch": 50,
            },
        ],
    )
    client = elasticsearch.client()
    between.refuse()
    with installation.running("--until-done") as run:
        run.until(lambda: len(installation.alerts()) >= 20)
        between.accept()
        run.until(lambda: client.indices.exists(index=f"logs-tapewatch.events-{namespace}"))
        between.cut()
        assert run.wait() == 0, run.tail()

    client.indices.refresh(index=f"logs-tapewatch.*-{namespace}")
    for content in ("events", "alerts"):
        documents = installation.documents(content)
        found = client.search(
            index=f"logs-tapewatch.{content}-{namespace}", size=2_000, source=["event.id"]
        )
        ids = [hit["_source"]["event"]["id"] for hit in found["hits"]["hits"]]
        assert sorted(ids) == sorted(d["event"]["id"] for d in documents)
