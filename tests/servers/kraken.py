"""A small, strict server of Kraken's WebSocket v2, written from its documentation.

Sources: https://docs.kraken.com/api/docs/websocket-v2/book, trade, level3, status, heartbeat, and
the checksum guides. Levels are sent with the instrument's full precision; a level that comes into
the subscribed depth is published, one that falls out is not. It shares no code with the collector.
"""

import asyncio
import contextlib
import zlib
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

import msgspec
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

DEPTHS = {"book": (10, 25, 100, 500, 1000), "level3": (10, 100, 1000)}
SIDES = ("bids", "asks")


class Market:
    """One symbol: orders in queue order by side, and the trades' numbers."""

    def __init__(self, symbol: str, price_decimals: int, quantity_decimals: int) -> None:
        self.symbol = symbol
        self.price_decimals, self.quantity_decimals = price_decimals, quantity_decimals
        self.orders: dict[str, dict[str, tuple[Decimal, Decimal]]] = {"bids": {}, "asks": {}}
        self.trade_id = 1000

    def price(self, value: Decimal) -> str:
        return f"{value:.{self.price_decimals}f}"

    def quantity(self, value: Decimal) -> str:
        return f"{value:.{self.quantity_decimals}f}"

    def view(self, side: str, depth: int) -> dict[Decimal, list[tuple[str, Decimal]]]:
        """Orders by price, best first, of the best ``depth`` levels."""
        by_price: dict[Decimal, list[tuple[str, Decimal]]] = {}
        for order_id, (price, quantity) in self.orders[side].items():
            by_price.setdefault(price, []).append((order_id, quantity))
        best = sorted(by_price, reverse=side == "bids")[:depth]
        return {price: by_price[price] for price in best}

    def checksum(self, *, by_order: bool) -> int:
        text = ""
        for side in ("asks", "bids"):
            for price, queue in self.view(side, 10).items():
                amounts = [quantity for _, quantity in queue]
                for amount in amounts if by_order else [sum(amounts, Decimal(0))]:
                    for part in (self.price(price), self.quantity(amount)):
                        text += part.replace(".", "").lstrip("0")
        return zlib.crc32(text.encode())


class _Client:
    def __init__(self, connection: ServerConnection) -> None:
        self.connection = connection
        self.depths: dict[tuple[str, str], int] = {}
        self.views: dict[tuple[str, str], dict[str, dict[Decimal, list[tuple[str, Decimal]]]]] = {}
        self.queue: asyncio.Queue[str] = asyncio.Queue()

    async def write(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await self.connection.send(await self.queue.get())


class KrakenServer:
    """Serves market data. What goes wrong on real feeds is asked for by the attributes below."""

    def __init__(self, markets: Iterable[Market], *, token: str = "") -> None:
        self.markets = {market.symbol: market for market in markets}
        self.token = token
        self.requests: list[dict[str, Any]] = []
        self.silent = False
        #: So many of the next updates reach nobody.
        self.lose = 0
        #: So many of the next messages of books carry a wrong checksum.
        self.spoil = 0
        #: Symbol to what a subscribe of it is refused with.
        self.refusals: dict[str, str] = {}
        #: Subscribes that are never answered.
        self.ignore: set[str] = set()
        self._clients: set[_Client] = set()
        self._server: Server | None = None
        self._beats: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._server = await serve(self._serve, "127.0.0.1", 0, close_timeout=1)
        self._beats = asyncio.create_task(self._beat())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        assert self._beats is not None
        self._beats.cancel()
        self._server.close()
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"ws://127.0.0.1:{next(iter(self._server.sockets)).getsockname()[1]}/v2"

    # --- what happens on the market -------------------------------------------------------------

    def place(self, symbol: str, side: str, order_id: str, price: str, quantity: str) -> None:
        """An order comes, or moves to the end of the queue at another price."""
        orders = self.markets[symbol].orders[side]
        new = (Decimal(price), Decimal(quantity))
        if order_id in orders and orders[order_id][0] != new[0]:
            del orders[order_id]
        orders[order_id] = new
        self._publish(symbol)

    def cancel(self, symbol: str, side: str, order_id: str) -> None:
        """An order goes."""
        self.markets[symbol].orders[side].pop(order_id, None)
        self._publish(symbol)

    def trade(self, symbol: str, count: int = 1) -> None:
        """Trades happen, all in one message."""
        market = self.markets[symbol]
        rows = [self._trade_row(market, market.trade_id + 1 + n) for n in range(count)]
        market.trade_id += count
        if self._loses():
            return
        for client in self._clients:
            if ("trade", symbol) in client.depths:
                self._offer(client, _message("trade", "update", rows))

    # --- faults ---------------------------------------------------------------------------------

    def drop_connections(self) -> None:
        """Break every connection without a closing handshake."""
        for client in self._clients:
            client.connection.transport.abort()

    def send_text(self, text: str) -> None:
        """Send any text to everybody."""
        for client in self._clients:
            client.queue.put_nowait(text)

    def _loses(self) -> bool:
        lost = self.lose > 0
        self.lose -= lost
        return lost

    # --- connections ----------------------------------------------------------------------------

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            for client in self._clients:
                if client.depths:
                    self._offer(client, '{"channel":"heartbeat"}')

    def _offer(self, client: _Client, text: str) -> None:
        if not self.silent:
            client.queue.put_nowait(text)

    async def _serve(self, connection: ServerConnection) -> None:
        client = _Client(connection)
        self._clients.add(client)
        status = '{"api_version":"v2","connection_id":7,"system":"online","version":"2.0.9"}'
        self._offer(client, _message("status", "update", [status]))
        writing = asyncio.create_task(client.write())
        try:
            async for text in connection:
                self._handle(client, msgspec.json.decode(text))
        except ConnectionClosed:
            pass  # the client went; nothing is left to do for it
        finally:
            writing.cancel()
            self._clients.discard(client)

    def _handle(self, client: _Client, request: dict[str, Any]) -> None:
        self.requests.append(request)
        method, number = request.get("method"), request.get("req_id")
        parameters = request.get("params", {})
        channel, symbols = parameters.get("channel"), parameters.get("symbol", [])

        def answer(symbol: str, error: str | None) -> None:
            body: dict[str, Any] = {"method": method, "req_id": number, "success": error is None}
            if error is None:
                body["result"] = {"channel": channel, "symbol": symbol}
            else:
                body |= {"error": error} | ({"symbol": symbol} if symbol else {})
            self._offer(client, msgspec.json.encode(body).decode())

        if method not in ("subscribe", "unsubscribe"):
            answer("", "Method not supported")
        elif channel not in ("book", "trade", "level3"):
            answer("", "Channel not supported")
        elif channel in DEPTHS and parameters.get("depth", 10) not in DEPTHS[channel]:
            answer("", "Subscription depth not supported")
        elif channel == "level3" and parameters.get("token") != self.token:
            answer("", "Token(s) not found")
        else:
            for symbol in symbols:
                self._each(client, method, channel, symbol, parameters, answer)

    def _each(
        self,
        client: _Client,
        method: str,
        channel: str,
        symbol: str,
        parameters: dict[str, Any],
        answer: Any,
    ) -> None:
        key = (channel, symbol)
        if symbol not in self.markets:
            answer(symbol, f"Currency pair not supported {symbol}")
        elif method == "unsubscribe":
            known = client.depths.pop(key, None) is not None
            answer(symbol, None if known else "Subscription Not Found")
        elif symbol in self.refusals:
            answer(symbol, self.refusals[symbol])
        elif key in client.depths:
            answer(symbol, "Already subscribed")
        elif symbol not in self.ignore:
            answer(symbol, None)
            client.depths[key] = parameters.get("depth", 10)
            if channel == "trade":
                if parameters.get("snapshot"):
                    market = self.markets[symbol]
                    numbers = range(max(1001, market.trade_id - 49), market.trade_id + 1)
                    rows = [self._trade_row(market, number) for number in numbers]
                    self._offer(client, _message("trade", "snapshot", rows))
            else:
                client.views[key] = {side: {} for side in SIDES}
                self._send_changes(client, channel, self.markets[symbol], "snapshot")

    # --- messages -------------------------------------------------------------------------------

    def _publish(self, symbol: str) -> None:
        lost = self._loses()
        for client in self._clients:
            for channel in ("book", "level3"):
                if (channel, symbol) in client.depths:
                    self._send_changes(client, channel, self.markets[symbol], "update", lost)

    def _send_changes(
        self, client: _Client, channel: str, market: Market, kind: str, lost: bool = False
    ) -> None:
        key = (channel, market.symbol)
        rows: dict[str, list[str]] = {}
        for side in SIDES:
            before, now = client.views[key][side], market.view(side, client.depths[key])
            client.views[key][side] = now
            make = self._levels if channel == "book" else self._orders
            rows[side] = make(market, side, before, now, kind)
        if kind == "update" and not (rows["bids"] or rows["asks"]):
            return
        checksum = market.checksum(by_order=channel == "level3")
        if self.spoil > 0:
            self.spoil -= 1
            checksum ^= 1
        body = f'"bids":[{",".join(rows["bids"])}],"asks":[{",".join(rows["asks"])}]'
        row = f'{{"symbol":"{market.symbol}",{body},"checksum":{checksum},"timestamp":"{_now()}"}}'
        if not lost:
            self._offer(client, _message(channel, kind, [row]))

    def _levels(
        self, market: Market, side: str, before: dict[Any, Any], now: dict[Any, Any], kind: str
    ) -> list[str]:
        existing = {price for price, _ in market.orders[side].values()}
        changed: list[tuple[Decimal, Decimal]] = [
            (price, Decimal(0)) for price in before if price not in existing
        ]
        for price, queue in now.items():
            total = sum((quantity for _, quantity in queue), Decimal(0))
            old = before.get(price)
            if old is None or sum((quantity for _, quantity in old), Decimal(0)) != total:
                changed.append((price, total))
        return [
            f'{{"price":{market.price(price)},"qty":{market.quantity(quantity)}}}'
            for price, quantity in changed
        ]

    def _orders(
        self, market: Market, side: str, before: dict[Any, Any], now: dict[Any, Any], kind: str
    ) -> list[str]:
        old = {order_id: (p, q) for p, queue in before.items() for order_id, q in queue}
        new = {order_id: (p, q) for p, queue in now.items() for order_id, q in queue}
        events: list[tuple[str, str, Decimal, Decimal]] = [
            ("delete", order_id, *old[order_id])
            for order_id, (price, _) in old.items()
            if order_id not in new and self._left(market, side, order_id, price)
        ]
        for order_id, (price, quantity) in new.items():
            if order_id not in old:
                events.append(("add", order_id, price, quantity))
            elif old[order_id] != (price, quantity):
                events.append(("modify", order_id, price, quantity))
        return [
            ("{" if kind == "snapshot" else f'{{"event":"{event}",')
            + f'"order_id":"{order_id}","limit_price":{market.price(price)},'
            f'"order_qty":{market.quantity(quantity)},"timestamp":"{_now()}"}}'
            for event, order_id, price, quantity in events
        ]

    def _left(self, market: Market, side: str, order_id: str, price: Decimal) -> bool:
        """Whether an order is gone from its price, and not only out of the depth with its level."""
        known = market.orders[side].get(order_id)
        return known is None or known[0] != price

    def _trade_row(self, market: Market, number: int) -> str:
        price, quantity = market.price(Decimal(100)), market.quantity(Decimal(1))
        return (
            f'{{"symbol":"{market.symbol}","side":"buy","price":{price},"qty":{quantity},'
            f'"ord_type":"limit","trade_id":{number},"timestamp":"{_now()}"}}'
        )


def _message(channel: str, kind: str, rows: list[str]) -> str:
    return f'{{"channel":"{channel}","type":"{kind}","data":[{",".join(rows)}]}}'


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
