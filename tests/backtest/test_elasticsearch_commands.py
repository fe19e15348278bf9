"""`backtest --elasticsearch` and `rules stats --elasticsearch` on what the sink delivered."""

import asyncio
import json
import uuid
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from delivery.build import build_elasticsearch
from delivery.sink import Content, Document
from normalizer.events.ecs import nest
from pipeline.config.sinks import ElasticsearchSink
from pipeline.secrets import SecretText
from tests.backtest.samples import CORRELATION, LARGE, RULE, transfer, write
from tests.cli.command_line import tapewatch, write_configuration
from tests.servers.elasticsearch.server import ElasticsearchServer
from tests.staging.closed_cases import case

AMOUNTS = (50, 100, 150, 90, 400)


@pytest.fixture
def installation(tmp_path: Path, elasticsearch: ElasticsearchServer) -> Path:
    """A folder whose configuration has an Elasticsearch sink with events and their alerts."""
    namespace = f"bt-{uuid.uuid4().hex[:8]}"
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "large.yml").write_text(
        RULE.replace("level: medium\n", "level: medium\nstaged: true\n")
    )
    (tmp_path / "rules" / "often.yml").write_text(CORRELATION)
    lines = [transfer(number, amount, hours=30 * number) for number, amount in enumerate(AMOUNTS)]
    write(tmp_path / "events.ndjson", *lines)
    detected = tapewatch("detect", "--rules", "rules", "--events", "events.ndjson", folder=tmp_path)
    sink = ElasticsearchSink(
        name="elastic", urls=[SecretText(elasticsearch.url)], namespace=namespace
    )
    # Backwards: reading puts them into the order of their times.
    deliver(
        sink, [*documents("events", lines), *documents("alerts", detected.out.splitlines())][::-1]
    )
    with elasticsearch.client(request_timeout=60) as client:
        client.indices.refresh(index=f"logs-tapewatch.*-{namespace}")
    write_configuration(
        tmp_path,
        sinks=[
            {
                "name": "elastic",
                "type": "elasticsearch",
                "urls": [elasticsearch.url],
                "namespace": namespace,
            }
        ],
    )
    return tmp_path


def documents(content: Content, lines: list[Any]) -> list[Document]:
    return [
        Document(
            content=content,
            id=json.loads(line)["event"]["id"],
            timestamp=0,
            source="test",
            position=str(number),
            body=line if isinstance(line, bytes) else line.encode(),
        )
        for number, line in enumerate(lines)
    ]


def deliver(settings: ElasticsearchSink, batch: list[Document]) -> None:
    async def run() -> None:
        sink = build_elasticsearch(settings)
        await sink.open()
        try:
            done = await sink.deliver(batch)
        finally:
            await sink.close()
        assert done.written == len(batch), done

    asyncio.run(run())


def test_a_backtest_over_elasticsearch_is_that_over_files(installation: Path) -> None:
    common = ("backtest", "--rules", "rules", "--json", "-")

    files = tapewatch(*common, "--events", "events.ndjson", folder=installation)
    search = tapewatch(*common, "--elasticsearch", folder=installation)
    part = tapewatch(
        *(*common, "--elasticsearch", "--query", "token.amount:[120 TO *]", "--from", "2026-01-02"),
        folder=installation,
    )

    assert (files.code, search.code, search.error) == (0, 0, "")
    here, there = json.loads(files.out), json.loads(search.out)
    assert there["rules"] == here["rules"]
    assert there["events"] == here["events"]
    assert json.loads(part.out)["events"]["read"] == 2


def test_statistics_of_delivered_alerts(installation: Path) -> None:
    answer = tapewatch(
        "rules", "stats", "--rules", "rules", "--elasticsearch", "--json", folder=installation
    )

    assert (answer.code, answer.error) == (0, "")
    report = json.loads(answer.out)
    assert report["of_events"] is True
    assert report["first_event"] == "2026-01-01T00:00:00.000000000Z"
    (one,) = [one for one in report["rules"] if one["id"] == LARGE]
    assert (one["alerts"], one["days"]) == (3, 5.0)
    assert one["advice"]["verdict"] == "wait"


def test_cases_that_were_delivered_tell_which_alerts_were_right(
    installation: Path, elasticsearch: ElasticsearchServer
) -> None:
    configured = yaml.safe_load((installation / "pipeline.yaml").read_text())["sinks"][0]
    common = ("rules", "stats", "--rules", "rules", "--elasticsearch", "--json")
    detected = tapewatch(
        "detect", "--rules", "rules", "--events", "events.ndjson", folder=installation
    )
    found = [json.loads(line) for line in detected.out.splitlines()]
    alerts = [one["event"]["id"] for one in found if one["rule"]["id"] == LARGE]
    done = [
        *(*case(1, alerts[:2], "reported"), *case(2, alerts[2:], "explained"), *case(3, [], None)),
    ]
    before = tapewatch(*common, folder=installation)
    sink = ElasticsearchSink(
        name="elastic", urls=[SecretText(elasticsearch.url)], namespace=configured["namespace"]
    )
    deliver(sink, documents("cases", [msgspec.json.encode(nest(one)) for one in done]))
    with elasticsearch.client(request_timeout=60) as client:
        client.indices.refresh(index=f"logs-tapewatch.cases-{configured['namespace']}")

    answer = tapewatch(*common, folder=installation)

    assert (answer.code, answer.error) == (0, "")
    for told, expected in ((before, (0, 0, 0)), (answer, (2, 1, 1))):
        report = json.loads(told.out)
        (one,) = [one for one in report["rules"] if one["id"] == LARGE]
        assert (report["cases"], one["right"], one["wrong"]) == expected
