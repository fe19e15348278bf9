"""A source whose clock is off is told of: by its events alone."""

import asyncio
from collections.abc import Sequence

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from normalizer.normalize import CLOCK_AHEAD, Normalizer
from normalizer.reference import Reference
from normalizer.source_clocks import SourceClocks
from normalizer.stage import NormalizerStage
from pipeline.bus import Bus, Stream
from pipeline.bus.raw_outlet import RawOutlet
from pipeline.frames import Frame, FrameBatch
from pipeline.source_state import SourceState
from pipeline.units import MIB
from tests.detections.samples import START, transfer
from tests.pipeline.test_bus import bus, run_until, server

__all__ = ["bus", "server"]

SECOND = 1_000_000_000


def clocks() -> SourceClocks:
    return SourceClocks(tolerance=5 * SECOND, apart=30 * SECOND)


def send(found: SourceClocks, source: str, *delays: float) -> list[int]:
    """Batches of one event each, received so many seconds after they happened."""
    return [
        found.note(source, [transfer(timestamp=START, ingested=START + int(delay * SECOND))])
        for delay in delays
    ]


def test_a_clock_that_is_right_is_no_news() -> None:
    found = clocks()
    assert sum(send(found, "venue", *[0.02] * 20, -4)) == 0
    assert sum(send(found, "chain", *[12.0] * 20)) == 0
    assert dict(found.news()) == {}
    assert found.delays()["chain"] == 12 * SECOND


def test_a_clock_that_is_ahead_is_told_once_and_when_it_is_right_again() -> None:
    found = clocks()
    assert send(found, "venue", 0.02, -3_600) == [0, 1]
    (news,) = found.news()
    assert news == (
        "venue",
        "sends events that are 1h ahead of their receipt: see its clock",
    )
    send(found, "venue", -3_601)
    assert list(found.news()) == []
    assert found.trouble.startswith("venue sends events")
    send(found, "venue", *[0.02] * 64)
    assert list(found.news()) == [("venue", "")]
    assert found.trouble == ""


def test_a_source_far_behind_the_others_is_told_of() -> None:
    found = clocks()
    for source in ("a", "b", "c"):
        send(found, source, *[1.0] * 10)
    send(found, "wrong", *[121.0] * 10)
    assert list(found.news()) == [
        (
            "wrong",
            "sends events 2m1s after they happened, and other sources 1s: its clock is behind, or "
            "it is",
        )
    ]


def test_what_a_collector_says_itself_tells_nothing_of_a_clock() -> None:
    found = clocks()
    send(found, "venue", *[0.0] * 20)
    assert found.delays() == {}


MATCH = (
    '{"type":"match","trade_id":1,"sequence":1,"maker_order_id":"m","taker_order_id":"t",'
    '"time":"2026-01-01T00:00:10.000000Z","product_id":"A-USD","size":"1","price":"2","side":"sell"}'
)


@pytest.mark.parametrize(
    ("received", "tags"),
    [(START + 10 * SECOND, ()), (START + 5 * SECOND, ()), (START + 4 * SECOND, (CLOCK_AHEAD,))],
)
def test_an_event_ahead_of_its_receipt_is_tagged(received: int, tags: Sequence[str]) -> None:
    normalizer = Normalizer(Reference(), clock_tolerance=5 * SECOND)
    frame = Frame("1", received, MATCH.encode())
    (event,) = normalizer.normalize(1, FrameBatch("venue", "coinbase", [frame])).events
    assert event.tags == tags


async def test_the_normalizer_says_it_once_in_the_log_and_in_metrics(bus: Bus) -> None:
    found, source, count = clocks(), "hasty", 40
    outlet = RawOutlet(bus, SourceState(source, "coinbase"), buffer=MIB)
    writing = asyncio.create_task(outlet.run())
    for number in range(1, count + 1):
        text = MATCH.replace('"trade_id":1', f'"trade_id":{number}')
        await outlet.send(Frame(str(number), START - 60 * SECOND, text.encode()))
        await outlet.flush()
    writing.cancel()
    moving = NormalizerStage(bus, Normalizer(Reference()), clocks=found)
    last = await bus.last_sequence(Stream.RAW)

    async def done() -> bool:
        return moving.reported().position >= last

    with capture_logs() as logs:
        await run_until(moving, done)
    told = [line for line in logs if line["event"] == "a source's clock seems to be wrong"]
    assert [line["source"] for line in told] == [source]
    assert found.trouble == f"{source} {told[0]['reason']}"
    labels = {"source": source}
    assert REGISTRY.get_sample_value("tapewatch_events_ahead_total", labels) == count
    assert REGISTRY.get_sample_value("tapewatch_source_delay_seconds", labels) == -70
