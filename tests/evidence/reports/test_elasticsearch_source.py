"""The same figures out of a real Elasticsearch as out of files."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from delivery.elasticsearch_client import Connection
from evidence.reports.elasticsearch_source import ElasticsearchReportSource
from evidence.reports.gathering import figures_of
from evidence.reports.period import named
from evidence.reports.source import FolderSource
from normalizer.events import Alert, AlertUpdate, CaseActivity
from normalizer.events.ecs import nest
from pipeline.secrets import SecretText
from pipeline.time_zones import time_zone
from pipeline.units import SECOND
from tests.evidence.reports.recorded_weeks import ALL, write
from tests.servers.elasticsearch.server import ElasticsearchServer


@pytest.mark.elasticsearch
def test_the_same_out_of_elasticsearch(
    elasticsearch: ElasticsearchServer, index_prefix: str, tmp_path: Path
) -> None:
    keyword: dict[str, Any] = {"type": "keyword"}
    mappings = {
        "dynamic": False,
        "properties": {
            "@timestamp": {"type": "date_nanos"},
            "event": {"properties": {"action": keyword, "provider": keyword}},
        },
    }
    names = {part: f"{index_prefix}{part}" for part in ("alerts", "events", "cases")}
    operations: list[Any] = []
    for one in ALL:
        part = (
            "cases"
            if isinstance(one, CaseActivity)
            else "alerts"
            if isinstance(one, Alert | AlertUpdate)
            else "events"
        )
        operations += [{"index": {"_index": names[part]}}, nest(one)]
    with elasticsearch.client(request_timeout=60) as client:
        for index in names.values():
            client.indices.create(index=index, mappings=mappings)
        client.bulk(operations=operations, refresh=True)
    connection = Connection(urls=[SecretText(elasticsearch.url)], timeout=30 * SECOND)
    week = named("weekly", "2026-W47", time_zone("Europe/London"))
    there = figures_of(ElasticsearchReportSource(connection, **names), week)
    here = figures_of(FolderSource(write(tmp_path / "out", ALL)), week)
    assert there.sources == here.sources
    assert msgspec.structs.replace(there, source=here.source) == here
