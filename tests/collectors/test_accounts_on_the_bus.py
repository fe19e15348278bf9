"""Order logs and drop copies on a real bus: stopped anywhere, each line is there once."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from collectors.fix.drop_copy import FixDropCopyCollector
from collectors.order_log import OrderLogCollector
from pipeline.bus import Bus, Stream
from pipeline.bus.raw_outlet import RawOutlet
from pipeline.config.sources import OrderLogSource
from pipeline.fix_message import fields_of, values_of
from pipeline.frames import Frame, decode_batch
from pipeline.source_state import SourceState
from pipeline.trade_sides import decode_context
from pipeline.units import MILLISECOND
from tests.collectors.test_fix_drop_copy import config, report
from tests.collectors.test_fix_log import write
from tests.collectors.test_merged_fix_logs import at, merged
from tests.collectors.test_order_log import places
from tests.fixtures.waiting import until
from tests.normalizer.test_fix import FILL, changed
from tests.normalizer.test_fix_log import BUYER
from tests.servers.fix_acceptor import FixAcceptor


@asynccontextmanager
async def collecting(
    bus: Bus, collector: Callable[[RawOutlet], Callable[[], Awaitable[None]]]
) -> AsyncGenerator[RawOutlet]:
    """Runs until the block ends; then all stops at once, and nothing is flushed."""
    outlet = RawOutlet(bus, SourceState("source", "protocol"), buffer=8 * 1024)
    tasks = [asyncio.ensure_future(outlet.run()), asyncio.ensure_future(collector(outlet)())]
    try:
        yield outlet
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def stored(bus: Bus) -> list[Frame]:
    reader = bus.reader(Stream.RAW, after=0)
    found: list[Frame] = []
    try:
        while messages := await reader.batch(256, wait=0.2):
            for message in messages:
                found += decode_batch(message.data).frames
    finally:
        await reader.close()
    return found


async def read_in_pieces(bus: Bus, source: OrderLogSource, lines: int) -> list[Frame]:
    """All of a log's frames, of a collector that is stopped three times before its end."""
    pieces: list[int] = []
    for handed_on in (200, 300, 400):
        async with collecting(bus, lambda outlet: OrderLogCollector(source, outlet).run) as outlet:
            async with asyncio.timeout(20):
                while outlet.state.frames < handed_on:
                    await asyncio.sleep(0)
        pieces.append(len(await stored(bus)))
    assert 0 < pieces[0] < pieces[1] < pieces[2] < lines
    async with (
        asyncio.timeout(20),
        collecting(bus, lambda outlet: OrderLogCollector(source, outlet).run),
    ):
        while len(await stored(bus)) < lines:
            await asyncio.sleep(0.01)
    return await stored(bus)


async def test_a_log_that_is_collected_in_pieces_is_there_whole(bus: Bus, tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    # Every trade's second line comes 700 lines later.
    trades = [number % 700 + 700 * (number // 1_400) for number in range(1_500)]
    lines = ["exec_type,symbol,trade_id,side", *(f"trade,A,{trade},buy" for trade in trades)]
    lines[701:1401] = [line.replace("buy", "sell") for line in lines[701:1401]]
    path.write_text("\n".join(lines) + "\n")
    source = OrderLogSource(
        name="log", path=path, venue="v", trade_sides="each", poll_every=10 * MILLISECOND
    )
    frames = await read_in_pieces(bus, source, 1_500)
    assert [frame.position for frame in frames] == [f"orders.csv:{n}" for n in range(2, 1_502)]
    sides = [decode_context(frame.context).side for frame in frames]
    assert sides[:1_400] == ["first"] * 700 + ["second"] * 700


async def test_logs_of_several_fix_sessions_in_pieces_are_as_if_they_were_read_at_once(
    bus: Bus, tmp_path: Path
) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    for name, side in (("a.fix", FILL), ("b.fix", BUYER)):
        lines = [at(n // 20, changed(side, t17=f"{name}{n}", t880=f"m{n}")) for n in range(700)]
        write(folder / name, *lines)
    source = OrderLogSource(name="log", path=folder, venue="v", poll_every=10 * MILLISECOND)
    frames = await read_in_pieces(bus, source, 1_400)
    whole = merged(folder)
    assert [frame.position for frame in frames] == places(whole)
    found = [decode_context(frame.context) for frame in frames]
    assert [(one.side, one.other) for one in found] == [
        (one.side, one.other) for one in (decode_context(line.context) for line in whole)
    ]


async def test_a_drop_copy_that_is_stopped_at_once_is_there_whole(bus: Bus) -> None:
    with FixAcceptor() as acceptor:
        for run in range(4):
            async with collecting(
                bus, lambda outlet: FixDropCopyCollector(config(acceptor.port), outlet).run
            ) as outlet:
                await until(lambda run=run: acceptor.logons == run + 1, "a session")
                for number in range(run * 50, run * 50 + 50):
                    report(acceptor, number)
                await until(lambda outlet=outlet: outlet.state.frames >= 5, "some of it")
            await until(lambda: not acceptor.logged_on.is_set(), "the end of the session")
        async with collecting(
            bus, lambda outlet: FixDropCopyCollector(config(acceptor.port), outlet).run
        ) as outlet:
            async with asyncio.timeout(20):
                while len(frames := await stored(bus)) < 200:
                    await asyncio.sleep(0.05)
    found = [values_of(fields_of(frame.payload))[17].decode() for frame in frames]
    assert found == [f"e{number}" for number in range(200)]
