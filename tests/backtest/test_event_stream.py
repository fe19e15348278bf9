"""Events out of a range of the stream, on a real server."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.bus import Bus, Stream
from pipeline.config.schema import EmbeddedBus, ExternalBus, StreamLimits, Streams
from pipeline.event_sources import Batch
from pipeline.event_sources.stream import StreamSource
from pipeline.failure import Failure
from pipeline.secrets import SecretText
from pipeline.units import DAY, HOUR, SECOND
from tests.servers.loop_thread import LoopThread


@pytest.fixture
def bus(nats_url: str, stream_prefix: str) -> ExternalBus:
    return ExternalBus(
        urls=[SecretText(nats_url)],
        prefix=stream_prefix,
        streams=Streams(events=StreamLimits(max_age=30 * DAY)),
    )


def store(bus: ExternalBus, *messages: bytes) -> None:
    async def publish() -> None:
        async with await Bus.connect(bus, name="test") as connected:
            subject = connected.names.subject(Stream.EVENTS, "test")
            for message in messages:
                await connected.jetstream.publish(subject, message)

    with LoopThread() as thread:
        thread.run(publish(), timeout=30)


def event(number: int, at: int = 0) -> bytes:
    return b'{"@timestamp":%d,"event.id":"e%d"}' % (at, number)


def read(source: StreamSource) -> list[Batch]:
    return list(source.batches())


def test_messages_come_in_order_with_their_lines(bus: ExternalBus) -> None:
    store(bus, event(1) + b"\n" + event(2), event(3))
    source = StreamSource(bus)

    found = read(source)

    assert [batch.place for batch in found] == ["EVENTS/1", "EVENTS/2"]
    assert [list(batch.lines) for batch in found] == [[event(1), event(2)], [event(3)]]
    assert [batch.done for batch in found] == [1, 2]
    assert source.total == 2


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [(2, 3, [2, 3]), (None, 2, [1, 2]), (4, None, [4, 5]), (5, 99, [5]), (6, 9, [])],
)
def test_a_range_of_sequences_includes_both_ends(
    bus: ExternalBus, first: int | None, last: int | None, expected: list[int]
) -> None:
    store(bus, *(event(number) for number in range(1, 6)))

    found = read(StreamSource(bus, first=first, last=last))

    assert [batch.place for batch in found] == [f"EVENTS/{number}" for number in expected]


def test_a_range_behind_the_end_is_told(bus: ExternalBus) -> None:
    store(bus, event(1))
    source = StreamSource(bus, first=6, last=9)

    assert read(source) == []
    assert source.notes == ["the stream ends with message 1"]


def test_an_empty_stream_has_no_events(bus: ExternalBus) -> None:
    assert read(StreamSource(bus)) == []


def test_messages_that_expired_are_told(bus: ExternalBus) -> None:
    store(bus, *(event(number) for number in range(1, 6)))

    async def purge() -> None:
        async with await Bus.connect(bus, name="test") as connected:
            await connected.jetstream.purge_stream(connected.names.stream(Stream.EVENTS), seq=4)

    with LoopThread() as thread:
        thread.run(purge(), timeout=30)
    source = StreamSource(bus, first=2)

    assert [batch.place for batch in read(source)] == ["EVENTS/4", "EVENTS/5"]
    assert source.notes == ["2 messages at the range's beginning have expired"]


def now() -> int:
    return int(datetime.now(UTC).timestamp() * SECOND)


def test_what_was_stored_long_before_a_time_is_passed_over(bus: ExternalBus) -> None:
    store(bus, event(1, now() - DAY), event(2, now()))

    # All was stored a moment ago, so none of it can be older than these times.
    assert len(read(StreamSource(bus, since=now() - HOUR))) == 2
    # From behind the end: the newest at most, rather than waiting for what is still to come.
    assert len(read(StreamSource(bus, since=now() + 3 * HOUR))) <= 1


def test_recordings_of_the_future_are_read_whole(bus: ExternalBus) -> None:
    ahead = now() + 30 * DAY
    store(bus, event(1, ahead), event(2, ahead + HOUR))

    assert len(read(StreamSource(bus, since=ahead))) == 2


def test_reading_may_stop_early(bus: ExternalBus) -> None:
    store(bus, *(event(number) for number in range(50)))
    batches = StreamSource(bus).batches()

    assert next(batches).place == "EVENTS/1"
    batches.close()  # type: ignore[attr-defined]


def test_an_embedded_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "nats"

    with pytest.raises(Failure, match="start one with `tapewatch run`"):
        read(StreamSource(EmbeddedBus(path=path)))
    assert not path.exists()
