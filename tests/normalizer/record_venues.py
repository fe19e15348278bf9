"""Makes the recordings of venues with accounts, and their events, anew.

Run `python -m tests.normalizer.record_venues`. FIX comes from QuickFIX, by way of our collectors;
INX and Archax from their documents, by way of servers that speak as those say. What becomes of it
is to be read before it is committed; with the argument `events`, the events only are made.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from collectors.archax import ArchaxCollector
from collectors.fix.drop_copy import FixDropCopyCollector
from collectors.fix.market_data import FixMarketDataCollector
from collectors.inx import InxCollector
from collectors.recording import RecordedSource, RecordingOutlet, RecordingWriter
from normalizer.reference import Reference
from pipeline.cli.raw_events import RawEvents
from pipeline.config.sources import (
    ArchaxSource,
    FixDropCopySource,
    FixMarketDataSource,
    InxSource,
)
from pipeline.problems import Problem
from pipeline.secrets import Secret, SecretText
from tests.collectors.frames_outlet import FramesOutlet
from tests.fixtures.waiting import until
from tests.servers.fix_acceptor import CLIENT, VENUE, FixAcceptor
from tests.servers.token_venues import ArchaxVenue, InxVenue

GOLDEN = Path(__file__).parent / "golden"
NAMES = ("drop_copy", "tzero", "inx", "archax")
ORDER = {38: "300", 40: "2", 44: "10.25", 55: "ACME-USD", 59: "0", 60: "20261126-08:00:00.125"}
BUYER = ORDER | {1: "B-3", 11: "b1", 37: "42", 38: "100", 54: "1"}
SELLER = ORDER | {1: "A-7", 11: "a1", 37: "41", 54: "2"}
MATCH = {31: "10.25", 32: "100", 150: "F", 880: "9001"}


class Unready(Exception):
    """A recording holds what is no event."""


def events_of(name: str) -> bytes:
    """The events of a recording, as NDJSON."""

    def report(problem: Problem) -> None:
        raise Unready(problem.message)

    raw = RawEvents([GOLDEN / f"{name}.jsonl"], reference=Reference(), report=report)
    return b"".join(line + b"\n" for line in raw.lines())


async def _record(
    name: str,
    protocol: str,
    frames: int,
    make: Callable[[RecordingOutlet], Callable[[], Awaitable[None]]],
    play: Callable[[], Awaitable[None]],
) -> None:
    inner = FramesOutlet(protocol, name)
    source = RecordedSource(name, protocol, "acme-ats" if name == "drop_copy" else name)
    with RecordingWriter(GOLDEN / f"{name}.jsonl", [source]) as writer:
        task = asyncio.ensure_future(make(RecordingOutlet(inner, writer))())
        await play()
        await until(lambda: len(inner.frames) == frames, f"{frames} frames of {name}")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _fix() -> None:
    place: dict[str, Any] = {
        "host": "127.0.0.1",
        "tls": False,
        "sender_comp_id": CLIENT,
        "target_comp_id": VENUE,
    }
    with FixAcceptor() as acceptor:
        copy = FixDropCopySource(name="drop_copy", port=acceptor.port, venue="acme-ats", **place)

        async def play() -> None:
            await until(acceptor.logged_on.is_set, "a session")
            for number, report in enumerate(
                (
                    SELLER | {150: "0", 39: "0", 151: "300", 14: "0"},
                    BUYER | {150: "0", 39: "0", 151: "100", 14: "0"},
                    BUYER | MATCH | {39: "2", 151: "0", 14: "100", 1057: "Y"},
                    SELLER | MATCH | {39: "1", 151: "200", 14: "100", 1057: "N"},
                    SELLER | {150: "5", 39: "5", 44: "10.5", 151: "200", 14: "100"},
                    SELLER | {150: "4", 39: "4", 151: "0", 14: "100", 58: "by its owner"},
                    SELLER | {150: "8", 39: "8", 37: "43", 151: "0", 58: "no cover"},
                    SELLER | MATCH | {150: "H", 19: "e4", 58: "clearly erroneous"},
                ),
                1,
            ):
                acceptor.send("8", [*(report | {17: f"e{number}"}).items()])

        await _record(
            "drop_copy", "fix", 8, lambda outlet: FixDropCopyCollector(copy, outlet).run, play
        )
    with FixAcceptor() as acceptor:
        data = FixMarketDataSource(
            name="tzero", port=acceptor.port, venue="tzero", symbols=["TZROP"], **place
        )

        async def play_data() -> None:
            await asyncio.to_thread(acceptor.await_received, "35=V\x01")
            levels = [
                [(269, "0"), (270, "3.10"), (271, "500")],
                [(269, "1"), (270, "3.25"), (271, "200")],
            ]
            acceptor.send("W", [(262, "r"), (55, "TZROP"), (268, levels)])
            changes = [
                [(279, "1"), (269, "1"), (55, "TZROP"), (270, "3.25"), (271, "150")],
                [(279, "0"), (269, "2"), (55, "TZROP"), (270, "3.25"), (271, "50")],
            ]
            acceptor.send("X", [(262, "r"), (268, changes)])
            acceptor.send("h", [(335, "s"), (336, "CORE"), (340, "2")])
            acceptor.send("f", [(324, "s"), (55, "TZROP"), (326, "2"), (327, "D")])

        await _record(
            "tzero", "fix", 4, lambda outlet: FixMarketDataCollector(data, outlet).run, play_data
        )


def _secret(name: str, text: str) -> Secret:
    os.environ[name] = text
    return Secret(f"${{env:{name}}}")


async def _inx() -> None:
    async with InxVenue() as venue:
        source = InxSource(
            name="inx",
            url=SecretText(venue.url),
            rest_url=SecretText(venue.rest_url),
            api_key_id=_secret("RECORD_INX_ID", venue.key_id),
            private_key=_secret("RECORD_INX_KEY", venue.private_key),
            markets=["BTC-USD"],
        )
        book = {"event": "ORDER_BOOK", "sentTime": 1626785654804, "marketName": "BTC-USD"}
        trade = {"executedPrice": 50000, "executedQuantity": 1, "takerSide": "BUY"}

        async def play() -> None:
            await until(lambda: len(venue.received) == 2, "subscriptions")
            sell = [{"price": 42, "amount": 29.6726853}]
            await venue.push(book | {"buy": [{"price": 44, "amount": 27.6726853}], "sell": sell})
            await venue.push(book | {"buy": [{"price": 44, "amount": 0}], "sell": []})
            trades = [{"marketName": "BTC-USD"} | trade]
            await venue.push({"event": "ALL_TRADES", "sentTime": 1626785654804, "trades": trades})

        await _record("inx", "inx", 3, lambda outlet: InxCollector(source, outlet).run, play)


async def _archax() -> None:
    instrument = {"currency": "USD", "decimals": 2, "id": 4, "symbol": "ETH", "type": "crypto"}
    scales = {"priceDecimalPlaces": 2, "quantityDecimalPlaces": 0}
    async with ArchaxVenue({"4": instrument | scales}) as venue:
        source = ArchaxSource(
            name="archax",
            url=SecretText(venue.url),
            rest_url=SecretText(venue.rest_url),
            email=_secret("RECORD_ARCHAX_EMAIL", venue.EMAIL),
            password=_secret("RECORD_ARCHAX_PASSWORD", venue.PASSWORD),
            symbols=["ETH-USD"],
        )
        common = {"status": "OK", "timestamp": "2021-08-27T15:35:59.147Z"}

        async def play() -> None:
            await until(lambda: len(venue.received) == 4, "subscriptions")
            depth = {"instrumentId": 4, "buy": {"1200": 120}, "sell": {"1300": 7}}
            depths = {"type": "market-depths", "action": "set-market-depths", "data": {"4": depth}}
            await venue.push(common | depths)
            trade = {"amount": "45", "created": "1619080206756725534", "price": "9127"}
            trades = {"4": [trade | {"side": "sell", "tradeRef": "4"}]}
            history = {"type": "trade-histories", "action": "append-trade-histories/4"}
            await venue.push(common | history | {"data": trades})

        await _record(
            "archax", "archax", 3, lambda outlet: ArchaxCollector(source, outlet).run, play
        )


async def _record_all() -> None:
    await _fix()
    await _inx()
    await _archax()


def main() -> None:
    """Write all files."""
    if sys.argv[1:] != ["events"]:
        asyncio.run(_record_all())
    for name in NAMES:
        (GOLDEN / f"{name}_events.ndjson").write_bytes(events_of(name))


if __name__ == "__main__":
    main()
