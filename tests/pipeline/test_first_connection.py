"""A NATS server that doesn't answer is waited for as long as is said, and once."""

import asyncio
import re
import socket
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from pipeline.bus import Bus, BusUnavailable
from pipeline.bus.client import News, connect_client
from pipeline.config.schema import ExternalBus
from pipeline.secrets import SecretText
from tests.fixtures.waiting import until
from tests.servers.nats import nats_server_binary


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes a connection, and says nothing until the other side leaves."""
    await reader.read()
    writer.close()


@contextmanager
def dropping() -> Generator[int]:
    """A port that drops who wants to connect: nobody accepts, and no more may wait."""
    with ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        yield listening.getsockname()[1]


@pytest.mark.parametrize("count", [1, 4])
async def test_servers_that_drop_packets_are_waited_for_once_and_as_long_as_is_said(
    count: int,
) -> None:
    with ExitStack() as stack:
        ports = [stack.enter_context(dropping()) for _ in range(count)]
        urls = [SecretText(f"nats://127.0.0.1:{port}") for port in ports]
        began = time.monotonic()
        with pytest.raises(BusUnavailable) as caught:
            await Bus.connect(ExternalBus(urls=urls), name="test")
        took = time.monotonic() - began
    said = re.search(r"no answer within ([0-9]+) s", str(caught.value))
    assert said is not None
    assert count * int(said[1]) <= took < count * int(said[1]) + 0.9
    assert took < 10


async def test_one_that_does_not_answer_at_first_is_one_of_them_all_the_same(
    tmp_path: Path,
) -> None:
    with ExitStack() as stack:
        silent, late = stack.enter_context(dropping()), stack.enter_context(socket.socket())
        late.bind(("127.0.0.1", 0))
        place = late.getsockname()[1]
        urls = [SecretText(f"nats://127.0.0.1:{port}") for port in (silent, place)]
        news = News()
        connecting = asyncio.create_task(connect_client(ExternalBus(urls=urls), "test", news))
        await until(
            lambda: any(isinstance(one, ConnectionRefusedError) for one in news.errors),
            "the one that refuses has been tried",
        )
        late.close()
        options = ["-a", "127.0.0.1", "-p", str(place), "-l", str(tmp_path / "log")]
        server = await asyncio.create_subprocess_exec(nats_server_binary(), *options)
        try:
            client = await connecting
            ports = sorted(url.port or 0 for url in client.servers)
            await client.close()
        finally:
            server.terminate()
            await server.wait()
    assert ports == sorted((silent, place))


async def test_one_that_takes_connections_and_says_nothing_is_waited_for_once() -> None:
    server = await asyncio.start_server(_silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    began = time.monotonic()
    with pytest.raises(BusUnavailable, match="no answer within 4 s"):
        await Bus.connect(ExternalBus(urls=[SecretText(f"nats://127.0.0.1:{port}")]), name="test")
    assert time.monotonic() - began < 5
    server.close()
