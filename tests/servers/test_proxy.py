import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from tests.fixtures.proxy import ProxyFactory
from tests.servers.proxy import FaultProxy

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def through(proxy: ProxyFactory) -> AsyncIterator[FaultProxy]:
    """A proxy before a server that answers each line with the same line."""
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    yield proxy(f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    server.close()


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while line := await reader.readline():
            writer.write(line)
        writer.write(b"end")
    except ConnectionError:
        pass
    writer.close()


async def connect(proxy: FaultProxy) -> Connection:
    return await asyncio.open_connection("127.0.0.1", proxy.port)


async def say(connection: Connection, line: bytes, timeout: float = 5) -> bytes:
    connection[1].write(line)
    return await asyncio.wait_for(connection[0].readline(), timeout)


async def closed(connection: Connection) -> bool:
    try:
        return await asyncio.wait_for(connection[0].read(), 5) == b""
    except ConnectionError:
        return True


async def test_bytes_pass_both_ways_and_the_end_too(through: FaultProxy) -> None:
    connection = await connect(through)
    assert await say(connection, b"one\n") == b"one\n"
    assert through.open_connections == 1
    connection[1].write_eof()
    assert await asyncio.wait_for(connection[0].read(), 5) == b"end"


async def test_a_cut_closes_all_and_lets_new_ones_in(through: FaultProxy) -> None:
    connections = [await connect(through) for _ in range(3)]
    for connection in connections:
        await say(connection, b"x\n")
    through.cut()
    assert [await closed(connection) for connection in connections] == [True] * 3
    assert await say(await connect(through), b"again\n") == b"again\n"
    assert through.connections_seen == 4


async def test_refusing_lasts_until_it_accepts_again(through: FaultProxy) -> None:
    connection = await connect(through)
    await say(connection, b"x\n")
    through.refuse()
    assert await closed(connection)
    with pytest.raises(ConnectionRefusedError):
        await connect(through)
    through.accept()
    assert await say(await connect(through), b"again\n") == b"again\n"


async def test_a_pause_passes_nothing_and_loses_nothing(through: FaultProxy) -> None:
    connection = await connect(through)
    await say(connection, b"x\n")
    through.pause()
    with pytest.raises(TimeoutError):
        await say(connection, b"held\n", timeout=0.1)
    new = await connect(through)
    with pytest.raises(TimeoutError):
        await say(new, b"new\n", timeout=0.1)
    through.resume()
    assert await asyncio.wait_for(connection[0].readline(), 5) == b"held\n"
    assert await asyncio.wait_for(new[0].readline(), 5) == b"new\n"


async def test_a_delay_holds_each_way_back(through: FaultProxy) -> None:
    connection = await connect(through)
    through.delay_seconds = 0.1
    started = time.monotonic()
    await say(connection, b"slow\n")
    assert 0.2 <= time.monotonic() - started < 2


async def test_a_target_that_is_down_closes_the_connection(proxy: ProxyFactory) -> None:
    gone = await asyncio.start_server(_echo, "127.0.0.1", 0)
    port = gone.sockets[0].getsockname()[1]
    gone.close()
    before = proxy(f"tcp://127.0.0.1:{port}")
    assert await closed(await connect(before))


async def test_it_takes_the_place_of_host_and_port_in_a_url(through: FaultProxy) -> None:
    url = through.through("wss://me:secret@example.test:8546/feed?x=1")
    assert url == f"wss://me:secret@127.0.0.1:{through.port}/feed?x=1"


async def test_paused_answers_are_lost_by_a_cut_though_the_request_has_arrived() -> None:
    arrived: list[bytes] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.append(await reader.readline())
        writer.write(b"done\n")
        writer.close()

    server = await asyncio.start_server(note, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with FaultProxy("127.0.0.1", port) as through:
        connection = await connect(through)
        through.pause_answers()
        with pytest.raises(TimeoutError):
            await say(connection, b"do it\n", timeout=0.2)
        through.cut()
        assert await closed(connection)
    assert arrived == [b"do it\n"]
    server.close()


async def test_a_throttle_lets_so_many_bytes_pass_each_second(through: FaultProxy) -> None:
    connection = await connect(through)
    await say(connection, b"x\n")
    through.bytes_per_second = 2_000
    await say(connection, b"x\n")  # what was read ahead before the throttle
    started = time.monotonic()
    await say(connection, b"x" * 399 + b"\n")
    assert 0.3 <= time.monotonic() - started < 3
