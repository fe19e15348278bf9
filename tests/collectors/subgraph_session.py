"""Runs the subgraph's collector against the server of ours, with entities as Uniswap has them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from collectors.subgraph.collector import SubgraphCollector
from pipeline.config.sources import Reconnection, SubgraphSource
from pipeline.frames import Frame
from pipeline.secrets import SecretText
from pipeline.subgraph_payload import SubgraphPayload
from pipeline.units import MILLISECOND, SECOND
from tests.collectors.frames_outlet import FramesOutlet
from tests.servers.subgraph import Block, SubgraphServer

POOL, OTHER = "0x" + "44" * 20, "0x" + "45" * 20
TOKEN, QUOTE = "0x" + "11" * 20, "0x" + "55" * 20
ALICE, ROUTER = "0x" + "aa" * 20, "0x" + "e5" * 20
QUICK = Reconnection(initial=20 * MILLISECOND, maximum=100 * MILLISECOND, stale_after=SECOND)


def transaction(number: int) -> str:
    return f"0x{number:064x}"


def swap(number: int, block: Block, pool: str = POOL, **more: Any) -> dict[str, Any]:
    """A swap as `uniswap-v3` has it: Alice buys a token for 100.25."""
    return {
        "id": f"{transaction(number)}#{number}",
        "transaction": {"id": transaction(number), "blockNumber": str(block.number)},
        "timestamp": str(block.timestamp),
        "pool": {"id": pool},
        "token0": {"id": TOKEN, "decimals": "18"},
        "token1": {"id": QUOTE, "decimals": "6"},
        "sender": ROUTER,
        "recipient": ALICE,
        "origin": ALICE,
        "amount0": "-1",
        "amount1": "100.25",
        "amountUSD": "100.25",
        "sqrtPriceX96": "79228162514264337593543950336",
        "tick": "-230270",
        "logIndex": str(number),
        **more,
    }


def source(server: SubgraphServer, **options: Any) -> SubgraphSource:
    return SubgraphSource(
        name="graph",
        url=SecretText(server.url),
        network="ethereum",
        chain_id=1,
        **{
            "poll_every": 10 * MILLISECOND,
            "requests_per_second": 1_000.0,
            "reconnection": QUICK,
            "start_block": 1,
            **options,
        },
    )


@asynccontextmanager
async def collecting(
    config: SubgraphSource, outlet: FramesOutlet, pools: frozenset[str] = frozenset({POOL})
) -> AsyncIterator[asyncio.Task[None]]:
    """The collector at work until the block ends; what it raised comes out there."""
    task = asyncio.create_task(SubgraphCollector(config, pools, outlet).run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task], timeout=5)
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error


def outlet() -> FramesOutlet:
    return FramesOutlet("subgraph", "graph")


def payload(frame: Frame) -> SubgraphPayload:
    return msgspec.json.decode(frame.payload, type=SubgraphPayload)


def entities(frames: list[Frame], kind: str = "swaps") -> list[str]:
    """Ids of all entities that were sent, in order."""
    return [
        str(msgspec.json.decode(raw)["id"])
        for frame in frames
        if frame.kind == "message"
        for raw in payload(frame).entities.get(kind, [])
    ]
