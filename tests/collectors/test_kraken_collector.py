"""The Kraken collector against a strict server of the documented protocol."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from decimal import Decimal

import msgspec
import pytest

from collectors.connection import SourceMisconfigured
from collectors.kraken import KrakenCollector
from collectors.kraken import collector as kraken_collector
from pipeline.config.sources import KrakenSource, Reconnection
from pipeline.frames import Frame
from pipeline.secrets import Secret, SecretText
from tests.collectors.frames_outlet import FramesOutlet
from tests.fixtures.waiting import until
from tests.servers.kraken import KrakenServer, Market

BTC, SEC = "BTC/USD", "SEC/USD"
FAST = Reconnection(initial=20_000_000, maximum=100_000_000, stale_after=10_000_000_000)


def markets() -> list[Market]:
    return [Market(BTC, 1, 8), Market(SEC, 5, 4)]


class Traders:
    """Places and takes away orders, near the touch and far from it."""

    def __init__(self, server: KrakenServer) -> None:
        self.server = server
        self._rng = random.Random(3)
        self._next = 0

    def act(self, steps: int, symbols: tuple[str, ...] = (BTC, SEC)) -> None:
        rng = self._rng
        for _ in range(steps):
            symbol, side = rng.choice(symbols), rng.choice(("bids", "asks"))
            orders = self.server.markets[symbol].orders[side]
            if len(orders) > 15 and rng.random() < 0.5:
                self.server.cancel(symbol, side, rng.choice(list(orders)))
                continue
            away = Decimal(rng.randint(1, 30)) / 10
            price = 100 + (away if side == "asks" else -away)
            quantity = str(Decimal(rng.randint(1, 10_000)) / 1000)
            if orders and rng.random() < 0.3:
                order_id = rng.choice(list(orders))
                if rng.random() < 0.5:
                    price = orders[order_id][0]
            else:
                self._next += 1
                order_id = f"O{self._next:05d}"
            self.server.place(symbol, side, order_id, str(price), quantity)


def source(server: KrakenServer, **options: object) -> KrakenSource:
    values: dict[str, object] = {
        "name": "kraken",
        "url": SecretText(server.url),
        "symbols": [BTC, SEC],
        "depth": 10,
        "reconnection": FAST,
        **options,
    }
    return KrakenSource(**values)  # pyright: ignore[reportArgumentType]


def outlet_of_kraken() -> FramesOutlet:
    return FramesOutlet("kraken", "kraken")


@asynccontextmanager
async def collecting(config: KrakenSource, outlet: FramesOutlet) -> AsyncIterator[asyncio.Task]:
    task = asyncio.create_task(KrakenCollector(config, outlet).run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def messages(outlet: FramesOutlet, channel: str) -> list[dict]:
    decoded = (msgspec.json.decode(payload) for payload in outlet.payloads)
    return [m for m in decoded if isinstance(m, dict) and m.get("channel") == channel]


async def quiet(outlet: FramesOutlet) -> None:
    """Return once nothing but heartbeats came for a while."""
    count, since = -1, time.monotonic()
    end = since + 10
    while time.monotonic() - since < 0.15:
        assert time.monotonic() < end, "the feed does not become quiet"
        await asyncio.sleep(0.01)
        now = sum(b"heartbeat" not in payload for payload in outlet.payloads)
        if now != count:
            count, since = now, time.monotonic()


async def connected(outlet: FramesOutlet) -> None:
    await until(lambda: outlet.state.connection == "connected", "connected")


@pytest.mark.parametrize("channel", ["book", "level3"])
async def test_every_checksum_holds_while_orders_come_move_and_go(
    channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRAKEN_TOKEN", "a-token-of-the-test")
    async with KrakenServer(markets(), token="a-token-of-the-test") as server:
        traders = Traders(server)
        traders.act(100)
        outlet = outlet_of_kraken()
        config = source(server, channels=[channel, "trade"], token=Secret("${env:KRAKEN_TOKEN}"))
        async with collecting(config, outlet):
            await connected(outlet)
            for _ in range(60):
                traders.act(10)
                await asyncio.sleep(0)
            server.trade(BTC, 3)
            await quiet(outlet)
            assert outlet.state.connection == "connected"
        assert outlet.gaps == []
        assert outlet.state.trouble == ""
        assert len(messages(outlet, channel)) > 300
        assert [m["data"][-1]["trade_id"] for m in messages(outlet, "trade")] == [1003]
        assert all(frame.kind == "message" for frame in outlet.frames)


async def test_frames_are_kept_byte_for_byte_trailing_zeros_included() -> None:
    async with KrakenServer(markets()) as server:
        server.place(BTC, "bids", "O1", "99.0", "0.10000000")
        outlet = outlet_of_kraken()
        async with collecting(source(server), outlet):
            await connected(outlet)
        snapshot = next(p for p in outlet.payloads if b'"snapshot"' in p and b"BTC" in p)
        assert b'{"price":99.0,"qty":0.10000000}' in snapshot
        positions = [frame.position for frame in outlet.frames]
        assert positions == sorted(set(positions))


async def test_a_lost_update_is_found_by_the_checksum_and_the_book_is_fetched_anew() -> None:
    async with KrakenServer(markets()) as server:
        traders = Traders(server)
        traders.act(100)
        outlet = outlet_of_kraken()
        async with collecting(source(server), outlet):
            await connected(outlet)
            server.lose = 1
            server.place(BTC, "bids", "lost", "99.9", "7")
            server.place(BTC, "bids", "seen", "99.8", "7")
            await until(lambda: outlet.gaps, "a gap notice")
            await until(lambda: outlet.state.connection == "connected", "connected again")
            traders.act(100)
            await quiet(outlet)
        (gap,) = outlet.gaps
        assert gap.instrument == BTC
        assert "the book of BTC/USD is wrong: checksum" in gap.reason
        at = next(n for n, frame in enumerate(outlet.frames) if frame.kind == "gap")
        assert b"99.8" in outlet.frames[at - 1].payload
        methods = [(r["method"], r["params"]["symbol"]) for r in server.requests]
        assert methods[2:] == [("unsubscribe", [BTC]), ("subscribe", [BTC])]
        fresh = [m for m in messages(outlet, "book") if m["type"] == "snapshot"]
        assert [m["data"][0]["symbol"] for m in fresh].count(BTC) == 2
        assert outlet.state.gaps == 1
        assert outlet.state.trouble == ""


async def test_a_book_that_stays_wrong_is_asked_for_with_growing_pauses() -> None:
    async with KrakenServer(markets()) as server:
        server.spoil = 10**9
        outlet = outlet_of_kraken()
        patient = Reconnection(initial=200_000_000, maximum=10_000_000_000)
        config = source(server, symbols=[BTC], channels=["book"], reconnection=patient)
        async with collecting(config, outlet):
            await until(lambda: outlet.gaps, "a gap notice")
            await asyncio.sleep(1.0)
            subscribes = [r for r in server.requests if r["method"] == "subscribe"]
            assert 2 <= len(subscribes) <= 5
            assert "the book of BTC/USD is wrong" in outlet.state.trouble
            server.spoil = 0
            await connected(outlet)
            assert outlet.state.trouble == ""


async def test_checksums_may_be_left_unverified() -> None:
    async with KrakenServer(markets()) as server:
        server.spoil = 10**9
        outlet = outlet_of_kraken()
        async with collecting(source(server, verify_checksum=False), outlet):
            await connected(outlet)
            Traders(server).act(50)
            await quiet(outlet)
        assert outlet.gaps == []


async def test_missing_trades_are_named() -> None:
    async with KrakenServer(markets()) as server:
        outlet = outlet_of_kraken()
        async with collecting(source(server, channels=["trade"]), outlet):
            await connected(outlet)
            server.trade(BTC)
            server.lose = 1
            server.trade(BTC, 4)
            server.trade(BTC)
            await until(lambda: outlet.gaps, "a gap notice")
        (gap,) = outlet.gaps
        assert (gap.instrument, gap.expected, gap.received) == (BTC, 1002, 1006)


async def test_trades_during_an_interruption_are_fetched() -> None:
    async with KrakenServer(markets()) as server:
        outlet = outlet_of_kraken()
        async with collecting(source(server, channels=["trade"]), outlet):
            await connected(outlet)
            server.trade(BTC)
            await until(lambda: messages(outlet, "trade"), "a trade")
            server.drop_connections()
            server.trade(BTC, 5)
            await until(lambda: outlet.state.reconnects == 1, "connected again")
            await until(lambda: len(messages(outlet, "trade")) > 1, "the newest trades")
            server.trade(BTC)
            await until(lambda: b'"trade_id":1007' in outlet.frames[-1].payload, "the last trade")
        seen = {row["trade_id"] for m in messages(outlet, "trade") for row in m["data"]}
        assert seen == set(range(1001, 1008))
        assert [gap.instrument for gap in outlet.gaps] == ["*"]


async def test_after_a_dropped_connection_the_books_are_right_again() -> None:
    async with KrakenServer(markets()) as server:
        traders = Traders(server)
        traders.act(50)
        outlet = outlet_of_kraken()
        async with collecting(source(server), outlet):
            for _ in range(3):
                await connected(outlet)
                server.drop_connections()
                traders.act(20)
                await until(lambda: outlet.state.connection == "reconnecting", "noticed")
            await connected(outlet)
            traders.act(50)
            await quiet(outlet)
        assert {gap.instrument for gap in outlet.gaps} == {"*"}
        assert outlet.state.gaps == outlet.state.reconnects == 3


async def test_a_refused_symbol_is_shown_and_the_others_flow() -> None:
    async with KrakenServer(markets()) as server:
        outlet = outlet_of_kraken()
        slow = Reconnection(initial=5_000_000_000, maximum=10_000_000_000)
        symbols = [BTC, "XDG/USD"]
        config = source(server, symbols=symbols, channels=["book"], reconnection=slow)
        async with collecting(config, outlet):
            await until(lambda: "XDG/USD" in outlet.state.trouble, "trouble")
            assert "Currency pair not supported" in outlet.state.trouble
            Traders(server).act(20, (BTC,))
            await quiet(outlet)
            assert outlet.state.connection == "connected"
            assert outlet.state.reconnects == 0
        assert outlet.gaps == []


async def test_a_subscription_that_was_refused_for_the_moment_is_asked_for_again() -> None:
    async with KrakenServer(markets()) as server:
        server.refusals[BTC] = "Rate limit for snapshot requests exceeded"
        outlet = outlet_of_kraken()
        async with collecting(source(server, channels=["book"]), outlet):
            await until(lambda: "Rate limit" in outlet.state.trouble, "trouble")
            server.refusals.clear()
            await until(lambda: outlet.state.trouble == "", "subscribed after all")
            await connected(outlet)


async def test_a_subscription_without_an_answer_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kraken_collector, "ANSWER_TIMEOUT", 0.3)
    async with KrakenServer(markets()) as server:
        server.ignore.add(BTC)
        outlet = outlet_of_kraken()
        async with collecting(source(server, channels=["book"]), outlet):
            await until(lambda: "does not answer for book of BTC/USD" in outlet.state.trouble, "it")
            server.ignore.clear()
            await connected(outlet)
            assert outlet.state.trouble == ""


async def test_a_wrong_token_is_said_plainly_and_never_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KRAKEN_TOKEN", "a-token-of-the-test")
    async with KrakenServer(markets(), token="another") as server:
        outlet = outlet_of_kraken()
        slow = Reconnection(initial=200_000_000, maximum=1_000_000_000)
        token = Secret("${env:KRAKEN_TOKEN}")
        config = source(server, channels=["level3"], token=token, reconnection=slow)
        async with collecting(config, outlet):
            await until(lambda: "Token(s) not found" in outlet.state.trouble, "trouble")
            await asyncio.sleep(0.4)
            assert outlet.state.reconnects <= 4
        shown = "".join(capsys.readouterr()) + outlet.state.trouble
        assert "a-token-of-the-test" not in shown
        assert not any(b"a-token-of-the-test" in frame.payload for frame in outlet.frames)


def test_level3_without_a_token_is_a_mistake_in_the_configuration() -> None:
    config = KrakenSource(
        name="kraken", url=SecretText("ws://127.0.0.1:1"), symbols=[BTC], channels=["level3"]
    )
    with pytest.raises(SourceMisconfigured, match="level3 needs a token"):
        KrakenCollector(config, outlet_of_kraken())


async def test_a_silent_venue_is_stale_and_left() -> None:
    async with KrakenServer(markets()) as server:
        outlet = outlet_of_kraken()
        quick = Reconnection(initial=20_000_000, maximum=100_000_000, stale_after=400_000_000)
        async with collecting(source(server, reconnection=quick), outlet):
            await connected(outlet)
            server.silent = True
            await until(lambda: outlet.state.connection == "stale", "stale")
            server.silent = False
            await connected(outlet)


async def test_malformed_messages_are_kept_and_disturb_nothing() -> None:
    torn = [
        '{"channel":"book","type":"upd',
        "[]",
        '{"channel":"book","type":"update","data":[{"symbol":7}]}',
        '{"channel":"book","type":"update","data":{}}',
        '{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","trade_id":"x"}]}',
        '{"channel":"nonsense"}',
        '{"method":"pong","req_id":1}',
        "[" * 5000,
    ]
    async with KrakenServer(markets()) as server:
        outlet = outlet_of_kraken()
        async with collecting(source(server), outlet):
            await connected(outlet)
            for text in torn:
                server.send_text(text)
            Traders(server).act(20)
            await quiet(outlet)
        for text in torn:
            assert text.encode() in outlet.payloads
        assert outlet.gaps == []
        assert outlet.state.reconnects == 0


async def test_absurd_prices_are_a_gap_and_a_new_snapshot() -> None:
    async with KrakenServer(markets()) as server:
        outlet = outlet_of_kraken()
        async with collecting(source(server, channels=["book"]), outlet):
            await connected(outlet)
            row = '{"symbol":"BTC/USD","bids":[{"price":-1,"qty":1}],"asks":[],"checksum":1}'
            server.send_text(f'{{"channel":"book","type":"update","data":[{row}]}}')
            await until(lambda: outlet.gaps, "a gap notice")
            await connected(outlet)
        assert "is no price" in outlet.gaps[0].reason


async def test_an_oversized_frame_is_a_dead_letter_and_the_feed_goes_on() -> None:
    async with KrakenServer(markets()) as server:
        outlet = outlet_of_kraken()
        async with collecting(source(server, max_frame=100_000), outlet):
            await connected(outlet)
            server.send_text("z" * 200_000)
            await until(lambda: outlet.letters, "a dead letter")
            await until(lambda: outlet.state.reconnects == 1, "connected again")
            await connected(outlet)
        assert "larger than max_frame" in outlet.letters[0].reason


async def test_a_full_outlet_stops_the_reading_and_loses_nothing() -> None:
    async with KrakenServer(markets()) as server:
        outlet = outlet_of_kraken()
        async with collecting(source(server), outlet):
            await connected(outlet)
            outlet.gate.clear()
            Traders(server).act(500)
            await asyncio.sleep(0.2)
            held = len(outlet.frames)
            await asyncio.sleep(0.1)
            assert len(outlet.frames) == held
            outlet.gate.set()
            await quiet(outlet)
        assert outlet.gaps == []
        assert outlet.state.reconnects == 0


async def test_a_restart_says_that_something_may_be_missing() -> None:
    async with KrakenServer(markets()) as server:
        outlet = outlet_of_kraken()
        outlet.earlier = Frame("1.000000000001", 1, b"{}")
        async with collecting(source(server), outlet):
            await connected(outlet)
        assert [gap.instrument for gap in outlet.gaps] == ["*"]
        assert outlet.frames[0].kind == "gap"
