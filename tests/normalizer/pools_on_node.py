"""Pools of Uniswap v2 and v3 on a real node, with their authors' own bytecode, and their events."""

from __future__ import annotations

from typing import Any

import msgspec

from demo.chain.artifacts import Artifact, node_modules
from demo.chain.ledger import DEPLOY_GAS, ZERO_ADDRESS, Ledger
from normalizer.events.chain import ChainEvent
from normalizer.normalize import Normalizer
from normalizer.reference import Reference
from pipeline.frames import FrameBatch
from tests.normalizer.node_blocks import block_frame

UNIT = 10**18
MUCH = 10**30
_NO_DEADLINE = 2**40


def v2_artifact(name: str) -> Artifact:
    """One of @uniswap/v2-core, which v3's periphery brings along."""
    path = node_modules() / "@uniswap/v2-core/build" / f"{name}.json"
    content = msgspec.json.decode(path.read_bytes())
    return Artifact(name, content["abi"], "0x" + content["bytecode"])


class PoolNode:
    """Two ordinary tokens, of which everybody has plenty, and what pools of them say."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.maker, self.trader, *_ = ledger.accounts
        artifact = ledger.artifacts.openzeppelin("ERC20PresetMinterPauser")
        pair = ledger.deploy_all(
            [(artifact, ("A", "A")), (artifact, ("B", "B"))], sender=self.maker
        )
        self.token0, self.token1 = sorted(pair, key=lambda one: int(str(one.address), 16))
        mints = [
            ledger.send(token, "mint", holder, MUCH, sender=self.maker)
            for token in pair
            for holder in (self.maker, self.trader)
        ]
        ledger.settle(mints)
        self._normalizer = Normalizer(Reference())

    def events(self, *hashes: str) -> list[ChainEvent]:
        """What the blocks of these transactions tell, in their order."""
        found: list[ChainEvent] = []
        for receipt in self.ledger.settle(hashes):
            frame = block_frame(self.ledger.node.rpc, receipt.height, {})
            result = self._normalizer.normalize(1, FrameBatch("chain", "evm", [frame]))
            assert result.dead == []
            found += [one for one in result.events if isinstance(one, ChainEvent)]
        return found

    def allow(self, spender: Any, *holders: str) -> None:
        """Let a contract take both tokens of holders."""
        self.ledger.settle(
            self.ledger.send(token, "approve", str(spender.address), MUCH, sender=holder)
            for token in (self.token0, self.token1)
            for holder in holders
        )


class V2Pair:
    """A pair of v2, called without a router: what is paid is sent to it first."""

    def __init__(self, node: PoolNode) -> None:
        self.node, ledger = node, node.ledger
        factory = ledger.deploy(v2_artifact("UniswapV2Factory"), node.maker, sender=node.maker)
        tokens = (str(node.token0.address), str(node.token1.address))
        made = ledger.send(factory, "createPair", *tokens, sender=node.maker, gas=DEPLOY_GAS)
        ledger.settle([made])
        address = ledger.ask(factory, "getPair", *tokens)
        self.contract = ledger.contract(address, v2_artifact("UniswapV2Pair"))

    def pay(self, amount0: int, amount1: int, sender: str) -> None:
        """Send the pair something."""
        pairs = ((self.node.token0, amount0), (self.node.token1, amount1))
        address = str(self.contract.address)
        self.node.ledger.settle(
            self.node.ledger.send(token, "transfer", address, amount, sender=sender)
            for token, amount in pairs
            if amount
        )

    def call(self, function: str, *arguments: object, sender: str) -> list[ChainEvent]:
        """What a call of the pair tells."""
        return self.node.events(
            self.node.ledger.send(self.contract, function, *arguments, sender=sender)
        )


class V3Pool:
    """A pool of v3 with its router and position manager."""

    def __init__(self, node: PoolNode, *, fee: int, root: int) -> None:
        self.node, self.fee = node, fee
        ledger, maker = node.ledger, node.maker
        core, periphery = ledger.artifacts.uniswap_core, ledger.artifacts.uniswap_periphery
        factory = ledger.deploy(core("contracts/UniswapV3Factory"), sender=maker)
        address = str(factory.address)
        self.router, self.positions = ledger.deploy_all(
            [
                (periphery("contracts/SwapRouter"), (address, ZERO_ADDRESS)),
                (
                    periphery("contracts/NonfungiblePositionManager"),
                    (address, ZERO_ADDRESS, ZERO_ADDRESS),
                ),
            ],
            sender=maker,
        )
        node.allow(self.router, node.trader)
        node.allow(self.positions, maker)
        self._tokens = (str(node.token0.address), str(node.token1.address))
        self.opening = node.events(
            ledger.send(
                self.positions,
                "createAndInitializePoolIfNecessary",
                *self._tokens,
                fee,
                root,
                sender=maker,
                gas=DEPLOY_GAS,
            )
        )
        found = ledger.ask(factory, "getPool", *self._tokens, fee)
        self.contract = ledger.contract(found, core("contracts/UniswapV3Pool"))

    def add(self, lower: int, upper: int, amount: int) -> list[ChainEvent]:
        """A position with at most this much of each token."""
        terms = (*self._tokens, self.fee, lower, upper, amount, amount, 0, 0, self.node.maker)
        return self._send(self.positions, "mint", (*terms, _NO_DEADLINE), sender=self.node.maker)

    def remove(self, position: int, liquidity: int) -> list[ChainEvent]:
        """Take liquidity out of a position, counted from 1."""
        terms = (position, liquidity, 0, 0, _NO_DEADLINE)
        return self._send(self.positions, "decreaseLiquidity", terms, sender=self.node.maker)

    def swap(self, amount: int, *, zero_for_one: bool) -> list[ChainEvent]:
        """Pay exactly this much."""
        given, got = self._tokens if zero_for_one else reversed(self._tokens)
        terms = (given, got, self.fee, self.node.trader, _NO_DEADLINE, amount, 0, 0)
        return self._send(self.router, "exactInputSingle", terms, sender=self.node.trader)

    def _send(
        self, contract: Any, function: str, terms: tuple[object, ...], *, sender: str
    ) -> list[ChainEvent]:
        sent = self.node.ledger.send(contract, function, terms, sender=sender, gas=DEPLOY_GAS)
        return self.node.events(sent)
