"""One second copy at a time, put in at every place where one can arise; where it is dropped.

The table in docs/duplicates.md names these tests. Places inside the bus are in
tests/pipeline/test_bus.py, test_bus_faults.py and tests/detections/test_stage_recovery.py.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from delivery.elasticsearch_sink import ElasticsearchSink
from delivery.file_sink import FileSink
from delivery.sink import Content, Delivered, Document, Sink
from delivery.stage import DocumentCache, SinkRunner
from delivery.templates import StreamNames
from detections.engine.engine import Engine
from detections.lanes.event_messages import decode_lines
from normalizer.events import Alert
from normalizer.events.market import Trade
from normalizer.normalize import Normalizer
from normalizer.reference import Reference
from normalizer.stage import NormalizerStage
from pipeline.bus import Bus, Stream
from pipeline.bus.raw_outlet import RawOutlet
from pipeline.frames import Frame
from pipeline.source_state import SourceState
from pipeline.units import DAY, MIB
from tests.delivery import test_elasticsearch_sink, test_splunk_hec_sink, test_webhook
from tests.delivery.conftest import names
from tests.demo.invented_alerts import alert
from tests.detections.samples import sigma
from tests.fixtures.waiting import until
from tests.normalizer.blocks import RECEIVED
from tests.normalizer.test_coinbase import MATCH
from tests.pipeline.test_bus import bus, lines, read_all, run_until, server
from tests.servers.elasticsearch.server import ElasticsearchServer
from tests.servers.hec import HecReceiver
from tests.servers.webhook import WebhookReceiver

__all__ = ["bus", "names", "server"]

COUNT = 7


def trade(number: int) -> Trade:
    return Trade(
        id=f"event-{number}",
        timestamp=number,
        ingested=number,
        original=f"RAW/{number}/0",
        provider="venue",
        venue="demo-venue",
        instrument="ACME-USD",
        trade_id=str(number),
        price=1.0,
        quantity=1.0,
    )


async def write(bus: Bus, stream: Stream, records: Sequence[Trade | Alert]) -> None:
    token = "normalizer" if stream is Stream.EVENTS else "detections"
    writer = bus.writer(stream, token)
    await writer.newest()
    await writer.write(b"\n".join(map(msgspec.json.encode, records)), records[0].id)


def files_in(path: Path) -> FileSink:
    return FileSink("files", path, rotate_size=64 * MIB, rotate_after=DAY, remembered=10_000)


def held(folder: Path) -> Counter[str]:
    """How often each id is in the files of a folder."""
    written = [line for file in sorted(folder.glob("*.ndjson")) for line in file.open()]
    return Counter(json.loads(line)["event"]["id"] for line in written)


ONCE = Counter({f"event-{number}": 1 for number in range(COUNT)})


async def deliver(bus: Bus, sink: Sink, content: Content) -> None:
    """Deliver all that is there, as one life of the process."""
    stream = Stream.EVENTS if content == "events" else Stream.ALERTS
    runner = SinkRunner(bus, sink, content, DocumentCache(), batch=100, retry_maximum=10**8)
    last = await bus.last_sequence(stream)
    task = asyncio.create_task(runner.run())
    try:
        await until(lambda: task.done() or runner.state.position >= last)
        # The position is saved right after the state says so.
        await until(lambda: _saved(bus, sink, content, last) if not task.done() else True)
        if task.done():
            task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await sink.close()


async def _saved(bus: Bus, sink: Sink, content: Content, last: int) -> bool:
    return (await bus.positions.load(f"sink.{sink.name}.{content}")).done >= last


class PowerFailure(Exception):
    """The process is gone."""


class Dying:
    """A sink whose process dies right before, or right after, the sink has the batch."""

    def __init__(self, inner: Sink, *, after: bool) -> None:
        self.name = inner.name
        self._inner = inner
        self._after = after

    async def open(self) -> None:
        await self._inner.open()

    async def close(self) -> None:
        await self._inner.close()

    async def deliver(self, batch: Sequence[Document]) -> Delivered:
        if self._after:
            await self._inner.deliver(batch)
        raise PowerFailure

    async def check(self) -> list[object]:
        return []


async def crash_and_deliver_again(
    bus: Bus, sink: Callable[[], Sink], content: Content, *, after: bool
) -> None:
    """One process dies around its request; the next one delivers."""
    dying = Dying(sink(), after=after)
    await dying.open()
    with pytest.raises(PowerFailure):
        await deliver(bus, dying, content)  # type: ignore[arg-type]
    fresh = sink()
    await fresh.open()
    await deliver(bus, fresh, content)


async def test_a_frame_that_a_source_sent_twice_is_two_events_of_one_id_and_counts_once(
    bus: Bus, tmp_path: Path
) -> None:
    outlet = RawOutlet(bus, SourceState("venue", "coinbase"), buffer=MIB)
    writing = asyncio.create_task(outlet.run())
    for position in ("1", "2"):
        await outlet.send(Frame(position, RECEIVED, json.dumps(MATCH).encode()))
    await outlet.flush()
    writing.cancel()

    async def both() -> bool:
        return len(await lines(bus, Stream.EVENTS)) == 2

    await run_until(NormalizerStage(bus, Normalizer(Reference(), {"venue": "demo-venue"})), both)
    engine = Engine(sigma("  s: {event.action: trade}\n  condition: s"))
    for message in await read_all(bus, Stream.EVENTS):
        engine.process([record for record in decode_lines(message)[0] if record is not None])
    sink = files_in(tmp_path / "out")
    await sink.open()
    await deliver(bus, sink, "events")

    assert engine.duplicates == 1, "dropped by the detections"
    assert list(held(tmp_path / "out" / "events").values()) == [1], "and by the sink"


async def test_events_that_are_in_the_stream_twice_are_in_a_sink_once(
    bus: Bus, tmp_path: Path
) -> None:
    for _ in range(2):
        await write(bus, Stream.EVENTS, [trade(number) for number in range(COUNT)])
    sink = files_in(tmp_path / "out")
    await sink.open()
    await deliver(bus, sink, "events")

    assert held(tmp_path / "out" / "events") == ONCE


async def test_an_alert_that_is_in_the_stream_twice_is_in_a_sink_once(
    bus: Bus, tmp_path: Path
) -> None:
    for _ in range(2):
        await write(bus, Stream.ALERTS, [alert("one"), alert("two")])
    sink = files_in(tmp_path / "out")
    await sink.open()
    await deliver(bus, sink, "alerts")

    assert held(tmp_path / "out" / "alerts") == Counter({"one": 1, "two": 1})


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_crash_around_a_write_to_files_leaves_each_there_once(
    bus: Bus, tmp_path: Path, after: bool
) -> None:
    await write(bus, Stream.EVENTS, [trade(number) for number in range(COUNT)])

    await crash_and_deliver_again(bus, lambda: files_in(tmp_path / "out"), "events", after=after)

    assert held(tmp_path / "out" / "events") == ONCE, "the files' own ids tell"


@pytest.mark.parametrize("rollover", [False, True], ids=["same index", "rolled over"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_crash_around_a_bulk_request_leaves_each_in_elasticsearch_once(
    bus: Bus, elasticsearch: ElasticsearchServer, names: StreamNames, after: bool, rollover: bool
) -> None:
    await write(bus, Stream.EVENTS, [trade(number) for number in range(COUNT)])

    def sink() -> ElasticsearchSink:
        return test_elasticsearch_sink.sink_to(elasticsearch.url, names)

    dying = Dying(sink(), after=after)
    await dying.open()
    with pytest.raises(PowerFailure):
        await deliver(bus, dying, "events")  # type: ignore[arg-type]
    with elasticsearch.client() as client:
        if rollover and after:
            client.indices.rollover(alias=names.stream("events"))
        fresh = sink()
        await fresh.open()
        await deliver(bus, fresh, "events")

        there = test_elasticsearch_sink.found(client, names.stream("events"))
    assert Counter(there) == ONCE, "a 409 in the same index, the look-up in older ones"


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_crash_around_a_request_to_splunk_brings_copies_that_event_id_tells(
    bus: Bus, hec: HecReceiver, after: bool
) -> None:
    await write(bus, Stream.EVENTS, [trade(number) for number in range(COUNT)])

    await crash_and_deliver_again(
        bus, lambda: test_splunk_hec_sink.sink_to(hec), "events", after=after
    )

    copies = 2 if after else 1
    assert test_splunk_hec_sink.indexed(hec) == Counter(dict.fromkeys(ONCE, copies))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_crash_around_a_post_brings_a_copy_with_the_same_idempotency_key(
    bus: Bus, webhook: WebhookReceiver, after: bool
) -> None:
    await write(bus, Stream.ALERTS, [alert("one")])

    await crash_and_deliver_again(bus, lambda: test_webhook.sink_to(webhook), "alerts", after=after)

    keys = [request.headers["idempotency-key"] for request in webhook.requests]
    assert keys == ["one"] * (2 if after else 1)


async def test_a_letter_that_is_sent_again_after_all_had_it_changes_no_sink(
    bus: Bus, tmp_path: Path
) -> None:
    """As `dead replay` does it: to a subject of its own, behind all that came since."""
    await write(bus, Stream.EVENTS, [trade(number) for number in range(COUNT)])
    sink = files_in(tmp_path / "out")
    await sink.open()
    await deliver(bus, sink, "events")
    again = bus.writer(Stream.EVENTS, "normalizer.dead")
    await again.write(msgspec.json.encode(trade(3)), "again")
    fresh = files_in(tmp_path / "out")
    await fresh.open()
    await deliver(bus, fresh, "events")

    assert held(tmp_path / "out" / "events") == ONCE
