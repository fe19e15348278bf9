"""The same investigation out of a real Elasticsearch as out of files."""

from pathlib import Path
from typing import Any

import pytest

from delivery.elasticsearch_client import Connection
from evidence.investigation.archive import FolderArchive
from evidence.investigation.case_file import case_in
from evidence.investigation.elasticsearch_archive import ElasticsearchArchive
from evidence.investigation.gather import gather, gather_parties
from normalizer.events import Alert, AlertUpdate
from normalizer.events.ecs import nest
from pipeline.secrets import SecretText
from pipeline.units import HOUR, SECOND
from tests.demo.invented_alerts import T0
from tests.evidence.investigation.recorded_case import CASE, placed, write
from tests.evidence.investigation.test_case import case_file
from tests.servers.elasticsearch.server import ElasticsearchServer

#: What Lucene's query syntax would take for more than a name.
EVIL = 'a" OR event.action:* \\'


@pytest.mark.elasticsearch
def test_the_same_out_of_elasticsearch(
    elasticsearch: ElasticsearchServer, index_prefix: str, tmp_path: Path
) -> None:
    records = [*CASE, placed("evil", T0, EVIL)]
    keyword: dict[str, Any] = {"type": "keyword"}
    mappings = {
        "properties": {
            "@timestamp": {"type": "date_nanos"},
            "event": {"properties": {"action": keyword, "id": keyword}},
            "related": {"properties": {"user": keyword}},
            "surveillance": {
                "properties": {
                    "case": {"properties": {"id": keyword}},
                    "alert": {"properties": {"id": keyword}},
                    "entities": keyword,
                }
            },
        }
    }
    alerts, events, cases = (f"{index_prefix}{one}" for one in ("alerts", "events", "cases"))
    with elasticsearch.client(request_timeout=60) as client:
        for index in (alerts, events, cases):
            client.indices.create(index=index, mappings=mappings)
        operations: list[Any] = []
        for one in records:
            told = isinstance(one, Alert | AlertUpdate)
            operations += [{"index": {"_index": alerts if told else events}}, nest(one)]
        for activity, _ in case_file().activities:
            operations += [{"index": {"_index": cases}}, nest(activity)]
        client.bulk(operations=operations, refresh=True)
    connection = Connection(urls=[SecretText(elasticsearch.url)], timeout=30 * SECOND)
    archive = ElasticsearchArchive(connection, alerts=alerts, events=events, cases=cases)
    files = FolderArchive(write(tmp_path / "out", records))
    for also in ((), (EVIL,)):
        there = gather(archive, "abc", window=HOUR, also=also)
        here = gather(files, "abc", window=HOUR, also=also)
        assert [line.id for line in there.lines] == [line.id for line in here.lines]
        assert there.complete
    for party in ("acct-honest", EVIL):
        there, here = (
            gather_parties(one, [party], since=T0 - HOUR, until=T0 + HOUR)
            for one in (archive, files)
        )
        assert [line.id for line in there.lines] == [line.id for line in here.lines]
    assert "evil" in {line.id for line in there.lines}
    assert "honest" not in {line.id for line in there.lines}
    assert case_in(archive, case_file().case.id) == case_file()
