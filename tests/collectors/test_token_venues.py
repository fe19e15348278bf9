"""INX and Archax: logged in, subscribed, resynchronised after a break."""

import asyncio
import os
from collections.abc import AsyncGenerator, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from collectors.archax import ArchaxCollector
from collectors.connection import SourceMisconfigured
from collectors.inx import InxCollector, sign
from collectors.rest_login import check_rest
from normalizer.events import market
from normalizer.normalize import Normalized, Normalizer
from normalizer.reference import Reference
from pipeline.archax_scales import Scale, decode_scales
from pipeline.config.sources import ArchaxSource, InxSource, Reconnection
from pipeline.frames import FrameBatch
from pipeline.secrets import Secret, SecretText
from pipeline.units import MILLISECOND
from tests.collectors.frames_outlet import FramesOutlet
from tests.fixtures.waiting import until
from tests.servers.token_venues import ArchaxVenue, InxVenue

QUICKLY = Reconnection(initial=20 * MILLISECOND, maximum=100 * MILLISECOND)
BOOK = {
    "event": "ORDER_BOOK",
    "sentTime": 1626785654804,
    "marketName": "BTC-USD",
    "buy": [{"price": 44, "amount": 27.6726853}],
    "sell": [{"price": 45, "amount": 29.6726853}],
}
INSTRUMENTS = {
    "4": {
        **{"currency": "USD", "decimals": 2, "id": 4, "symbol": "ETH", "type": "crypto"},
        **{"priceDecimalPlaces": 2, "quantityDecimalPlaces": 0},
    },
    "5": {"ticker": "ACMEGBP", "priceScale": 3, "quantityScale": 1, "tradingPairId": 5},
    "6": {"symbol": "NOTHING", "currency": "EUR"},
}
DEPTHS: dict[str, Any] = {
    "status": "OK",
    "action": "set-market-depths",
    "data": {"4": {"instrumentId": 4, "buy": {"1200": 120}, "sell": {}}, "9": {"buy": {}}},
    "type": "market-depths",
    "timestamp": "2021-07-01T05:17:10.691Z",
}


def secret(text: str) -> Secret:
    """A reference to it, for a secret can't stand in a configuration."""
    name = f"TOKEN_VENUES_{len(os.environ)}"
    os.environ[name] = text
    return Secret(f"${{env:{name}}}")


@pytest.fixture(autouse=True)
def no_secret_stays() -> Iterator[None]:
    before = dict(os.environ)
    yield
    for name in set(os.environ) - set(before):
        del os.environ[name]


@asynccontextmanager
async def running(run: Coroutine[Any, Any, None]) -> AsyncGenerator[None]:
    task = asyncio.create_task(run)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def inx(venue: InxVenue, **changes: Any) -> InxSource:
    settings: dict[str, Any] = {
        "name": "inx",
        "url": SecretText(venue.url),
        "rest_url": SecretText(venue.rest_url),
        "api_key_id": secret(venue.key_id),
        "private_key": secret(venue.private_key),
        "markets": ["BTC-USD"],
        "reconnection": QUICKLY,
    }
    return InxSource(**settings | changes)


def archax(venue: ArchaxVenue, **changes: Any) -> ArchaxSource:
    settings: dict[str, Any] = {
        "name": "archax",
        "url": SecretText(venue.url),
        "rest_url": SecretText(venue.rest_url),
        "email": secret(venue.EMAIL),
        "password": secret(venue.PASSWORD),
        "symbols": ["ETH-USD", "ACMEGBP"],
        "reconnection": QUICKLY,
    }
    return ArchaxSource(**settings | changes)


def normalized(protocol: str, outlet: FramesOutlet) -> Normalized:
    normalizer = Normalizer(Reference(), {})
    return normalizer.normalize(1, FrameBatch("venue", protocol, outlet.frames))


async def test_inx_is_subscribed_with_a_token_and_the_first_book_is_whole() -> None:
    outlet = FramesOutlet("inx", "inx")
    async with InxVenue() as venue, running(InxCollector(inx(venue), outlet).run()):
        await until(lambda: len(venue.received) == 2, "two subscriptions")
        book, trades = venue.received
        assert book["event"] == "orderBook/subscribeOrderBook"
        assert (book["data"]["marketName"], book["data"]["depth"]) == ("BTC-USD", 20)
        assert trades["event"] == "allTrades/subscribeAllTrades"
        await venue.push(BOOK | {"status": "OK", "error": None, "message": None})
        await venue.push(BOOK | {"buy": [{"price": 44, "amount": 0}], "sell": []})
        await venue.push("ping")
        await until(lambda: {"text": "pong"} in venue.received, "a pong")
        await until(lambda: len(outlet.frames) == 2, "what was sent")
        assert venue.refused == 0
    snapshot, update = normalized("inx", outlet).events
    assert isinstance(snapshot, market.BookSnapshot)
    assert snapshot.depth == 20
    assert isinstance(update, market.BookUpdate)
    assert (update.bid_prices, update.bid_quantities) == ((44.0,), (0.0,))


async def test_inx_gets_a_new_token_and_a_whole_book_after_a_break() -> None:
    outlet = FramesOutlet("inx", "inx")
    async with InxVenue() as venue, running(InxCollector(inx(venue), outlet).run()):
        await until(lambda: len(venue.received) == 2, "subscriptions")
        await venue.push(BOOK)
        await until(lambda: len(outlet.frames) == 1, "a book")
        await venue.cut()
        await until(lambda: len(venue.received) == 4, "subscriptions anew")
        await venue.push(BOOK)
        await until(lambda: len(outlet.frames) == 3, "a gap and a book")
        assert venue.refused == 0
    assert [frame.kind for frame in outlet.frames] == ["message", "gap", "message"]
    kinds = [type(event) for event in normalized("inx", outlet).events]
    assert kinds == [market.BookSnapshot, market.FeedGap, market.BookSnapshot]


async def test_inx_says_what_is_wrong_with_a_login_and_shows_no_secret() -> None:
    outlet = FramesOutlet("inx", "inx")
    async with InxVenue() as venue, InxVenue() as other:
        wrong = inx(venue, private_key=secret(other.private_key))
        async with running(InxCollector(wrong, outlet).run()):
            await until(lambda: "401" in outlet.state.trouble, "the refusal")
        assert "createToken" in outlet.state.trouble or "…" in outlet.state.trouble
        assert venue.key_id not in outlet.state.trouble
        with pytest.raises(SourceMisconfigured, match="PEM"):
            sign("no key", b"")
        one_line = venue.private_key.replace("\n", "\\n")
        assert sign(one_line, b"x") == sign(venue.private_key, b"x")


async def test_archax_frames_have_the_scales_of_their_instruments() -> None:
    outlet = FramesOutlet("archax", "archax")
    async with (
        ArchaxVenue(INSTRUMENTS) as venue,
        running(ArchaxCollector(archax(venue), outlet).run()),
    ):
        await until(lambda: len(venue.received) == 5, "a login and subscriptions")
        actions = [message["action"] for message in venue.received]
        assert actions == [
            *("login", "subscribe-instruments", "subscribe-market-depths"),
            *("subscribe-trade-histories/4", "subscribe-trade-histories/5"),
        ]
        await venue.push(DEPTHS)
        trade = {
            **{"amount": "45", "created": "1619080206756725534", "price": "9127"},
            **{"side": "sell", "tradeRef": "4"},
        }
        trades = {"status": "OK", "action": "append-trade-histories/5", "data": {"5": [trade]}}
        await venue.push(trades | {"type": "trade-histories"})
        await until(lambda: len(outlet.frames) == 3, "what was sent")
    assert decode_scales(outlet.frames[1].context) == {"4": Scale("ETH-USD", 2, 0)}
    result = normalized("archax", outlet)
    book, sold = result.events
    assert isinstance(book, market.BookSnapshot)
    assert (book.instrument, book.bid_prices, book.bid_quantities) == ("ETH-USD", (12.0,), (120.0,))
    assert isinstance(sold, market.Trade)
    assert (sold.instrument, sold.price, sold.quantity) == ("ACMEGBP", 9.127, 4.5)
    assert (sold.side, sold.trade_id) == ("sell", "4")
    assert result.ignored == {"instruments": 1, "instrument that was not asked for": 1}


class _Hasty(ArchaxVenue):
    """It sends the books as soon as they are asked for, and takes its time for anything else."""

    async def _take(self, connection: ServerConnection, message: dict[str, Any]) -> None:
        if message["action"] == "subscribe-market-depths":
            await self.push(DEPTHS)
        elif message["action"] == "subscribe-instruments":
            self._later = asyncio.create_task(self._instruct(connection, message))
        else:
            await super()._take(connection, message)

    async def _instruct(self, connection: ServerConnection, message: dict[str, Any]) -> None:
        await asyncio.sleep(0.05)
        await super()._take(connection, message)


async def test_archax_is_asked_for_books_when_their_scales_are_known() -> None:
    outlet = FramesOutlet("archax", "archax")
    async with (
        _Hasty(INSTRUMENTS) as venue,
        running(ArchaxCollector(archax(venue), outlet).run()),
    ):
        await until(lambda: len(outlet.frames) == 2, "instruments and books")
    (book,) = normalized("archax", outlet).events
    assert isinstance(book, market.BookSnapshot)


async def test_archax_logs_in_anew_after_a_break() -> None:
    outlet = FramesOutlet("archax", "archax")
    async with (
        ArchaxVenue(INSTRUMENTS) as venue,
        running(ArchaxCollector(archax(venue), outlet).run()),
    ):
        await until(lambda: len(venue.received) == 5, "subscriptions")
        await venue.cut()
        await until(lambda: len(venue.received) == 10, "subscriptions anew")
        tokens = [one["token"] for one in venue.received if one["action"] == "login"]
        assert tokens == ["jwt-0", "jwt-1"]
    assert [gap.reason for gap in outlet.gaps] == [
        "the connection was lost; what came in between is missing"
    ]


async def test_archax_says_what_it_was_refused_and_what_there_is_not() -> None:
    outlet = FramesOutlet("archax", "archax")
    async with ArchaxVenue(INSTRUMENTS) as venue:
        wrong = archax(venue, password=secret("wrong"))
        async with running(ArchaxCollector(wrong, outlet).run()):
            await until(lambda: "incorrect" in outlet.state.trouble, "the refusal")
        other = archax(venue, symbols=["NOTHING-EUR"])
        async with running(ArchaxCollector(other, outlet).run()):
            await until(lambda: "no such instrument: NOTHING-EUR" in outlet.state.trouble, "it")
        assert (await check_rest("archax", SecretText(venue.rest_url))).level == "ok"
    assert (await check_rest("archax", SecretText(venue.rest_url))).level == "error"
