"""Pools on chain: swaps, and the liquidity that they draw from."""

from typing import Annotated

from msgspec import field

from normalizer.events.chain_event import ChainEvent
from normalizer.events.fields import Address, Int256, Side, Uint256, described


class _PoolEvent(ChainEvent, kw_only=True):
    venue: Annotated[str, described("Name of the venue or of the pool's protocol")] = field(
        name="market.venue"
    )
    instrument: Annotated[str, described("What is traded: pair, or the pool's address")] = field(
        name="market.instrument"
    )
    pool: Annotated[Address, described("The pool's contract", personal="no")] = field(
        name="market.pool.address"
    )
    amount0_raw: Annotated[Int256, described("token0, exact; positive is into the pool")] = field(
        name="market.pool.amount0_raw"
    )
    amount1_raw: Annotated[Int256, described("token1, exact; positive is into the pool")] = field(
        name="market.pool.amount1_raw"
    )
    liquidity: Annotated[Uint256 | None, described("In-range liquidity or its change, exact")] = (
        field(name="market.pool.liquidity", default=None)
    )


class PoolSwap(_PoolEvent, tag="pool-swap", kw_only=True):
    """A swap in a pool (Uniswap v3 ``Swap``, an exchange of Curve by a subgraph).

    The trader is who signed the transaction.
    """

    side: Annotated[Side | None, described("The trader bought or sold the watched token")] = field(
        name="market.trade.aggressor_side", default=None
    )
    price: Annotated[float | None, described("Effective price, quote per token")] = field(
        name="market.trade.price", default=None
    )
    quantity: Annotated[float | None, described("Whole tokens swapped")] = field(
        name="market.trade.quantity", default=None
    )
    notional: Annotated[float | None, described("Value in the quote asset")] = field(
        name="market.trade.notional", default=None
    )
    currency: Annotated[str | None, described("Quote asset")] = field(
        name="market.currency", default=None
    )
    pool_price: Annotated[float | None, described("Pool price after the swap, quote per token")] = (
        field(name="market.pool.price", default=None)
    )
    sqrt_price_x96: Annotated[
        Uint256 | None, described("Square root of the price in Q64.96, exact; Curve has none")
    ] = field(name="market.pool.sqrt_price_x96", default=None)
    tick: Annotated[int | None, described("Tick after the swap; Curve has none")] = field(
        name="market.pool.tick", default=None
    )
    recipient: Annotated[Address | None, described("Who received the output")] = field(
        name="market.pool.recipient", default=None
    )
    sender: Annotated[Address | None, described("Who called the pool, mostly a router")] = field(
        name="market.pool.sender", default=None
    )


class _LiquidityChange(_PoolEvent, kw_only=True):
    tick_lower: Annotated[int, described("Lower tick of the position")] = field(
        name="market.pool.tick_lower"
    )
    tick_upper: Annotated[int, described("Upper tick of the position")] = field(
        name="market.pool.tick_upper"
    )
    owner: Annotated[Address, described("Owner of the position")] = field(
        name="market.pool.position_owner"
    )
    token_quantity: Annotated[
        float | None, described("Whole tokens that went in or out; not exact")
    ] = field(name="market.pool.token_quantity", default=None)
    quote_quantity: Annotated[
        float | None, described("What went in or out of the quote asset, whole units; not exact")
    ] = field(name="market.pool.quote_quantity", default=None)
    currency: Annotated[str | None, described("Quote asset")] = field(
        name="market.currency", default=None
    )


class LiquidityAdded(_LiquidityChange, tag="liquidity-added", kw_only=True):
    """Liquidity went into a pool (Uniswap v3 ``Mint``)."""


class LiquidityRemoved(_LiquidityChange, tag="liquidity-removed", kw_only=True):
    """Liquidity left a pool's range (Uniswap v3 ``Burn``)."""
