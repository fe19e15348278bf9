"""The bus on the real, embedded nats-server: everything once, in order, after crashes too."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest

from pipeline.bus import Bus, BusUnavailable, Stream, StreamMessage
from pipeline.bus.embedded import EmbeddedServer, EmbeddedServerFailed, running_server
from pipeline.bus.positions import Position, created_at
from pipeline.bus.publisher import publish_once
from pipeline.bus.raw_outlet import RawOutlet
from pipeline.bus.reader import MessagesExpired
from pipeline.bus.relay import Output, Relay
from pipeline.bus.status_board import StageReport
from pipeline.config.schema import EmbeddedBus, MicroBatch, StreamLimits, Streams
from pipeline.frames import DeadLetter, Frame, decode_batch, decode_dead_letter
from pipeline.source_state import SourceState, now
from pipeline.units import MIB, MINUTE
from tests.fixtures.buses import small_bus


def configuration(path: Path) -> EmbeddedBus:
    return small_bus(path, batch=MicroBatch(max_frames=16))


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedServer]:
    embedded = EmbeddedServer(configuration(tmp_path / "nats"))
    async with embedded:
        yield embedded


@pytest.fixture
async def bus(server: EmbeddedServer, tmp_path: Path) -> AsyncIterator[Bus]:
    async with await Bus.connect(configuration(tmp_path / "nats"), name="test") as connected:
        yield connected


def frame(number: int) -> Frame:
    return Frame(str(number), number, f"frame {number}".encode())


async def send_frames(bus: Bus, numbers: range, source: str = "node") -> None:
    outlet = RawOutlet(bus, SourceState(source, "evm"), buffer=1 * MIB)
    writer = asyncio.create_task(outlet.run())
    for number in numbers:
        await outlet.send(frame(number))
    await asyncio.wait_for(outlet.flush(), 10)
    writer.cancel()


async def read_all(bus: Bus, stream: Stream, after: int = 0) -> list[StreamMessage]:
    reader = bus.reader(stream, after=after)
    found: list[StreamMessage] = []
    last = await bus.last_sequence(stream)
    while reader.position < last:
        found += await reader.batch(100, wait=1)
    await reader.close()
    return found


def positions(messages: list[StreamMessage]) -> list[int]:
    return [int(f.position) for message in messages for f in decode_batch(message.data).frames]


async def lines(bus: Bus, stream: Stream) -> list[bytes]:
    return [line for m in await read_all(bus, stream) for line in m.data.split(b"\n")]


def one_line_per_frame(message: StreamMessage) -> Output:
    return Output([f.payload for f in decode_batch(message.data).frames])


def relay(bus: Bus, work: Callable[[StreamMessage], Output] = one_line_per_frame) -> Relay:
    return Relay(bus, "normalizer", Stream.RAW, Stream.EVENTS, work)


async def run_until(relay: Relay, condition: Callable[[], object], seconds: float = 10) -> None:
    task = asyncio.create_task(relay.run())
    try:
        async with asyncio.timeout(seconds):
            while True:
                assert not task.done(), task.result()
                if await condition():  # type: ignore[misc]
                    return
                await asyncio.sleep(0.02)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_frames_arrive_in_order_in_micro_batches(bus: Bus) -> None:
    await send_frames(bus, range(100))

    messages = await read_all(bus, Stream.RAW)

    assert positions(messages) == list(range(100))
    assert len(messages) < 100
    assert max(len(decode_batch(m.data).frames) for m in messages) <= 16


async def test_a_collector_finds_the_last_durable_frame_of_its_own_source(bus: Bus) -> None:
    await send_frames(bus, range(5), "one")
    await send_frames(bus, range(50, 60), "two")

    last = await RawOutlet(bus, SourceState("one", "evm"), buffer=MIB).last()
    never = await RawOutlet(bus, SourceState("three", "evm"), buffer=MIB).last()

    assert last == frame(4)
    assert never is None


async def test_a_collector_waits_while_the_bus_is_gone_and_loses_nothing(
    bus: Bus, server: EmbeddedServer
) -> None:
    outlet = RawOutlet(bus, SourceState("node", "evm"), buffer=2_000)
    writer = asyncio.create_task(outlet.run())
    await outlet.send(frame(0))
    await outlet.flush()
    os.kill(running_server(configuration_path(bus)).pid, signal.SIGKILL)  # type: ignore[union-attr]

    async def send() -> None:
        for number in range(1, 200):
            await outlet.send(frame(number))

    sending = asyncio.create_task(send())
    await asyncio.sleep(0.5)
    assert not sending.done(), "the buffer is bounded: the collector must wait"
    await server.stop()
    await server.start()
    await asyncio.wait_for(sending, 20)
    await asyncio.wait_for(outlet.flush(), 20)
    writer.cancel()

    assert positions(await read_all(bus, Stream.RAW)) == list(range(200))


def configuration_path(bus: Bus) -> Path:
    config = bus.config  # the test breaks what the product has no door to
    assert isinstance(config, EmbeddedBus)
    return config.path


async def test_a_frame_that_no_message_can_hold_is_a_dead_letter(bus: Bus) -> None:
    outlet = RawOutlet(bus, SourceState("node", "evm"), buffer=MIB)
    huge = Frame("7", 1, b"x" * (bus.largest_payload + 1))

    await outlet.send(huge)

    [message] = await read_all(bus, Stream.DEAD)
    letter = decode_dead_letter(message.data)
    assert (letter.position, letter.truncated) == ("7", True)
    assert "larger than the bus takes" in letter.reason


async def test_what_goes_with_frames_counts_in_the_size_of_a_message(bus: Bus) -> None:
    outlet = RawOutlet(bus, SourceState("node", "evm"), buffer=100 * MIB)
    with_it = [Frame(str(number), 1, b"x", context="y" * 300_000) for number in range(4)]
    for one in with_it:
        await outlet.send(one)
    writer = asyncio.create_task(outlet.run())
    await asyncio.wait_for(outlet.flush(), 10)
    writer.cancel()
    messages = await read_all(bus, Stream.RAW)
    assert max(len(message.data) for message in messages) <= bus.batch.max_bytes
    assert positions(messages) == [0, 1, 2, 3]


async def test_a_frame_with_more_than_a_message_can_hold_is_a_dead_letter(bus: Bus) -> None:
    outlet = RawOutlet(bus, SourceState("node", "evm"), buffer=MIB)
    await outlet.send(Frame("7", 1, b"x", context="y" * (bus.largest_payload + MIB)))
    [message] = await read_all(bus, Stream.DEAD)
    letter = decode_dead_letter(message.data)
    assert (letter.position, letter.context, letter.truncated) == ("7", "", True)
    assert "larger than the bus takes" in letter.reason


async def test_streams_are_brought_to_a_changed_configuration(
    bus: Bus, server: EmbeddedServer
) -> None:
    config = msgspec.structs.replace(
        configuration(configuration_path(bus)),
        streams=Streams(
            raw=StreamLimits(max_size=32 * MIB, max_age=MINUTE),
            events=StreamLimits(max_size=64 * MIB),
            alerts=StreamLimits(max_size=64 * MIB),
            dead=StreamLimits(max_size=64 * MIB),
        ),
    )

    async with await Bus.connect(config, name="again") as again:
        info = await again.jetstream.stream_info("RAW")

    assert info.config.max_bytes == 32 * MIB
    assert info.config.max_age == 0, "the keeper purges by age, and only what was taken"
    assert info.config.duplicate_window == 60


async def test_a_second_copy_of_a_publish_is_dropped(bus: Bus) -> None:
    for _ in range(3):
        await publish_once(bus, "events.x", b"same", "id-1")

    assert await bus.last_sequence(Stream.EVENTS) == 1


async def test_a_relay_moves_everything_once_and_in_order(bus: Bus) -> None:
    await send_frames(bus, range(200))

    await run_until(relay(bus), lambda: has_lines(bus, 200))

    assert await lines(bus, Stream.EVENTS) == [f"frame {n}".encode() for n in range(200)]


async def has_lines(bus: Bus, count: int) -> bool:
    return len(await lines(bus, Stream.EVENTS)) >= count


async def test_a_relay_that_dies_anywhere_goes_on_exactly_behind_its_output(bus: Bus) -> None:
    await send_frames(bus, range(120))
    for wanted in (1, 40, 80, 120):
        await run_until(relay(bus), lambda wanted=wanted: has_lines(bus, wanted))
    await send_frames(bus, range(120, 150))
    await run_until(relay(bus), lambda: has_lines(bus, 150))

    assert await lines(bus, Stream.EVENTS) == [f"frame {n}".encode() for n in range(150)]


async def test_a_relay_goes_on_in_the_middle_of_a_messages_output(bus: Bus) -> None:
    await send_frames(bus, range(10))
    message = (await read_all(bus, Stream.RAW))[0]
    written = one_line_per_frame(message).lines[:3]
    created = created_at(await bus.info(Stream.RAW))
    half = Position(created, message.sequence, len(written)).text()
    await publish_once(
        bus, "events.normalizer", b"\n".join(written), "half", {"Tapewatch-Origin": half}
    )

    await run_until(relay(bus), lambda: has_lines(bus, 10))

    assert await lines(bus, Stream.EVENTS) == [f"frame {n}".encode() for n in range(10)]


async def test_output_larger_than_a_message_is_written_in_parts(bus: Bus) -> None:
    await send_frames(bus, range(5))
    line = b"y" * (bus.largest_payload // 4)

    def large(message: StreamMessage) -> Output:
        return Output([line for _ in decode_batch(message.data).frames])

    await run_until(relay(bus, large), lambda: has_lines(bus, 5), seconds=20)

    assert await lines(bus, Stream.EVENTS) == [line] * 5
    assert await bus.last_sequence(Stream.EVENTS) >= 2


async def test_what_a_relay_cannot_use_is_a_dead_letter_once(bus: Bus) -> None:
    await send_frames(bus, range(3))
    letter = DeadLetter(stage="normalizer", source="node", position="1", received=0, reason="bad")

    def refuse(message: StreamMessage) -> Output:
        return Output(dead=[letter])

    async def buried() -> bool:
        return await bus.last_sequence(Stream.DEAD) >= 1

    await run_until(relay(bus, refuse), buried)
    await run_until(relay(bus, refuse), buried)

    messages = await read_all(bus, Stream.DEAD)
    assert len(messages) == len(await read_all(bus, Stream.RAW))
    assert decode_dead_letter(messages[0].data) == letter


async def test_a_reader_survives_the_death_of_the_server(bus: Bus, server: EmbeddedServer) -> None:
    await send_frames(bus, range(40))
    reader = bus.reader(Stream.RAW, after=0)
    found = await reader.batch(1, wait=5)

    os.kill(running_server(configuration_path(bus)).pid, signal.SIGKILL)  # type: ignore[union-attr]
    await asyncio.sleep(0.2)
    await server.stop()
    await server.start()
    async with asyncio.timeout(30):
        while len(positions(found)) < 40:
            found += await reader.batch(100, wait=1)

    assert positions(found) == list(range(40))


async def test_a_reader_says_what_expired_before_it_was_read(bus: Bus) -> None:
    for number in range(10):
        await publish_once(bus, "events.x", b"e", f"id-{number}")
    await bus.jetstream.purge_stream("EVENTS", seq=6)

    reader = bus.reader(Stream.EVENTS, after=2)
    with pytest.raises(MessagesExpired, match=r"3 messages of EVENTS \(3 to 5\) expired"):
        await reader.batch(10, wait=1)
    rest = await reader.batch(10, wait=1)

    assert rest[0].sequence == 6


async def test_positions_and_reports_are_kept(bus: Bus) -> None:
    await bus.positions.save("sink.files.events", Position(1, 42))
    await bus.status.put(StageReport("delivery", now(), 1))

    assert await bus.positions.load("sink.files.events") == Position(1, 42)
    assert await bus.positions.load("never") == Position()
    assert [r.stage for r in await bus.status.reports()] == ["delivery"]


async def test_reports_of_a_run_before_are_forgotten_and_those_of_this_one_kept(bus: Bus) -> None:
    long_ago = now() - MINUTE
    await bus.status.put(StageReport("detections-2", long_ago, 1))
    await bus.status.put(StageReport("delivery", now(), 2))
    await bus.status.forget_silent()
    assert [r.stage for r in await bus.status.reports()] == ["delivery"]
    await bus.status.put(StageReport("detections-2", now(), 3))
    assert [r.pid for r in await bus.status.reports()] == [2, 3]


async def test_two_embedded_servers_never_share_a_store(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    with pytest.raises(EmbeddedServerFailed, match="another Tapewatch runs"):
        async with EmbeddedServer(configuration(tmp_path / "nats")):
            pass


async def test_without_a_server_the_error_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BusUnavailable, match="tapewatch run"):
        await Bus.connect(configuration(tmp_path / "nowhere"), name="test")


async def test_the_embedded_server_wants_the_token_and_keeps_it_private(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    import nats

    running = running_server(tmp_path / "nats")
    assert running is not None
    for name in ("server.json", "server.conf"):
        assert (tmp_path / "nats" / name).stat().st_mode & 0o077 == 0
    with pytest.raises(Exception, match=r"(?i)authorization"):
        await nats.connect(running.url, allow_reconnect=False, max_reconnect_attempts=0)


async def test_a_group_that_is_let_into_the_store_may_reach_the_bus_and_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that two people can work on a case: who somebody is, the operating system says."""
    store = tmp_path / "nats"
    store.mkdir(mode=0o750)
    store.chmod(0o2750)
    async with EmbeddedServer(configuration(store)):
        assert (store / "server.json").stat().st_mode & 0o777 == 0o640
        assert (store / "server.json").stat().st_gid == store.stat().st_gid
        assert (store / "server.conf").stat().st_mode & 0o777 == 0o600

        def another_users(process: int, number: int) -> None:
            raise PermissionError

        with monkeypatch.context() as patched:
            patched.setattr(os, "kill", another_users)
            assert running_server(store) is not None


async def test_who_may_not_reach_the_bus_is_told_who_may(
    server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path) -> bytes:
        raise PermissionError

    monkeypatch.setattr(Path, "read_bytes", refused)
    with pytest.raises(
        EmbeddedServerFailed, match=r"only who runs Tapewatch .* chgrp GROUP .*nats"
    ):
        running_server(tmp_path / "nats")
