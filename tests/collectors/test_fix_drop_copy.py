"""A drop copy from QuickFIX: all of it, once, in order, whatever happens on the way."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from collectors.fix.drop_copy import FixDropCopyCollector
from collectors.fix.session import Application, LoggedOn, Missing, Session, Terms
from pipeline.config.sources import FixDropCopySource, Reconnection
from pipeline.fix_message import fields_of, is_whole, values_of
from pipeline.frames import Frame
from pipeline.trade_sides import decode_context
from pipeline.units import MILLISECOND, SECOND
from tests.collectors.frames_outlet import FramesOutlet
from tests.fixtures.waiting import until
from tests.servers.fix_acceptor import CLIENT, VENUE, FixAcceptor

SOH = "\x01"


def config(port: int, **changes: Any) -> FixDropCopySource:
    settings: dict[str, Any] = {
        "name": "copy",
        "host": "127.0.0.1",
        "port": port,
        "tls": False,
        "sender_comp_id": CLIENT,
        "target_comp_id": VENUE,
        "venue": "acme-ats",
        "reconnection": Reconnection(initial=20 * MILLISECOND, maximum=100 * MILLISECOND),
        "other_side_within": 300 * MILLISECOND,
    }
    return FixDropCopySource(**settings | changes)


@asynccontextmanager
async def collecting(outlet: FramesOutlet, port: int, **changes: Any) -> AsyncGenerator[None]:
    task = asyncio.create_task(FixDropCopyCollector(config(port, **changes), outlet).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def report(acceptor: FixAcceptor, number: int, *more: tuple[int, str]) -> None:
    acceptor.send("8", [(37, "41"), (17, f"e{number}"), (150, "0"), (55, "ACME"), *more])


def executions(outlet: FramesOutlet) -> list[str]:
    return [
        values_of(fields_of(frame.payload))[17].decode()
        for frame in outlet.frames
        if frame.kind == "message"
    ]


def named(*numbers: int) -> list[str]:
    return [f"e{number}" for number in numbers]


async def arrived(outlet: FramesOutlet, *numbers: int) -> None:
    await until(lambda: executions(outlet) == named(*numbers), f"{numbers} arrived")


async def logged_on(acceptor: FixAcceptor) -> None:
    await until(acceptor.logged_on.is_set, "a session")


class Meddler:
    """Stands between the two, and may change what the venue sends, chunk by chunk."""

    def __init__(self, port: int, change: Callable[[bytes], bytes]) -> None:
        self._target = port
        self._change = change
        self.port = 0

    async def __aenter__(self) -> "Meddler":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        their_reader, their_writer = await asyncio.open_connection("127.0.0.1", self._target)

        async def pump(
            source: asyncio.StreamReader,
            sink: asyncio.StreamWriter,
            change: Callable[[bytes], bytes],
        ) -> None:
            try:
                while data := await source.read(65536):
                    sink.write(change(data))
                    await sink.drain()
            except OSError:
                pass
            finally:
                sink.close()

        await asyncio.gather(
            pump(reader, their_writer, lambda data: data),
            pump(their_reader, writer, self._change),
        )


async def test_every_message_is_a_frame_as_it_came() -> None:
    outlet = FramesOutlet("fix", "copy")
    with FixAcceptor() as acceptor:
        async with collecting(outlet, acceptor.port):
            await logged_on(acceptor)
            for number in range(50):
                report(acceptor, number, (1, "A-7"))
            await arrived(outlet, *range(50))
        acceptor.await_received(f"35=5{SOH}")
    assert all(is_whole(frame.payload) for frame in outlet.frames)
    assert [frame.payload.decode() for frame in outlet.frames] == [
        message for message in acceptor.sent if f"35=8{SOH}" in message
    ]
    assert outlet.state.connection == "stopped"
    assert outlet.state.gaps == 0


async def test_what_came_while_away_is_asked_for_and_nothing_comes_twice() -> None:
    outlet = FramesOutlet("fix", "copy")
    with FixAcceptor() as acceptor:
        for run in range(3):
            async with collecting(outlet, acceptor.port):
                await logged_on(acceptor)
                report(acceptor, 2 * run)
                await arrived(outlet, *range(2 * run + 1))
            await until(lambda: not acceptor.logged_on.is_set(), "the end of the session")
            report(acceptor, 2 * run + 1)
        async with collecting(outlet, acceptor.port):
            await arrived(outlet, *range(6))
    assert outlet.state.gaps == 0
    assert not outlet.letters
    # Our own numbers were too high after a restart, and what was missed was filled.
    assert any(f"35=4{SOH}" in message and "123=Y" in message for message in acceptor.received)


async def test_a_message_that_is_damaged_on_the_way_is_asked_for_again() -> None:
    outlet = FramesOutlet("fix", "copy")
    damage = [b"17=e1\x01"]

    def change(data: bytes) -> bytes:
        if damage and damage[0] in data:
            return data.replace(damage.pop(), b"17=eX\x01")
        return data

    with FixAcceptor() as acceptor:
        async with Meddler(acceptor.port, change) as between, collecting(outlet, between.port):
            await logged_on(acceptor)
            for number in range(3):
                report(acceptor, number)
                await asyncio.sleep(0.02)
            await arrived(outlet, 0, 1, 2)
    (letter,) = outlet.letters
    assert "CheckSum (10) is wrong" in letter.reason
    again = values_of(fields_of(outlet.frames[1].payload))
    assert again[43] == b"Y"
    assert outlet.state.gaps == 0


async def test_a_message_that_is_lost_on_the_way_is_asked_for() -> None:
    outlet = FramesOutlet("fix", "copy")
    lose = [b"17=e1\x01"]

    def change(data: bytes) -> bytes:
        if lose and lose[0] in data:
            lose.clear()
            return b""
        return data

    with FixAcceptor() as acceptor:
        async with Meddler(acceptor.port, change) as between, collecting(outlet, between.port):
            await logged_on(acceptor)
            for number in range(4):
                report(acceptor, number)
                await asyncio.sleep(0.02)
            await arrived(outlet, 0, 1, 2, 3)
    assert outlet.state.gaps == 0


async def test_a_session_goes_on_after_the_connection_broke() -> None:
    outlet = FramesOutlet("fix", "copy")
    breaks = [b"17=e2\x01"]

    def change(data: bytes) -> bytes:
        if breaks and breaks[0] in data:
            breaks.clear()
            raise ConnectionResetError
        return data

    with FixAcceptor() as acceptor:
        async with Meddler(acceptor.port, change) as between, collecting(outlet, between.port):
            await logged_on(acceptor)
            for number in range(4):
                report(acceptor, number)
                await asyncio.sleep(0.02)
            await arrived(outlet, 0, 1, 2, 3)
    assert outlet.state.reconnects >= 1
    assert outlet.state.gaps == 0


async def test_where_the_venue_began_anew_that_is_told_and_the_session_goes_on() -> None:
    outlet = FramesOutlet("fix", "copy")
    with FixAcceptor() as acceptor:
        async with collecting(outlet, acceptor.port):
            await logged_on(acceptor)
            report(acceptor, 0)
            report(acceptor, 1)
            await arrived(outlet, 0, 1)
    with FixAcceptor() as another:
        async with collecting(outlet, another.port):
            await logged_on(another)
            report(another, 2)
            await arrived(outlet, 0, 1, 2)
    (gap,) = outlet.gaps
    assert "anew" in gap.reason
    positions = [frame.position for frame in outlet.frames]
    assert len(set(positions)) == len(positions)


async def test_a_number_that_is_too_low_is_put_right_by_what_the_venue_says() -> None:
    with FixAcceptor() as acceptor:
        async with collecting(FramesOutlet("fix", "copy"), acceptor.port):
            await logged_on(acceptor)
            report(acceptor, 0)
        await until(lambda: not acceptor.logged_on.is_set(), "the end of the session")
        # Whoever begins without knowing anything begins at 1.
        outlet = FramesOutlet("fix", "copy")
        async with collecting(outlet, acceptor.port):
            await arrived(outlet, 0)
    assert any("too low, expecting" in message for message in acceptor.sent)


async def test_heartbeats_keep_a_quiet_session() -> None:
    outlet = FramesOutlet("fix", "copy")
    with FixAcceptor() as acceptor:
        async with collecting(outlet, acceptor.port, heartbeat=SECOND):
            await logged_on(acceptor)
            await asyncio.sleep(2.6)
            report(acceptor, 0)
            await arrived(outlet, 0)
        assert acceptor.logons == 1
        assert sum(f"35=0{SOH}" in message for message in acceptor.received) >= 2
    assert outlet.state.reconnects == 0


async def test_the_reports_of_both_sides_find_each_other_and_one_alone_is_told() -> None:
    outlet = FramesOutlet("fix", "copy")
    fill = ((150, "F"), (32, "100"), (31, "10.25"))
    with FixAcceptor() as acceptor:
        async with collecting(outlet, acceptor.port):
            await logged_on(acceptor)
            for number, (trade, side) in enumerate((("t1", "1"), ("t2", "1"), ("t1", "2"))):
                body = dict([(37, "41"), (17, f"e{number}"), (55, "ACME"), *fill])
                acceptor.send("8", [*body.items(), (54, side), (880, trade)])
            await arrived(outlet, 0, 1, 2, 1)
    contexts = [decode_context(frame.context) for frame in outlet.frames]
    assert [context.side for context in contexts] == ["first", "first", "second", "alone"]
    assert contexts[2].other == outlet.frames[0].payload.decode()
    # The oldest that still waits is what a run after a crash would ask for.
    assert [context.needed for context in contexts] == [2, 2, 3, 0]
    positions = [frame.position for frame in outlet.frames]
    assert len(set(positions)) == len(positions)


async def test_a_first_side_is_found_again_after_a_restart() -> None:
    outlet = FramesOutlet("fix", "copy")
    body = [(37, "41"), (55, "ACME"), (150, "F"), (32, "100"), (31, "10.25"), (880, "t1")]
    with FixAcceptor() as acceptor:
        async with collecting(outlet, acceptor.port, other_side_within=60 * SECOND):
            await logged_on(acceptor)
            acceptor.send("8", [*body, (17, "e0"), (54, "1")])
            await arrived(outlet, 0)
        await until(lambda: not acceptor.logged_on.is_set(), "the end of the session")
        async with collecting(outlet, acceptor.port, other_side_within=60 * SECOND):
            await logged_on(acceptor)
            acceptor.send("8", [*body, (17, "e1"), (54, "2")])
            await arrived(outlet, 0, 1)
    context = decode_context(outlet.frames[1].context)
    assert context.side == "second"
    assert values_of(fields_of(context.other.encode()))[17] == b"e0"


async def test_numbers_that_begin_anew_with_each_logon_cost_what_came_in_between() -> None:
    outlet = FramesOutlet("fix", "copy")
    with FixAcceptor() as acceptor:
        for run in range(2):
            async with collecting(outlet, acceptor.port, reset_on_logon=True):
                await until(lambda run=run: acceptor.logons == run + 1, "a session")
                report(acceptor, run)
                await until(lambda run=run: len(executions(outlet)) == run + 1, "a report")
            await until(lambda: not acceptor.logged_on.is_set(), "the end of the session")
    (gap,) = outlet.gaps
    assert "begin anew" in gap.reason
    positions = [frame.position for frame in outlet.frames]
    assert len(set(positions)) == 3


async def test_a_break_is_told_even_if_nothing_came_since_the_one_before() -> None:
    outlet = FramesOutlet("fix", "copy")
    collector = FixDropCopyCollector(config(1, reset_on_logon=True), outlet)
    terms = Terms(begin_string="FIX.4.4", sender=CLIENT, target=VENUE, heartbeat=30, reset=True)
    await collector.begin()
    for gaps in (0, 1, 2):
        await collector.take(LoggedOn(True), Session(terms=terms))
        assert len(outlet.gaps) == gaps


async def test_a_full_outlet_is_no_silence_of_the_venue() -> None:
    outlet = FramesOutlet("fix", "copy")
    take = outlet.send

    async def send_slowly(frame: Frame) -> None:
        await asyncio.sleep(2.6)
        await take(frame)

    with FixAcceptor() as acceptor:
        async with collecting(outlet, acceptor.port, heartbeat=SECOND):
            await logged_on(acceptor)
            outlet.send = send_slowly
            report(acceptor, 0)
            await arrived(outlet, 0)
            outlet.send = take
            report(acceptor, 1)
            await arrived(outlet, 0, 1)
        assert acceptor.logons == 1


@pytest.mark.parametrize("anew", [Missing(8, 3, "anew"), LoggedOn(True)])
async def test_a_first_side_is_told_before_numbers_begin_anew(anew: Missing | LoggedOn) -> None:
    outlet = FramesOutlet("fix", "copy")
    collector = FixDropCopyCollector(config(1, other_side_within=60 * SECOND), outlet)
    terms = Terms(begin_string="FIX.4.4", sender=CLIENT, target=VENUE, heartbeat=30)
    await collector.begin()
    pairs = (b"8=FIX.4.4", b"35=8", b"17=e7", b"150=F", b"55=A", b"54=1", b"880=t1", b"")
    for outcome in (Application(7, SOH.encode().join(pairs)), anew):
        await collector.take(outcome, Session(terms=terms))
    sides = [decode_context(f.context).side for f in outlet.frames if f.kind == "message"]
    assert sides == ["first", "alone"]
