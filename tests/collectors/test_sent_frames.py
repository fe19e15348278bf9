"""What a collector finds of its own frames on the bus, after a restart."""

import asyncio

from pipeline.bus import Bus
from pipeline.bus.raw_outlet import RawOutlet
from pipeline.frames import Frame
from pipeline.outlet import SentFrame
from pipeline.source_state import SourceState
from pipeline.units import MIB


async def send(bus: Bus, source: str, first: int, count: int) -> None:
    outlet = RawOutlet(bus, SourceState(source, "evm"), buffer=MIB)
    writing = asyncio.create_task(outlet.run())
    for number in range(first, first + count):
        kind = "reorganisation" if number % 10 == 9 else "message"
        await outlet.send(Frame(f"{number}:0x", number, b"x" * 100, kind))
    await outlet.flush()
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)


async def sent(bus: Bus, source: str, least: int) -> list[SentFrame]:
    return await RawOutlet(bus, SourceState(source, "evm"), buffer=MIB).sent(least)


async def test_the_newest_frames_of_the_source_alone_oldest_first(bus: Bus) -> None:
    for first in range(0, 100, 5):
        await send(bus, "chain", first, 5)
        await send(bus, "venue", first, 5)
    found = await sent(bus, "chain", 30)
    assert len(found) >= 30
    assert [one.position for one in found] == [f"{n}:0x" for n in range(100 - len(found), 100)]
    assert [one.kind for one in found][-2:] == ["message", "reorganisation"]


async def test_frames_behind_many_of_another_source_are_found(bus: Bus) -> None:
    await send(bus, "chain", 0, 5)
    bus.batch.max_frames = 1
    await send(bus, "venue", 0, 1_200)
    assert [one.position for one in await sent(bus, "chain", 10)] == [f"{n}:0x" for n in range(5)]


async def test_a_source_without_frames_has_sent_none(bus: Bus) -> None:
    await send(bus, "venue", 0, 3)
    assert await sent(bus, "chain", 10) == []


async def test_they_can_be_had_whole(bus: Bus) -> None:
    await send(bus, "chain", 0, 12)
    await send(bus, "venue", 0, 3)
    found = await RawOutlet(bus, SourceState("chain", "evm"), buffer=MIB).recent(10)
    assert [one.position for one in found] == [f"{n}:0x" for n in range(12)]
    assert {(one.payload, one.kind) for one in found} == {
        (b"x" * 100, "message"),
        (b"x" * 100, "reorganisation"),
    }
