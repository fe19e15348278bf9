"""The bus in bad luck: lost answers, second processes, streams made anew, letters too large."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

import nats.errors
import pytest

from delivery.sink import Delivered, Document
from delivery.stage import DocumentCache, SinkRunner
from pipeline.bus import Bus, BusUnavailable, Stream, StreamMessage
from pipeline.bus import reader as reader_module
from pipeline.bus.embedded import EmbeddedServer, running_server
from pipeline.bus.positions import Position, created_at
from pipeline.bus.publisher import AnotherWriter, SubjectWriter
from pipeline.bus.reader import StreamMadeAnew
from pipeline.bus.relay import Output, Relay
from pipeline.config.schema import ExternalBus
from pipeline.frames import DeadLetter, decode_batch, decode_dead_letter
from pipeline.secrets import SecretText
from tests.pipeline.test_bus import (
    bus,
    configuration,
    configuration_path,
    has_lines,
    lines,
    one_line_per_frame,
    read_all,
    relay,
    run_until,
    send_frames,
    server,
)
from tests.servers.proxy import FaultProxy

__all__ = ["bus", "server"]


def forget_message_ids(bus: Bus) -> Callable[[], object]:
    """Make the server's memory of message ids as short as it can be."""

    async def forget() -> None:
        info = await bus.info(Stream.EVENTS)
        info.config.duplicate_window = 0.1
        await bus.jetstream.update_stream(info.config)
        await asyncio.sleep(0.3)

    return forget


async def restarted(bus: Bus, server: EmbeddedServer) -> None:
    os.kill(running_server(configuration_path(bus)).pid, signal.SIGKILL)  # type: ignore[union-attr]
    await asyncio.sleep(0.2)
    await server.stop()
    await server.start()


async def made_anew(bus: Bus, stream: Stream) -> None:
    info = await bus.info(stream)
    await bus.jetstream.delete_stream(bus.names.stream(stream))
    await bus.jetstream.add_stream(info.config)


async def test_a_write_whose_answer_was_lost_is_not_repeated_after_the_duplicate_window(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget = forget_message_ids(bus)
    writer = bus.writer(Stream.EVENTS, "normalizer")
    publish, answers = bus.acknowledgements.publish, 0

    async def lose_the_first_answer(*args: object, **options: object) -> object:
        nonlocal answers
        answers += 1
        answer = await publish(*args, **options)  # type: ignore[arg-type]
        if answers == 1:
            await forget()  # type: ignore[misc]
            raise nats.errors.TimeoutError
        return answer

    monkeypatch.setattr(bus.acknowledgements, "publish", lose_the_first_answer)
    await writer.write(b"one", "1")
    await writer.write(b"two", "2")

    assert answers == 3
    assert await lines(bus, Stream.EVENTS) == [b"one", b"two"]


async def test_a_second_writer_is_told_and_writes_nothing(bus: Bus) -> None:
    first, second = (bus.writer(Stream.EVENTS, "normalizer") for _ in range(2))
    await first.newest()
    await second.newest()
    await first.write(b"mine", "first:1")

    with pytest.raises(AnotherWriter, match=r"another process writes to events\.normalizer"):
        await second.write(b"the same, in another batch", "second:1")

    await first.write(b"more", "first:2")
    assert await lines(bus, Stream.EVENTS) == [b"mine", b"more"]


async def test_a_writer_goes_on_after_its_newest_message_has_expired(bus: Bus) -> None:
    writer = bus.writer(Stream.EVENTS, "normalizer")
    await writer.write(b"old", "1")
    await bus.jetstream.purge_stream("EVENTS")

    await asyncio.wait_for(writer.write(b"new", "2"), 5)

    assert [m.data for m in await read_all(bus, Stream.EVENTS, after=1)] == [b"new"]


async def test_an_outage_of_any_length_leaves_a_writer_able_to_write(
    bus: Bus, server: EmbeddedServer
) -> None:
    writer = bus.writer(Stream.EVENTS, "normalizer")
    await writer.newest()
    os.kill(running_server(configuration_path(bus)).pid, signal.SIGKILL)  # type: ignore[union-attr]
    await asyncio.sleep(0.3)
    writing = asyncio.create_task(writer.write(b"x" * 1000, "1"))
    await asyncio.sleep(2)

    assert bus.client.pending_data_size < 1000, "attempts in vain are kept"
    await server.stop()
    await server.start()
    await asyncio.wait_for(writing, 20)
    assert await lines(bus, Stream.EVENTS) == [b"x" * 1000]


async def test_two_relays_at_once_write_nothing_twice_and_one_is_told(bus: Bus) -> None:
    await send_frames(bus, range(40))
    both = [asyncio.create_task(relay(bus).run()) for _ in range(2)]
    async with asyncio.timeout(20):
        number = 40
        while not any(task.done() for task in both):
            await send_frames(bus, range(number, number + 7))
            number += 7
    for task in both:
        task.cancel()
    outcomes = await asyncio.gather(*both, return_exceptions=True)

    assert any(isinstance(outcome, AnotherWriter) for outcome in outcomes)
    await run_until(relay(bus), lambda: has_lines(bus, number))
    assert await lines(bus, Stream.EVENTS) == [f"frame {n}".encode() for n in range(number)]


async def test_a_half_written_message_that_expired_takes_nothing_from_the_next(bus: Bus) -> None:
    await send_frames(bus, range(6))
    await send_frames(bus, range(6, 12))
    first, *rest = await read_all(bus, Stream.RAW)
    half = Position(created_at(await bus.info(Stream.RAW)), first.sequence, 3)
    written = one_line_per_frame(first).lines[:3]
    writer = bus.writer(Stream.EVENTS, "normalizer")
    await writer.write(b"\n".join(written), "half", {"Tapewatch-Origin": half.text()})
    await bus.jetstream.purge_stream("RAW", seq=rest[0].sequence)

    wanted = written + [line for message in rest for line in one_line_per_frame(message).lines]
    await run_until(relay(bus), lambda: has_lines(bus, len(wanted)))

    assert await lines(bus, Stream.EVENTS) == wanted


async def test_a_crash_between_the_parts_of_large_output_loses_and_repeats_nothing(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    await send_frames(bus, range(16))
    write, writes = SubjectWriter.write, 0

    async def die_at_every_second(self: SubjectWriter, *args: object) -> None:
        nonlocal writes
        writes += 1
        await write(self, *args)  # type: ignore[arg-type]
        if writes % 2:
            raise RuntimeError("power off")

    def large(message: StreamMessage) -> Output:
        return Output([f.payload + b"." * 700_000 for f in decode_batch(message.data).frames])

    monkeypatch.setattr(SubjectWriter, "write", die_at_every_second)
    async with asyncio.timeout(30):
        while len(await lines(bus, Stream.EVENTS)) < 16:
            with pytest.raises((RuntimeError, TimeoutError)):
                async with asyncio.timeout(3):
                    await relay(bus, large).run()

    found = [line.rstrip(b".") for line in await lines(bus, Stream.EVENTS)]
    assert found == [f"frame {n}".encode() for n in range(16)]


async def test_dead_letters_of_a_message_come_once_even_after_the_duplicate_window(
    bus: Bus,
) -> None:
    await send_frames(bus, range(3))
    count = len(await read_all(bus, Stream.RAW))
    letters = [
        DeadLetter(stage="normalizer", source="node", position=str(n), received=0, reason="bad")
        for n in range(2)
    ]
    info = await bus.info(Stream.DEAD)
    info.config.duplicate_window = 0.1
    await bus.jetstream.update_stream(info.config)

    def refuse(message: StreamMessage) -> Output:
        return Output(dead=letters)

    for _ in range(2):
        moving = relay(bus, refuse)

        async def at_the_end(moving: Relay = moving) -> bool:
            return moving.state.position == count

        await run_until(moving, at_the_end)
        assert await bus.positions.load("normalizer") == Position(), "this is of a crash before"
        await asyncio.sleep(0.4)

    assert await bus.last_sequence(Stream.DEAD) == 2 * count


async def test_every_record_that_is_too_large_has_its_own_dead_letter(bus: Bus) -> None:
    await send_frames(bus, range(1))
    huge = b"x" * (bus.largest_payload + 1)

    def three(message: StreamMessage) -> Output:
        return Output([huge, b"small", huge])

    await run_until(relay(bus, three), lambda: has_lines(bus, 1))

    assert await lines(bus, Stream.EVENTS) == [b"small"]
    assert await bus.last_sequence(Stream.DEAD) == 2


async def test_a_dead_letter_larger_than_the_bus_takes_is_cut_and_holds_up_nothing(
    bus: Bus,
) -> None:
    await send_frames(bus, range(1))
    letter = DeadLetter(
        stage="normalizer",
        source="node",
        position="1",
        received=0,
        reason="bad",
        payload=b"x" * bus.largest_payload,
    )

    async def buried() -> bool:
        return await bus.last_sequence(Stream.DEAD) >= 1

    await run_until(relay(bus, lambda message: Output(dead=[letter])), buried)

    kept = decode_dead_letter((await read_all(bus, Stream.DEAD))[0].data)
    assert kept.truncated
    assert letter.payload.startswith(kept.payload)


async def test_a_stream_that_was_made_anew_is_read_from_its_beginning(bus: Bus) -> None:
    await send_frames(bus, range(50))
    await run_until(relay(bus), lambda: has_lines(bus, 50))
    await made_anew(bus, Stream.RAW)
    await send_frames(bus, range(50, 60))

    await run_until(relay(bus), lambda: has_lines(bus, 60))

    assert await lines(bus, Stream.EVENTS) == [f"frame {n}".encode() for n in range(60)]


async def test_a_reader_notices_that_the_stream_was_made_anew(bus: Bus) -> None:
    await send_frames(bus, range(20))
    reader = bus.reader(Stream.RAW, after=0)
    await reader.batch(64, wait=2)
    await made_anew(bus, Stream.RAW)
    await send_frames(bus, range(3))

    async def read_on() -> None:
        while True:
            await reader.batch(64, wait=1)

    with pytest.raises(StreamMadeAnew, match="RAW"):
        await asyncio.wait_for(read_on(), 20)


async def test_deliveries_that_were_lost_on_the_way_are_missed_at_the_next_heartbeat(
    bus: Bus, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pull request outlives the connection that it came by, so heartbeats alone mean nothing."""
    monkeypatch.setattr(reader_module, "HEARTBEAT", 2.0)
    running = running_server(configuration_path(bus))
    assert running is not None
    address = urlsplit(running.url)
    assert address.hostname
    assert address.port
    with FaultProxy(address.hostname, address.port) as between:
        config = ExternalBus(
            urls=[SecretText(f"nats://127.0.0.1:{between.port}")],
            token=SecretText(running.token),
            streams=configuration(configuration_path(bus)).streams,
        )
        async with await Bus.connect(config, name="test") as behind:
            await send_frames(bus, range(1))
            reader = behind.reader(Stream.RAW, after=0)
            assert len(await reader.batch(64, wait=5)) == 1
            between.pause_answers()
            await send_frames(bus, range(1, 3))
            await asyncio.sleep(0.2)
            between.cut()
            between.resume()

            async with asyncio.timeout(10):
                found = await reader.batch(64, wait=10)

    assert found
    assert found[0].sequence == 2


async def test_a_position_behind_the_end_of_its_stream_waits_for_nothing(bus: Bus) -> None:
    """As after a power failure that took the newest messages of RAW, but not the position."""
    await send_frames(bus, range(5))
    created = created_at(await bus.info(Stream.RAW))
    await bus.positions.save("normalizer", Position(created, 1000))
    task = asyncio.create_task(relay(bus).run())
    await asyncio.sleep(0.5)
    await send_frames(bus, range(5, 8))
    async with asyncio.timeout(10):
        while not await has_lines(bus, 3):
            await asyncio.sleep(0.05)
    task.cancel()

    assert await lines(bus, Stream.EVENTS) == [b"frame 5", b"frame 6", b"frame 7"]


async def test_a_position_that_relies_on_lost_output_is_not_believed(bus: Bus) -> None:
    await send_frames(bus, range(8))
    created = created_at(await bus.info(Stream.RAW))
    end = await bus.last_sequence(Stream.RAW)
    await bus.positions.save("normalizer", Position(created, end, written=1))

    await run_until(relay(bus), lambda: has_lines(bus, 8))

    assert await lines(bus, Stream.EVENTS) == [f"frame {n}".encode() for n in range(8)]


async def test_messages_that_expire_under_a_running_relay_are_told_of(bus: Bus) -> None:
    for number in range(30):
        await send_frames(bus, range(number, number + 1))
    stop = asyncio.Event()
    reader = bus.reader(Stream.RAW, after=0)
    moving = relay(bus)
    found = await reader.batch(1, wait=2)
    await reader.close()
    assert found
    assert not stop.is_set()
    created = created_at(await bus.info(Stream.RAW))
    await bus.positions.save("normalizer", Position(created, 1))
    for sequence in (4, 5, 6):
        await bus.jetstream.delete_msg("RAW", sequence)

    await run_until(moving, lambda: has_lines(bus, 26))

    assert len(await lines(bus, Stream.EVENTS)) == 26
    [letter] = [decode_dead_letter(m.data) for m in await read_all(bus, Stream.DEAD)]
    assert letter.position == "4-6"
    assert moving.state.trouble == ""


class Kept:
    """A sink that keeps what it gets."""

    name = "kept"

    def __init__(self) -> None:
        self.documents: list[Document] = []

    async def deliver(self, batch: list[Document]) -> Delivered:
        self.documents += batch
        return Delivered(written=len(batch))


async def test_two_processes_that_deliver_to_one_sink_are_noticed(bus: Bus) -> None:
    created = created_at(await bus.info(Stream.EVENTS))
    await bus.positions.load("sink.kept.events")
    async with await Bus.connect(configuration(configuration_path(bus)), name="other") as other:
        await other.positions.load("sink.kept.events")
        await other.positions.save("sink.kept.events", Position(created, 3))

    with pytest.raises(AnotherWriter, match=r"sink\.kept\.events"):
        await bus.positions.save("sink.kept.events", Position(created, 5))


async def test_a_sink_reads_a_stream_that_was_made_anew_from_its_beginning(bus: Bus) -> None:
    sink = Kept()
    await bus.positions.save("sink.kept.events", Position(1, 1000))
    runner = SinkRunner(bus, sink, "events", DocumentCache(), batch=10, retry_maximum=10**9)  # type: ignore[arg-type]
    task = asyncio.create_task(runner.run())
    await asyncio.sleep(0.5)
    await bus.writer(Stream.EVENTS, "normalizer").write(b"no record", "1")
    async with asyncio.timeout(20):
        while not await bus.last_sequence(Stream.DEAD):
            await asyncio.sleep(0.05)
        # The letter is written before the position is saved.
        while (await bus.positions.load("sink.kept.events")).sequence > 1:
            await asyncio.sleep(0.05)
    task.cancel()


async def test_a_bus_that_nobody_can_reach_is_told_of_in_words() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        config = ExternalBus(urls=[SecretText(f"nats://127.0.0.1:{probe.getsockname()[1]}")])
        with pytest.raises(BusUnavailable, match="can't connect to NATS"):
            await asyncio.wait_for(Bus.connect(config, name="test"), 30)
