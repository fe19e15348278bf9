"""How collectors stay connected: backoff, staleness, failover, and what they show of it."""

import asyncio
import logging
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from websockets.asyncio.server import ServerConnection, serve

from collectors.connection import Connector, EndpointFault, Link, SourceMisconfigured, redacted
from collectors.endpoint_text import scrubber
from pipeline.config.sources import Reconnection
from pipeline.secrets import SecretText
from pipeline.source_state import SourceState
from pipeline.units import MILLISECOND, SECOND
from tests.fixtures.waiting import until

Handler = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def server(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A WebSocket server; gives its URL."""
    async with serve(handler, "127.0.0.1", 0, ssl=tls, ping_interval=None) as running:
        port = next(iter(running.sockets)).getsockname()[1]
        yield f"{'ws' if tls is None else 'wss'}://127.0.0.1:{port}"


@asynccontextmanager
async def connected(
    session: Callable[[Link], Awaitable[None]],
    *urls: str,
    initial: int = 10 * MILLISECOND,
    maximum: int = 100 * MILLISECOND,
    stale_after: int = SECOND,
    pongs_are_life: bool = False,
) -> AsyncIterator[SourceState]:
    """A connector at work; gives its state."""
    state = SourceState(source="feed", protocol="test")
    connector = Connector(
        [SecretText(url) for url in urls],
        Reconnection(initial=initial, maximum=maximum, stale_after=stale_after),
        state,
        max_frame=65536,
        pongs_are_life=pongs_are_life,
    )
    task = asyncio.create_task(connector.run(session))
    try:
        yield state
    finally:
        task.cancel()
        await asyncio.wait([task], timeout=5)
    assert state.connection == "stopped"
    if not task.cancelled() and (error := task.exception()) is not None:
        raise error


async def read_all(link: Link) -> None:
    async for _ in link:
        pass


async def silent(client: ServerConnection) -> None:
    await client.wait_closed()


async def talking(client: ServerConnection) -> None:
    while True:
        await client.send("tick")
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("ws://127.0.0.1:8545", "ws://127.0.0.1:8545"),
        ("wss://ws.kraken.com/v2", "wss://ws.kraken.com/v2"),
        ("wss://node.example/v3/0123456789abcdef", "wss://node.example/v3/…"),
        ("wss://node.example/ws/v3/key/", "wss://node.example/ws/v3/…/"),
        ("wss://user:pass@node.example/", "wss://node.example"),
        ("wss://node.example?apikey=secret", "wss://node.example?…"),
        ("wss://node.example/rpc#secret", "wss://node.example/rpc"),
        ("wss://[::1]:8546/abcdef", "wss://[::1]:8546/…"),
        ("wss://node.example:port/secret", "…"),
        ("secret", "…"),
        ("", "…"),
    ],
)
def test_an_endpoint_is_shown_without_what_may_be_a_secret(url: str, shown: str) -> None:
    assert redacted(url) == shown


def test_secrets_of_an_endpoint_are_taken_out_of_any_text() -> None:
    scrub = scrubber("wss://bob:hunter22@node.example/v2/s3cr3tkey?token=abcd1234")
    said = "GET /v2/s3cr3tkey?token=abcd1234 as bob:hunter22: key s3cr3tkey is over its limit"
    assert not any(secret in scrub(said) for secret in ("s3cr3tkey", "abcd1234", "hunter22"))
    assert scrub(said).endswith("is over its limit")
    assert len(scrub("x" * 10_000)) < 1_000


async def test_no_log_and_no_state_shows_the_key(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("NODE_KEY", "s3cr3tkey")

    async def complaining(client: ServerConnection) -> None:
        assert client.request is not None
        await client.close(4001, f"unknown key at {client.request.path}")

    async with server(complaining) as url:
        with capture_logs() as logs:
            template = f"{url}/v3/${{env:NODE_KEY}}?key=${{env:NODE_KEY}}"
            async with connected(read_all, template, "ws://127.0.0.1:1/s3cr3tkey") as state:
                await until(lambda: state.reconnects >= 1)
                shown = str(state)
    assert "unknown key at" in str(logs)
    assert "s3cr3tkey" not in str(logs) + shown + "".join(
        record.getMessage() for record in caplog.records if record.name != "websockets.server"
    )


async def test_waits_grow_and_start_over_after_a_stable_connection() -> None:
    opened: list[float] = []

    async def mostly_closing(client: ServerConnection) -> None:
        opened.append(asyncio.get_running_loop().time())
        if len(opened) == 8:
            await asyncio.sleep(0.25)

    async with (
        server(mostly_closing) as url,
        connected(
            read_all,
            url,
            initial=5 * MILLISECOND,
            maximum=10 * SECOND,
            stale_after=200 * MILLISECOND,
            pongs_are_life=True,
        ) as state,
    ):
        await until(lambda: len(opened) >= 9 and state.reconnects >= 8)
        waits = [after - before for before, after in pairwise(opened)]
        assert state.reconnects >= 8
    assert max(waits[:2]) < 0.1
    assert sum(waits[:7]) > 0.03, "seven waits of the shortest kind would be 35 ms at most"
    assert waits[7] - 0.25 < 0.1, "after a stable connection the first wait is a short one"


async def test_a_silent_feed_is_stale() -> None:
    async with (
        server(silent) as url,
        connected(read_all, url, stale_after=150 * MILLISECOND) as state,
    ):
        await until(lambda: state.reconnects >= 1, seconds=3)
        await until(lambda: "nothing heard for 150ms" in state.trouble, seconds=3)


async def test_a_feed_that_talks_is_not_stale() -> None:
    async with (
        server(talking) as url,
        connected(read_all, url, stale_after=150 * MILLISECOND) as state,
    ):
        await asyncio.sleep(0.6)
        assert state.reconnects == 0


async def test_answered_pings_keep_a_feed_alive_that_may_be_silent() -> None:
    async with (
        server(silent) as url,
        connected(read_all, url, stale_after=150 * MILLISECOND, pongs_are_life=True) as state,
    ):
        await asyncio.sleep(0.6)
        assert (state.connection, state.reconnects) == ("connected", 0)


async def test_a_session_that_does_not_read_is_not_stale() -> None:
    async def held_up(link: Link) -> None:
        await link.receive()
        await asyncio.sleep(0.6)
        await link.receive()
        await asyncio.Event().wait()

    async with (
        server(talking) as url,
        connected(held_up, url, stale_after=150 * MILLISECOND) as state,
    ):
        await asyncio.sleep(0.9)
        assert state.reconnects == 0


async def test_a_fault_of_the_session_takes_the_next_endpoint() -> None:
    async def picky(link: Link) -> None:
        if link.endpoint == first:
            raise EndpointFault("the feed has no such product")
        await read_all(link)

    async with (
        server(talking) as first,
        server(talking) as second,
        connected(picky, first, second) as state,
    ):
        await until(lambda: state.endpoint == second)
        assert state.connection == "connected"


async def test_a_missing_secret_is_named_and_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NODE_KEY", raising=False)
    async with server(talking) as url, connected(read_all, url + "/${env:NODE_KEY}") as state:
        await until(lambda: "NODE_KEY is not set" in state.trouble)
        monkeypatch.setenv("NODE_KEY", "now")
        await until(lambda: state.connection == "connected")


@pytest.mark.parametrize("url", ["http://node.example/s3cr3tkey", "s3cr3tkey", "wss://"])
async def test_what_is_no_websocket_url_is_a_configuration_error(url: str) -> None:
    with pytest.raises(SourceMisconfigured, match=r"endpoint 1.*wss://") as caught:
        async with connected(read_all, url) as state:
            await until(lambda: state.connection == "stopped")
    assert "s3cr3tkey" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl, for a certificate")
async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=127.0.0.1"
    extra = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate]
    subprocess.run([*command.split(), *extra], check=True, capture_output=True, timeout=30)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    async with server(talking, context) as url, connected(read_all, url) as state:
        await until(lambda: "certificate" in state.trouble.lower())
        assert state.connection == "reconnecting"
