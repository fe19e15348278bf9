"""How collectors stay connected: failover, backoff with jitter, staleness, and what operators see.

:class:`Connector` keeps one WebSocket open to the first endpoint that answers and runs a session on
it. When the session fails, it waits (:mod:`collectors.reconnecting`), takes the next endpoint, and
runs the session anew.
"""

import asyncio
import logging
import socket as tcp
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Literal, NoReturn

import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidURI, WebSocketException

from collectors.endpoint_text import redacted, scrubber
from collectors.loopback import is_loopback
from collectors.reconnecting import Reconnecting
from pipeline.config.sources import Reconnection
from pipeline.secrets import SecretError, SecretText
from pipeline.source_state import SourceState
from pipeline.units import SECOND, format_duration

__all__ = ["Connector", "EndpointFault", "Link", "LinkLost", "SourceMisconfigured", "redacted"]

OPEN_TIMEOUT = 10.0
CLOSE_TIMEOUT = 1.0
_TOO_LARGE = 1009
_PINGS_PER_STALENESS = 3

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)
# At level DEBUG the library writes the request line, and with it the API key in a path.
_library_log = logging.getLogger("tapewatch.websockets")
_library_log.setLevel(logging.WARNING)


class SourceMisconfigured(Exception):
    """No connection can help: the configuration must change. The message says what."""


class EndpointFault(Exception):
    """This endpoint can't serve the session now. The message holds no secret."""


class LinkLost(EndpointFault):
    """The connection ended. ``too_large``: because a message exceeded what a side takes."""

    def __init__(self, endpoint: str, reason: str, *, too_large: bool = False) -> None:
        self.endpoint = endpoint
        self.reason = reason
        self.too_large = too_large
        super().__init__(f"{endpoint}: {reason}")


class Link:
    """One open WebSocket. ``endpoint`` is fit to be shown."""

    def __init__(
        self,
        socket: ClientConnection,
        url: str,
        stale_after: float,
        *,
        acknowledge_at_once: bool = False,
        number: int = 0,
    ) -> None:
        self.endpoint = redacted(url)
        #: Its endpoint's place among those of the source.
        self.number = number
        #: Takes the endpoint's secrets out of a text that is to be shown.
        self.scrub = scrubber(url)
        self._socket = socket
        self._stale_after = stale_after
        self._loop = asyncio.get_running_loop()
        self._waiting_since: float | None = None
        self._last_pong = 0.0
        self._stale = False
        self._tcp = socket.transport.get_extra_info("socket") if acknowledge_at_once else None

    async def send(self, data: bytes | str) -> None:
        """Send a text message. Raises LinkLost."""
        try:
            await self._socket.send(data, text=True)
        except ConnectionClosed as closed:
            raise self._lost(closed) from None

    async def receive(self) -> bytes:
        """The next message as it came. Raises LinkLost, also when the connection goes stale."""
        self._waiting_since = self._loop.time()
        try:
            message = await self._socket.recv(decode=False)
        except ConnectionClosed as closed:
            raise self._lost(closed) from None
        finally:
            self._waiting_since = None
        if self._tcp is not None:
            _acknowledge_at_once(self._tcp)
        return message

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Messages until the connection is lost."""
        while True:
            yield await self.receive()

    async def close(self) -> None:
        """Close; whoever is receiving gets LinkLost."""
        await self._socket.close()

    async def watch(self, pongs_are_life: bool) -> None:
        """Ping, and break the connection when nothing was heard for ``stale_after``.

        Only the time in which somebody waits for a message counts: a collector that is held up by
        its outlet reads nothing, and that isn't the source's fault.
        """
        while True:
            await asyncio.sleep(self._stale_after / _PINGS_PER_STALENESS)
            since = self._waiting_since
            if since is not None:
                heard = max(since, self._last_pong) if pongs_are_life else since
                if self._loop.time() - heard > self._stale_after:
                    self._stale = True
                    self._socket.transport.abort()
                    return
            try:
                pong = await self._socket.ping()
            except WebSocketException:
                return
            asyncio.ensure_future(pong).add_done_callback(self._saw_pong)

    @property
    def stale(self) -> bool:
        """Whether the connection was broken because nothing was heard."""
        return self._stale

    def _saw_pong(self, pong: asyncio.Future[float]) -> None:
        if not pong.cancelled() and pong.exception() is None:
            self._last_pong = self._loop.time()

    def _lost(self, closed: ConnectionClosed) -> LinkLost:
        if self._stale:
            silence = format_duration(round(self._stale_after * SECOND))
            return LinkLost(self.endpoint, f"stale: nothing heard for {silence}")
        codes = {close.code for close in (closed.sent, closed.rcvd) if close is not None}
        return LinkLost(self.endpoint, self.scrub(str(closed)), too_large=_TOO_LARGE in codes)


class Connector:
    """Keeps a session going on the first of several endpoints that answers.

    ``pongs_are_life``: for feeds that may be silent: an answered ping counts as heard. Otherwise
    only messages do. ``headers`` of the opening request, or who makes them anew for each connection
    (it may raise EndpointFault). ``tls`` replaces the default context, which verifies certificates.
    ``acknowledge_at_once``: for answers that come close together. A server that leaves Nagle's
    algorithm on, as anvil does, holds the second until the first is acknowledged, 40 ms later.
    """

    def __init__(
        self,
        endpoints: Sequence[SecretText],
        policy: Reconnection,
        state: SourceState,
        *,
        max_frame: int,
        pongs_are_life: bool = False,
        compression: Literal["deflate"] | None = "deflate",
        headers: Mapping[str, str] | Callable[[], Awaitable[Mapping[str, str]]] | None = None,
        tls: ssl.SSLContext | None = None,
        acknowledge_at_once: bool = False,
    ) -> None:
        if not endpoints:
            raise SourceMisconfigured(f"source {state.source}: no endpoint")
        self._endpoints = tuple(endpoints)
        self._policy = policy
        self._state = state
        self._max_frame = max_frame
        self._pongs_are_life = pongs_are_life
        self._compression: Literal["deflate"] | None = compression
        self._headers = headers
        self._tls = tls
        self._acknowledge_at_once = acknowledge_at_once
        self._preferred = 0
        self._reconnecting = Reconnecting(policy, state, _log.bind(source=state.source))

    async def run(self, session: Callable[[Link], Awaitable[None]]) -> NoReturn:
        """Connect and run ``session`` on the link, again and again, until cancelled.

        A session ends by LinkLost, EndpointFault, OSError, TimeoutError, or by returning: then
        another connection is made. Anything else that it raises ends the collector, such as
        SourceMisconfigured. The watchdog breaks the link and never cancels the session, so what a
        session has handed on is never in doubt.
        """
        attempts = self._reconnecting.attempts(EndpointFault, OSError, WebSocketException)
        try:
            async for attempt in attempts:
                with attempt:
                    await self._attempt(session)
            raise AssertionError("an attempt never succeeds")
        finally:
            self._reconnecting.stopped()

    async def _attempt(self, session: Callable[[Link], Awaitable[None]]) -> NoReturn:
        self._reconnecting.begin()
        link = await self._open_any()
        opened = asyncio.get_running_loop().time()
        self._reconnecting.connected(link.endpoint, "connected")
        watchdog = asyncio.create_task(link.watch(self._pongs_are_life))
        try:
            await session(link)
            raise LinkLost(link.endpoint, "the session ended")
        finally:
            self._reconnecting.lost(asyncio.get_running_loop().time() - opened)
            self._preferred = (self._preferred + 1) % len(self._endpoints)
            self._state.connection = "stale" if link.stale else "reconnecting"
            watchdog.cancel()
            await link.close()

    async def _open_any(self) -> Link:
        """The first endpoint that answers, beginning with the preferred one."""
        failures: list[str] = []
        for _ in self._endpoints:
            try:
                return await self._open(self._preferred)
            except EndpointFault as fault:
                failures.append(str(fault))
                self._preferred = (self._preferred + 1) % len(self._endpoints)
        raise EndpointFault("; ".join(failures))

    async def _open(self, index: int) -> Link:
        try:
            url = self._endpoints[index].reveal()
        except SecretError as error:
            raise EndpointFault(f"endpoint {index + 1}: {error}") from None
        scrub = scrubber(url)
        secure = url.startswith("wss:")
        headers = await self._headers() if callable(self._headers) else self._headers
        try:
            socket = await connect(
                url,
                max_size=self._max_frame,
                compression=self._compression,
                additional_headers=headers,
                open_timeout=OPEN_TIMEOUT,
                close_timeout=CLOSE_TIMEOUT,
                # Link.watch pings: the library would break a connection that nobody reads
                # because the outlet is full.
                ping_interval=None,
                logger=_library_log,
                proxy=None if is_loopback(url) else True,
                ssl=(self._tls or True) if secure else None,
            )
        except InvalidURI:
            raise self._no_url(index) from None
        except (OSError, WebSocketException) as error:
            reason = scrub(str(error)) or type(error).__name__
            # The library's errors carry the request, key and all.
            raise EndpointFault(f"{redacted(url)}: {reason}") from None
        except ValueError:  # behind OSError: a certificate's error is both
            raise self._no_url(index) from None
        except ImportError as error:  # a SOCKS proxy in the environment needs another package
            raise SourceMisconfigured(f"source {self._state.source}: {error}") from None
        return Link(
            socket,
            url,
            self._policy.stale_after / SECOND,
            acknowledge_at_once=self._acknowledge_at_once,
            number=index,
        )

    def _no_url(self, index: int) -> SourceMisconfigured:
        return SourceMisconfigured(
            f"source {self._state.source}, endpoint {index + 1}: expected a URL that begins with "
            f"ws:// or wss://, such as wss://node.example/ws"
        )


def _acknowledge_at_once(connection: tcp.socket) -> None:
    """Once for each message: the kernel goes back to delaying by itself (tcp(7))."""
    if sys.platform == "linux":
        try:
            connection.setsockopt(tcp.IPPROTO_TCP, tcp.TCP_QUICKACK, 1)
        except OSError:
            pass  # closed meanwhile; the next receive says so
