"""Sinks from configuration records."""

from pathlib import Path

import pytest

from delivery.build import build_elasticsearch, build_notification, build_sink, check
from delivery.sink import Delivered
from pipeline.config import sinks as config
from pipeline.secrets import Secret, SecretText
from tests.delivery.documents import alert, event
from tests.servers.elasticsearch.server import ElasticsearchServer
from tests.servers.hec import HecReceiver
from tests.servers.webhook import WebhookReceiver


async def test_a_configured_file_sink_writes_the_contents_that_it_is_for(tmp_path: Path):
    sink = build_sink(config.FileSink(name="files", path=tmp_path / "out", content=["alerts"]))
    await sink.open()
    assert await sink.deliver([alert(1), event(1)]) == Delivered(written=1, skipped=1)
    await sink.close()
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["alerts"]


async def test_a_configured_splunk_sink_sends_with_its_token(
    hec: HecReceiver, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HEC_TOKEN", hec.token)
    settings = config.SplunkHecSink(
        name="splunk",
        url=SecretText(hec.url),
        token=Secret("${env:HEC_TOKEN}"),
        index="surveillance",
        sourcetype="other:type",
        gzip=False,
    )
    assert [f.level for f in await check(settings)] == ["ok", "warning"]
    sink = build_sink(settings)
    await sink.open()
    assert (await sink.deliver([event(1)])).written == 1
    await sink.close()
    (stored,) = hec.events
    assert (stored.index, stored.sourcetype) == ("surveillance", "other:type")
    assert not any(request.gzip for request in hec.requests)


async def test_a_configured_webhook_posts_alerts_of_its_level(
    webhook: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HOOK_SECRET", "signing-key")
    settings = config.WebhookNotification(
        name="hook",
        url=SecretText(webhook.url),
        secret=Secret("${env:HOOK_SECRET}"),
        minimum_level="critical",
    )
    sink = build_notification(settings)
    await sink.open()
    assert await sink.deliver([alert(1), alert(2, "critical")]) == Delivered(written=1, skipped=1)
    await sink.close()
    (request,) = webhook.requests
    assert request.headers["tapewatch-signature"].startswith("t=")
    assert [f.level for f in await check(settings)] == ["ok"]


async def test_a_configured_elasticsearch_is_checked(elasticsearch: ElasticsearchServer):
    settings = config.ElasticsearchSink(name="es", urls=[SecretText(elasticsearch.url)])
    found = await check(settings)
    assert [f.level for f in found] == ["ok", "ok"]
    assert "Elasticsearch 9." in found[0].message
    assert build_elasticsearch(settings).name == "es"


async def test_a_secret_that_is_missing_is_a_finding_and_no_traceback():
    settings = config.SplunkHecSink(
        name="splunk",
        url=SecretText("https://127.0.0.1:1"),
        token=Secret("${env:TAPEWATCH_NO_SUCH_TOKEN}"),
    )
    (finding,) = await check(settings)
    assert (finding.level, finding.subject) == ("error", "sink splunk")
    assert "TAPEWATCH_NO_SUCH_TOKEN is not set" in finding.message
