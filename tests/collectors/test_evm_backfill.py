"""Backfill: ranges as large as the node and the frame limit allow."""

from collections.abc import Callable

import pytest

from collectors.evm import Watched
from collectors.evm.backfill import LARGEST_RANGE, AdaptiveRange
from demo.chain.anvil import Anvil
from pipeline.units import KIB, MIB
from tests.collectors.evm_session import (
    PATIENT,
    Emitter,
    canonical,
    collecting,
    payload,
    positions,
    source,
)
from tests.collectors.list_outlet import ListOutlet
from tests.collectors.provider import Provider
from tests.fixtures.waiting import until

pytestmark = pytest.mark.chain
Start = Callable[..., Anvil]


def busy_chain(node: Anvil, blocks: int, logs: int) -> Emitter:
    emitter = Emitter(node)
    for _ in range(blocks):
        emitter.emit(logs)
        node.mine()
    return emitter


def log_count(outlet: ListOutlet) -> int:
    return sum(len(payload(frame)["logs"]) for frame in outlet.frames if frame.kind == "message")


async def test_answers_larger_than_a_frame_make_the_ranges_smaller(start_anvil: Start) -> None:
    node = start_anvil(mining="manual")
    emitter = busy_chain(node, 300, 40)
    outlet = ListOutlet()
    config = source(node.ws_url, max_frame=MIB, backfill_range=300)
    async with collecting(config, Watched.of(others=[emitter.address]), outlet):
        await until(lambda: len(outlet.frames) == 302, seconds=30)
        assert outlet.state.reconnects >= 1, "12,000 logs fit no frame of 1 MiB"
    assert positions(outlet.frames) == canonical(node)
    assert log_count(outlet) == 300 * 40


async def test_limits_of_a_provider_make_the_ranges_smaller(start_anvil: Start) -> None:
    node = start_anvil(mining="manual")
    emitter = busy_chain(node, 200, 10)
    outlet = ListOutlet()
    async with Provider(node) as provider:
        provider.most_blocks, provider.most_logs = 50, 100
        config = source(provider.url, backfill_range=500)
        async with collecting(config, Watched.of(others=[emitter.address]), outlet):
            await until(lambda: len(outlet.frames) == 202)
            assert outlet.state.reconnects == 0
        assert provider.refused["eth_getLogs"] >= 4
    assert positions(outlet.frames) == canonical(node)
    assert log_count(outlet) == 2000


async def test_a_node_without_ranges_is_asked_block_by_block(start_anvil: Start) -> None:
    node = start_anvil(mining="manual")
    emitter = busy_chain(node, 120, 2)
    outlet = ListOutlet()
    async with Provider(node) as provider:
        provider.most_blocks = 0
        config = source(provider.url)
        async with collecting(config, Watched.of(others=[emitter.address]), outlet):
            await until(lambda: len(outlet.frames) == 122)
    assert positions(outlet.frames) == canonical(node)
    assert log_count(outlet) == 240
    assert provider.refused["eth_getLogs"] >= 1


async def test_a_block_that_fits_no_frame_is_passed_over_and_told(start_anvil: Start) -> None:
    node = start_anvil(mining="manual")
    emitter = busy_chain(node, 30, 2)
    emitter.emit(1_000)
    huge = node.mine()
    for _ in range(40):
        emitter.emit(2)
        node.mine()
    outlet = ListOutlet()
    config = source(node.ws_url, max_frame=200 * KIB)
    async with collecting(config, Watched.of(others=[emitter.address]), outlet):
        await until(lambda: len(outlet.frames) == 73, seconds=30)
    others = canonical(node)
    missing = others.pop(huge)
    assert positions(outlet.frames) == others
    (gap,) = [frame for frame in outlet.frames if frame.kind == "gap"]
    assert gap.position == f"{missing}:too-large"
    (letter,) = outlet.letters
    assert letter.position == missing
    assert "max_frame" in letter.reason


async def test_a_restart_behind_a_block_that_was_passed_over_goes_on(start_anvil: Start) -> None:
    node = start_anvil(mining="manual")
    emitter = busy_chain(node, 3, 1_000)
    outlet = ListOutlet()
    config = source(node.ws_url, max_frame=200 * KIB)
    watched = Watched.of(others=[emitter.address])
    async with collecting(config, watched, outlet):
        await until(lambda: len(outlet.frames) == 5, seconds=30)
    outlet = outlet.reopened()
    async with collecting(config, watched, outlet):
        emitter.emit(1)
        node.mine()
        await until(lambda: len(outlet.frames) == 6)
    assert [frame.kind for frame in outlet.frames] == ["message"] * 2 + ["gap"] * 3 + ["message"]


async def test_too_many_requests_are_asked_again(start_anvil: Start) -> None:
    node = start_anvil(mining="manual")
    busy_chain(node, 5, 1)
    outlet = ListOutlet()
    async with Provider(node) as provider:
        provider.rate_limited = 4
        async with collecting(source(provider.url, reconnection=PATIENT), Watched(), outlet):
            await until(lambda: len(outlet.frames) == 7)
            assert outlet.state.reconnects == 0
    assert positions(outlet.frames) == canonical(node)


async def test_a_node_that_announces_before_it_has_the_block_is_waited_for(
    start_anvil: Start,
) -> None:
    node = start_anvil(mining="manual")
    outlet = ListOutlet()
    async with (
        Provider(node) as provider,
        collecting(source(provider.url, reconnection=PATIENT), Watched(), outlet),
    ):
        await until(lambda: len(outlet.frames) == 1)
        provider.behind = 3
        node.mine()
        await until(lambda: len(outlet.frames) == 2)
        assert outlet.state.reconnects == 0
    assert positions(outlet.frames) == canonical(node)


async def test_a_node_without_subscriptions_is_asked_for_its_head(start_anvil: Start) -> None:
    node = start_anvil(mining="manual")
    outlet = ListOutlet()
    async with Provider(node) as provider:
        provider.lacks = {"eth_subscribe"}
        async with collecting(source(provider.url), Watched(), outlet):
            await until(lambda: len(outlet.frames) == 1)
            node.mine()
            await until(lambda: len(outlet.frames) == 2)
    assert positions(outlet.frames) == canonical(node)


async def test_a_subscription_that_went_silent_costs_no_block(start_anvil: Start) -> None:
    node = start_anvil(mining="manual")
    outlet = ListOutlet()
    async with Provider(node) as provider:
        provider.mute = True
        async with collecting(source(provider.url), Watched(), outlet):
            for height in range(1, 4):
                await until(lambda: len(outlet.frames) == height)  # noqa: B023
                node.mine()
            await until(lambda: len(outlet.frames) == 4)
            await until(lambda: outlet.state.reconnects == 1, seconds=6)
    assert positions(outlet.frames) == canonical(node)


async def test_finality_is_what_the_node_says(start_anvil: Start) -> None:
    node = start_anvil(mining="manual")
    for _ in range(120):
        node.mine()
    finalized = int(node.rpc("eth_getBlockByNumber", "finalized", False)["number"], 16)
    assert 0 < finalized < 100
    outlet = ListOutlet()
    async with collecting(source(node.ws_url), Watched(), outlet):
        await until(lambda: len(outlet.frames) == 121)
    told = [payload(frame)["finality"] for frame in outlet.frames]
    assert told[: finalized + 1] == ["finalized"] * (finalized + 1)
    assert told[-1] == "latest"


def test_a_range_shrinks_by_half_and_grows_slowly_below_what_failed() -> None:
    size = AdaptiveRange(500)
    size.failed(500)
    assert size.size == 250
    for _ in range(20):
        size.succeeded()
    assert 400 < size.size <= 499
    for _ in range(2_000):
        size.succeeded()
    assert size.size == LARGEST_RANGE


def test_a_range_of_one_that_fails_is_exhausted() -> None:
    size = AdaptiveRange(3)
    for expected in (1, 1):
        size.failed(size.size)
        assert size.size == expected
    assert size.exhausted
