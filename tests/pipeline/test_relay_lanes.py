"""A relay that writes by lane: every lane in order and complete, whatever dies in between."""

import asyncio
from collections.abc import Iterable

import pytest

from pipeline.bus import Bus, Stream, StreamMessage
from pipeline.bus.lane_order import EVERYBODY, ORDER, LaneGroups, Mark
from pipeline.bus.partition import partition
from pipeline.bus.publisher import publish_once
from pipeline.bus.relay import Output, Relay
from pipeline.bus.relay_outlets import ALONE

LANES = ("0", "1", "2")
PER_MESSAGE = 7


async def feed(bus: Bus, numbers: Iterable[int]) -> None:
    for number in numbers:
        await publish_once(bus, "raw.test", str(number).encode(), f"raw-{number}")


def lane_of(record: int) -> str:
    return EVERYBODY if record % 50 == 49 else LANES[partition(str(record), len(LANES))]


def spread(message: StreamMessage) -> Output:
    first = int(message.data) * PER_MESSAGE
    records = range(first, first + PER_MESSAGE)
    return Output(
        [str(record).encode() for record in records],
        lanes=[lane_of(record) for record in records],
        marks=[Mark("test", record, record) for record in records],
    )


class Dies(Exception):
    """What a crash looks like from within."""


def dying(relay: Relay, after: int) -> Relay:
    """A relay whose process dies instead of its write number ``after``."""
    writers = [outlet.writer for outlet in relay._outlets._all()]
    left = after

    for writer in writers:
        write = writer.write

        async def counted(*arguments: object, write: object = write) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise Dies
            await write(*arguments)  # type: ignore[operator]

        writer.write = counted  # type: ignore[method-assign,assignment]
    return relay


def relay(bus: Bus) -> Relay:
    return Relay(bus, "normalizer", Stream.RAW, Stream.EVENTS, spread, lanes=LANES)


async def run(relay: Relay, until: int) -> None:
    task = asyncio.create_task(relay.run())
    try:
        async with asyncio.timeout(10):
            while not task.done() and relay.state.position < until:
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        (error,) = await asyncio.gather(task, return_exceptions=True)
        if isinstance(error, Exception) and not isinstance(error, Dies):
            raise error


async def stored(bus: Bus, subjects: Iterable[str] = ()) -> list[StreamMessage]:
    reader = bus.reader(Stream.EVENTS, after=0, subjects=[f"events.{s}" for s in subjects])
    found: list[StreamMessage] = []
    while messages := await reader.batch(100, wait=0.3):
        found += messages
    await reader.close()
    return found


def merged(messages: Iterable[StreamMessage]) -> list[int | None]:
    """The records in order; None for time that other lanes' records bring."""
    groups = LaneGroups[bytes]()
    found: list[int | None] = []
    for message in messages:
        for group in groups.take(message, message.data.split(b"\n")):
            found += [None if isinstance(step, Mark) else int(step) for step in group.steps]
    assert not groups.incomplete
    return found


@pytest.mark.parametrize("writes", [1, 2, 3, 4, 5, 7, 11])
async def test_every_lane_has_its_records_once_and_in_order_after_crashes(
    bus: Bus, writes: int
) -> None:
    for part in range(4):
        await feed(bus, range(part * 10, part * 10 + 10))
        await run(dying(relay(bus), writes), until=part * 10 + 10)
    await run(relay(bus), until=40)

    everything = await stored(bus)
    by_subject: dict[str, list[int]] = {}
    for message in everything:
        token = message.subject.rpartition(".")[2]
        if token != ORDER:
            by_subject.setdefault(token, []).extend(map(int, message.data.split(b"\n")))
    for token in (*LANES, EVERYBODY):
        wanted = [record for record in range(40 * PER_MESSAGE) if lane_of(record) == token]
        assert by_subject[token] == wanted
    assert merged(everything) == list(range(40 * PER_MESSAGE)), "the order between lanes is kept"


@pytest.mark.parametrize("at_once", [1, 2, 5])
@pytest.mark.parametrize("writes", [1, 2, 3])
async def test_the_order_is_kept_where_less_is_read_at_once_than_before_the_crash(
    bus: Bus, monkeypatch: pytest.MonkeyPatch, writes: int, at_once: int
) -> None:
    await feed(bus, range(12))
    await run(dying(relay(bus), writes), until=12)

    monkeypatch.setattr("pipeline.bus.relay.READ_AT_ONCE", at_once)
    await run(dying(relay(bus), 2), until=12)
    await run(relay(bus), until=12)

    assert merged(await stored(bus)) == list(range(12 * PER_MESSAGE))


async def test_an_order_is_no_larger_than_what_the_bus_takes(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Bus, "largest_payload", 300)
    await feed(bus, range(20))
    await run(relay(bus), until=20)

    everything = await stored(bus)
    assert max(len(message.data) for message in everything) <= 300
    assert merged(everything) == list(range(20 * PER_MESSAGE))


async def test_a_lane_takes_its_records_at_the_time_that_all_records_bring(bus: Bus) -> None:
    await feed(bus, range(10))
    await run(relay(bus), until=10)

    seen = merged(await stored(bus, ["1", "1.>", EVERYBODY, ORDER]))

    mine = ("1", EVERYBODY)
    assert seen == [n if lane_of(n) in mine else None for n in range(10 * PER_MESSAGE)]


async def test_what_concerns_everybody_is_a_message_alone(bus: Bus) -> None:
    await feed(bus, range(20))
    await run(relay(bus), until=20)

    messages = await stored(bus, [EVERYBODY])

    assert [m.data for m in messages] == [b"49", b"99"]
    assert all((m.headers or {}).get(ALONE) for m in messages)


async def test_a_message_that_waits_for_another_is_read_again_after_a_crash(bus: Bus) -> None:
    await feed(bus, range(5))
    held: list[StreamMessage] = []

    def in_pairs(message: StreamMessage) -> Output:
        held.append(message)
        if len(held) < 2:
            return Output(waits=True)
        lines = [m.data for m in held]
        held.clear()
        return Output(lines)

    await run(Relay(bus, "pairs", Stream.RAW, Stream.EVENTS, in_pairs), until=4)
    held.clear()
    await feed(bus, [5])
    await run(Relay(bus, "pairs", Stream.RAW, Stream.EVENTS, in_pairs), until=6)

    lines = [line for m in await stored(bus, ["pairs"]) for line in m.data.split(b"\n")]
    assert lines == [str(number).encode() for number in range(6)]


async def test_before_a_barrier_everything_is_written_and_behind_it_at_once(bus: Bus) -> None:
    await feed(bus, range(6))
    there: list[int] = []

    async def work(message: StreamMessage) -> Output:
        if message.data == b"3":
            there.append(await bus.last_sequence(Stream.EVENTS))
        return Output([message.data])

    moving = Relay(
        bus, "test", Stream.RAW, Stream.EVENTS, work, barrier=lambda message: message.data == b"3"
    )
    await run(moving, until=6)

    messages = await stored(bus, ["test"])
    place = next(m.sequence for m in messages if m.data == b"3")
    assert there == [place - 1]
    written = [line for m in messages if m.sequence < place for line in m.data.split(b"\n")]
    assert written == [b"0", b"1", b"2"]


async def test_a_reader_of_some_subjects_passes_over_the_others(bus: Bus) -> None:
    await publish_once(bus, "events.0", b"a", "a")
    await publish_once(bus, "events.1", b"b", "b")
    reader = bus.reader(Stream.EVENTS, after=0, subjects=["events.0", "events.0.>"])

    assert [m.data for m in await reader.batch(10, wait=1)] == [b"a"]
    assert await reader.pass_over() == 2
    await publish_once(bus, "events.0.dead", b"c", "c")
    assert await reader.pass_over() is None, "it isn't read yet"
    assert [m.data for m in await reader.batch(10, wait=1)] == [b"c"]
    assert reader.position == 3
    await reader.close()
