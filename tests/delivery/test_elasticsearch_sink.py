"""The Elasticsearch sink against a real Elasticsearch."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from elasticsearch import Elasticsearch

from delivery.elasticsearch_client import Connection
from delivery.elasticsearch_sink import ElasticsearchSink
from delivery.marks import AlertChange
from delivery.retry import RetryPolicy, deliver_until_taken
from delivery.sink import Delivered, Document, Refused, SinkUnavailable
from delivery.templates import StreamNames
from pipeline.secrets import SecretText
from pipeline.units import MILLISECOND, SECOND
from tests.delivery.documents import alert, document, event
from tests.fixtures.proxy import ProxyFactory
from tests.servers.elasticsearch.server import ElasticsearchServer
from tests.servers.elasticsearch_faults import FAULTS, ElasticsearchFaults
from tests.servers.webhook import WebhookReceiver

FAST = RetryPolicy(initial=20 * MILLISECOND, maximum=200 * MILLISECOND)
FIELDS = {
    "@timestamp": "date_nanos",
    "event.id": "keyword",
    "event.kind": "keyword",
    "event.action": "keyword",
    "market.venue": "keyword",
    "market.trade.price": "double",
    "message": "text",
    "surveillance.level": "keyword",
    "surveillance.metrics": "float_map",
}


@pytest.fixture
async def sink(
    elasticsearch: ElasticsearchServer, names: StreamNames
) -> AsyncIterator[ElasticsearchSink]:
    made = sink_to(elasticsearch.url, names)
    await made.open()
    yield made
    await made.close()


def sink_to(url: str, names: StreamNames, **more: Any) -> ElasticsearchSink:
    log_in = {key: more.pop(key) for key in ("api_key", "username", "password") if key in more}
    timeout = more.pop("timeout", 20 * SECOND)
    connection = Connection(urls=[SecretText(url)], timeout=timeout, **log_in)
    return ElasticsearchSink("es", connection, FIELDS, names=names, **more)


async def deliver_all(
    sink: ElasticsearchSink, batch: Sequence[Document]
) -> tuple[Delivered, list[str]]:
    buried: list[str] = []

    async def bury(refused: Refused) -> None:
        buried.append(refused.document.id)

    async with asyncio.timeout(60):
        return await deliver_until_taken(sink, batch, FAST, bury), buried


def found(client: Elasticsearch, stream: str, query: dict[str, Any] | None = None) -> list[str]:
    """Ids in the stream, copies included."""
    client.indices.refresh(index=stream)
    answer = client.search(index=stream, query=query or {"match_all": {}}, size=10_000)
    return sorted(hit["_id"] for hit in answer["hits"]["hits"])


async def test_documents_come_to_the_data_stream_of_their_content_under_their_id(
    elasticsearch: ElasticsearchServer, sink: ElasticsearchSink, names: StreamNames
):
    priced = event(1, market={"venue": "demo-venue", "trade": {"price": 10.25}})
    assert await sink.deliver([priced, alert(1), event(2)]) == Delivered(written=3)
    with elasticsearch.client() as client:
        assert found(client, names.stream("events")) == ["event-1", "event-2"]
        assert found(client, names.stream("alerts")) == ["alert-1"]
        ranged = {"range": {"market.trade.price": {"gt": 10.2, "lt": 10.3}}}
        assert found(client, names.stream("events"), ranged) == ["event-1"]
        answer = client.search(index=names.stream("events"), query={"ids": {"values": ["event-1"]}})
        assert answer["hits"]["hits"][0]["_source"] == msgspec.json.decode(priced.body)


async def test_a_document_that_comes_again_is_there_once(
    elasticsearch: ElasticsearchServer, sink: ElasticsearchSink, names: StreamNames
):
    batch = [event(n) for n in range(5)]
    assert await sink.deliver(batch) == Delivered(written=5)
    assert await sink.deliver([*batch, event(5), event(5)]) == Delivered(written=1, already=6)
    with elasticsearch.client() as client:
        assert found(client, names.stream("events")) == [f"event-{n}" for n in range(6)]


async def test_a_document_that_does_not_fit_the_mapping_is_refused_with_its_field(
    elasticsearch: ElasticsearchServer, sink: ElasticsearchSink, names: StreamNames
):
    bad = event(2, market={"trade": {"price": "cheap"}})
    odd = document("events", "no-time", {"event": {"id": "no-time"}})
    long = document("events", "x" * 600, {"@timestamp": "2026-01-01T00:00:00Z"})
    broken = msgspec.structs.replace(event(4), body=b'{"event":')
    done, buried = await deliver_all(sink, [event(1), bad, odd, long, broken, event(3)])
    assert (done.written, buried) == (2, [long.id, "event-2", "no-time", "event-4"])
    by_id = {r.document.id: r for r in done.refused}
    assert by_id["event-2"].field == "market.trade.price"
    assert "cheap" in by_id["event-2"].reason
    assert by_id[long.id].field == "event.id"
    with elasticsearch.client() as client:
        assert found(client, names.stream("events")) == ["event-1", "event-3"]


async def test_a_field_that_the_template_does_not_know_is_kept_but_not_indexed(
    elasticsearch: ElasticsearchServer, sink: ElasticsearchSink, names: StreamNames
):
    newer = event(1, newer={"field": "x"})
    assert (await sink.deliver([newer])).written == 1
    with elasticsearch.client() as client:
        stream = names.stream("events")
        assert found(client, stream, {"term": {"newer.field": "x"}}) == []
        assert found(client, stream) == ["event-1"]


async def test_numbers_behind_an_alert_can_be_searched_by_name(
    elasticsearch: ElasticsearchServer, sink: ElasticsearchSink, names: StreamNames
):
    await sink.deliver([alert(1, surveillance={"level": "low", "metrics": {"share": 1}})])
    await sink.deliver([alert(2, surveillance={"level": "low", "metrics": {"share": 0.25}})])
    with elasticsearch.client() as client:
        query = {"range": {"surveillance.metrics.share": {"lt": 0.5}}}
        assert found(client, names.stream("alerts"), query) == ["alert-2"]


async def test_after_a_rollover_a_document_that_comes_again_is_there_once(
    elasticsearch: ElasticsearchServer, sink: ElasticsearchSink, names: StreamNames
):
    await sink.deliver([event(1), event(2)])
    with elasticsearch.client() as client:
        client.indices.rollover(alias=names.stream("events"))
        again = [event(1, redelivered=True), event(2, redelivered=True), event(3, redelivered=True)]
        assert await sink.deliver(again) == Delivered(written=1, already=2)
        assert await sink.deliver(again) == Delivered(already=3)
        assert found(client, names.stream("events")) == ["event-1", "event-2", "event-3"]


async def test_after_a_broken_attempt_and_a_rollover_each_document_is_there_once(
    elasticsearch: ElasticsearchServer, names: StreamNames, proxy: ProxyFactory
):
    between = proxy(elasticsearch.url)
    sink = sink_to(between.through(elasticsearch.url), names)
    await sink.open()
    batch = [event(n) for n in range(50)]
    # The first half arrives; then the answers are held back until the sink gives up.
    direct = sink_to(elasticsearch.url, names, install=False)
    await direct.deliver(batch[:25])
    between.refuse()
    with pytest.raises(SinkUnavailable):
        await sink.deliver(batch)
    between.accept()
    with elasticsearch.client() as client:
        client.indices.rollover(alias=names.stream("events"))
        assert await sink.deliver(batch) == Delivered(written=25, already=25)
        assert len(found(client, names.stream("events"))) == 50
    await sink.close()
    await direct.close()


async def test_connections_cut_in_mid_bulk_lose_nothing_and_double_nothing(
    elasticsearch: ElasticsearchServer, names: StreamNames, proxy: ProxyFactory
):
    between = proxy(elasticsearch.url)
    sink = sink_to(between.through(elasticsearch.url), names, most_bytes=60_000)
    await sink.open()
    between.delay_seconds = 0.01
    batch = [event(n, size=600) for n in range(600)]
    delivering = asyncio.create_task(deliver_all(sink, batch))
    for _ in range(3):
        await asyncio.sleep(0.15)
        await asyncio.to_thread(between.cut)
    between.delay_seconds = 0
    done, buried = await delivering
    await sink.close()
    assert buried == []
    assert done.written + done.already == 600
    with elasticsearch.client() as client:
        assert found(client, names.stream("events")) == sorted(d.id for d in batch)
    assert between.connections_seen > 3


@pytest.mark.parametrize("fault", FAULTS)
async def test_an_overloaded_server_loses_and_doubles_nothing(
    elasticsearch: ElasticsearchServer, names: StreamNames, fault: str
):
    with ElasticsearchFaults(elasticsearch.url) as between:
        between.faults, between.slow_seconds = (fault,), 0.1
        sink = sink_to(between.url, names, most_bytes=100_000)
        await sink.open()
        between.share = 1.0
        batch = [event(n, size=600) for n in range(200)]
        delivering = asyncio.create_task(deliver_all(sink, batch))
        while between.injected[fault] < 2:
            await asyncio.sleep(0.02)
        between.share = 0.0
        done, buried = await delivering
        await sink.close()
    assert (done.written + done.already, buried) == (200, [])
    with elasticsearch.client() as client:
        assert found(client, names.stream("events")) == sorted(d.id for d in batch)


async def test_a_server_that_is_down_is_waited_for(
    elasticsearch: ElasticsearchServer, names: StreamNames, proxy: ProxyFactory
):
    between = proxy(elasticsearch.url)
    between.refuse()
    sink = sink_to(between.through(elasticsearch.url), names)
    with pytest.raises(SinkUnavailable, match="can't be reached"):
        await sink.open()
    delivering = asyncio.create_task(deliver_all(sink, [event(1)]))
    await asyncio.sleep(0.1)
    between.accept()
    done, _ = await delivering
    assert done.written == 1
    await sink.close()


async def test_a_black_hole_is_given_up_after_the_timeout(
    elasticsearch: ElasticsearchServer, names: StreamNames, proxy: ProxyFactory
):
    between = proxy(elasticsearch.url)
    sink = sink_to(between.through(elasticsearch.url), names, timeout=5 * SECOND)
    await sink.open()
    await sink.close()
    impatient = sink_to(
        between.through(elasticsearch.url), names, install=False, timeout=300 * MILLISECOND
    )
    between.pause()
    with pytest.raises(SinkUnavailable, match="timed out"):
        await impatient.deliver([event(1)])
    between.resume()
    await impatient.close()


async def test_without_templates_nothing_is_written_into_an_index_of_guessed_types(
    elasticsearch: ElasticsearchServer, names: StreamNames
):
    bare = sink_to(elasticsearch.url, names, install=False)
    with pytest.raises(SinkUnavailable, match="tapewatch setup"):
        await bare.deliver([event(1)])
    await bare.close()
    with elasticsearch.client() as client:
        assert not client.indices.exists(index=names.stream("events"))


async def test_requests_are_bounded_in_bytes(
    elasticsearch: ElasticsearchServer, names: StreamNames
):
    small = sink_to(elasticsearch.url, names, most_bytes=5_000)
    done = await small.deliver([event(n, size=3_000 if n % 2 else 10) for n in range(40)])
    assert done.written == 40
    await small.close()


async def test_an_api_key_that_may_only_write_is_enough_once_the_templates_are_there(
    secure_elasticsearch: ElasticsearchServer,
):
    server = secure_elasticsearch
    names = StreamNames(prefix="logs-tapewatch-secure", namespace="unit")
    assert server.password is not None
    installer = sink_to(
        server.url,
        names,
        username=server.username,
        password=SecretText(server.password),
    )
    await installer.open()
    assert installer.installed.written
    await installer.close()
    may = ["auto_configure", "create_doc"]
    with server.client() as client:
        key = client.security.create_api_key(
            name="writer",
            role_descriptors={
                "writer": {"indices": [{"names": ["logs-tapewatch-*"], "privileges": may}]}
            },
        )
        writer = sink_to(server.url, names, install=False, api_key=SecretText(key["encoded"]))
        assert await writer.deliver([event(1), event(2)]) == Delivered(written=2)
        assert await writer.deliver([event(2, redelivered=True)]) == Delivered(already=1)
        client.indices.rollover(alias=names.stream("events"))
        # It may not search, so the copy after a rollover isn't recognised; nothing is lost.
        assert await writer.deliver([event(3, redelivered=True)]) == Delivered(written=1)
        await writer.close()
        eager = sink_to(server.url, names, api_key=SecretText(key["encoded"]))
        with pytest.raises(SinkUnavailable, match="doesn't permit it"):
            await eager.open()
    url = server.url.replace("http://", f"http://{server.username}:{server.password}@")
    by_url = sink_to(url, names, install=False)
    assert await by_url.deliver([event(9)]) == Delivered(written=1)
    await by_url.close()


@pytest.mark.parametrize("may", [["create_doc"], ["create_doc", "read", "maintenance"]])
async def test_a_user_who_may_set_no_marks_still_delivers(
    secure_elasticsearch: ElasticsearchServer, may: list[str]
):
    server = secure_elasticsearch
    names = StreamNames(prefix="logs-tapewatch-unmarked", namespace=f"unit{len(may)}")
    assert server.password is not None
    log_in = {"username": server.username, "password": SecretText(server.password)}
    installer = sink_to(server.url, names, **log_in)
    await installer.open()
    await installer.close()
    privileges = ["auto_configure", "view_index_metadata", *may]
    with server.client() as client:
        key = client.security.create_api_key(
            name="writer",
            role_descriptors={
                "writer": {"indices": [{"names": ["logs-tapewatch-*"], "privileges": privileges}]}
            },
        )
    writer = sink_to(server.url, names, install=False, api_key=SecretText(key["encoded"]))
    change = AlertChange(alert(1).id, "retracted", "its block left the chain")
    batch = [alert(1), msgspec.structs.replace(alert(2), mark=change)]
    assert await writer.deliver(batch) == Delivered(written=2)
    await writer.close()


async def test_a_refused_log_in_says_so_and_shows_no_secret(
    secure_elasticsearch: ElasticsearchServer, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    server, names = secure_elasticsearch, StreamNames(prefix="logs-tapewatch-secure")
    url = server.url.replace("http://", "http://elastic:hunter22@")
    seen = ""
    for wrong in (
        sink_to(url, names),
        sink_to(server.url, names, username="elastic", password=SecretText("hunter22")),
        sink_to(server.url, names, api_key=SecretText("a2V5aWQ6aHVudGVyMjI=")),
    ):
        with pytest.raises(SinkUnavailable, match="refuses the log-in") as caught:
            await wrong.deliver([event(1)])
        (finding,) = await wrong.check()
        assert finding.level == "error"
        seen += repr(caught.value) + repr(finding)
    seen += caplog.text
    for hidden in ("hunter22", "a2V5aWQ6aHVudGVyMj", "ZWxhc3RpYzpodW50ZXIyMg"):
        assert hidden not in seen


async def test_a_rotated_secret_is_read_at_the_next_delivery(
    secure_elasticsearch: ElasticsearchServer, tmp_path: Path
):
    server, names = secure_elasticsearch, StreamNames(prefix="logs-tapewatch-secure")
    assert server.password is not None
    (tmp_path / "password").write_text("outdated")
    secret = SecretText(f"${{file:{tmp_path / 'password'}}}")
    sink = sink_to(server.url, names, username=server.username, password=secret)
    with pytest.raises(SinkUnavailable, match="refuses the log-in"):
        await sink.deliver([event(1)])
    (tmp_path / "password").write_text(server.password)
    assert (await sink.deliver([event(1)])).refused == ()
    (tmp_path / "password").write_text("outdated again")
    with pytest.raises(SinkUnavailable, match="refuses the log-in"):
        await sink.deliver([event(2)])
    await sink.close()


async def test_what_is_no_elasticsearch_is_said(names: StreamNames, webhook: WebhookReceiver):
    sink = sink_to(webhook.url.removesuffix("/hook"), names)
    with pytest.raises(SinkUnavailable, match="isn't Elasticsearch"):
        await sink.open()


async def test_the_check_installs_nothing_and_says_what_is_missing(
    elasticsearch: ElasticsearchServer, names: StreamNames
):
    before = await sink_to(elasticsearch.url, names, install=False).check()
    assert [f.level for f in before] == ["ok", "error"]
    assert "tapewatch setup" in before[1].advice
    installing = sink_to(elasticsearch.url, names)
    assert "to be installed" in (await installing.check())[1].message
    await installing.open()
    await installing.close()
    after = await sink_to(elasticsearch.url, names, install=False).check()
    assert [f.message for f in after][1] == "its templates are there"
