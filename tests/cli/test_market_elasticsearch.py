"""`tapewatch market --elasticsearch`: the market is the one that files have."""

import json
import uuid
from pathlib import Path

import msgspec
import pytest

from normalizer.events.ecs import nest, parse
from pipeline.config.sinks import ElasticsearchSink
from pipeline.secrets import SecretText
from tests.backtest.test_elasticsearch_commands import deliver, documents
from tests.cli.command_line import RULES, tapewatch, write_configuration
from tests.cli.test_market import ORDER_LOG
from tests.servers.elasticsearch.server import ElasticsearchServer


@pytest.mark.elasticsearch
def test_a_market_out_of_elasticsearch_is_that_out_of_files(
    tmp_path: Path, elasticsearch: ElasticsearchServer
) -> None:
    namespace = f"mk-{uuid.uuid4().hex[:8]}"
    # Several things happen in one moment, whose order only the frames tell.
    log = ORDER_LOG.replace("10:00:00.001Z", "10:00:00.000Z").replace(".100Z", ".000Z")
    (tmp_path / "orders.csv").write_text(log)
    found = tapewatch("normalize", "orders.csv", folder=tmp_path).out.splitlines()
    # As a source gives them, each has its place in RAW.
    events = [
        json.dumps(json.loads(line) | {"event.original": f"RAW/{number // 2}/{number % 2}"})
        for number, line in enumerate(found, 10)
    ]
    (tmp_path / "events.ndjson").write_text("\n".join(events) + "\n")
    alerts = tapewatch(
        "detect",
        *("--rules", RULES / "spoofing" / "spoofing.yml", "--events", "events.ndjson"),
        folder=tmp_path,
    ).out.splitlines()
    (tmp_path / "alerts.ndjson").write_text("\n".join(alerts) + "\n")
    sink = ElasticsearchSink(
        name="elastic", urls=[SecretText(elasticsearch.url)], namespace=namespace
    )
    deliver(sink, [*documents("events", _nested(events)), *documents("alerts", alerts)][::-1])
    with elasticsearch.client(request_timeout=60) as client:
        client.indices.refresh(index=f"logs-tapewatch.*-{namespace}")
    one = {"name": "elastic", "type": "elasticsearch", "urls": [elasticsearch.url]}
    write_configuration(tmp_path, sinks=[one | {"namespace": namespace}])
    identity = json.loads(alerts[0])["event"]["id"]

    files = tapewatch(
        *("market", identity, "--alerts", "alerts.ndjson", "--events", "events.ndjson"),
        *("--to", "files.html"),
        folder=tmp_path,
    )
    search = tapewatch("market", identity, "--elasticsearch", "--to", "es.html", folder=tmp_path)

    assert (files.code, search.code) == (0, 0), search
    assert search.out.replace("es.html", "files.html") == files.out
    assert (tmp_path / "es.html").read_bytes() == (tmp_path / "files.html").read_bytes()


def _nested(events: list[str]) -> list[bytes]:
    records = [parse(json.loads(one)) for one in events]
    return [msgspec.json.encode(nest(one)) for one in records if one is not None]
