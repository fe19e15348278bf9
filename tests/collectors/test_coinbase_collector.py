"""The Coinbase collector against a real venue that speaks the protocol over a real WebSocket."""

import asyncio
import base64
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import msgspec
import pytest
from websockets.asyncio.server import ServerConnection, serve

from collectors.coinbase import CoinbaseCollector
from collectors.connection import SourceMisconfigured
from demo.venue.authentication import new_credential
from demo.venue.exchange import Exchange
from demo.venue.order_book import Owner
from demo.venue.product import Product
from demo.venue.server import FeedServer
from pipeline.config.sources import CoinbaseSource, Reconnection
from pipeline.frames import Frame
from pipeline.secrets import Secret, SecretText
from tests.collectors.coinbase_book import read_all, rest_orders
from tests.collectors.frames_outlet import FramesOutlet
from tests.fixtures.waiting import until

ACME = Product(id="ACME-USD", base_currency="ACME", quote_currency="USD")
BETA = Product(id="BETA-USD", base_currency="BETA", quote_currency="USD")
MAKERS = [Owner(f"acct-{n}", f"profile-{n}") for n in range(3)]
FAST = Reconnection(initial=20_000_000, maximum=100_000_000, stale_after=10_000_000_000)


class Market:
    """An exchange, its server, and somebody who trades on it."""

    def __init__(self, server: FeedServer, exchange: Exchange) -> None:
        self.server, self.exchange, self.faults = server, exchange, server.faults
        self._rng = random.Random(7)
        self._resting: list[tuple[str, str]] = []

    def trade(self, steps: int, products: tuple[str, ...] = (ACME.id, BETA.id)) -> None:
        rng = self._rng
        for _ in range(steps):
            product, owner = rng.choice(products), rng.choice(MAKERS)
            act = rng.random()
            if act < 0.3 and self._resting:
                product, order_id = self._resting.pop(rng.randrange(len(self._resting)))
                if self.exchange.engine(product).resting(order_id):
                    self.exchange.cancel(product, order_id)
            elif act < 0.4:
                self.exchange.market(product, owner, rng.choice(("buy", "sell")), 40)
            else:
                side = rng.choice(("buy", "sell"))
                price = 10_000 + (-1 if side == "buy" else 1) * rng.randint(-1, 20)
                done = self.exchange.limit(product, owner, side, rng.randint(10, 90), price)
                self._resting.append((product, done.order_id))

    def sequence(self, product: str = ACME.id) -> int:
        return self.exchange.sequence(product)


@asynccontextmanager
async def market(**options: object) -> AsyncIterator[Market]:
    exchange = Exchange([ACME, BETA], clock=time.time_ns, first_sequence=1001, first_trade_id=501)
    options = {"require_authentication": False, "heartbeat_seconds": 0.1, **options}
    async with FeedServer(exchange, **options) as server:  # pyright: ignore[reportArgumentType]
        exchange.listen(server.publish)
        yield Market(server, exchange)


def source(market: Market, **options: object) -> CoinbaseSource:
    values: dict[str, object] = {
        "name": "venue",
        "url": SecretText(market.server.url),
        "rest_url": SecretText(market.server.rest_url),
        "products": [ACME.id, BETA.id],
        "reconnection": FAST,
        **options,
    }
    return CoinbaseSource(**values)  # pyright: ignore[reportArgumentType]


@asynccontextmanager
async def collecting(config: CoinbaseSource, outlet: FramesOutlet) -> AsyncIterator[asyncio.Task]:
    task = asyncio.create_task(CoinbaseCollector(config, outlet).run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def caught_up(market: Market, outlet: FramesOutlet) -> None:
    """Return once the outlet has everything that the venue sent, by books and numbers."""

    def same() -> bool:
        last = read_all(outlet.frames).last
        return all(last.get(p) == market.sequence(p) for p in (ACME.id, BETA.id))

    await until(same, "the outlet holds all that the venue sent")


def assert_same_books(market: Market, outlet: FramesOutlet) -> None:
    reader = read_all(outlet.frames)
    for product in (ACME.id, BETA.id):
        truth = rest_orders(market.exchange.order_book(product))
        assert reader.books[product] == truth


async def connected(outlet: FramesOutlet) -> None:
    await until(lambda: outlet.state.connection == "connected", "connected")
    await until(lambda: len(outlet.snapshots) >= 2, "both books")


async def test_a_reader_of_the_frames_arrives_at_the_venues_own_books() -> None:
    async with market() as venue:
        venue.trade(60)
        outlet = FramesOutlet()
        async with collecting(source(venue), outlet):
            await connected(outlet)
            for _ in range(40):
                venue.trade(20)
                await asyncio.sleep(0.002)
            await caught_up(venue, outlet)
        assert_same_books(venue, outlet)
        assert outlet.gaps == []
        assert outlet.state.gaps == 0


async def test_frames_are_kept_byte_for_byte_at_ascending_positions() -> None:
    async with market() as venue:
        outlet = FramesOutlet()
        async with collecting(source(venue, channels=["full"]), outlet):
            await connected(outlet)
            venue.trade(50)
            await caught_up(venue, outlet)
        positions = [frame.position for frame in outlet.frames]
        assert positions == sorted(set(positions))
        start, _, number = positions[0].partition(".")
        assert len(number) == 12
        assert abs(int(start) - time.time_ns()) < 60e9
        first = next(p for p in outlet.payloads if b'"received"' in p)
        assert first == msgspec.json.encode(msgspec.json.decode(first))


async def test_orders_that_come_while_the_snapshot_is_fetched_stand_on_the_right_side_of_it() -> (
    None
):
    async with market() as venue:
        venue.trade(30)
        outlet = FramesOutlet()
        async with collecting(source(venue), outlet):
            for _ in range(300):  # trades without a pause while the snapshot is on its way
                venue.trade(3)
                await asyncio.sleep(0)
            await connected(outlet)
            await caught_up(venue, outlet)
        assert_same_books(venue, outlet)
        assert outlet.gaps == []


async def test_a_lost_message_gives_a_gap_notice_in_its_place_and_a_new_snapshot() -> None:
    async with market() as venue:
        outlet = FramesOutlet()
        async with collecting(source(venue), outlet):
            await connected(outlet)
            venue.trade(50, (ACME.id,))
            await caught_up(venue, outlet)
            expected = venue.sequence() + 1
            venue.faults.lose_messages(3)
            venue.trade(50, (ACME.id,))
            await until(lambda: len(outlet.snapshots) == 3, "a third snapshot")
            venue.trade(50, (ACME.id,))
            await caught_up(venue, outlet)
        (gap,) = outlet.gaps
        assert (gap.instrument, gap.expected) == (ACME.id, expected)
        assert gap.received == expected + 3
        at = next(n for n, frame in enumerate(outlet.frames) if frame.kind == "gap")
        behind = next(f for f in outlet.frames[at + 1 :] if b'"sequence"' in f.payload)
        assert msgspec.json.decode(behind.payload)["sequence"] == gap.received
        assert_same_books(venue, outlet)
        assert outlet.state.gaps == 1


async def test_the_other_product_goes_straight_on_while_one_waits_for_its_snapshot() -> None:
    async with market() as venue:
        outlet = FramesOutlet()
        async with collecting(source(venue), outlet):
            await connected(outlet)
            venue.faults.rest_down = True
            venue.faults.lose_messages(1)
            venue.trade(5, (ACME.id,))
            venue.trade(5, (BETA.id,))
            await until(
                lambda: read_all(outlet.frames).last.get(BETA.id) == venue.sequence(BETA.id),
                "BETA is complete",
            )
            await until(lambda: outlet.state.connection == "backfilling", "backfilling")
            venue.faults.rest_down = False
            await caught_up(venue, outlet)
            await until(lambda: outlet.state.connection == "connected", "connected again")
            assert outlet.state.trouble == ""
        assert_same_books(venue, outlet)


async def test_messages_lost_at_the_end_are_found_by_the_heartbeat() -> None:
    async with market() as venue:
        outlet = FramesOutlet()
        async with collecting(source(venue), outlet):
            await connected(outlet)
            venue.trade(20, (ACME.id,))
            await caught_up(venue, outlet)
            last = venue.sequence()
            venue.faults.lose_messages(1000)
            venue.trade(10, (ACME.id,))  # nothing of it arrives, and then nothing happens
            venue.faults.arriving([0] * 1000)
            await until(lambda: outlet.gaps, "a gap notice")
            await until(lambda: len(outlet.snapshots) == 3, "a third snapshot")
            assert outlet.gaps[0].expected == last + 1
            assert outlet.gaps[0].received == venue.sequence()
            venue.trade(10, (ACME.id,))
            await caught_up(venue, outlet)
        assert_same_books(venue, outlet)
        assert len(outlet.gaps) == 1


async def test_after_a_dropped_connection_what_was_missed_is_named_and_the_books_are_right() -> (
    None
):
    async with market() as venue:
        outlet = FramesOutlet()
        async with collecting(source(venue), outlet):
            await connected(outlet)
            venue.trade(50, (ACME.id,))
            await caught_up(venue, outlet)
            expected = venue.sequence() + 1
            assert venue.faults.drop_connections() == 1
            venue.trade(20, (ACME.id,))
            missed_to = venue.sequence()
            await until(lambda: len(outlet.snapshots) == 4, "both books anew")
            venue.trade(20)
            await caught_up(venue, outlet)
        (gap,) = outlet.gaps
        assert (gap.instrument, gap.expected) == (ACME.id, expected)
        assert gap.received is not None
        assert expected <= gap.received <= missed_to + 1
        assert_same_books(venue, outlet)
        assert outlet.state.reconnects == 1


async def test_no_message_is_handed_on_twice() -> None:
    async with market() as venue:
        outlet = FramesOutlet()
        async with collecting(source(venue, channels=["full", "matches", "heartbeat"]), outlet):
            await connected(outlet)
            for _ in range(5):
                venue.trade(50)
                await asyncio.sleep(0.02)
                venue.faults.drop_connections()
                await asyncio.sleep(0.05)
            await until(lambda: outlet.state.connection == "connected", "connected")
            venue.trade(20)
            await caught_up(venue, outlet)
        sequenced = [
            (m["product_id"], m["sequence"])
            for m in map(msgspec.json.decode, outlet.payloads)
            if m["type"] in ("received", "open", "done", "match", "change")
        ]
        assert len(sequenced) == len(set(sequenced)) > 100
        assert_same_books(venue, outlet)


async def test_a_silent_venue_is_stale_and_left() -> None:
    async with market() as venue:
        outlet = FramesOutlet()
        quick = Reconnection(initial=20_000_000, maximum=100_000_000, stale_after=400_000_000)
        async with collecting(source(venue, reconnection=quick), outlet):
            await connected(outlet)
            venue.faults.silent = True
            await until(lambda: outlet.state.connection == "stale", "stale")
            assert "nothing heard for 400ms" in outlet.state.trouble
            venue.trade(10)
            venue.faults.silent = False
            await until(lambda: outlet.state.connection == "connected", "connected again")
            await caught_up(venue, outlet)
        assert_same_books(venue, outlet)


async def test_a_malformed_frame_is_kept_for_the_dead_letters_and_disturbs_nothing() -> None:
    async with market() as venue:
        outlet = FramesOutlet()
        async with collecting(source(venue), outlet):
            await connected(outlet)
            torn = '{"type":"match","trade_id":'
            for text in (torn, '["open"', "[]", "null", "\x00", "[" * 5000):
                venue.faults.send_malformed(text)
            venue.faults.send_malformed('{"type":"heartbeat","product_id":"ACME-USD","time":"now"}')
            venue.faults.send_malformed('{"type":"subscriptions","channels":7}')
            venue.trade(20)
            await caught_up(venue, outlet)
        assert torn.encode() in outlet.payloads
        assert outlet.payloads.count(b'{"type":"subscriptions","channels":7}') == 1
        assert_same_books(venue, outlet)
        assert outlet.state.reconnects == 0
        assert outlet.gaps == []


async def test_a_restart_says_that_something_may_be_missing() -> None:
    async with market() as venue:
        outlet = FramesOutlet()
        outlet.earlier = Frame("1.000000000001", 1, b"{}")
        async with collecting(source(venue), outlet):
            await connected(outlet)
        assert outlet.frames[0].kind == "gap"
        assert [gap.instrument for gap in outlet.gaps] == ["*"]


async def test_a_key_signs_and_shows_the_private_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    credential = new_credential(operator=True)
    monkeypatch.setenv("VENUE_KEY", credential.key)
    monkeypatch.setenv("VENUE_SECRET", credential.secret)
    monkeypatch.setenv("VENUE_PASS", credential.passphrase)
    async with market(credentials=[credential], require_authentication=True) as venue:
        outlet = FramesOutlet()
        config = source(
            venue,
            api_key=Secret("${env:VENUE_KEY}"),
            api_secret=Secret("${env:VENUE_SECRET}"),
            passphrase=Secret("${env:VENUE_PASS}"),
        )
        async with collecting(config, outlet):
            await connected(outlet)
            venue.trade(20)
            await caught_up(venue, outlet)
        assert any(b'"user_id":"acct-' in payload for payload in outlet.payloads)


async def test_a_refused_key_is_said_plainly_and_not_tried_in_a_hot_loop(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capsys
) -> None:
    secret = base64.b64encode(b"not the venue's").decode()
    monkeypatch.setenv("VENUE_KEY", "a-key-that-nobody-knows")
    monkeypatch.setenv("VENUE_SECRET", secret)
    async with market(require_authentication=True) as venue:
        outlet = FramesOutlet()
        config = source(
            venue,
            api_key=Secret("${env:VENUE_KEY}"),
            api_secret=Secret("${env:VENUE_SECRET}"),
            passphrase=Secret("${env:VENUE_KEY}"),
            reconnection=Reconnection(initial=200_000_000, maximum=1_000_000_000),
        )
        async with collecting(config, outlet):
            await until(lambda: "Authentication Failed" in outlet.state.trouble, "trouble")
            assert "Invalid API Key" in outlet.state.trouble
            await asyncio.sleep(0.5)
            assert outlet.state.reconnects <= 5
    shown = caplog.text + "".join(capsys.readouterr()) + outlet.state.trouble
    assert secret not in shown
    assert "a-key-that-nobody-knows" not in shown


async def test_an_unknown_product_is_said_plainly() -> None:
    async with market() as venue:
        outlet = FramesOutlet()
        async with collecting(source(venue, products=["NOPE-USD"]), outlet):
            await until(lambda: "NOPE-USD is not a valid product" in outlet.state.trouble, "said")


def test_half_a_key_is_a_mistake_in_the_configuration() -> None:
    config = CoinbaseSource(
        name="venue",
        url=SecretText("ws://127.0.0.1:1"),
        products=["A-B"],
        api_key=Secret("${env:ANY}"),
    )
    with pytest.raises(SourceMisconfigured, match="api_secret and passphrase missing"):
        CoinbaseCollector(config, FramesOutlet())


async def test_level3_rows_are_held_to_their_sequence_too() -> None:
    async with market() as venue:
        outlet = FramesOutlet()
        config = source(venue, channels=["level3", "matches", "heartbeat"])
        async with collecting(config, outlet):
            await connected(outlet)
            venue.trade(50)
            venue.faults.lose_messages(2)
            venue.trade(50)
            await until(lambda: len(outlet.snapshots) == 3, "a snapshot after the gap")
            venue.trade(50)
            last = f'"{venue.sequence()}"'.encode()
            await until(lambda: any(last in p for p in outlet.payloads), "the newest row")
        assert len([gap for gap in outlet.gaps if gap.received]) >= 1
        numbers: dict[str, list[int]] = {}
        for payload in outlet.payloads:
            if payload.startswith(b"["):
                _, product, sequence, *_ = msgspec.json.decode(payload)
                numbers.setdefault(product, []).append(int(sequence))
        assert all(each == sorted(set(each)) for each in numbers.values())


async def test_trades_alone_are_checked_by_their_ids() -> None:
    async with market() as venue:
        outlet = FramesOutlet()
        config = source(venue, channels=["matches"], products=[ACME.id])
        async with collecting(config, outlet):
            await until(lambda: outlet.payloads, "subscribed")
            venue.trade(100, (ACME.id,))
            await until(
                lambda: (
                    f'"trade_id":{venue.exchange.last_trade_id(ACME.id)},'.encode()
                    in outlet.payloads[-1]
                ),
                "the newest trade",
            )
            assert outlet.gaps == []
            expected = venue.exchange.last_trade_id(ACME.id) + 1
            venue.faults.silent = True
            while venue.exchange.last_trade_id(ACME.id) < expected + 3:
                venue.trade(1, (ACME.id,))
            venue.faults.silent = False
            known = venue.exchange.last_trade_id(ACME.id)
            while venue.exchange.last_trade_id(ACME.id) == known:
                venue.trade(1, (ACME.id,))
            await until(lambda: outlet.gaps, "a gap notice")
        assert outlet.gaps[0].expected == expected
        assert outlet.gaps[0].received == known + 1


async def test_a_full_outlet_stops_the_reading_and_loses_nothing() -> None:
    async with market(queue_limit=100_000) as venue:
        outlet = FramesOutlet()
        async with collecting(source(venue), outlet):
            await connected(outlet)
            outlet.gate.clear()
            venue.trade(2000)
            await asyncio.sleep(0.3)
            held = len(outlet.frames)
            await asyncio.sleep(0.2)
            assert len(outlet.frames) == held
            outlet.gate.set()
            await caught_up(venue, outlet)
        assert_same_books(venue, outlet)
        assert outlet.gaps == []
        assert outlet.state.reconnects == 0


async def test_too_many_held_frames_stop_the_reading_instead_of_filling_the_memory() -> None:
    async with market(queue_limit=100_000) as venue:
        outlet = FramesOutlet()
        config = source(venue, buffer=20_000)
        async with collecting(config, outlet):
            for _ in range(100):
                venue.trade(20)
                await asyncio.sleep(0)
            await caught_up(venue, outlet)
        assert_same_books(venue, outlet)


async def test_an_oversized_frame_is_a_dead_letter_and_the_feed_goes_on() -> None:
    async with market() as venue:
        outlet = FramesOutlet()
        async with collecting(source(venue, max_frame=100_000), outlet):
            await connected(outlet)
            venue.faults.send_malformed('{"type":"x","y":"' + "z" * 200_000 + '"}')
            await until(lambda: outlet.letters, "a dead letter")
            await until(lambda: outlet.state.reconnects == 1, "connected again")
            venue.trade(30)
            await caught_up(venue, outlet)
        assert "larger than max_frame (100000 bytes)" in outlet.letters[0].reason
        assert outlet.letters[0].source == "venue"
        assert_same_books(venue, outlet)


async def test_a_book_larger_than_max_frame_is_reported_and_the_messages_flow() -> None:
    async with market() as venue:
        venue.trade(500)
        outlet = FramesOutlet()
        async with collecting(source(venue, max_frame=2000), outlet):
            await until(lambda: outlet.letters, "a dead letter")
            venue.trade(20)
            last = f'"sequence":{venue.sequence()},'.encode()
            await until(lambda: any(last in p for p in outlet.payloads), "the newest message")
            assert "larger than max_frame" in outlet.state.trouble
        assert outlet.letters[0].kind == "snapshot"


async def test_a_venue_that_subscribes_less_than_was_asked_is_left_with_a_reason() -> None:
    async def half(connection: ServerConnection) -> None:
        await connection.recv()
        channels = [{"name": "full", "product_ids": ["ACME-USD"]}]
        answer = msgspec.json.encode({"type": "subscriptions", "channels": channels})
        await connection.send(answer, text=True)
        await connection.wait_closed()

    async with serve(half, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        config = CoinbaseSource(
            name="venue",
            url=SecretText(f"ws://127.0.0.1:{port}"),
            products=["ACME-USD", "BETA-USD"],
            reconnection=FAST,
        )
        outlet = FramesOutlet()
        async with collecting(config, outlet):
            wanted = "did not subscribe full of BETA-USD, heartbeat of ACME-USD"
            await until(lambda: wanted in outlet.state.trouble, "what is missing is named")
