"""The venue's front: Coinbase's WebSocket feed, and its REST API on the same port.

Source: https://docs.cdp.coinbase.com/exchange/websocket-feed/overview. One addition: a subscribe
signed with an operator's key makes the connection the venue's own surveillance feed, in which
every user's private fields are shown, and not only the reader's.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self

import msgspec
import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request as HttpRequest
from websockets.http11 import Response

from demo.venue.authentication import AuthenticationError, Credential, KeyRing
from demo.venue.clock import Clock, iso_time
from demo.venue.faults import Faults
from demo.venue.feed import MarketData, encode_frame, error_frame, execution_frames
from demo.venue.matching import Execution
from demo.venue.messages import (
    LEVEL3_SCHEMA,
    ChannelProducts,
    Heartbeat,
    LastMatch,
    Level3Schema,
    Snapshot,
    Subscriptions,
    public_view,
)
from demo.venue.requests import (
    AUTHENTICATION_REQUIRED,
    NEEDS_AUTHENTICATION,
    Channel,
    Request,
    RequestError,
    decode_request,
    requested_channels,
)
from demo.venue.rest import answer
from demo.venue.subscriber import Subscriber

SEQUENCED: tuple[Channel, ...] = ("full", "matches", "level3", "level2")
MAX_REQUEST_BYTES = 64 * 1024
SLOW_CONSUMER_CLOSE = 1008

_log = structlog.get_logger(__name__)


class FeedServer:
    """Serves market data to any number of WebSocket and REST clients.

    Args:
        market: what is served. For a live exchange: `exchange.listen(server.publish)`.
        credentials: API keys that may sign.
        clock: the wall clock of heartbeats, `/time` and signatures (ns).
        heartbeat_seconds: interval of `heartbeat` messages.
        queue_limit: frames that may wait for one client before it is dropped.
        subscribe_seconds: a client that has not subscribed by then is disconnected.
        require_authentication: level2, level3 and full only for signed subscribes, as Coinbase.
    """

    def __init__(
        self,
        market: MarketData,
        *,
        credentials: Iterable[Credential] = (),
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Clock = time.time_ns,
        heartbeat_seconds: float = 1.0,
        queue_limit: int = 10_000,
        subscribe_seconds: float = 5.0,
        require_authentication: bool = True,
    ) -> None:
        self.market = market
        self.faults = Faults(lambda: tuple(self._subscribers))
        self.slow_consumers_dropped = 0
        self._keys = KeyRing(credentials, clock)
        self._host, self._port = host, port
        self._clock = clock
        self._heartbeat_seconds = heartbeat_seconds
        self._queue_limit = queue_limit
        self._subscribe_seconds = subscribe_seconds
        self._require_authentication = require_authentication
        self._product_ids = tuple(product.id for product in market.products)
        self._subscribers: dict[Subscriber, None] = {}
        self._routes: dict[tuple[str, Channel, bool], list[Subscriber]] = {}
        self._subscribed = asyncio.Event()
        self._server: Server | None = None
        self._heartbeats: asyncio.Task[None] | None = None

    # --- life -----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Bind and serve; raises OSError if the port is taken."""
        self._server = await serve(
            self._serve,
            self._host,
            self._port,
            process_request=self._process_request,
            compression=None,
            max_size=MAX_REQUEST_BYTES,
            close_timeout=1,
        )
        self._port = next(iter(self._server.sockets)).getsockname()[1]
        self._heartbeats = asyncio.create_task(self._beat_forever())

    async def stop(self) -> None:
        """Close all connections (1001, going away) and the port."""
        if self._heartbeats is not None:
            self._heartbeats.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._heartbeats
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        """Of the WebSocket feed, e.g. `ws://127.0.0.1:34567`."""
        return f"ws://{self._host}:{self._port}"

    @property
    def rest_url(self) -> str:
        """Of the REST API, e.g. `http://127.0.0.1:34567`."""
        return f"http://{self._host}:{self._port}"

    # --- publishing -----------------------------------------------------------------------------

    def publish(self, product_id: str, execution: Execution) -> None:
        """Send an execution to all who read the product. An `exchange.Listener`."""
        events = self.faults.arriving(execution.events)
        for channel in SEQUENCED:
            for operator in (False, True):
                readers = self.readers(product_id, channel, operator=operator)
                if readers:
                    frames = execution_frames(execution, events, channel, operator=operator)
                    for reader in readers:
                        reader.offer(frames)

    def publish_frames(
        self, product_id: str, channel: Channel, frames: Sequence[bytes], *, operator: bool
    ) -> None:
        """Send frames that are encoded already, one sequenced message each."""
        frames = self.faults.arriving(frames)
        for reader in self.readers(product_id, channel, operator=operator):
            reader.offer(frames)

    def readers(self, product_id: str, channel: Channel, *, operator: bool) -> Sequence[Subscriber]:
        """Who is to be sent a product's channel now; nobody while the venue is silent."""
        return [] if self.faults.silent else self._routes.get((product_id, channel, operator), [])

    async def wait_for_subscriber(self) -> None:
        """Return once anybody has subscribed to anything."""
        await self._subscribed.wait()

    async def _beat_forever(self) -> None:
        while True:
            await asyncio.sleep(self._heartbeat_seconds)
            for product_id in self._product_ids:
                frame = encode_frame(
                    Heartbeat(
                        sequence=self.market.sequence(product_id),
                        last_trade_id=self.market.last_trade_id(product_id),
                        product_id=product_id,
                        time=iso_time(self._clock()),
                    )
                )
                for operator in (False, True):
                    for reader in self.readers(product_id, "heartbeat", operator=operator):
                        reader.offer([frame])

    # --- connections ----------------------------------------------------------------------------

    def _process_request(
        self, connection: ServerConnection, request: HttpRequest
    ) -> Response | None:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return None
        if self.faults.rest_down:
            return connection.respond(503, '{"message":"Service Unavailable"}')
        return answer(request.path, self.market, self._clock)

    async def _serve(self, connection: ServerConnection) -> None:
        subscriber = Subscriber(connection, self._queue_limit)
        self._subscribers[subscriber] = None
        tasks = {
            asyncio.create_task(subscriber.write_forever()),
            asyncio.create_task(self._read(subscriber)),
            asyncio.create_task(subscriber.wait_for_overflow()),
        }
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            del self._subscribers[subscriber]
            self._route()
            if subscriber.overflowed:
                await self._drop_slow(connection)
        for result in results:
            if isinstance(result, Exception):
                _log.error("venue connection failed", exc_info=result)

    async def _drop_slow(self, connection: ServerConnection) -> None:
        self.slow_consumers_dropped += 1
        with contextlib.suppress(ConnectionClosed, TimeoutError):
            async with asyncio.timeout(2):
                await connection.send(error_frame("ErrSlowConsume"), text=True)
                await connection.close(SLOW_CONSUMER_CLOSE, "ErrSlowConsume")
        connection.transport.abort()

    async def _read(self, subscriber: Subscriber) -> None:
        connection = subscriber.connection
        try:
            async with asyncio.timeout(self._subscribe_seconds) as deadline:
                async for message in connection:
                    self._handle(subscriber, message)
                    if subscriber.channels:
                        deadline.reschedule(None)
        except TimeoutError:
            await connection.close(SLOW_CONSUMER_CLOSE, "no subscribe within the time allowed")
        except ConnectionClosed:
            pass  # the client went without a closing handshake: nothing to do for it

    # --- requests -------------------------------------------------------------------------------

    def _handle(self, subscriber: Subscriber, message: str | bytes) -> None:
        frames: list[bytes] = []
        try:
            request = decode_request(message)
            wanted = requested_channels(request, self._product_ids)
            self._authenticate(subscriber, request, wanted)
        except RequestError as problem:
            frames = [error_frame(problem.message, problem.reason), self._subscriptions(subscriber)]
        else:
            if request.type == "subscribe":
                frames = self._subscribe(subscriber, wanted)
            else:
                frames = self._unsubscribe(subscriber, wanted)
        if not self.faults.silent:
            subscriber.offer(frames)

    def _authenticate(
        self,
        subscriber: Subscriber,
        request: Request,
        wanted: Iterable[tuple[Channel, tuple[str, ...]]],
    ) -> None:
        if request.type != "subscribe":
            return
        if request.key is not None or request.signature is not None:
            try:
                credential = self._keys.verify(
                    request.key or "",
                    request.passphrase or "",
                    str(request.timestamp),
                    request.signature or "",
                )
            except AuthenticationError as problem:
                reason = f'{{"message":"{problem}"}}'
                raise RequestError("Authentication Failed", reason) from None
            subscriber.authenticated, subscriber.operator = True, credential.operator
        if self._require_authentication and not subscriber.authenticated:
            for channel, _ in wanted:
                if channel in NEEDS_AUTHENTICATION:
                    raise RequestError("Failed to subscribe", AUTHENTICATION_REQUIRED)

    def _subscribe(
        self, subscriber: Subscriber, wanted: Iterable[tuple[Channel, tuple[str, ...]]]
    ) -> list[bytes]:
        before: list[bytes] = []
        after: list[bytes] = []
        for channel, product_ids in wanted:
            products = subscriber.channels.setdefault(channel, {})
            if channel == "level3" and not products:
                before.append(_LEVEL3_SCHEMA_FRAME)
            for product_id in product_ids:
                if product_id in products:
                    continue
                products[product_id] = None
                if channel == "matches":
                    before.extend(self._last_match(product_id, operator=subscriber.operator))
                elif channel == "level2":
                    after.append(self._snapshot(product_id))
        self._route()
        self._subscribed.set()
        return [*before, self._subscriptions(subscriber), *after]

    def _unsubscribe(
        self, subscriber: Subscriber, wanted: Iterable[tuple[Channel, tuple[str, ...]]]
    ) -> list[bytes]:
        for channel, product_ids in wanted:
            products = subscriber.channels.get(channel, {})
            for product_id in product_ids:
                products.pop(product_id, None)
            if not products:
                subscriber.channels.pop(channel, None)
        self._route()
        return [self._subscriptions(subscriber)]

    def _route(self) -> None:
        routes: dict[tuple[str, Channel, bool], list[Subscriber]] = {}
        for subscriber in self._subscribers:
            full = subscriber.channels.get("full", {})
            for channel, product_ids in subscriber.channels.items():
                for product_id in product_ids:
                    # `full` holds every match already; one connection gets a message once.
                    if channel != "matches" or product_id not in full:
                        route = (product_id, channel, subscriber.operator)
                        routes.setdefault(route, []).append(subscriber)
        self._routes = routes

    def _subscriptions(self, subscriber: Subscriber) -> bytes:
        return encode_frame(
            Subscriptions(
                channels=[
                    ChannelProducts(name=channel, product_ids=list(product_ids))
                    for channel, product_ids in subscriber.channels.items()
                ]
            )
        )

    def _last_match(self, product_id: str, *, operator: bool) -> list[bytes]:
        match = self.market.last_match(product_id)
        if match is None:
            return []
        shown = match if operator else public_view(match)
        return [encode_frame(LastMatch(**msgspec.structs.asdict(shown)))]

    def _snapshot(self, product_id: str) -> bytes:
        book = self.market.level_book(product_id)
        return encode_frame(
            Snapshot(
                product_id=product_id,
                asks=[(price, size) for price, size, _ in book.asks],
                bids=[(price, size) for price, size, _ in book.bids],
            )
        )


_LEVEL3_SCHEMA_FRAME = encode_frame(Level3Schema(schema=LEVEL3_SCHEMA))
