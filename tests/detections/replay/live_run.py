"""A live run to replay: events on a real bus, and detections that read them until they are done."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import msgspec

from detections.engine.engine import Engine
from detections.lanes.lane import Lane
from detections.lanes.ruled_engine import RuledEngine
from detections.rules import RuleSet
from normalizer.events import Alert, Record
from pipeline.bus import Bus, Stream
from pipeline.bus.positions import Positions
from pipeline.units import SECOND

_decode = msgspec.json.Decoder(Alert).decode


async def publish(bus: Bus, *messages: Sequence[Record]) -> None:
    """Each as a message of EVENTS."""
    writer = bus.writer(Stream.EVENTS, "test")
    await writer.newest()
    for records in messages:
        await writer.write(b"\n".join(map(msgspec.json.encode, records)), records[0].id)


@asynccontextmanager
async def live(bus: Bus, rules: RuleSet, *, lateness: int = 0) -> AsyncGenerator[None]:
    """The detections, until they have taken all that was published."""
    engine = Engine(rules, allowed_lateness=lateness)
    stage = Lane(bus, RuledEngine(engine), warm_up=0, checkpoint_every=SECOND)
    task = asyncio.create_task(stage.run())
    try:
        yield
        await taken(bus)
        assert not task.done(), task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def taken(bus: Bus, until: int | None = None) -> None:
    """Wait until the detections have taken all events, and say so durably."""
    last = until or await bus.last_sequence(Stream.EVENTS)
    async with asyncio.timeout(20):
        while True:
            positions = await Positions.open(bus, bus.names.bucket("POSITIONS"))
            if (await positions.load("detections")).done >= last:
                return
            await asyncio.sleep(0.05)


async def alert_lines(bus: Bus) -> list[bytes]:
    """All alerts, as they are on the bus."""
    last = await bus.last_sequence(Stream.ALERTS)
    reader = bus.reader(Stream.ALERTS, after=0)
    found: list[bytes] = []
    while reader.position < last:
        for message in await reader.batch(100, wait=1):
            found += message.data.split(b"\n")
    await reader.close()
    return found


async def alerts(bus: Bus) -> list[Alert]:
    """All alerts."""
    return [_decode(line) for line in await alert_lines(bus)]
