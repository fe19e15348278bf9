"""Reorganisations: found by parent hash, told by a gap frame, followed by the new branch."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from collectors.evm import Watched
from demo.chain.anvil import Anvil, AnvilOptions
from pipeline.frames import Frame, GapNotice
from tests.collectors.evm_session import (
    Emitter,
    canonical,
    collecting,
    numbers,
    payload,
    positions,
    source,
    until,
)
from tests.collectors.list_outlet import ListOutlet
from tests.fixtures.proxy import ProxyFactory

pytestmark = pytest.mark.chain
Start = Callable[..., Anvil]


def surviving(frames: list[Frame]) -> list[str]:
    """What a reader holds who, at each gap, drops the blocks behind the fork."""
    kept: list[tuple[int, str]] = []
    for frame in frames:
        number, block_hash = frame.position.split(":")[:2]
        if frame.kind == "gap":
            kept = [one for one in kept if one[0] <= int(number)]
        else:
            assert not kept or int(number) == kept[-1][0] + 1
            kept.append((int(number), block_hash))
    return [f"{number}:{block_hash}" for number, block_hash in kept]


def gaps(frames: list[Frame]) -> list[GapNotice]:
    return [
        msgspec.json.decode(frame.payload, type=GapNotice)
        for frame in frames
        if frame.kind == "gap"
    ]


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
        assert outlet.state.gaps == 1
    (notice,) = gaps(outlet.frames)
    assert notice.instrument == "*"
    assert (notice.expected, notice.received) == (10, 7)
    assert f"chain reorganised from block {old.replace(':', ' (')})" in notice.reason
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
    assert [(one.expected, one.received) for one in gaps(outlet.frames)] == [(7, 4)]


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
    assert len(gaps(outlet.frames)) == 2
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
    (notice,) = gaps(outlet.frames)
    assert (notice.expected, notice.received) == (7, 6)
    assert "after block 5" in notice.reason


async def test_a_stop_right_behind_the_gap_goes_on_at_the_fork(start_anvil: Start) -> None:
    node = start_anvil(mining="manual")
    for _ in range(6):
        node.mine()
    outlet = ListOutlet()
    async with collecting(source(node.ws_url), Watched(), outlet):
        await until(lambda: len(outlet.frames) == 7)
        node.rpc("anvil_reorg", 2, [])
        await until(lambda: surviving(outlet.frames) == canonical(node))
    at = next(index for index, frame in enumerate(outlet.frames) if frame.kind == "gap")
    del outlet.frames[at + 1 :]
    outlet = outlet.reopened()
    async with collecting(source(node.ws_url), Watched(), outlet):
        await until(lambda: surviving(outlet.frames) == canonical(node))
    assert len(gaps(outlet.frames)) == 1


async def test_a_fork_deeper_than_can_be_seen_goes_back_to_the_bound(start_anvil: Start) -> None:
    node = start_anvil(mining="manual")
    for _ in range(20):
        node.mine()
    outlet = ListOutlet()
    async with collecting(source(node.ws_url), Watched(), outlet, reorganisation_depth=5):
        await until(lambda: len(outlet.frames) == 21)
        node.rpc("anvil_reorg", 10, [])
        node.mine()
        await until(lambda: numbers(outlet.frames)[-1] == 21)
    (notice,) = gaps(outlet.frames)
    assert "unknown depth" in notice.reason
    assert notice.received == 16
    assert positions(outlet.frames)[21:] == canonical(node)[16:]
