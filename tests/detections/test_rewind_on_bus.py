"""A lane goes back behind a fork on a real bus, however often it was killed meanwhile."""

import asyncio

import msgspec
import pytest

from detections.engine.engine import Engine
from normalizer.events import Alert, AlertUpdate
from pipeline.bus import Bus, Stream
from pipeline.units import HOUR, SECOND
from tests.detections.forked_chain import ForkedChain, Message, run
from tests.detections.test_rewind import RULES, parse_rules
from tests.detections.test_stage_recovery import running, saved, taken

_decode = msgspec.json.Decoder(Alert | AlertUpdate).decode


def forks() -> list[Message]:
    """Two forks, of which the second takes back what was saved behind the first one's branch."""
    chain = ForkedChain()
    for amounts in ([1], [150], [1, 1], [200]):
        chain.grow("a", amounts)
    chain.fork(2)
    chain.grow("b", [300])
    chain.fork(1)
    chain.grow("a")
    chain.grow("a")
    return chain.messages


async def publish(bus: Bus, messages: list[Message]) -> None:
    writer = bus.writer(Stream.EVENTS, "test")
    await writer.newest()
    for message in messages:
        await writer.write(b"\n".join(map(msgspec.json.encode, message)), message[0].id)


async def told(bus: Bus) -> list[Alert | AlertUpdate]:
    last = await bus.last_sequence(Stream.ALERTS)
    reader = bus.reader(Stream.ALERTS, after=0)
    found: list[Alert | AlertUpdate] = []
    while reader.position < last:
        for message in await reader.batch(100, wait=1):
            found += map(_decode, message.data.split(b"\n"))
    await reader.close()
    return found


async def expected() -> list[Alert | AlertUpdate]:
    rules = parse_rules(RULES.encode())
    sink, _ = await run(forks(), lambda: Engine(rules), lambda _: False)
    assert {type(one) for one in sink.told} == {Alert, AlertUpdate}
    return sink.told


@pytest.mark.parametrize("every", [SECOND // 50, HOUR], ids=["with-states", "without"])
async def test_a_lane_that_is_killed_behind_each_message_tells_the_same(
    bus: Bus, every: int
) -> None:
    rules = parse_rules(RULES.encode())
    for message in forks():
        await publish(bus, [message])
        async with running(bus, rules, every=every, warm_up=24 * HOUR):
            await taken(bus)
            await asyncio.sleep(0.1)
    assert await told(bus) == await expected()


async def test_a_lane_that_was_away_tells_the_same(bus: Bus) -> None:
    await publish(bus, forks())
    async with running(bus, parse_rules(RULES.encode())):
        await taken(bus)
    assert await told(bus) == await expected()


async def test_a_new_rule_is_rebuilt_without_what_was_orphaned(bus: Bus) -> None:
    large, _, rest = RULES.partition("---\n")
    before, after = (parse_rules(text.encode()) for text in (large, large + "---\n" + rest))
    chain = ForkedChain()
    for amounts in ([1], [1]):
        chain.grow("a", amounts)
    chain.fork(1)
    chain.grow("b")
    await publish(bus, chain.messages)
    async with running(bus, before, warm_up=24 * HOUR):
        await taken(bus)
        await saved(bus)
    seen = len(chain.messages)
    chain.grow("b", [1])
    chain.grow("b", [1])
    await publish(bus, chain.messages[seen:])
    async with running(bus, after, warm_up=24 * HOUR):
        await taken(bus)
    (alert,) = await told(bus)
    assert isinstance(alert, Alert)
    assert alert.evidence_blocks == (1, 3, 4)
