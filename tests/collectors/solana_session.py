"""Runs the Solana collector against nodes of a test, and says what it sent."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from collectors.solana.collector import SolanaCollector
from pipeline.chain_notices import FinalityNotice, ReorganisationNotice
from pipeline.config.sources import Reconnection, SolanaEndpoint, SolanaSource
from pipeline.frames import Frame, GapNotice
from pipeline.secrets import SecretText
from pipeline.units import MILLISECOND, SECOND
from tests.collectors.list_outlet import ListOutlet
from tests.servers.solana_node import SolanaNode

QUICK = Reconnection(initial=20 * MILLISECOND, maximum=200 * MILLISECOND, stale_after=30 * SECOND)


def source(*nodes: SolanaNode, **options: Any) -> SolanaSource:
    """A configuration that reconnects quickly."""
    endpoints = [
        SolanaEndpoint(rpc=SecretText(node.rpc), websocket=SecretText(node.websocket))
        for node in nodes
    ]
    return SolanaSource(
        name="solana",
        endpoints=endpoints,
        network="solana-test",
        **{"reconnection": QUICK, "start_slot": 0, "finality_every": 0, **options},
    )


@asynccontextmanager
async def collecting(
    config: SolanaSource, mints: Iterable[str], outlet: ListOutlet
) -> AsyncIterator[asyncio.Task[None]]:
    """The collector at work until the block ends; what it raised comes out there."""
    task = asyncio.create_task(SolanaCollector(config, mints, outlet).run())
    try:
        yield task
    finally:
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=5)
        assert done, "the collector does not stop"
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error


def blocks(outlet: ListOutlet) -> list[Frame]:
    """The frames of blocks."""
    return [frame for frame in outlet.frames if frame.kind == "message"]


def slots(outlet: ListOutlet) -> list[int]:
    """The slots of the frames of blocks."""
    return [int(frame.position.split(":")[0]) for frame in blocks(outlet)]


def payload(frame: Frame) -> dict[str, Any]:
    return msgspec.json.decode(frame.payload)


def signatures(outlet: ListOutlet) -> list[str]:
    """Of all transactions that were sent."""
    return [
        one["content"]["transaction"]["signatures"][0]
        for frame in blocks(outlet)
        for one in payload(frame)["transactions"]
    ]


def forks(outlet: ListOutlet) -> list[ReorganisationNotice]:
    return [
        msgspec.json.decode(frame.payload, type=ReorganisationNotice)
        for frame in outlet.frames
        if frame.kind == "reorganisation"
    ]


def finalities(outlet: ListOutlet) -> list[FinalityNotice]:
    return [
        msgspec.json.decode(frame.payload, type=FinalityNotice)
        for frame in outlet.frames
        if frame.kind == "finality"
    ]


def gaps(outlet: ListOutlet) -> list[GapNotice]:
    return [
        msgspec.json.decode(frame.payload, type=GapNotice)
        for frame in outlet.frames
        if frame.kind == "gap"
    ]
