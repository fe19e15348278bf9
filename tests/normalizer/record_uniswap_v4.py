"""Records blocks of a real PoolManager of Uniswap v4, with what its swaps gave.

Run `python -m tests.normalizer.record_uniswap_v4 FOLDER`, where FOLDER has the unpacked npm package
`@uniswap/v4-core` 1.0.2 (`npm pack @uniswap/v4-core@1.0.2`). Its contracts aren't under a licence
that lets them be here, and the package is large: only what they said on a node is kept.
"""

import sys
from math import isqrt
from pathlib import Path
from typing import Any

import msgspec

from demo.chain.anvil import Anvil
from demo.chain.artifacts import Artifact
from demo.chain.ledger import DEPLOY_GAS, ZERO_ADDRESS, Ledger
from detections.pools.ticks import Q96
from tests.normalizer.node_blocks import block_frame
from tests.normalizer.pools_on_node import UNIT, PoolNode

GOLDEN = Path(__file__).parent / "golden" / "uniswap_v4_blocks.ndjson"
_LOWEST, _HIGHEST = 4_295_128_740, 1461446703485210103287273052203988822378723970341
_MODIFY = (
    "modifyLiquidity((address,address,uint24,int24,address),(int24,int24,int256,bytes32),bytes)"
)
_SALT = b"\x00" * 31 + b"\x07"


def main() -> None:
    """Write the blocks' frames, one a line."""
    folder = Path(sys.argv[1])
    with Anvil() as anvil:
        ledger = Ledger(anvil)
        node = PoolNode(ledger)
        maker, trader = node.maker, node.trader
        manager = ledger.deploy(_artifact(folder, "PoolManager"), maker, sender=maker)
        names = ("PoolSwapTest", "PoolModifyLiquidityTest", "PoolDonateTest")
        swapper, modifier, donor = ledger.deploy_all(
            [(_artifact(folder, name), (str(manager.address),)) for name in names], sender=maker
        )
        for router in (swapper, modifier, donor):
            node.allow(router, maker, trader)
        first = int(anvil.rpc("eth_blockNumber"), 16) + 1
        tokens = (str(node.token0.address), str(node.token1.address))
        key = (*tokens, 3000, 60, ZERO_ADDRESS)

        def send(contract: Any, function: str, *arguments: object, sender: str) -> None:
            sent = ledger.send(contract, function, *arguments, sender=sender, gas=DEPLOY_GAS)
            ledger.settle([sent])

        send(manager, "initialize", key, isqrt(4 * Q96 * Q96), sender=maker)

        def modify(lower: int, upper: int, liquidity: int) -> None:
            terms = (lower, upper, liquidity, _SALT)
            send(modifier, _MODIFY, key, terms, b"", sender=maker)

        def swap(amount: int, zero_for_one: bool) -> None:
            limit = _LOWEST if zero_for_one else _HIGHEST
            terms = (zero_for_one, -amount, limit)  # negative: exactly this is paid
            send(swapper, "swap", key, terms, (False, False), b"", sender=trader)

        modify(12_000, 15_600, 10**21)
        modify(13_740, 13_980, 9 * 10**21)
        modify(13_980, 14_100, 4 * 10**21)
        for amount, way in (
            (UNIT, True),
            (60 * UNIT, True),
            (999, False),
            (150 * UNIT, False),
            (20 * UNIT, True),
        ):
            swap(amount, way)
        modify(13_740, 13_980, -4 * 10**21)
        swap(7 * UNIT, False)
        send(donor, "donate", key, 5, 6, b"", sender=maker)
        last = int(anvil.rpc("eth_blockNumber"), 16)
        frames = [block_frame(anvil.rpc, number, {}) for number in range(first, last + 1)]
    GOLDEN.write_bytes(b"\n".join(bytes(frame.payload) for frame in frames) + b"\n")


def _artifact(folder: Path, name: str) -> Artifact:
    content = msgspec.json.decode((folder / "out" / f"{name}.sol" / f"{name}.json").read_bytes())
    return Artifact(name, content["abi"], content["bytecode"]["object"])


if __name__ == "__main__":
    main()
