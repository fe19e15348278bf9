"""Uniswap v2's events (and those of its many copies), in terms of the watched token.

A pair says what it has (``Sync``) right before it says what happened (``Swap``, ``Mint``,
``Burn``): so these get the reserves of the ``Sync`` before them. What a pair has of its two assets
is all its liquidity, at every price; its amount is the square root of the reserves' product, as in
a position of Uniswap v3 over all prices.
"""

from collections.abc import Iterable
from math import isqrt
from typing import Any

from normalizer.decoders.evm_flash_loans import loan_of_pool
from normalizer.decoders.evm_pools import by_trader, liquidity_fields, moved, pool_place, swap_terms
from normalizer.decoders.evm_scope import BlockScope, LogScope, party_fields, related
from normalizer.enrichment import PoolInfo
from normalizer.events.chain import (
    ZERO_ADDRESS,
    ChainRecord,
    FlashLoan,
    LiquidityAdded,
    LiquidityRemoved,
    PoolReserves,
    PoolSwap,
    TokenTransfer,
)

PROTOCOL = "uniswap-v2"


def swap(scope: LogScope, values: tuple[Any, ...]) -> PoolSwap | FlashLoan:
    """A swap; or a loan of one asset that was paid back in that asset, which moves no price."""
    sender, in0, in1, out0, out1, to = values
    if in0 >= out0 > 0 and in1 == out1 == 0:
        return loan_of_pool(scope, PROTOCOL, 0, to, out0, in0 - out0)
    if in1 >= out1 > 0 and in0 == out0 == 0:
        return loan_of_pool(scope, PROTOCOL, 1, to, out1, in1 - out1)
    pool = scope.block.chain.pools.get(scope.contract)
    amount0, amount1 = in0 - out0, in1 - out1
    return PoolSwap(
        **by_trader(scope, to, sender),
        **pool_place(scope, PROTOCOL),
        **swap_terms(pool, amount0, amount1),
        amount0_raw=str(amount0),
        amount1_raw=str(amount1),
        recipient=to,
        sender=sender,
    )


def sync(scope: LogScope, values: tuple[Any, ...]) -> PoolReserves:
    """What the pair has now."""
    reserve0, reserve1 = values
    pool = scope.block.chain.pools.get(scope.contract)
    scope.block.tells_reserves = True
    return PoolReserves(
        **by_trader(scope),
        **pool_place(scope, PROTOCOL),
        reserve0_raw=str(reserve0),
        reserve1_raw=str(reserve1),
        pool_price=_price(pool, reserve0, reserve1),
        currency=pool.currency if pool else None,
    )


def mint(scope: LogScope, values: tuple[Any, ...]) -> LiquidityAdded:
    """Liquidity was added. Whose it is, the pair's transfer of shares before it tells."""
    sender, amount0, amount1 = values
    return LiquidityAdded(
        **liquidity_fields(scope, sender, protocol=PROTOCOL),
        **moved(scope, amount0, amount1),
        amount0_raw=str(amount0),
        amount1_raw=str(amount1),
    )


def burn(scope: LogScope, values: tuple[Any, ...]) -> LiquidityRemoved:
    """Liquidity was taken out, to whoever is named last."""
    sender, amount0, amount1, to = values
    return LiquidityRemoved(
        **liquidity_fields(scope, to, sender, protocol=PROTOCOL),
        **moved(scope, amount0, amount1),
        amount0_raw=str(-amount0),
        amount1_raw=str(-amount1),
    )


def solidly_swap(scope: LogScope, values: tuple[Any, ...]) -> PoolSwap | FlashLoan:
    """A swap of Velodrome, Aerodrome and their like, who say to whom before they say how much."""
    sender, to, *amounts = values
    return swap(scope, (sender, *amounts, to))


def solidly_sync(scope: LogScope, values: tuple[Any, ...]) -> PoolReserves:
    """What the pool has now. What that makes its price depends on whether it is a stable one."""
    told = sync(scope, values)
    told.pool_price = None
    return told


def solidly_burn(scope: LogScope, values: tuple[Any, ...]) -> LiquidityRemoved:
    """Liquidity was taken out."""
    sender, to, amount0, amount1 = values
    return burn(scope, (sender, amount0, amount1, to))


def put_reserves(events: Iterable[ChainRecord]) -> None:
    """Give swaps and changes of liquidity the reserves that their pair told before them.

    The events of a block, in its order. They are changed.
    """
    told: dict[str | None, PoolReserves] = {}
    for event in events:
        if isinstance(event, PoolReserves):
            told[event.contract] = event
        elif isinstance(event, PoolSwap | LiquidityAdded | LiquidityRemoved):
            # Each is told of once: a later event of the pair has a Sync of its own.
            reserves = told.pop(event.contract, None)
            if reserves is not None and reserves.transaction_hash == event.transaction_hash:
                _put(event, reserves)


def put_owners(block: BlockScope, events: Iterable[ChainRecord]) -> None:
    """Name whose the shares are that were made or given back, by the pair's own transfers of them.

    ``Mint`` names who called the pair, mostly a router, and ``Burn`` who got the assets, which is
    the router as well where one of them is ether. Where nobody knows who signed, the owner of the
    shares is the party. The events of a block, in its order; they are changed.
    """
    made: dict[tuple[str | None, str | None], str] = {}
    given: dict[tuple[str | None, str | None], str] = {}
    for event in events:
        if isinstance(event, TokenTransfer):
            key = event.contract, event.transaction_hash
            if event.destination_address == event.contract:
                given[key] = event.source_address
            elif event.source_address == ZERO_ADDRESS != event.destination_address:
                made[key] = event.destination_address
        elif isinstance(event, LiquidityAdded | LiquidityRemoved):
            told = made if isinstance(event, LiquidityAdded) else given
            owner = told.pop((event.contract, event.transaction_hash), None)
            if owner is not None and event.reserve0_raw is not None:
                _put_owner(block, event, owner)


def _put_owner(block: BlockScope, event: LiquidityAdded | LiquidityRemoved, owner: str) -> None:
    event.owner = owner
    event.related_user = related(*event.related_user, owner)
    if event.transaction_from is None:
        for name, value in party_fields(owner, block.party(owner)).items():
            setattr(event, name, value)


def _put(event: PoolSwap | LiquidityAdded | LiquidityRemoved, reserves: PoolReserves) -> None:
    event.reserve0_raw, event.reserve1_raw = reserves.reserve0_raw, reserves.reserve1_raw
    reserve0, reserve1 = int(reserves.reserve0_raw), int(reserves.reserve1_raw)
    after = isqrt(reserve0 * reserve1)
    if isinstance(event, PoolSwap):
        event.liquidity, event.pool_price = str(after), reserves.pool_price
        return
    before0 = reserve0 - int(event.amount0_raw or 0)
    before1 = reserve1 - int(event.amount1_raw or 0)
    before = isqrt(max(0, before0) * max(0, before1))
    event.liquidity = str(abs(after - before))


def _price(pool: PoolInfo | None, reserve0: int, reserve1: int) -> float | None:
    """Quote per whole token."""
    if pool is None:
        return None
    token, quote = (reserve0, reserve1) if pool.token_is_0 else (reserve1, reserve0)
    return quote * pool.token.unit / (token * pool.quote_unit) if token else None
