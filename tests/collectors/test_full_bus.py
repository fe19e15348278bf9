"""Collectors before a RAW stream that is full: they wait, and go on from where they stood."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from collectors.coinbase import CoinbaseCollector
from collectors.evm import Watched
from collectors.evm.collector import EvmCollector
from pipeline.bus import Bus, Stream
from pipeline.bus.embedded import EmbeddedServer
from pipeline.bus.positions import Position, created_at
from pipeline.bus.raw_outlet import RawOutlet
from pipeline.bus.retention import Keeper
from pipeline.config.schema import EmbeddedBus, MicroBatch, StreamLimits, Streams
from pipeline.frames import Frame, decode_batch
from pipeline.secrets import SecretText
from pipeline.source_state import SourceState
from pipeline.units import MIB
from tests.collectors.coinbase_book import read_all as read_books
from tests.collectors.coinbase_book import rest_orders
from tests.collectors.evm_session import canonical, positions
from tests.collectors.evm_session import source as node_source
from tests.collectors.test_coinbase_collector import ACME, BETA, market
from tests.collectors.test_coinbase_collector import source as venue_source
from tests.collectors.test_evm_interruptions import Start
from tests.fixtures.proxy import ProxyFactory
from tests.fixtures.waiting import until
from tests.pipeline.test_bus import read_all

LIMIT = 2 * MIB
LARGE = 100_000


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[Bus]:
    small, usual = StreamLimits(max_size=LIMIT), StreamLimits(max_size=64 * MIB)
    config = EmbeddedBus(
        path=tmp_path / "nats",
        streams=Streams(raw=small, events=usual, alerts=usual, dead=usual),
        batch=MicroBatch(max_frames=4),
    )
    async with EmbeddedServer(config), await Bus.connect(config, name="test") as connected:
        yield connected


async def fill(bus: Bus) -> None:
    """Leave no room in RAW, by a source that nobody reads."""
    for size in (LARGE, LARGE // 10, 500, 10):
        writer = bus.writer(Stream.RAW, f"ballast-{size}")
        for number in range(1000):
            try:
                async with asyncio.timeout(0.3):
                    await writer.write(bytes(size), str(number))
            except TimeoutError:
                break


async def make_room(bus: Bus) -> None:
    """Everything that is there was taken."""
    info = await bus.info(Stream.RAW)
    await bus.positions.save("normalizer", Position(created_at(info), info.state.last_seq))
    limits = StreamLimits(max_size=LIMIT)
    await Keeper(bus, Streams(raw=limits), ["normalizer"], []).tend()


async def frames_of(bus: Bus, source: str) -> list[Frame]:
    """A source's frames in RAW."""
    first = (await bus.info(Stream.RAW)).state.first_seq
    return [
        frame
        for message in await read_all(bus, Stream.RAW, after=max(0, first - 1))
        if message.subject == f"raw.{source}"
        for frame in decode_batch(message.data).frames
    ]


@asynccontextmanager
async def at_work(*jobs: Coroutine[Any, Any, None]) -> AsyncGenerator[None]:
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.chain
async def test_a_chain_goes_on_by_block_and_misses_none(
    bus: Bus, start_anvil: Start, proxy: ProxyFactory
) -> None:
    node = start_anvil(mining="manual")
    between = proxy(node.ws_url)
    outlet = RawOutlet(bus, SourceState("chain", "evm"), buffer=4_000)
    await fill(bus)
    collector = EvmCollector(node_source(between.through(node.ws_url)), Watched(), outlet)
    async with at_work(outlet.run(), collector.run()):

        async def told() -> bool:
            return "no room" in outlet.reported().trouble

        await until(told)
        for _ in range(40):
            node.mine()
        await asyncio.to_thread(between.cut)
        assert await frames_of(bus, "chain") == []

        await make_room(bus)

        async def all_there() -> bool:
            return len(await frames_of(bus, "chain")) >= 41

        await until(all_there)
        await asyncio.sleep(0.3)
    assert positions(await frames_of(bus, "chain")) == canonical(node)


async def test_a_venue_says_what_was_missed_and_fetches_the_book_anew(
    bus: Bus, proxy: ProxyFactory
) -> None:
    async with market() as venue:
        between = proxy(venue.server.url)
        config = venue_source(venue, url=SecretText(between.through(venue.server.url)))
        outlet = RawOutlet(bus, SourceState("venue", "coinbase"), buffer=4_000)
        async with at_work(outlet.run(), CoinbaseCollector(config, outlet).run()):

            async def connected() -> bool:
                frames = await frames_of(bus, "venue")
                return len([f for f in frames if f.kind == "snapshot"]) >= 2

            await until(connected)
            await fill(bus)
            for _ in range(20):
                venue.trade(20)
                await asyncio.sleep(0.01)

            async def told() -> bool:
                return "no room" in outlet.reported().trouble

            await until(told)
            await asyncio.to_thread(between.cut)
            venue.trade(50)
            await make_room(bus)

            async def caught_up() -> bool:
                last = read_books(await frames_of(bus, "venue")).last
                return all(last.get(p) == venue.sequence(p) for p in (ACME.id, BETA.id))

            await until(caught_up)
            frames = await frames_of(bus, "venue")
    reader = read_books(frames)
    for product in (ACME.id, BETA.id):
        assert reader.books[product] == rest_orders(venue.exchange.order_book(product))
    assert [frame for frame in frames if frame.kind == "gap"], "what was missed is told"
    assert not outlet.reported().trouble
