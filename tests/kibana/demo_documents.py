"""The demo's recorded session in a real Elasticsearch, as the sinks write it.

Events by the real normalizer, alerts by the real rules. Besides, what no half minute has: an
orphaned alert's update, a gap of a feed with an alert over it, and cases.
"""

import asyncio
import os
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from delivery.build import elasticsearch_fields
from delivery.elasticsearch_client import Connection
from delivery.elasticsearch_sink import ElasticsearchSink
from delivery.marks import mark_of
from delivery.sink import Content, Document
from delivery.templates import StreamNames
from detections.engine.engine import Engine
from detections.offline import detect
from normalizer.events import Alert, AlertUpdate
from normalizer.events.case import CaseActivity
from normalizer.events.ecs import nest
from normalizer.events.market import FeedGap
from pipeline.problems import Problem
from pipeline.secrets import SecretText
from pipeline.units import SECOND
from tests.backtest.recorded import recorded_lines
from tests.fixtures.shipped_rules import shipped_rules
from tests.servers.elasticsearch.server import ElasticsearchServer
from tests.servers.elasticsearch.session import SESSION_VARIABLE
from tests.servers.file_lock import file_lock


class DemoIndex(msgspec.Struct, frozen=True):
    """Where the documents lie; `patterns` of Kibana are about `logs-tapewatch`."""

    server: ElasticsearchServer
    prefix: str

    def pattern(self, title: str) -> str:
        """A data view's pattern, as it is here."""
        return title.replace("logs-tapewatch", self.prefix)

    def searches(self, asked: Sequence[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
        """Searches, each of a data view's pattern and with its body, in one request."""
        lines: list[dict[str, Any]] = []
        for title, body in asked:
            lines += [{"index": self.pattern(title), "allow_no_indices": False}, body]
        with self.server.client(request_timeout=60) as client:
            answers = client.msearch(searches=lines)["responses"]
        for (_, body), answer in zip(asked, answers, strict=True):
            assert "error" not in answer, (body, answer)
            assert answer["_shards"]["failed"] == 0, (body, answer)
        return answers

    def search(self, title: str, body: dict[str, Any]) -> dict[str, Any]:
        """One of them."""
        (answer,) = self.searches([(title, body)])
        return answer


def demo_index(server: ElasticsearchServer) -> DemoIndex:
    """Filled by the first process of a test session that asks. It goes with the server."""
    folder = Path(os.environ[SESSION_VARIABLE])
    folder.mkdir(parents=True, exist_ok=True)
    noted = folder / "kibana-demo.prefix"
    with file_lock(folder / "kibana-demo.lock", 300):
        if noted.exists():
            return DemoIndex(server, noted.read_text(encoding="utf-8"))
        index = DemoIndex(server, f"test-{uuid.uuid4().hex[:12]}-tapewatch")
        names = StreamNames(prefix=index.prefix, namespace="unit")
        asyncio.run(_deliver(server, names, list(_documents())))
        with server.client() as client:
            client.indices.refresh(index=f"{index.prefix}.*")
        noted.write_text(index.prefix, encoding="utf-8")
    return index


async def _deliver(
    server: ElasticsearchServer, names: StreamNames, documents: list[Document]
) -> None:
    connection = Connection(urls=[SecretText(server.url)], timeout=60 * SECOND)
    contents: tuple[Content, ...] = ("events", "alerts", "cases")
    sink = ElasticsearchSink(
        "es", connection, elasticsearch_fields(), names=names, contents=contents
    )
    await sink.open()
    try:
        # The update comes behind what it is about, as on the bus.
        for part in (documents[:-1], documents[-1:]):
            delivered = await sink.deliver(part)
            assert delivered.refused == ()
            assert delivered.written == len(part)
    finally:
        await sink.close()


def _documents() -> Iterable[Document]:
    lines = recorded_lines()
    problems: list[Problem] = []
    engine = Engine(shipped_rules(), allowed_lateness=10 * SECOND)
    alerts = list(detect(engine, lines, name="recording", report=problems.append))
    assert not [one for one in problems if one.severity == "error"]
    for number, line in enumerate(lines):
        body = msgspec.json.decode(line)
        yield _document("events", body["event"]["id"], alerts[0].timestamp, line, number)
    newest = alerts[-1]
    gap = FeedGap(
        id="gap-1",
        timestamp=newest.timestamp,
        ingested=newest.timestamp,
        original="RAW/1/0",
        provider="venue",
        venue="demo-venue",
        instrument="ACME-USD",
        reason="sequence 12 to 15 is missing",
    )
    yield _document("events", gap.id, gap.timestamp, msgspec.json.encode(nest(gap)), 0)
    over_gap = msgspec.structs.replace(newest, id="over-gap", gap_source="venue")
    update = AlertUpdate(
        id="update-1",
        timestamp=newest.timestamp,
        provider="chain",
        original="RAW/1/0",
        alert_id=newest.id,
        status="retracted",
        reason="its block left the chain",
        message="Retracted: its block left the chain",
        level=newest.level,
        typology=newest.typology,
        rule_id=newest.rule_id,
        rule_name=newest.rule_name,
    )
    for number, one in enumerate((*alerts, over_gap)):
        body = msgspec.json.encode(nest(one))
        yield _document("alerts", one.id, one.timestamp, body, number)
    for number, status in enumerate(("open", "in-progress", "closed")):
        activity = _case(newest, number, status)
        body = msgspec.json.encode(nest(activity))
        yield _document("cases", activity.id, activity.timestamp, body, number)
    body = msgspec.json.encode(nest(update))
    last = _document("alerts", update.id, update.timestamp, body, len(alerts))
    yield msgspec.structs.replace(last, mark=mark_of(update))


def _case(alert: Alert, number: int, status: Any) -> CaseActivity:
    return CaseActivity(
        id=f"activity-{number}",
        timestamp=alert.timestamp,
        provider="tapewatch",
        number=1,
        who="jane",
        case_id=f"case-{number}",
        action="opened",
        status=status,
        level="high",
        title=alert.rule_name,
        token_id=alert.token_id,
    )


def _document(content: Content, id_: str, timestamp: int, body: bytes, number: int) -> Document:
    return Document(
        content=content,
        id=id_,
        timestamp=timestamp,
        source="recording",
        position=f"{content.upper()}/1/{number}",
        body=body,
        redelivered=False,
    )
