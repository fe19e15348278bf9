"""Uniswap v3 ``Swap``, ``Mint`` and ``Burn``, in terms of the watched token.

Amounts of a swap are from the pool's side: positive was paid in by the trader. The pool's price is
(sqrtPriceX96 / 2**96)**2 of token1 per token0, in smallest units. Computed with integers; Python's
division of integers rounds correctly.
"""

from typing import Any

from normalizer.decoders.evm_scope import LogScope, related
from normalizer.enrichment import PoolInfo
from normalizer.events.chain import LiquidityAdded, LiquidityRemoved, PoolSwap

_Q192 = 1 << 192


def swap(scope: LogScope, values: tuple[Any, ...]) -> PoolSwap:
    """A swap; the trader is who signed the transaction."""
    sender, recipient, amount0, amount1, sqrt_price, liquidity, tick = values
    trader = scope.call.sender
    fields = scope.about(trader, recipient, sender) if trader else scope.fields
    if trader is None:
        fields = fields | {"related_user": related(recipient, sender)}
    return PoolSwap(
        **fields,
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
        **_change(scope, owner, lower, upper, sender),
        **_moved(scope, amount0, amount1),
        amount0_raw=str(amount0),
        amount1_raw=str(amount1),
        liquidity=str(liquidity),
    )


def burn(scope: LogScope, values: tuple[Any, ...]) -> LiquidityRemoved:
    """Liquidity was taken from a range; amounts are negative, for they leave the pool's range."""
    owner, lower, upper, liquidity, amount0, amount1 = values
    return LiquidityRemoved(
        **_change(scope, owner, lower, upper),
        **_moved(scope, amount0, amount1),
        amount0_raw=str(-amount0),
        amount1_raw=str(-amount1),
        liquidity=str(liquidity),
    )


def _change(scope: LogScope, owner: str, lower: int, upper: int, *others: str) -> dict[str, Any]:
    # Owner of a position is mostly the position manager: the party is who signed.
    party = scope.call.sender or owner
    return {
        **scope.about(party, owner, *others),
        **pool_place(scope),
        "tick_lower": lower,
        "tick_upper": upper,
        "owner": owner,
    }


def _moved(scope: LogScope, amount0: int, amount1: int) -> dict[str, Any]:
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
