"""Runs the EVM collector against a real node, and a contract that emits as many logs as wished."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from collectors.evm import Watched
from collectors.evm.collector import EvmCollector
from demo.chain.anvil import Anvil
from pipeline.config.sources import EvmSource, Reconnection
from pipeline.frames import Frame
from pipeline.secrets import SecretText
from pipeline.units import MILLISECOND, SECOND
from tests.collectors.list_outlet import ListOutlet

#: Emits as many logs of 32 bytes as its calldata's first word says:
#: CALLDATALOAD(0); while it isn't 0: LOG1(0, 32, it), subtract 1.
EMITTER = "0x601880600b6000396000f3" + "6000355b801560165780602060" + "00a160019003600356" + "5b00"
QUICK = Reconnection(initial=20 * MILLISECOND, maximum=200 * MILLISECOND, stale_after=3 * SECOND)
#: For tests that allow no reconnection: a busy machine may well be silent for three seconds.
PATIENT = Reconnection(initial=20 * MILLISECOND, maximum=200 * MILLISECOND, stale_after=30 * SECOND)


class Emitter:
    """A deployed contract that emits logs, and its node."""

    def __init__(self, node: Anvil) -> None:
        self.node = node
        self._sender = node.rpc("eth_accounts")[0]
        deployed = self._send({"data": EMITTER})
        self.node.mine()
        receipt = node.rpc("eth_getTransactionReceipt", deployed)
        self.address = str(receipt["contractAddress"])

    def emit(self, count: int) -> str:
        """Ask for logs in the next block; returns the transaction's hash."""
        return self._send({"to": self.address, "data": f"0x{count:064x}"})

    def _send(self, transaction: dict[str, str]) -> str:
        full = {"from": self._sender, "gas": hex(8_000_000), **transaction}
        return str(self.node.rpc("eth_sendTransaction", full))


def source(*urls: str, **options: Any) -> EvmSource:
    """A configuration that reconnects quickly."""
    return EvmSource(
        name="chain",
        endpoints=[SecretText(url) for url in urls],
        **{
            "network": "anvil",
            "reconnection": QUICK,
            "start_block": 0,
            "finality_every": 0,
            **options,
        },
    )


@asynccontextmanager
async def collecting(
    config: EvmSource, watched: Watched, outlet: ListOutlet, **options: Any
) -> AsyncIterator[asyncio.Task[None]]:
    """The collector at work until the block ends; what it raised comes out there."""
    task = asyncio.create_task(EvmCollector(config, watched, outlet, **options).run())
    try:
        yield task
    finally:
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=5)
        assert done, "the collector does not stop"
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error


def numbers(frames: list[Frame]) -> list[int]:
    """Heights of the block frames."""
    return [int(frame.position.split(":")[0]) for frame in frames if frame.kind == "message"]


def payload(frame: Frame) -> dict[str, Any]:
    return msgspec.json.decode(frame.payload)


def canonical(node: Anvil, first: int = 0) -> list[str]:
    """Positions of the node's own chain from block `first` to its head."""
    height = int(node.rpc("eth_blockNumber"), 16)
    blocks = [
        node.rpc("eth_getBlockByNumber", hex(number), False) for number in range(first, height + 1)
    ]
    return [f"{int(block['number'], 16)}:{block['hash']}" for block in blocks]


def positions(frames: list[Frame]) -> list[str]:
    """Positions of the block frames."""
    return [frame.position for frame in frames if frame.kind == "message"]
