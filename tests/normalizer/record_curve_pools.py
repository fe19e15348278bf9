"""Records blocks of real Curve pools of three generations, with what the pools knew before each.

Run `python -m tests.normalizer.record_curve_pools FOLDER`, where FOLDER has what Vyper makes
(`vyper -f abi,bytecode NAME.vy > NAME.txt`) of Curve's own sources: of curvefi/curve-contract
`StableSwap3Pool` and `CurveTokenV2` (Vyper 0.2.4), `pool-templates/meta/SwapTemplateMeta` and
`CurveTokenV3` (0.2.12), and of curvefi/stableswap-ng `CurveStableSwapNG` (`-f
abi,blueprint_bytecode`), `CurveStableSwapFactoryNG`, `CurveStableSwapNGMath` and
`CurveStableSwapNGViews` (0.3.10). In the template, `___N_COINS___` is 2, `___PRECISION_MUL___`
`[1, 1]`, `___BASE_N_COINS___` 3, and rates are 10**18 of each coin of 18 places, 10**30 of each of
six. None of it is under a licence that lets it be here: only what it said on a node is kept.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from demo.chain.anvil import Anvil
from demo.chain.artifacts import Artifact
from demo.chain.ledger import DEPLOY_GAS, ZERO_ADDRESS, Ledger
from tests.normalizer.curve_pools import BLOCKS, STATES, PoolState
from tests.normalizer.node_blocks import block_frame

MUCH = 10**30
_FEE = 4_000_000
_FIRST_EXCHANGE = "exchange(int128,int128,uint256,uint256)"
_COIN = 10**18, 10**6, 10**6
"""One of each coin, in its smallest units."""


def main() -> None:
    """Write the blocks' frames and the pools' states, one a line."""
    with Anvil() as anvil:
        recorder = _Recorder(Ledger(anvil), Path(sys.argv[1]))
        three = recorder.three_pool()
        meta = recorder.meta_pool(three)
        ng = recorder.ng_pool()
        recorder.act(three, meta, ng)
    BLOCKS.write_bytes(b"\n".join(recorder.frames) + b"\n")
    STATES.write_bytes(b"\n".join(msgspec.json.encode(one) for one in recorder.states) + b"\n")


class _Recorder:
    def __init__(self, ledger: Ledger, folder: Path) -> None:
        self.ledger, self.folder = ledger, folder
        self.maker, self.trader, *_ = ledger.accounts
        self.frames: list[bytes] = []
        self.states: list[PoolState] = []
        token = self._artifact("CurveTokenV2")  # its author may choose the places
        coins = (("A", 18), ("B", 6), ("C", 6), ("M", 18))
        *self.coins, self.stable = ledger.deploy_all(
            [(token, (name, name, places, 10**9)) for name, places in coins], sender=self.maker
        )
        for coin, one in zip((*self.coins, self.stable), (*_COIN, 10**18), strict=True):
            self.send(coin, "transfer", self.trader, 5 * 10**8 * one, sender=self.maker)

    def send(self, contract: Any, function: str, *arguments: object, sender: str) -> int:
        """The block of a call that succeeded."""
        gas = DEPLOY_GAS
        sent = self.ledger.send(contract, function, *arguments, sender=sender, gas=gas)
        (receipt,) = self.ledger.settle([sent])
        return receipt.height

    def three_pool(self) -> Any:
        """Of the first generation: whose A has no more places."""
        maker, ledger = self.maker, self.ledger
        shares = ledger.deploy(self._artifact("CurveTokenV2"), "3", "3", 18, 0, sender=maker)
        pool = ledger.deploy(
            self._artifact("StableSwap3Pool"),
            *(maker, [str(coin.address) for coin in self.coins], str(shares.address)),
            *(200, _FEE, 5 * 10**9),
            sender=maker,
        )
        self.send(shares, "set_minter", str(pool.address), sender=maker)
        self._allow(pool, *self.coins)
        # A pool of its shares can only be made once there are some.
        self.send(pool, "add_liquidity", [2_000_000 * one for one in _COIN], 0, sender=maker)
        self.three_shares = shares
        return pool

    def meta_pool(self, base: Any) -> Any:
        """One coin against the shares of the first pool."""
        maker, ledger = self.maker, self.ledger
        shares = ledger.deploy(self._artifact("CurveTokenV3"), "M3", "M3", sender=maker)
        coins = [str(self.stable.address), str(self.three_shares.address)]
        pool = ledger.deploy(
            self._artifact("SwapTemplateMeta"),
            *(maker, coins, str(shares.address), str(base.address), 100, _FEE, 5 * 10**9),
            sender=maker,
        )
        self.send(shares, "set_minter", str(pool.address), sender=maker)
        self._allow(pool, self.stable, self.three_shares, *self.coins)
        return pool

    def ng_pool(self) -> Any:
        """Of the newest generation, whose fee rises as the pool gets uneven."""
        maker, ledger = self.maker, self.ledger
        factory = ledger.deploy(
            self._artifact("CurveStableSwapFactoryNG"), maker, maker, sender=maker
        )
        pattern = self._artifact("CurveStableSwapNG")
        # The pattern's code is there to be copied: the factory runs the constructor.
        copied = [one for one in pattern.abi if one["type"] != "constructor"]
        parts = [self._artifact(f"CurveStableSwapNG{part}") for part in ("Math", "Views")]
        parts.append(msgspec.structs.replace(pattern, abi=copied))
        math, views, pool = (str(ledger.deploy(one, sender=maker).address) for one in parts)
        self.send(factory, "set_math_implementation", math, sender=maker)
        self.send(factory, "set_views_implementation", views, sender=maker)
        self.send(factory, "set_pool_implementations", 0, pool, sender=maker)
        coins = [str(coin.address) for coin in self.coins]
        terms = ("NG", "NG", coins, 500, _FEE, 5 * 10**10, 866, 0, [0] * 3, [b"\0" * 4] * 3)
        self.send(factory, "deploy_plain_pool", *terms, [ZERO_ADDRESS] * 3, sender=maker)
        made = ledger.ask(factory, "pool_list", 0)
        found = ledger.contract(made, self._artifact("CurveStableSwapNG"))
        self._allow(found, *self.coins)
        return found

    def act(self, three: Any, meta: Any, ng: Any) -> None:
        """What is recorded."""
        places = (10**18, 10**30, 10**30)

        def of_three() -> PoolState:
            return self._state("3pool", three, 3, places, 3 * 200, 1)

        def of_meta() -> PoolState:
            base = self.ledger.ask(meta, "base_virtual_price")
            return self._state("meta", meta, 2, (10**18, base), 2 * 100 * 100, 100)

        def of_ng() -> PoolState:
            rates = tuple(self.ledger.ask(ng, "stored_rates"))
            return self._state("ng", ng, 3, rates, 3 * 500 * 100, 100, 5 * 10**10)

        def call(state: Callable[[], PoolState], pool: Any, *call: Any, by: str) -> None:
            before = state() if self.ledger.ask(pool, "balances", 0) else None
            height = self.send(pool, *call, sender=by)
            frame = block_frame(self.ledger.node.rpc, height, {})
            self.frames.append(bytes(frame.payload))
            if before is not None:
                self.states.append(msgspec.structs.replace(before, block=height))

        maker, trader = self.maker, self.trader
        for state, pool, exchange, many in (
            (of_three, three, "exchange", _fixed(3)),
            (of_ng, ng, _FIRST_EXCHANGE, _growing()),
        ):
            deposit = [4_000_000 * one for one in _COIN]
            call(state, pool, f"add_liquidity({many},uint256)", deposit, 0, by=maker)
            for given, taken, whole in (
                *((0, 1, 1_000), (1, 0, 777_777), (1, 2, 2_345_678), (2, 0, 3), (0, 2, 2_000_000)),
                *((2, 1, 3_999_999), (0, 1, 1), (1, 0, 123_456)),
            ):
                paid = whole * _COIN[given] + 7
                call(state, pool, exchange, given, taken, paid, 0, by=trader)
            uneven = [10_000 * _COIN[0], 0, 250_000 * _COIN[2]]
            call(state, pool, f"add_liquidity({many},uint256)", uneven, 0, by=trader)
            call(state, pool, exchange, 0, 1, 50_000 * _COIN[0], 0, by=maker)
            part = 1_000 * 10**18
            one_coin = "remove_liquidity_one_coin(uint256,int128,uint256)"
            call(state, pool, f"remove_liquidity(uint256,{many})", part, [1, 1, 1], by=maker)
            call(state, pool, one_coin, part, 1, 0, by=maker)
            amounts = [5 * one for one in _COIN]
            uneven_out = f"remove_liquidity_imbalance({many},uint256)"
            call(state, pool, uneven_out, amounts, MUCH, by=maker)
            call(state, pool, exchange, 2, 0, 31_415 * _COIN[2], 0, by=trader)
        pair = _fixed(2)
        add, first = f"add_liquidity({pair},uint256)", [900_000 * 10**18, 800_000 * 10**18]
        call(of_meta, meta, add, first, 0, by=maker)
        call(of_meta, meta, _FIRST_EXCHANGE, 0, 1, 50_000 * 10**18, 0, by=trader)
        call(of_meta, meta, _FIRST_EXCHANGE, 1, 0, 20_000 * 10**18, 0, by=maker)
        underlying = "exchange_underlying(int128,int128,uint256,uint256)"
        call(of_meta, meta, underlying, 0, 2, 1_234 * 10**18, 0, by=trader)
        call(of_meta, meta, underlying, 3, 0, 4_321 * 10**6, 0, by=trader)
        call(of_meta, meta, _FIRST_EXCHANGE, 0, 1, 9_999 * 10**18, 0, by=trader)

    def _state(
        self,
        name: str,
        pool: Any,
        coins: int,
        rates: tuple[int, ...],
        amplification: int,
        precision: int,
        offpeg: int = 0,
    ) -> PoolState:
        balances = tuple(self.ledger.ask(pool, "balances", place) for place in range(coins))
        return PoolState(
            *(name, str(pool.address).lower(), 0),
            *(tuple(map(str, balances)), tuple(map(str, rates)), amplification, precision),
            *(_FEE, offpeg),
        )

    def _allow(self, spender: Any, *tokens: Any) -> None:
        for token in tokens:
            for holder in (self.maker, self.trader):
                self.send(token, "approve", str(spender.address), MUCH, sender=holder)

    def _artifact(self, name: str) -> Artifact:
        abi, bytecode, *_ = (self.folder / f"{name}.txt").read_text().splitlines()
        return Artifact(name, msgspec.json.decode(abi), bytecode)


def _fixed(count: int) -> str:
    return f"uint256[{count}]"


def _growing() -> str:
    return "uint256[]"


if __name__ == "__main__":
    main()
