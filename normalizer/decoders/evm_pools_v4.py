"""Uniswap v4's PoolManager: one contract with all pools, each told by its PoolId.

``Swap`` has what the caller gained, so negative was paid in: the other way round than v3's, though
the interface's comment speaks of the pool's balance (PoolManager.sol emits the ``BalanceDelta`` of
``swap``). ``ModifyLiquidity`` has no amounts. ``sender`` is who unlocked the manager: a router or
position manager. What a hook takes for itself, or gives, is in no event of the manager.
Source: Uniswap/v4-core, ``src/PoolManager.sol``, ``src/interfaces/IPoolManager.sol``.
"""

from typing import Any

from normalizer.decoders.evm_pools import (
    by_trader,
    liquidity_fields,
    pool_place,
    priced,
    swap_terms,
)
from normalizer.decoders.evm_scope import LogScope
from normalizer.events.chain import (
    LiquidityAdded,
    LiquidityRemoved,
    PoolDonation,
    PoolInitialized,
    PoolSwap,
)

PROTOCOL = "uniswap-v4"


class _PoolScope(LogScope):
    """A log of the manager as one of a pool: looked up by manager and id, named by its id."""

    __slots__ = ("id_of_pool",)

    def __init__(self, scope: LogScope, pool_id: bytes) -> None:
        self.id_of_pool = "0x" + pool_id.hex()
        super().__init__(
            scope.block, scope.call, f"{scope.contract}:{self.id_of_pool}", scope.index
        )

    @property
    def fields(self) -> dict[str, Any]:
        """The manager is the contract all the same."""
        return super().fields | {"contract": self.contract.partition(":")[0]}

    @property
    def place(self) -> dict[str, Any]:
        """Venue, instrument and pool."""
        place = pool_place(self, PROTOCOL)
        known = self.contract in self.block.chain.pools
        return place | {
            "pool": self.id_of_pool,
            "instrument": place["instrument"] if known else self.id_of_pool,
        }


def swap(scope: LogScope, values: tuple[Any, ...]) -> PoolSwap:
    """A swap; the trader is who signed the transaction."""
    pool_id, sender, gained0, gained1, sqrt_price, liquidity, tick, fee = values
    here = _PoolScope(scope, pool_id)
    amount0, amount1 = -gained0, -gained1
    return PoolSwap(
        **by_trader(here, sender),
        **here.place,
        **swap_terms(here.block.chain.pools.get(here.contract), amount0, amount1, sqrt_price),
        amount0_raw=str(amount0),
        amount1_raw=str(amount1),
        liquidity=str(liquidity),
        sqrt_price_x96=str(sqrt_price),
        tick=tick,
        fee=fee,
        sender=sender,
    )


def modify_liquidity(scope: LogScope, values: tuple[Any, ...]) -> LiquidityAdded | LiquidityRemoved:
    """Liquidity of a range was added or removed; nothing of it where fees are collected."""
    pool_id, sender, lower, upper, delta, salt = values
    here = _PoolScope(scope, pool_id)
    kind = LiquidityAdded if delta > 0 else LiquidityRemoved
    return kind(
        **(liquidity_fields(here, sender, protocol=PROTOCOL) | here.place),
        liquidity=str(abs(delta)),
        tick_lower=lower,
        tick_upper=upper,
        position="0x" + salt.hex(),
    )


def initialize(scope: LogScope, values: tuple[Any, ...]) -> PoolInitialized:
    """The pool was made, and got its first price."""
    pool_id, token0, token1, fee, tick_spacing, hooks, sqrt_price, tick = values
    here = _PoolScope(scope, pool_id)
    return PoolInitialized(
        **by_trader(here),
        **here.place,
        **priced(here.block.chain.pools.get(here.contract), sqrt_price),
        sqrt_price_x96=str(sqrt_price),
        tick=tick,
        token0=token0,
        token1=token1,
        fee=fee,
        tick_spacing=tick_spacing,
        hooks=hooks,
    )


def donate(scope: LogScope, values: tuple[Any, ...]) -> PoolDonation:
    """The providers in range were given something."""
    pool_id, sender, amount0, amount1 = values
    here = _PoolScope(scope, pool_id)
    return PoolDonation(
        **by_trader(here, sender),
        **here.place,
        amount0_raw=str(amount0),
        amount1_raw=str(amount1),
        sender=sender,
    )
