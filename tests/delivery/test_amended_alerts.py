"""An alert that is amended twice, from the lane into every place where somebody reads of it."""

import asyncio
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from delivery.elasticsearch_client import Connection
from delivery.elasticsearch_sink import ElasticsearchSink
from delivery.endpoint import HttpOptions
from delivery.splunk_hec_sink import SplunkHecSink
from delivery.templates import StreamNames
from evidence.investigation.archive import Wanted
from evidence.investigation.elasticsearch_archive import ElasticsearchArchive
from evidence.timeline import timeline
from normalizer.events import Alert, AlertUpdate
from normalizer.events.market import TradeBusted
from pipeline.bus import Bus
from pipeline.cli.evidence import print_timeline
from pipeline.config.schema import ExternalBus
from pipeline.secrets import SecretText
from pipeline.units import SECOND
from tests.delivery.test_forks import documents, flat, sink_below
from tests.detections.test_revised_evidence import Lane, selves
from tests.detections.test_revised_trades import MINUTE, revised
from tests.evidence.cases.test_stage import cases_of
from tests.servers.elasticsearch.server import ElasticsearchServer
from tests.servers.hec import HecReceiver

Told = list[list[Alert | AlertUpdate]]


def trades() -> list[Any]:
    """Two, of an account with itself."""
    return selves(2)


@pytest.fixture(name="messages")
def told() -> Told:
    """The alert, and an amendment for each of its trades, each as a message of ALERTS."""
    lane, both = Lane(), trades()
    busts = [revised(TradeBusted, one, 5 * MINUTE, reason="erroneous") for one in both]
    return [lane.take(*both), *(lane.take(bust) for bust in busts)]


def reasons(messages: Told) -> list[str]:
    assert [len(message) for message in messages] == [1, 1, 1]
    found = [one.reason for message in messages[1:] for one in message]
    assert "1 of 2 was busted (t0)" in found[0]
    assert found[1].endswith("all 2 were busted")
    return found


async def test_in_elasticsearch_the_alert_has_the_newest_sentence_and_no_older_one(
    elasticsearch: ElasticsearchServer,
    elastic: ElasticsearchSink,
    names: StreamNames,
    messages: Told,
) -> None:
    ((alert,), *_) = messages
    older, newest = reasons(messages)
    stream = names.stream("alerts")
    for batch, expected in zip(documents("alerts", messages), (None, older, newest), strict=True):
        await elastic.deliver(batch)
        with elasticsearch.client() as client:
            client.indices.refresh(index=stream)
            query = {"ids": {"values": [alert.id]}}
            (hit,) = client.search(index=stream, query=query)["hits"]["hits"]
        mark = hit["_source"]["surveillance"].get("alert", {})
        assert mark.get("status_reason") == expected
        assert mark.get("status") == (None if expected is None else "amended")
        assert expected == older or older not in json.dumps(hit["_source"])

    connection = Connection(urls=[SecretText(elasticsearch.url)], timeout=20 * SECOND)
    archive = ElasticsearchArchive(connection, alerts=stream, events=names.stream("events"))
    about = Wanted(ids=frozenset({alert.id}))
    found = await asyncio.to_thread(lambda: list(archive.alerts(about)))
    lines = [json.loads(one.document) for one in found]
    amended = [one["event"]["reason"] for one in lines if one["event"]["action"] != "alert"]
    assert sorted(amended) == sorted([older, newest]), "who gathers a case gets both"


async def test_in_splunk_each_amendment_is_an_event_behind_its_alert(
    hec: HecReceiver, messages: Told
) -> None:
    ((alert,), *_) = messages
    http = HttpOptions(timeout=2 * SECOND)
    sink = SplunkHecSink("splunk", SecretText(hec.url), SecretText(hec.token), http)
    await sink.open()
    for batch in documents("alerts", messages):
        assert (await sink.deliver(batch)).written == 1
    await sink.close()
    first, *updates = [one.event for one in hec.events]
    assert first["event"]["id"] == alert.id
    assert [one["surveillance"]["alert"] for one in updates] == [
        {"id": alert.id, "status": "amended"}
    ] * 2
    assert [one["event"]["reason"] for one in updates] == reasons(messages)


async def test_a_case_notes_each_and_keeps_its_alert(
    nats_url: str, stream_prefix: str, messages: Told
) -> None:
    settings = ExternalBus(urls=[SecretText(nats_url)], prefix=stream_prefix)
    async with await Bus.connect(settings, name="test") as bus:
        cases = [await cases_of(bus, *message) for message in messages]
    (case,) = cases[-1]
    ((alert,), *_) = messages
    assert (case.retracted, case.status) == (0, "open")
    assert case.alerts[alert.id].amended == tuple(reasons(messages))


async def test_a_timeline_says_how_the_alert_stands_now(tmp_path: Path, messages: Told) -> None:
    ((alert,), *_) = messages
    older, newest = reasons(messages)
    sink = sink_below(tmp_path)
    await sink.deliver(flat(documents("events", [trades()])))
    await sink.deliver(flat(documents("alerts", messages)))
    await sink.close()
    found = timeline(alert.id, tmp_path)
    assert found.complete
    assert found.update is not None
    assert (found.update.status, found.update.reason) == ("amended", newest)
    shown = Console(width=400, record=True, file=StringIO())
    print_timeline(found, shown)
    text = shown.export_text()
    assert f"amended: {newest}" in text
    assert older not in text
