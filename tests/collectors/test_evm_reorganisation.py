"""Reorganisations: found by parent hash, told by a frame of its own, followed by the new branch."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from collectors.evm import Watched
from demo.chain.anvil import Anvil, AnvilOptions
from pipeline.chain_notices import FinalityNotice, ReorganisationNotice
from pipeline.frames import Frame
from pipeline.units import MILLISECOND
from tests.collectors.evm_session import (
    Emitter,
    canonical,
    collecting,
    numbers,
    payload,
    positions,
    source,
)
from tests.collectors.list_outlet import ListOutlet
from tests.fixtures.proxy import ProxyFactory
from tests.fixtures.waiting import until

pytestmark = pytest.mark.chain
Start = Callable[..., Anvil]


def surviving(frames: list[Frame]) -> list[str]:
    """What a reader holds who, at each gap, drops the blocks behind the fork."""
    kept: list[tuple[int, str]] = []
    for frame in frames:
        number, block_hash = frame.position.split(":")[:2]
        if frame.kind == "reorganisation":
            kept = [one for one in kept if one[0] <= int(number)]
        else:
            assert not kept or int(number) == kept[-1][0] + 1
            kept.append((int(number), block_hash))
    return [f"{number}:{block_hash}" for number, block_hash in kept]


def notices(frames: list[Frame]) -> list[ReorganisationNotice]:
    return [
        msgspec.json.decode(frame.payload, type=ReorganisationNotice)
        for frame in frames
        if frame.kind == "reorganisation"
    ]


def hashes(frames: list[Frame]) -> list[str]:
    return [frame.position.split(":")[1] for frame in frames if frame.kind == "message"]


async def test_a_reorganisation_is_told_and_the_new_branch_sent(start_anvil: Start) -> None:
    node = start_anvil(mining="manual")
    emitter = Emitter(node)
    outlet = ListOutlet()
    async with collecting(source(node.ws_url), Watched.of(others=[emitter.address]), outlet):
        for _ in range(8):
            emitter.emit(1)
            node.mine()
        await until(lambda: numbers(outlet.frames)[-1:] == [9])
        old = outlet.frames[-1].position
        moved: dict[str, Any] = {"from": node.rpc("eth_accounts")[1], "to": emitter.address}
        moved |= {"data": f"0x{7:064x}", "gas": hex(1_000_000)}
        node.rpc("anvil_reorg", 3, [[moved, 0]])
        await until(lambda: surviving(outlet.frames) == canonical(node))
        assert outlet.state.gaps == 0, "nothing is missing"
    (notice,) = notices(outlet.frames)
    assert (notice.chain_id, notice.network, notice.depth_known) == (31337, "anvil", True)
    assert (notice.common.number, notice.common.hash) == (6, hashes(outlet.frames)[6])
    assert f"{notice.old.number}:{notice.old.hash}" == old
    assert notice.orphaned == hashes(outlet.frames)[7:10]
    assert f"{notice.new.number}:{notice.new.hash}" == canonical(node)[-1]
    block = payload(outlet.frames[6])["block"]
    assert notice.timestamp == int(block["timestamp"], 16), "time doesn't run ahead of the branch"
    assert numbers(outlet.frames) == [*range(10), 7, 8, 9]
    assert len({frame.position for frame in outlet.frames}) == len(outlet.frames)
    assert len(payload(outlet.frames[-3])["logs"]) == 7


async def test_a_rollback_shows_when_the_new_branch_comes(start_anvil: Start) -> None:
    node = start_anvil(mining="manual")
    for _ in range(6):
        node.mine()
    outlet = ListOutlet()
    async with collecting(source(node.ws_url), Watched(), outlet):
        await until(lambda: len(outlet.frames) == 7)
        node.rpc("anvil_rollback", 3)
        await asyncio.sleep(0.3)
        assert len(outlet.frames) == 7, "a shorter chain of the same blocks contradicts nothing"
        node.rpc("evm_increaseTime", 100)
        node.mine()
        await until(lambda: surviving(outlet.frames) == canonical(node))
        for _ in range(5):
            node.mine()
        await until(lambda: surviving(outlet.frames) == canonical(node))
    assert [(one.old.number, one.common.number) for one in notices(outlet.frames)] == [(6, 3)]


class ForkedAnvil(Anvil):
    """A node that shares another's blocks up to a height, and goes on by itself."""

    def __init__(self, origin: Anvil, height: int) -> None:
        super().__init__(AnvilOptions(mining="manual"))
        self._fork = ["--fork-url", origin.http_url, "--fork-block-number", str(height)]

    def _arguments(self) -> list[str]:
        return [*super()._arguments(), *self._fork]


async def test_failover_to_a_node_on_another_branch_and_back(
    start_anvil: Start, proxy: ProxyFactory
) -> None:
    node = start_anvil(mining="manual")
    for _ in range(5):
        node.mine()
    with ForkedAnvil(node, 3) as other:
        other.mine()
        first, second = proxy(node.ws_url), proxy(other.ws_url)
        urls = first.through(node.ws_url), second.through(other.ws_url)
        outlet = ListOutlet()
        async with collecting(source(*urls), Watched(), outlet):
            await until(lambda: surviving(outlet.frames) == canonical(node))
            first.refuse()
            await until(lambda: surviving(outlet.frames) == canonical(other))
            first.accept()
            second.refuse()
            await until(lambda: surviving(outlet.frames) == canonical(node))
    assert numbers(outlet.frames) == [0, 1, 2, 3, 4, 5, 4, 4, 5]
    assert len(notices(outlet.frames)) == 2
    assert len({frame.position for frame in outlet.frames}) == len(outlet.frames), (
        "the bus would drop a block that comes again under its old position"
    )


async def test_a_reorganisation_during_a_stop_is_found_at_the_restart(start_anvil: Start) -> None:
    node = start_anvil(mining="manual")
    for _ in range(6):
        node.mine()
    outlet = ListOutlet()
    async with collecting(source(node.ws_url), Watched(), outlet):
        await until(lambda: len(outlet.frames) == 7)
    node.rpc("anvil_reorg", 1, [])
    node.mine()
    outlet = outlet.reopened()
    async with collecting(source(node.ws_url), Watched(), outlet):
        await until(lambda: surviving(outlet.frames) == canonical(node))
    (notice,) = notices(outlet.frames)
    assert (notice.old.number, notice.common.number) == (6, 5)
    assert notice.orphaned == [hashes(outlet.frames)[6]]


async def test_after_a_restart_the_stream_tells_what_the_node_has_forgotten(
    start_anvil: Start,
) -> None:
    node = start_anvil(mining="manual")
    for _ in range(20):
        node.mine()
    outlet = ListOutlet()
    async with collecting(source(node.ws_url), Watched(), outlet):
        await until(lambda: len(outlet.frames) == 21)
    node.rpc("anvil_rollback", 12)
    node.rpc("evm_increaseTime", 100)
    for _ in range(14):
        node.mine()
    outlet = outlet.reopened()
    async with collecting(source(node.ws_url), Watched(), outlet):
        await until(lambda: surviving(outlet.frames) == canonical(node))
    (notice,) = notices(outlet.frames)
    assert (notice.old.number, notice.common.number, notice.depth_known) == (20, 8, True)
    assert notice.orphaned == hashes(outlet.frames)[9:21]


async def test_after_a_restart_a_block_that_comes_back_has_a_position_of_its_own(
    start_anvil: Start,
) -> None:
    node = start_anvil(mining="manual")
    for _ in range(5):
        node.mine()
    with ForkedAnvil(node, 3) as other:
        other.mine()
        outlet = ListOutlet()
        for one in (node, other, node):
            outlet = outlet.reopened()
            async with collecting(source(one.ws_url), Watched(), outlet):
                expected = canonical(one)
                await until(lambda o=outlet, e=expected: surviving(o.frames) == e)
    assert numbers(outlet.frames) == [0, 1, 2, 3, 4, 5, 4, 4, 5]
    assert len({frame.position for frame in outlet.frames}) == len(outlet.frames)
    assert notices(outlet.frames)[1].orphaned == [hashes(outlet.frames)[6]]


async def test_safe_and_finalized_blocks_are_told_when_they_move(start_anvil: Start) -> None:
    node = start_anvil(mining="manual")
    for _ in range(30):
        node.mine()
    outlet = ListOutlet()
    config = source(node.ws_url, finality_every=20 * MILLISECOND)
    async with collecting(config, Watched(), outlet):
        await until(lambda: numbers(outlet.frames)[-1:] == [30])
        await asyncio.sleep(0.2)
        assert len(outlet.frames) == 31, "that the first block is final is no news"
        for _ in range(40):
            node.mine()
        await until(lambda: finalities(outlet.frames)[-1:] == [(38, 6)])
        await until(lambda: numbers(outlet.frames)[-1:] == [70])
        told = len(outlet.frames)
        await asyncio.sleep(0.2)
        assert len(outlet.frames) == told
    outlet = outlet.reopened()
    async with collecting(config, Watched(), outlet):
        node.mine()
        await until(lambda: finalities(outlet.frames)[-1:] == [(39, 7)])
    assert numbers(outlet.frames) == list(range(72)), "it went on behind the newest block"


def finalities(frames: list[Frame]) -> list[tuple[int, int]]:
    read = [
        msgspec.json.decode(frame.payload, type=FinalityNotice)
        for frame in frames
        if frame.kind == "finality"
    ]
    return [
        (one.safe.number if one.safe else -1, one.finalized.number if one.finalized else -1)
        for one in read
    ]


async def test_a_stop_right_behind_the_gap_goes_on_at_the_fork(start_anvil: Start) -> None:
    node = start_anvil(mining="manual")
    for _ in range(6):
        node.mine()
    outlet = ListOutlet()
    async with collecting(source(node.ws_url), Watched(), outlet):
        await until(lambda: len(outlet.frames) == 7)
        node.rpc("anvil_reorg", 2, [])
        await until(lambda: surviving(outlet.frames) == canonical(node))
    at = next(n for n, frame in enumerate(outlet.frames) if frame.kind == "reorganisation")
    del outlet.frames[at + 1 :]
    outlet = outlet.reopened()
    async with collecting(source(node.ws_url), Watched(), outlet):
        await until(lambda: surviving(outlet.frames) == canonical(node))
    assert len(notices(outlet.frames)) == 1


async def test_a_fork_deeper_than_can_be_seen_goes_back_to_the_bound(start_anvil: Start) -> None:
    node = start_anvil(mining="manual")
    for _ in range(20):
        node.mine()
    outlet = ListOutlet()
    async with collecting(source(node.ws_url, reorganisation_depth=5), Watched(), outlet):
        await until(lambda: len(outlet.frames) == 21)
        node.rpc("anvil_reorg", 10, [])
        node.mine()
        await until(lambda: numbers(outlet.frames)[-1] == 21)
    (notice,) = notices(outlet.frames)
    assert not notice.depth_known
    assert notice.common.number == 15
    assert positions(outlet.frames)[21:] == canonical(node)[16:]
