"""The venue speaks Coinbase's protocol over a real WebSocket and real HTTP."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import httpx
import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from demo.venue.authentication import Credential, new_credential, sign
from demo.venue.clock import SimulatedClock
from demo.venue.exchange import Exchange
from demo.venue.facts import PRODUCT
from demo.venue.messages import Event, OrderBook, Received
from demo.venue.order_book import Owner
from demo.venue.product import Product
from demo.venue.replica import Replica, SequenceGap
from demo.venue.requests import AUTHENTICATION_REQUIRED
from demo.venue.scenario import perform
from demo.venue.server import FeedServer

P = PRODUCT.id
OTHER = Product(id="BOND-USD", base_currency="BOND", quote_currency="USD")
ANN, BOB = Owner("acct-ann", "profile-ann"), Owner("acct-bob", "profile-bob")
OPERATOR, MEMBER = new_credential(operator=True), new_credential()
PRIVATE = {
    "user_id",
    "profile_id",
    "client_oid",
    "cancel_reason",
    "maker_user_id",
    "maker_profile_id",
    "taker_user_id",
    "taker_profile_id",
}


def new_exchange() -> Exchange:
    return Exchange([PRODUCT, OTHER], clock=time.time_ns)


@contextlib.asynccontextmanager
async def serving(exchange: Exchange, **options: Any) -> AsyncIterator[FeedServer]:
    async with FeedServer(exchange, credentials=[OPERATOR, MEMBER], **options) as server:
        stop = exchange.listen(server.publish)
        yield server
        stop()


class Client:
    """A client that keeps what it hears."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def send(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def subscribe(
        self, *channels: Any, credential: Credential | None = None, **fields: Any
    ) -> None:
        if credential:
            timestamp = f"{time.time():.3f}"
            fields = {
                "key": credential.key,
                "passphrase": credential.passphrase,
                "timestamp": timestamp,
                "signature": sign(credential.secret, timestamp),
            } | fields
        await self.send(type="subscribe", product_ids=[P], channels=list(channels), **fields)

    async def next(self) -> Any:
        async with asyncio.timeout(5):
            return json.loads(await self.socket.recv())

    async def until(self, kind: str) -> list[Any]:
        """All messages up to and with the first of a kind."""
        messages = [await self.next()]
        while not isinstance(messages[-1], dict) or messages[-1]["type"] != kind:
            messages.append(await self.next())
        return messages

    async def take(self, count: int) -> list[Any]:
        return [await self.next() for _ in range(count)]

    async def says_nothing(self, seconds: float = 0.15) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self.socket.recv()
        except TimeoutError:
            return True
        return False


@contextlib.asynccontextmanager
async def client_of(server: FeedServer) -> AsyncIterator[Client]:
    async with connect(server.url, compression=None) as socket:
        yield Client(socket)


async def get(server: FeedServer, path: str) -> httpx.Response:
    async with httpx.AsyncClient(timeout=5) as http:
        return await http.get(server.rest_url + path)


# --- subscribing ----------------------------------------------------------------------------------


async def test_a_subscription_is_confirmed_with_all_that_holds_now() -> None:
    async with serving(new_exchange()) as server, client_of(server) as client:
        await client.subscribe("heartbeat")
        assert await client.next() == {
            "type": "subscriptions",
            "channels": [{"name": "heartbeat", "product_ids": [P], "account_ids": None}],
        }
        await client.send(
            type="subscribe",
            channels=[{"name": "matches", "product_ids": [P, OTHER.id]}, "heartbeat"],
            product_ids=[OTHER.id],
        )
        assert (await client.next())["channels"] == [
            {"name": "heartbeat", "product_ids": [P, OTHER.id], "account_ids": None},
            {"name": "matches", "product_ids": [P, OTHER.id], "account_ids": None},
        ]


async def test_after_unsubscribe_of_a_channel_nothing_of_it_comes_any_more() -> None:
    exchange = new_exchange()
    async with serving(exchange) as server, client_of(server) as client:
        await client.subscribe("full", credential=MEMBER)
        await client.next()
        await client.send(type="unsubscribe", channels=["full"])
        assert await client.next() == {"type": "subscriptions", "channels": []}
        exchange.limit(P, ANN, "sell", 100, 10_000)
        assert await client.says_nothing()


async def test_only_the_products_asked_for_are_sent() -> None:
    exchange = new_exchange()
    async with serving(exchange) as server, client_of(server) as client:
        await client.subscribe("full", credential=MEMBER)
        await client.next()
        exchange.limit(OTHER.id, ANN, "sell", 100, 10_000)
        exchange.limit(P, ANN, "sell", 100, 10_000)
        assert {m["product_id"] for m in await client.take(2)} == {P}
        assert await client.says_nothing()


@pytest.mark.parametrize(
    ("text", "message", "reason"),
    [
        ("{", "Malformed JSON", None),
        ("[]", "Invalid message", "Expected `object`, got `array`"),
        ('{"type":"subscribe","channels":7}', "Invalid message", None),
        ('{"type":"order"}', "Type has to be either subscribe or unsubscribe", None),
        ('{"type":"subscribe"}', "Failed to subscribe", "No channels provided"),
        (
            '{"type":"subscribe","product_ids":["ACME-USD"],"channels":["level9"]}',
            "Failed to subscribe",
            "level9 is not a valid channel",
        ),
        (
            '{"type":"subscribe","product_ids":["X-USD"],"channels":["matches"]}',
            "Failed to subscribe",
            "X-USD is not a valid product",
        ),
        (
            '{"type":"subscribe","channels":["matches"]}',
            "Failed to subscribe",
            " is not a valid product",
        ),
    ],
)
async def test_a_bad_request_is_told_why_and_changes_nothing(
    text: str, message: str, reason: str | None
) -> None:
    async with serving(new_exchange()) as server, client_of(server) as client:
        await client.socket.send(text)
        error = await client.next()
        assert (error["type"], error["message"]) == ("error", message)
        if reason is not None:
            assert error["reason"] == reason
        assert await client.next() == {"type": "subscriptions", "channels": []}
        await client.subscribe("heartbeat")
        assert (await client.next())["channels"][0]["name"] == "heartbeat"


async def test_a_client_that_never_subscribes_is_disconnected() -> None:
    async with (
        serving(new_exchange(), subscribe_seconds=0.1) as server,
        client_of(server) as client,
    ):
        with pytest.raises(ConnectionClosed):
            await client.next()


# --- authentication -------------------------------------------------------------------------------


@pytest.mark.parametrize("channel", ["full", "level2", "level3"])
async def test_order_level_channels_need_a_signature(channel: str) -> None:
    async with serving(new_exchange()) as server, client_of(server) as client:
        await client.subscribe(channel)
        assert await client.next() == {
            "type": "error",
            "message": "Failed to subscribe",
            "reason": AUTHENTICATION_REQUIRED,
        }
        assert await client.next() == {"type": "subscriptions", "channels": []}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"key": "unknown"}, "Invalid API Key"),
        ({"passphrase": "wrong"}, "invalid passphrase"),
        ({"signature": "d3Jvbmc="}, "invalid signature"),
        ({"timestamp": "1400000000"}, "request timestamp expired"),
        ({"timestamp": "nan"}, "request timestamp expired"),
        ({"timestamp": "soon"}, "request timestamp expired"),
    ],
)
async def test_a_wrong_signature_is_refused(changed: dict[str, str], reason: str) -> None:
    async with serving(new_exchange()) as server, client_of(server) as client:
        await client.subscribe("full", credential=MEMBER, **changed)
        error = await client.next()
        assert error["message"] == "Authentication Failed"
        assert json.loads(error["reason"]) == {"message": reason}
        assert await client.next() == {"type": "subscriptions", "channels": []}


def test_the_signature_is_the_one_that_coinbases_sample_computes() -> None:
    # hmac-sha256 of "1400000000GET/users/self/verify", computed with openssl
    assert (
        sign("c2VjcmV0LWtleS1vZi10aGUtdGVzdA==", "1400000000")
        == "5F3Q9US/keMrj7vKAhioiuelYss7ghnmLP9Xq5RK7RY="
    )


def test_a_credential_does_not_print_its_secrets() -> None:
    assert OPERATOR.secret not in repr(OPERATOR)
    assert OPERATOR.passphrase not in repr(OPERATOR)


async def test_the_operator_sees_every_owner_and_a_member_sees_none() -> None:
    exchange = new_exchange()
    async with (
        serving(exchange) as server,
        client_of(server) as operator,
        client_of(server) as member,
    ):
        await operator.subscribe("full", credential=OPERATOR)
        await member.subscribe("full", credential=MEMBER)
        await operator.next()
        await member.next()
        exchange.limit(P, ANN, "sell", 100, 10_000, client_oid="mine")
        resting = exchange.limit(P, BOB, "buy", 150, 10_000).order_id
        exchange.reduce(P, resting, 20)
        exchange.cancel(P, resting)
        seen, public = await operator.take(8), await member.take(8)

    kinds = [m["type"] for m in seen]
    assert kinds == ["received", "open", "received", "match", "done", "open", "change", "done"]
    assert [m.get("user_id") for m in seen] == [
        "acct-ann",
        "acct-ann",
        "acct-bob",
        None,
        "acct-ann",
        "acct-bob",
        "acct-bob",
        "acct-bob",
    ]
    assert seen[0]["client_oid"] == "mine"
    assert (seen[3]["maker_user_id"], seen[3]["taker_user_id"]) == ("acct-ann", "acct-bob")
    assert (seen[3]["maker_profile_id"], seen[3]["taker_profile_id"]) == (
        "profile-ann",
        "profile-bob",
    )
    assert public == [{k: v for k, v in m.items() if k not in PRIVATE} for m in seen]


# --- channels -------------------------------------------------------------------------------------


async def test_level3_sends_its_schema_once_and_then_rows_that_fit_it() -> None:
    exchange = new_exchange()
    async with serving(exchange) as server, client_of(server) as client:
        await client.subscribe("level3", "full", credential=MEMBER)
        schema, _ = await client.take(2)
        assert schema["type"] == "level3"
        await client.subscribe("level3")
        assert (await client.next())["type"] == "subscriptions"
        exchange.limit(P, ANN, "sell", 100, 10_000)
        resting = exchange.limit(P, BOB, "buy", 150, 10_000).order_id
        exchange.reduce(P, resting, 20)
        exchange.cancel(P, resting)
        messages = await client.take(16)
    compact = [m for m in messages if isinstance(m, list)]
    full = {m["sequence"]: m for m in messages if isinstance(m, dict)}
    assert [row[0] for row in compact] == [
        "noop",
        "open",
        "noop",
        "match",
        "done",
        "open",
        "change",
        "done",
    ]
    for row in compact:
        columns = schema["schema"][row[0]]
        assert len(row) == len(columns)
        named = dict(zip(columns, row, strict=True))
        assert all(isinstance(value, str) for value in row)
        message = full[int(named["sequence"])]
        for column in set(columns) - {"type", "sequence", "size", "price"}:
            assert named[column] == message[column]
        if row[0] == "change":
            assert (named["size"], named["price"]) == (message["new_size"], message["new_price"])


async def test_level2_sends_a_snapshot_and_then_new_totals_of_levels() -> None:
    exchange = new_exchange()
    exchange.limit(P, ANN, "sell", 100, 10_010)
    exchange.limit(P, ANN, "buy", 250, 9_990)
    async with serving(exchange) as server, client_of(server) as client:
        await client.subscribe("level2", credential=MEMBER)
        _, snapshot = await client.take(2)
        assert snapshot == {
            "type": "snapshot",
            "product_id": P,
            "asks": [["100.10", "1"]],
            "bids": [["99.90", "2.5"]],
        }
        exchange.limit(P, BOB, "buy", 140, 10_010)
        update = await client.next()
        assert update["type"] == "l2update"
        assert update["changes"] == [["sell", "100.10", "0"], ["buy", "100.10", "0.4"]]
        assert update["time"].endswith("Z")
        exchange.market(OTHER.id, BOB, "buy", 5)  # changes no level
        exchange.market(P, BOB, "buy", 5)
        assert await client.says_nothing()


async def test_matches_begin_with_the_last_match() -> None:
    exchange = new_exchange()
    exchange.limit(P, ANN, "sell", 300, 10_000)
    exchange.market(P, BOB, "buy", 100)
    async with serving(exchange) as server, client_of(server) as client:
        await client.subscribe("matches")
        last, confirmed = await client.take(2)
        assert (last["type"], last["trade_id"], last["size"]) == ("last_match", 1, "1")
        assert not PRIVATE & last.keys()
        assert confirmed["type"] == "subscriptions"
        exchange.market(P, BOB, "buy", 50)
        match = await client.next()
        assert match.pop("time").endswith("Z")
        assert match.pop("maker_order_id") != match.pop("taker_order_id")
        assert match == {
            "type": "match",
            "trade_id": 2,
            "side": "sell",
            "size": "0.5",
            "price": "100.00",
            "product_id": P,
            "sequence": exchange.sequence(P) - 1,
        }


async def test_a_connection_with_full_and_matches_gets_each_match_once() -> None:
    exchange = new_exchange()
    async with serving(exchange) as server, client_of(server) as client:
        await client.subscribe("full", "matches", credential=MEMBER)
        await client.next()
        exchange.limit(P, ANN, "sell", 100, 10_000)
        exchange.market(P, BOB, "buy", 100)
        messages = await client.take(6)
        assert [m["sequence"] for m in messages] == [1, 2, 3, 4, 5, 6]
        assert await client.says_nothing()


async def test_heartbeats_come_regularly_with_the_sequence_and_the_last_trade() -> None:
    exchange = new_exchange()
    async with serving(exchange, heartbeat_seconds=0.05) as server, client_of(server) as client:
        await client.subscribe("heartbeat")
        await client.next()
        first = await client.next()
        assert (first["sequence"], first["last_trade_id"], first["product_id"]) == (0, 0, P)
        exchange.limit(P, ANN, "sell", 100, 10_000)
        exchange.market(P, BOB, "buy", 100)
        later = [await client.next() for _ in range(2)][-1]
        assert later.pop("time") > first["time"]
        assert later == {
            "type": "heartbeat",
            "sequence": 6,
            "last_trade_id": 1,
            "product_id": P,
        }


# --- REST -----------------------------------------------------------------------------------------


async def test_rest_gives_the_book_at_three_levels_of_detail() -> None:
    exchange = new_exchange()
    one = exchange.limit(P, ANN, "sell", 100, 10_010).order_id
    two = exchange.limit(P, BOB, "sell", 50, 10_010).order_id
    three = exchange.limit(P, BOB, "sell", 70, 10_020).order_id
    async with serving(exchange) as server:
        first = (await get(server, f"/products/{P}/book")).json()
        second = (await get(server, f"/products/{P}/book?level=2")).json()
        third = (await get(server, f"/products/{P}/book?level=3")).json()
    assert first["asks"] == [["100.10", "1.5", 2]]
    assert second["asks"] == [["100.10", "1.5", 2], ["100.20", "0.7", 1]]
    assert third["asks"] == [["100.10", "1", one], ["100.10", "0.5", two], ["100.20", "0.7", three]]
    assert first["sequence"] == second["sequence"] == third["sequence"] == 6
    assert third["bids"] == []
    assert (third["auction_mode"], third["auction"]) == (False, None)


async def test_rest_pages_through_trades_with_cursors() -> None:
    exchange = new_exchange()
    exchange.limit(P, ANN, "sell", 1000, 10_000)
    for _ in range(5):
        exchange.market(P, BOB, "buy", 100)
    async with serving(exchange) as server:
        newest = await get(server, f"/products/{P}/trades?limit=2")
        older = await get(
            server, f"/products/{P}/trades?limit=2&after={newest.headers['cb-after']}"
        )
        newer = await get(server, f"/products/{P}/trades?before={newest.headers['cb-after']}")
    assert [trade["trade_id"] for trade in newest.json()] == [5, 4]
    assert [trade["trade_id"] for trade in older.json()] == [3, 2]
    assert [trade["trade_id"] for trade in newer.json()] == [5]
    assert newest.json()[0].keys() == {"time", "trade_id", "price", "size", "side"}


async def test_rest_tells_the_time_and_the_products() -> None:
    async with serving(new_exchange()) as server:
        now = (await get(server, "/time")).json()
        products = (await get(server, "/products")).json()
        product = (await get(server, f"/products/{P}")).json()
    assert abs(now["epoch"] - time.time()) < 5
    assert now["iso"].endswith("Z")
    assert [p["id"] for p in products] == [P, OTHER.id]
    assert (product["base_increment"], product["quote_increment"]) == ("0.01", "0.01")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 404),
        ("/products/NONE/book", 404),
        (f"/products/{P}/book?level=4", 400),
        (f"/products/{P}/trades?after=x", 400),
        (f"/products/{P}/trades?limit=" + "9" * 30, 400),
    ],
)
async def test_a_bad_rest_request_gets_a_status_and_a_message(path: str, status: int) -> None:
    async with serving(new_exchange()) as server:
        response = await get(server, path)
    assert response.status_code == status
    assert response.json()["message"]


# --- a reader's book ------------------------------------------------------------------------------

decode_event = msgspec.json.Decoder(Event).decode
decode_book = msgspec.json.Decoder(OrderBook).decode


def book_rows(exchange: Exchange, side: str) -> list[tuple[Decimal, Decimal, str]]:
    return [
        (
            Decimal(PRODUCT.price_text(order.price)),
            Decimal(PRODUCT.size_text(order.remaining)),
            order.id,
        )
        for order in exchange.engine(P).orders(side)
    ]


async def test_snapshot_and_replay_of_a_live_session_equal_the_engines_book() -> None:
    exchange = new_exchange()
    async with serving(exchange) as server, client_of(server) as client:
        performance = asyncio.create_task(perform(exchange, speed=40))
        await asyncio.sleep(0.2)  # join in the middle of the session
        await client.subscribe("full", credential=OPERATOR)
        await client.next()
        replica = Replica(decode_book((await get(server, f"/products/{P}/book?level=3")).content))
        assert replica.sequence > 0
        await performance
        while replica.sequence < exchange.sequence(P):
            async with asyncio.timeout(5):
                replica.apply(decode_event(await client.socket.recv()))
    assert replica.rows("buy") == book_rows(exchange, "buy")
    assert replica.rows("sell") == book_rows(exchange, "sell")
    assert replica.rows("buy")


# --- faults ---------------------------------------------------------------------------------------


async def test_a_lost_message_is_a_gap_that_a_snapshot_heals() -> None:
    exchange = new_exchange()
    async with serving(exchange) as server, client_of(server) as client:
        await client.subscribe("full", credential=MEMBER)
        await client.next()
        replica = Replica()
        server.faults.lose_messages(1)
        exchange.limit(P, ANN, "sell", 100, 10_000)
        event = decode_event(await client.socket.recv())
        with pytest.raises(SequenceGap, match="expected sequence 1, received 2"):
            replica.apply(event)
        replica = Replica(decode_book((await get(server, f"/products/{P}/book?level=3")).content))
        exchange.limit(P, ANN, "sell", 100, 10_010)
        for _ in range(2):
            replica.apply(decode_event(await client.socket.recv()))
        assert replica.rows("sell") == book_rows(exchange, "sell")


async def test_connections_can_be_dropped_without_a_closing_handshake() -> None:
    async with serving(new_exchange()) as server, client_of(server) as client:
        await client.subscribe("heartbeat")
        await client.next()
        assert server.faults.drop_connections() == 1
        with pytest.raises(ConnectionClosed) as closed:
            await client.next()
        assert closed.value.rcvd is None
        async with client_of(server) as again:
            await again.subscribe("heartbeat")
            assert (await again.next())["type"] == "subscriptions"


async def test_a_silent_venue_keeps_the_connection_and_says_nothing() -> None:
    exchange = new_exchange()
    async with serving(exchange, heartbeat_seconds=0.02) as server, client_of(server) as client:
        await client.subscribe("heartbeat", "full", credential=MEMBER)
        await client.until("heartbeat")
        server.faults.silent = True
        await asyncio.sleep(0.05)
        while not await client.says_nothing(0.1):
            pass
        exchange.limit(P, ANN, "sell", 100, 10_000)
        assert await client.says_nothing()
        server.faults.silent = False
        beat = await client.next()
        assert (beat["type"], beat["sequence"]) == ("heartbeat", 2)


async def test_a_malformed_frame_can_be_sent() -> None:
    async with serving(new_exchange()) as server, client_of(server) as client:
        await client.subscribe("heartbeat")
        await client.next()
        server.faults.send_malformed()
        with pytest.raises(json.JSONDecodeError):
            await client.next()


async def test_rest_can_be_down_while_the_feed_is_up() -> None:
    async with serving(new_exchange()) as server, client_of(server) as client:
        server.faults.rest_down = True
        assert (await get(server, "/time")).status_code == 503
        await client.subscribe("heartbeat")
        assert (await client.next())["type"] == "subscriptions"


async def test_a_slow_consumer_is_dropped_and_others_are_not() -> None:
    exchange = new_exchange()
    async with serving(exchange, queue_limit=500) as server, client_of(server) as healthy:
        await healthy.subscribe("full", credential=MEMBER)
        await healthy.next()
        heard: list[str | bytes] = []

        async def listen() -> None:
            while True:
                heard.append(await healthy.socket.recv())

        listener = asyncio.create_task(listen())
        slow = await connect(server.url, compression=None, max_queue=1, sock=small_socket(server))
        await Client(slow).subscribe("full", credential=MEMBER)  # and never reads
        async with asyncio.timeout(20):
            while server.slow_consumers_dropped == 0:
                for _ in range(20):
                    order_id = exchange.limit(P, ANN, "sell", 100, 10_000).order_id
                    exchange.cancel(P, order_id)
                while len(heard) < exchange.sequence(P):
                    await asyncio.sleep(0.001)
        slow.transport.abort()
        exchange.limit(P, ANN, "sell", 100, 10_000)
        async with asyncio.timeout(5):
            while len(heard) < exchange.sequence(P):
                await asyncio.sleep(0.001)
        assert server.slow_consumers_dropped == 1
        assert not listener.done()
        listener.cancel()


def small_socket(server: FeedServer) -> socket.socket:
    host, port = server.url.removeprefix("ws://").split(":")
    small = socket.socket()
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    small.connect((host, int(port)))
    return small


async def test_received_messages_of_market_orders_have_no_price() -> None:
    exchange = Exchange([PRODUCT], clock=SimulatedClock(10**18))
    received = exchange.market(P, ANN, "buy", 10).events[0]
    assert isinstance(received, Received)
    assert "price" not in msgspec.to_builtins(received)
