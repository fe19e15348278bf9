"""Whatever breaks between the collector and its node: no block is missed and none sent twice."""

import asyncio
import random
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from collectors.evm import Watched
from demo.chain.anvil import Anvil
from pipeline.config.sources import Reconnection
from pipeline.units import MILLISECOND
from tests.collectors.evm_session import (
    QUICK,
    Emitter,
    canonical,
    collecting,
    payload,
    positions,
    source,
)
from tests.collectors.list_outlet import ListOutlet
from tests.fixtures.proxy import ProxyFactory
from tests.fixtures.waiting import until
from tests.servers.proxy import FaultProxy

pytestmark = pytest.mark.chain
Start = Callable[..., Anvil]


async def test_blocks_of_an_outage_are_fetched_afterwards(
    start_anvil: Start, proxy: ProxyFactory
) -> None:
    node = start_anvil(mining="manual")
    emitter = Emitter(node)
    between = proxy(node.ws_url)
    outlet = ListOutlet()
    config = source(between.through(node.ws_url))
    async with collecting(config, Watched.of(others=[emitter.address]), outlet):
        await until(lambda: len(outlet.frames) == 2)
        between.refuse()
        await until(lambda: outlet.state.connection == "reconnecting")
        await until(lambda: outlet.state.trouble != "")
        for _ in range(30):
            emitter.emit(2)
            node.mine()
        await asyncio.sleep(0.3)
        between.accept()
        await until(lambda: len(outlet.frames) == 32)
        assert outlet.state.connection == "connected"
        assert outlet.state.trouble == ""
        assert outlet.state.reconnects == 1
    assert positions(outlet.frames) == canonical(node)
    assert sum(len(payload(frame)["logs"]) for frame in outlet.frames) == 60


async def test_the_next_endpoint_takes_over(start_anvil: Start, proxy: ProxyFactory) -> None:
    node = start_anvil(mining="manual")
    first, second = proxy(node.ws_url), proxy(node.ws_url)
    outlet = ListOutlet()
    config = source(first.through(node.ws_url), second.through(node.ws_url))
    async with collecting(config, Watched(), outlet):
        await until(lambda: len(outlet.frames) == 1)
        assert second.connections_seen == 0
        first.refuse()
        node.mine()
        await until(lambda: len(outlet.frames) == 2)
        assert outlet.state.endpoint == second.through(node.ws_url)
        second.refuse()
        first.accept()
        node.mine()
        await until(lambda: len(outlet.frames) == 3)
        assert outlet.state.endpoint == first.through(node.ws_url)
    assert positions(outlet.frames) == canonical(node)


async def test_a_connection_that_hangs_is_found_stale(
    start_anvil: Start, proxy: ProxyFactory
) -> None:
    node = start_anvil(mining="manual")
    between, spare = proxy(node.ws_url), proxy(node.ws_url)
    outlet = ListOutlet()
    config = source(
        between.through(node.ws_url),
        spare.through(node.ws_url),
        reconnection=Reconnection(initial=QUICK.initial, stale_after=600 * MILLISECOND),
    )
    async with collecting(config, Watched(), outlet):
        await until(lambda: len(outlet.frames) == 1)
        between.pause()
        node.mine()
        await until(lambda: len(outlet.frames) == 2, seconds=5)
        assert outlet.state.endpoint == spare.through(node.ws_url)
        await asyncio.sleep(1.5)
        assert outlet.state.reconnects == 1, "a quiet chain is not a stale connection"
    assert positions(outlet.frames) == canonical(node)


async def test_a_slow_outlet_makes_no_stale_connection_and_holds_few_blocks(
    start_anvil: Start,
) -> None:
    node = start_anvil(mining="manual")
    outlet = ListOutlet(seconds_per_frame=0.05)
    config = source(
        node.ws_url,
        reconnection=Reconnection(initial=QUICK.initial, stale_after=300 * MILLISECOND),
    )
    async with collecting(config, Watched(), outlet):
        for _ in range(40):
            node.mine()
        await until(lambda: len(outlet.frames) == 41)
        assert outlet.state.reconnects == 0
    assert positions(outlet.frames) == canonical(node)


@settings(
    max_examples=4,
    deadline=None,
    phases=[Phase.generate],  # an outage of the same length is never quite the same again
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 2**32))
async def test_the_frames_are_the_same_whatever_the_interruptions(
    seed: int, start_anvil: Start
) -> None:
    chance = random.Random(seed)
    node = start_anvil(mining="manual")
    emitter = Emitter(node)
    watched = Watched.of(others=[emitter.address])
    outlet = ListOutlet()
    with FaultProxy.before(node.ws_url) as one, FaultProxy.before(node.ws_url) as two:
        node.rpc("anvil_mine", hex(chance.randint(0, 300)))
        config = source(
            one.through(node.ws_url), two.through(node.ws_url), backfill_range=chance.randint(1, 40)
        )
        for _ in range(chance.randint(2, 4)):
            outlet = outlet.reopened()
            outlet.seconds_per_frame = chance.choice([0.0, 0.0005, 0.004])
            async with collecting(config, watched, outlet):
                for _ in range(chance.randint(1, 5)):
                    for _ in range(chance.choice([0, 1, 5, 30])):
                        if chance.random() < 0.3:
                            emitter.emit(chance.randint(0, 20))
                        node.mine()
                    await asyncio.sleep(chance.random() * 0.1)
                    chance.choice([one.cut, two.cut, lambda: None])()
                    await asyncio.sleep(chance.random() * 0.05)
        outlet = outlet.reopened()
        async with collecting(config, watched, outlet):
            expected = canonical(node)
            await until(lambda: len(outlet.frames) >= len(expected))
            await asyncio.sleep(0.05)
    assert positions(outlet.frames) == expected
    assert all(frame.kind == "message" for frame in outlet.frames)
    place = {"fromBlock": "0x0", "toBlock": "latest", "address": emitter.address}
    logs = node.rpc("eth_getLogs", place)
    assert [log for frame in outlet.frames for log in payload(frame)["logs"]] == logs
    node.stop()
