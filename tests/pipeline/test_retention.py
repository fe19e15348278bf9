"""Streams that refuse what has no room, and the keeper that makes room without losing a message."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec
import pytest
from nats.js.errors import APIError
from prometheus_client import REGISTRY

from delivery.sink import Delivered, Document
from delivery.stage import DocumentCache, SinkRunner
from normalizer.events.market import Trade
from pipeline.bus import Bus, Stream
from pipeline.bus.embedded import EmbeddedServer
from pipeline.bus.positions import Position, created_at
from pipeline.bus.publisher import AnotherWriter
from pipeline.bus.raw_outlet import RawOutlet
from pipeline.bus.relay import Output, Relay
from pipeline.bus.retention import HIGH, Keeper
from pipeline.bus.room import Room
from pipeline.config.schema import (
    CaseLimits,
    EmbeddedBus,
    MicroBatch,
    ReferenceLimits,
    StreamLimits,
    Streams,
)
from pipeline.frames import Frame, decode_batch
from pipeline.outlet import SentFrame
from pipeline.source_state import SourceState
from pipeline.units import DAY, HOUR, MIB, MILLISECOND
from tests.fixtures.waiting import until

LIMIT = 4 * MIB
SIZE = 80_000


def configuration(path: Path, **streams: int) -> EmbeddedBus:
    small = StreamLimits(max_size=LIMIT)
    return EmbeddedBus(
        path=path,
        streams=Streams(
            raw=small,
            events=small,
            alerts=small,
            dead=small,
            reference=ReferenceLimits(max_size=MIB),
            cases=CaseLimits(max_size=MIB),
            **streams,
        ),
        batch=MicroBatch(max_frames=1),
    )


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[Bus]:
    config = configuration(tmp_path / "nats")
    async with EmbeddedServer(config), await Bus.connect(config, name="test") as connected:
        yield connected


def keeper(bus: Bus, *readers: str, retire_after: int = DAY, max_age: int = DAY) -> Keeper:
    limits = StreamLimits(max_size=LIMIT, max_age=max_age)
    streams = Streams(raw=limits, events=limits, alerts=limits, retire_after=retire_after)
    return Keeper(bus, streams, readers, ("detections",), every=0.05, largest=SIZE)


async def fill(bus: Bus, stream: Stream, count: int, token: str = "a") -> None:
    writer = bus.writer(stream, token)
    for number in range(count):
        await writer.write(b"%08d" % number + b"x" * SIZE, f"{token}:{number}")


async def taken(bus: Bus, reader: str, stream: Stream, sequence: int) -> None:
    created = created_at(await bus.info(stream))
    await bus.positions.save(reader, Position(created, sequence))


def room(keeper: Keeper, stream: Stream) -> Room:
    return next(room for room in keeper.rooms if room.stream == stream.value)


async def test_a_full_stream_refuses_what_comes_and_keeps_what_nobody_has_read(bus: Bus) -> None:
    writing = asyncio.create_task(fill(bus, Stream.RAW, 200))
    await until(lambda: _is_full(bus))
    await asyncio.sleep(0.3)

    assert not writing.done(), "a writer waits"
    assert (await bus.info(Stream.RAW)).state.first_seq == 1, "nothing was dropped"
    writing.cancel()


async def _is_full(bus: Bus) -> bool:
    return (await bus.info(Stream.RAW)).state.bytes > LIMIT - 1.5 * SIZE


async def test_nothing_goes_before_every_reader_has_taken_it(bus: Bus) -> None:
    await fill(bus, Stream.EVENTS, 50)
    await taken(bus, "detections", Stream.EVENTS, 50)
    await taken(bus, "sink.files.events", Stream.EVENTS, 12)
    keeping = keeper(bus, "detections", "sink.files.events", "sink.slow.events")

    await keeping.tend()
    assert (await bus.info(Stream.EVENTS)).state.first_seq == 1, "one has not even begun"
    await taken(bus, "sink.slow.events", Stream.EVENTS, 5)
    await keeping.tend()

    state = (await bus.info(Stream.EVENTS)).state
    assert state.first_seq == 6
    assert state.last_seq == 50
    assert room(keeping, Stream.EVENTS).slowest.reader == "sink.slow.events"  # type: ignore[union-attr]


async def test_as_much_history_stays_as_fits(bus: Bus) -> None:
    await fill(bus, Stream.RAW, 50)
    await taken(bus, "normalizer", Stream.RAW, 50)

    await keeper(bus, "normalizer").tend()

    state = (await bus.info(Stream.RAW)).state
    assert 0.7 * LIMIT < state.bytes <= HIGH * LIMIT
    assert state.last_seq == 50


async def test_a_stream_that_has_room_is_left_alone(bus: Bus) -> None:
    await fill(bus, Stream.RAW, 20)
    await taken(bus, "normalizer", Stream.RAW, 20)

    await keeper(bus, "normalizer").tend()

    assert (await bus.info(Stream.RAW)).state.messages == 20


async def test_age_takes_only_what_was_taken(bus: Bus) -> None:
    await fill(bus, Stream.RAW, 10)
    await taken(bus, "normalizer", Stream.RAW, 4)
    await asyncio.sleep(0.1)
    await fill(bus, Stream.RAW, 3, "b")

    await keeper(bus, "normalizer", max_age=50 * MILLISECOND).tend()
    assert (await bus.info(Stream.RAW)).state.first_seq == 5
    await taken(bus, "normalizer", Stream.RAW, 13)
    await keeper(bus, "normalizer", max_age=HOUR).tend()

    assert (await bus.info(Stream.RAW)).state.first_seq == 5, "younger than its age"


async def test_what_a_stored_checkpoint_needs_stays(bus: Bus) -> None:
    await fill(bus, Stream.EVENTS, 50)
    await taken(bus, "detections", Stream.EVENTS, 50)
    checkpoints = await bus.checkpoints("detections")
    created = created_at(await bus.info(Stream.EVENTS))
    await checkpoints.save(created, 2, b"state")

    keeping = keeper(bus, "detections")
    await keeping.tend()

    assert (await bus.info(Stream.EVENTS)).state.first_seq == 3
    (problem,) = keeping.problems
    assert problem.startswith("EVENTS is nearly full (9")
    assert "since the lane detections has not saved its state for long" in problem
    for sequence in (48, 49, 50):
        await checkpoints.save(created, sequence, b"state")
    await keeping.tend()
    assert (await bus.info(Stream.EVENTS)).state.first_seq > 3
    assert keeping.problems == []


async def test_a_full_stream_is_not_held_for_checkpoints_that_are_spare(bus: Bus) -> None:
    await fill(bus, Stream.EVENTS, 50)
    await taken(bus, "detections", Stream.EVENTS, 48)
    checkpoints = await bus.checkpoints("detections")
    created = created_at(await bus.info(Stream.EVENTS))
    for sequence in (2, 6, 50):  # nothing comes any more, so no other will be saved
        await checkpoints.save(created, sequence, b"state")

    keeping = keeper(bus, "detections")
    await keeping.tend()

    assert (await bus.info(Stream.EVENTS)).state.first_seq == 7, "50 is beyond what was written"
    await checkpoints.save(created, 48, b"state")
    await keeping.tend()
    state = (await bus.info(Stream.EVENTS)).state
    assert state.bytes < HIGH * LIMIT, "others can write"
    assert state.first_seq < 49
    assert keeping.problems == []


async def test_several_keepers_at_once_do_what_one_does(bus: Bus) -> None:
    await fill(bus, Stream.RAW, 50)
    await taken(bus, "normalizer", Stream.RAW, 30)

    await asyncio.gather(*(keeper(bus, "normalizer").tend() for _ in range(4)))
    await keeper(bus, "normalizer").tend()

    state = (await bus.info(Stream.RAW)).state
    assert state.bytes > 0.65 * LIMIT
    assert state.first_seq <= 31


async def test_a_source_of_which_all_was_purged_goes_on_behind_its_newest_frame(bus: Bus) -> None:
    quiet = RawOutlet(bus, SourceState("quiet", "evm"), buffer=MIB)
    running = asyncio.create_task(quiet.run())
    await quiet.send(Frame("17", 1, b"its last"))
    await quiet.flush()
    await fill(bus, Stream.RAW, 49, "busy")
    await taken(bus, "normalizer", Stream.RAW, 50)
    await keeper(bus, "normalizer").tend()
    assert (await bus.info(Stream.RAW)).state.first_seq > 1
    running.cancel()

    again = RawOutlet(bus, SourceState("quiet", "evm"), buffer=MIB)
    assert await again.last() == Frame("17", 1, b"its last")
    assert await again.sent(10) == [SentFrame("message", "17")]
    running = asyncio.create_task(again.run())
    await again.send(Frame("18", 2, b"another"))
    await asyncio.wait_for(again.flush(), 5)
    running.cancel()
    assert await RawOutlet(bus, SourceState("quiet", "evm"), buffer=MIB).last() == Frame(
        "18", 2, b"another"
    )


async def test_a_relay_whose_output_was_purged_before_its_position_was_saved_repeats_nothing(
    bus: Bus,
) -> None:
    await fill(bus, Stream.RAW, 10)
    created = created_at(await bus.info(Stream.RAW))
    writer = bus.writer(Stream.EVENTS, "normalizer")
    await writer.write(b"of ten", "1", {"Tapewatch-Origin": Position(created, 10).text()})
    await fill(bus, Stream.EVENTS, 49)
    for reader in ("detections", "sink.files.events"):
        await taken(bus, reader, Stream.EVENTS, 50)
    await keeper(bus, "normalizer", "detections", "sink.files.events").tend()
    assert (await bus.info(Stream.EVENTS)).state.first_seq > 1

    relay = Relay(bus, "normalizer", Stream.RAW, Stream.EVENTS, lambda message: Output([b"again"]))

    assert (await relay.origin()).done == 10


async def test_a_reader_that_left_the_configuration_holds_until_it_is_retired(bus: Bus) -> None:
    await fill(bus, Stream.RAW, 50)
    await taken(bus, "normalizer", Stream.RAW, 50)
    await fill(bus, Stream.EVENTS, 50)
    await taken(bus, "detections", Stream.EVENTS, 50)
    await taken(bus, "sink.gone.events", Stream.EVENTS, 2)

    holding = keeper(bus, "detections")
    await holding.tend()
    assert (await bus.info(Stream.EVENTS)).state.first_seq == 3
    assert not room(holding, Stream.EVENTS).slowest.configured  # type: ignore[union-attr]
    await asyncio.sleep(0.1)
    retiring = keeper(bus, "detections", retire_after=50 * MILLISECOND)
    await retiring.tend()

    assert (await bus.info(Stream.EVENTS)).state.first_seq > 3
    gone = {h.reader: h for h in room(retiring, Stream.EVENTS).holders}
    assert gone["sink.gone.events"].retired
    assert not gone["detections"].retired, "what is configured never retires"


@pytest.mark.parametrize("name", ["*", ">", "sink.*.events", "sink.>", "sink.gone"])
async def test_only_the_reader_of_the_very_name_is_retired(bus: Bus, name: str) -> None:
    await taken(bus, "sink.here.events", Stream.EVENTS, 0)

    assert not await bus.positions.forget(name)

    assert (await bus.positions.load("sink.here.events")).stream


async def test_a_retired_reader_that_still_runs_ends_and_one_that_comes_back_begins_anew(
    bus: Bus,
) -> None:
    await fill(bus, Stream.EVENTS, 3)
    await taken(bus, "sink.gone.events", Stream.EVENTS, 2)
    async with await Bus.connect(bus.config, name="elsewhere") as elsewhere:
        assert await elsewhere.positions.forget("sink.gone.events")
        assert await elsewhere.positions.load("sink.gone.events") == Position()

    with pytest.raises(AnotherWriter):
        await taken(bus, "sink.gone.events", Stream.EVENTS, 3)
    async with await Bus.connect(bus.config, name="back") as back:
        assert await back.positions.load("sink.gone.events") == Position()
        await taken(back, "sink.gone.events", Stream.EVENTS, 3)
        assert (await back.positions.load("sink.gone.events")).sequence == 3


async def test_it_is_told_well_before_and_when_it_is_over(
    bus: Bus, capsys: pytest.CaptureFixture[str]
) -> None:
    keeping = keeper(bus, "normalizer")
    told: list[tuple[int, int]] = []
    for count in (20, 10, 10, 9):
        await fill(bus, Stream.RAW, count, f"{count}-{len(told)}")
        await keeping.tend()
        raw = room(keeping, Stream.RAW)
        told.append((raw.level, len(keeping.problems)))
    writing = asyncio.create_task(fill(bus, Stream.RAW, 10, "more"))
    await until(lambda: _is_full(bus))
    await keeping.tend()
    full = keeping.problems
    await taken(bus, "normalizer", Stream.RAW, 45)
    await keeping.tend()
    await asyncio.wait_for(writing, 10)
    await keeping.tend()

    assert told == [(0, 0), (1, 0), (2, 0), (3, 1)]
    assert full[0].startswith("RAW is full, writing to it waits: normalizer has not taken")
    assert "of the 4.0 MiB that RAW may hold" in full[0]
    assert keeping.problems == keeping.warnings == []
    assert REGISTRY.get_sample_value("tapewatch_stream_unread_share", {"stream": "RAW"}) is not None


class StandingSink:
    """A sink that takes nothing until it is let go."""

    def __init__(self, name: str = "standing") -> None:
        self.name = name
        self.going = asyncio.Event()
        self.documents: list[str] = []

    async def deliver(self, batch: Sequence[Document]) -> Delivered:
        await self.going.wait()
        self.documents += [document.id for document in batch]
        return Delivered(written=len(batch))


def trade_line(number: int, padding: int) -> bytes:
    trade = Trade(
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
        reason="x" * padding,
    )
    return msgspec.json.encode(trade)


async def test_dead_letters_that_come_are_told_while_all_else_is_well(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source of which every message dies is connected, and behind in nothing."""
    keeping = keeper(bus)
    await bus.writer(Stream.DEAD, "notes").write(b"{}", "note:1")
    await keeping.tend()
    assert keeping.warnings == [], "a note of what was done is no letter"
    await bus.writer(Stream.DEAD, "normalizer").write(b"{}", "letter:1")
    await keeping.tend()
    (said,) = keeping.warnings
    assert said.startswith("dead letters of normalizer come, the newest at ")
    assert said.endswith(" UTC: see `tapewatch dead list`")
    assert keeping.problems == []
    monkeypatch.setattr("pipeline.bus.room._LATELY", -HOUR)  # it came long ago
    await keeping.tend()
    assert keeping.warnings == []


async def test_a_sink_that_stands_still_fills_everything_and_then_all_arrives_once(
    bus: Bus,
) -> None:
    """From the source to the sink: the sink stands, EVENTS fills, RAW fills, the source waits."""
    frames = 1500
    sink = StandingSink()
    outlet = RawOutlet(bus, SourceState("venue", "coinbase"), buffer=100_000)

    def work(message: object) -> Output:
        batch = decode_batch(message.data)  # type: ignore[attr-defined]
        return Output([trade_line(int(f.position), padding=12_000) for f in batch.frames])

    async def send() -> None:
        for number in range(frames):
            await outlet.send(Frame(str(number), number, b"x" * 10_000))
        await outlet.flush()

    runner = SinkRunner(bus, sink, "events", DocumentCache(), batch=10, retry_maximum=10**9)  # type: ignore[arg-type]
    keeping = keeper(bus, "normalizer", "sink.standing.events")
    relay = Relay(bus, "normalizer", Stream.RAW, Stream.EVENTS, work)
    tasks = [asyncio.create_task(job) for job in (outlet.run(), relay.run(), runner.run())]
    tasks.append(asyncio.create_task(keeping.run()))
    sending = asyncio.create_task(send())
    await until(lambda: len(keeping.problems) >= 2)
    await until(lambda: bool(outlet.reported().trouble))
    await until(lambda: "events.normalizer: the stream has no room" in relay.reported().trouble)
    assert not sending.done(), "the source is held up"
    assert {p.split(" ")[0] for p in keeping.problems} == {"RAW", "EVENTS"}

    sink.going.set()
    await until(lambda: len(sink.documents) >= frames or any(t.done() for t in tasks), seconds=60)
    await asyncio.wait_for(sending, 5)
    await until(lambda: not keeping.problems)
    for task in tasks:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)

    assert all(isinstance(end, asyncio.CancelledError) for end in ended), ended
    assert sink.documents == [f"event-{number}" for number in range(frames)]
    assert not outlet.reported().trouble
    assert not relay.reported().trouble
    assert await bus.last_sequence(Stream.DEAD) == 0


async def test_a_slow_sink_holds_up_its_own_reader_and_no_other(bus: Bus) -> None:
    slow, quick = StandingSink("slow"), StandingSink("quick")
    quick.going.set()
    cache = DocumentCache()
    runners = [
        SinkRunner(bus, sink, "events", cache, batch=10, retry_maximum=10**9)  # type: ignore[arg-type]
        for sink in (slow, quick)
    ]
    writer = bus.writer(Stream.EVENTS, "normalizer")
    for number in range(30):
        await writer.write(trade_line(number, padding=100), str(number))
    tasks = [asyncio.create_task(runner.run()) for runner in runners]
    await until(lambda: len(quick.documents) == 30)
    async with asyncio.timeout(20):  # its position is saved after that
        while (await bus.positions.load("sink.quick.events")).sequence < 30:
            await asyncio.sleep(0.02)
    keeping = keeper(bus, "sink.slow.events", "sink.quick.events")
    await keeping.tend()

    assert slow.documents == []
    assert room(keeping, Stream.EVENTS).slowest.reader == "sink.slow.events"  # type: ignore[union-attr]
    assert room(keeping, Stream.EVENTS).unread == 30
    slow.going.set()
    await until(lambda: len(slow.documents) == 30)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert slow.documents == quick.documents == [f"event-{number}" for number in range(30)]


async def test_where_storage_is_used_up_all_that_was_taken_goes_and_writers_go_on(
    tmp_path: Path,
) -> None:
    """As when other streams of the account, or large states, take what bus.max_storage allows."""
    config = msgspec.structs.replace(
        configuration(tmp_path / "nats"), max_storage=4 * LIMIT + 3 * MIB
    )
    async with EmbeddedServer(config), await Bus.connect(config, name="test") as bus:
        await fill(bus, Stream.EVENTS, 30)
        await taken(bus, "detections", Stream.EVENTS, 20)
        states = await bus.jetstream.create_key_value(bucket="STATES")

        async def use_up() -> None:
            for number in range(1000):
                await states.put(str(number), bytes(SIZE))

        with pytest.raises(APIError, match="insufficient resources"):
            await use_up()
        writing = asyncio.create_task(fill(bus, Stream.RAW, 3))
        await asyncio.sleep(0.5)
        assert not writing.done(), "the whole server takes nothing"

        keeping = Keeper(
            bus,
            Streams(),
            ["normalizer", "detections"],
            ["detections"],
            max_storage=config.max_storage,
            largest=SIZE,
        )
        await keeping.tend()
        (problem,) = keeping.problems
        await asyncio.wait_for(writing, 10)

        assert problem.startswith("JetStream's storage is nearly used up: 1")
        assert (await bus.info(Stream.EVENTS)).state.first_seq == 21, "not what was not taken"


async def test_a_writer_that_waits_says_why(bus: Bus) -> None:
    writer = bus.writer(Stream.RAW, "a")
    await fill(bus, Stream.RAW, 50, "b")
    writing = asyncio.create_task(writer.write(bytes(LIMIT // 2), "1"))
    await until(lambda: bool(writer.waiting))

    assert writer.waiting == (
        "raw.a: the stream has no room (max_size): writing goes on when its readers have taken more"
    )
    await taken(bus, "normalizer", Stream.RAW, 50)
    await keeper(bus, "normalizer", max_age=MILLISECOND).tend()
    await asyncio.wait_for(writing, 10)
    assert writer.waiting == ""
