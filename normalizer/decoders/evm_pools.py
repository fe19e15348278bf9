"""Uniswap v3's events, in terms of the watched token, and what all protocols' pools have in common.

Amounts of a swap are from the pool's side: positive was paid in by the trader. The pool's price is
(sqrtPriceX96 / 2**96)**2 of token1 per token0, in smallest units. Computed with integers; Python's
division of integers rounds correctly.
"""

from typing import Any

from normalizer.decoders.evm_scope import LogScope, related
from normalizer.enrichment import PoolInfo
from normalizer.events.chain import (
    LiquidityAdded,
    LiquidityCollected,
    LiquidityRemoved,
    PoolInitialized,
    PoolSwap,
)

_Q192 = 1 << 192


def swap(scope: LogScope, values: tuple[Any, ...]) -> PoolSwap:
    """A swap; the trader is who signed the transaction.

    PancakeSwap v3 tells of the protocol's fees behind the rest, which are part of the amounts.
    """
    sender, recipient, amount0, amount1, sqrt_price, liquidity, tick, *_fees = values
    return PoolSwap(
        **by_trader(scope, recipient, sender),
        **pool_place(scope),
        **swap_terms(scope.block.chain.pools.get(scope.contract), amount0, amount1, sqrt_price),
        amount0_raw=str(amount0),
        amount1_raw=str(amount1),
        liquidity=str(liquidity),
        sqrt_price_x96=str(sqrt_price),
        tick=tick,
        recipient=recipient,
        sender=sender,
    )


def by_trader(scope: LogScope, *others: str) -> dict[str, Any]:
    """The fields with who signed the transaction as the party; without one where that is unknown.

    Who called the pool is mostly a router, and who received mostly the next pool or the router: the
    party is neither.
    """
    trader = scope.call.sender
    if trader is None:
        return scope.fields | {"related_user": related(*others)}
    return scope.about(trader, *others)


def pool_place(scope: LogScope, protocol: str = "uniswap-v3") -> dict[str, Any]:
    """Venue, instrument and pool of an event of a pool; ``protocol`` of one that nobody knows."""
    pool = scope.block.chain.pools.get(scope.contract)
    return {
        "venue": pool.venue if pool else protocol,
        "instrument": pool.instrument if pool else scope.contract,
        "pool": scope.contract,
    }


def swap_terms(
    pool: PoolInfo | None, amount0: int, amount1: int, sqrt_price: int = 0
) -> dict[str, Any]:
    """Side, quantity and prices, where it is known which asset is the token."""
    if pool is None:
        return {}
    token, quote = (amount0, amount1) if pool.token_is_0 else (amount1, amount0)
    unit, quote_unit = pool.token.unit, pool.quote_unit
    terms: dict[str, Any] = {
        "quantity": abs(token) / unit,
        "notional": abs(quote) / quote_unit,
        "currency": pool.currency,
        "pool_price": pool_price(sqrt_price, unit, quote_unit, pool.token_is_0),
    }
    if token:
        # Tokens that leave the pool are bought.
        terms["side"] = "buy" if token < 0 else "sell"
        terms["price"] = abs(quote) * unit / (abs(token) * quote_unit)
    return terms


def pool_price(sqrt_price: int, unit: int, quote_unit: int, token_is_0: bool) -> float | None:
    """Quote per whole token. None before the pool has a price."""
    if sqrt_price == 0:
        return None
    square = sqrt_price * sqrt_price
    if token_is_0:
        return square * unit / (_Q192 * quote_unit)
    return _Q192 * unit / (square * quote_unit)


def mint(scope: LogScope, values: tuple[Any, ...]) -> LiquidityAdded:
    """Liquidity was added to a range."""
    sender, owner, lower, upper, liquidity, amount0, amount1 = values
    return LiquidityAdded(
        **liquidity_fields(scope, owner, sender),
        **moved(scope, amount0, amount1),
        tick_lower=lower,
        tick_upper=upper,
        amount0_raw=str(amount0),
        amount1_raw=str(amount1),
        liquidity=str(liquidity),
    )


def burn(scope: LogScope, values: tuple[Any, ...]) -> LiquidityRemoved:
    """Liquidity was taken from a range; amounts are negative, for they leave the pool's range."""
    owner, lower, upper, liquidity, amount0, amount1 = values
    return LiquidityRemoved(
        **liquidity_fields(scope, owner),
        **moved(scope, amount0, amount1),
        tick_lower=lower,
        tick_upper=upper,
        amount0_raw=str(-amount0),
        amount1_raw=str(-amount1),
        liquidity=str(liquidity),
    )


def collect(scope: LogScope, values: tuple[Any, ...]) -> LiquidityCollected:
    """Fees and removed liquidity were paid out; amounts are negative, for they leave the pool."""
    owner, recipient, lower, upper, amount0, amount1 = values
    return LiquidityCollected(
        **scope.about(scope.call.sender or owner, owner, recipient),
        **pool_place(scope),
        amount0_raw=str(-amount0),
        amount1_raw=str(-amount1),
        tick_lower=lower,
        tick_upper=upper,
        owner=owner,
        recipient=recipient,
    )


def initialize(scope: LogScope, values: tuple[Any, ...]) -> PoolInitialized:
    """The pool got its first price."""
    sqrt_price, tick = values
    pool = scope.block.chain.pools.get(scope.contract)
    return PoolInitialized(
        **by_trader(scope),
        **pool_place(scope),
        **priced(pool, sqrt_price),
        sqrt_price_x96=str(sqrt_price),
        tick=tick,
        token0=pool.token0 if pool else None,
        token1=pool.token1 if pool else None,
    )


def priced(pool: PoolInfo | None, sqrt_price: int) -> dict[str, Any]:
    """The pool's price and in what it is, where it is known which asset is the token."""
    if pool is None:
        return {}
    price = pool_price(sqrt_price, pool.token.unit, pool.quote_unit, pool.token_is_0)
    return {"pool_price": price, "currency": pool.currency}


def liquidity_fields(
    scope: LogScope, owner: str, *others: str, protocol: str = "uniswap-v3"
) -> dict[str, Any]:
    """Who changed a pool's liquidity, and where."""
    # Owner of a position is mostly the position manager: the party is who signed.
    party = scope.call.sender or owner
    return {
        **scope.about(party, owner, *others),
        **pool_place(scope, protocol),
        "owner": owner,
    }


def moved(scope: LogScope, amount0: int, amount1: int) -> dict[str, Any]:
    """What went in or out in whole units, where it is known which asset is the token."""
    pool = scope.block.chain.pools.get(scope.contract)
    if pool is None:
        return {}
    token, quote = (amount0, amount1) if pool.token_is_0 else (amount1, amount0)
    return {
        "token_quantity": token / pool.token.unit,
        "quote_quantity": quote / pool.quote_unit,
        "currency": pool.currency,
    }
