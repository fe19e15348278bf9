"""Several lanes go back behind a fork, each by itself, and tell together what one lane tells."""

import asyncio

import msgspec
import pytest

from detections.engine.engine import Engine
from detections.lanes.lane import Lane
from detections.lanes.ruled_engine import RuledEngine
from detections.lanes.stage import DetectionStage, LanePlace, lane_places
from normalizer.assets import Assets
from normalizer.events import Alert, AlertUpdate, Record
from normalizer.reference import Reference
from normalizer.stage import Lanes
from pipeline.bus import Bus, Stream, StreamMessage
from pipeline.bus.lane_order import Mark
from pipeline.bus.publisher import publish_once
from pipeline.bus.relay import Output, Relay
from pipeline.units import HOUR, SECOND
from tests.detections.test_rewind import RULES, parse_rules
from tests.detections.test_rewind_on_bus import expected, forks, told

COUNT = 2
ROUTING = Lanes(Assets(Reference()), COUNT)
_decode = msgspec.json.Decoder(Record).decode


def by_lane(message: StreamMessage) -> Output:
    """What the normalizer does, of records that are in RAW already."""
    lines = message.data.split(b"\n")
    records = [_decode(line) for line in lines]
    return Output(
        lines,
        lanes=[ROUTING.of(record) for record in records],
        marks=[Mark(one.provider, one.timestamp, one.ingested) for one in records],
    )


def stages(bus: Bus) -> list[asyncio.Task[None]]:
    """The normalizer and all lanes; cancelled, they leave nothing that a crash would not."""
    rules = parse_rules(RULES.encode())

    def make(place: LanePlace) -> Lane:
        return Lane(
            bus,
            RuledEngine(Engine(place.rules(rules))),
            warm_up=24 * HOUR,
            checkpoint_every=SECOND // 50,
            name=place.name,
            events=place.events(bus),
        )

    lanes = [str(number) for number in range(COUNT)]
    normalizer = Relay(bus, "normalizer", Stream.RAW, Stream.EVENTS, by_lane, lanes=lanes)
    detections = DetectionStage(bus, lane_places(COUNT), make)
    return [asyncio.ensure_future(normalizer.run()), asyncio.ensure_future(detections.run())]


async def all_taken(bus: Bus) -> None:
    async with asyncio.timeout(30):
        raw = await bus.last_sequence(Stream.RAW)
        while (await bus.positions.load("normalizer")).done < raw:
            await asyncio.sleep(0.05)
        last = await bus.last_sequence(Stream.EVENTS)
        for place in lane_places(COUNT):
            while (await bus.positions.load(place.name)).done < last:
                await asyncio.sleep(0.05)


@pytest.mark.parametrize("crashes", [False, True])
async def test_lanes_tell_together_what_one_lane_tells(bus: Bus, crashes: bool) -> None:
    running: list[asyncio.Task[None]] = []
    for number, records in enumerate(forks()):
        payload = b"\n".join(map(msgspec.json.encode, records))
        await publish_once(bus, "raw.chain", payload, f"raw-{number}")
        if crashes:
            running = stages(bus)
            await all_taken(bus)
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
    running = stages(bus)
    await all_taken(bus)
    for task in running:
        assert not task.done(), task
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)

    assert sorted(map(facts, await told(bus))) == sorted(map(facts, await expected()))


def facts(one: Alert | AlertUpdate) -> bytes:
    return msgspec.json.encode(one)
