"""Pools on chain: swaps, the liquidity that they draw from, and loans within one transaction."""

from typing import Annotated

from msgspec import field

from normalizer.events.base import Keywords
from normalizer.events.chain_event import ChainEvent
from normalizer.events.fields import Address, Hash, Int256, Side, Uint256, described


class _OfPool(ChainEvent, kw_only=True):
    venue: Annotated[str, described("Name of the venue or of the pool's protocol")] = field(
        name="market.venue"
    )
    instrument: Annotated[str, described("What is traded: pair, or the pool's address")] = field(
        name="market.instrument"
    )
    pool: Annotated[
        Address,
        described("The pool's contract; of Uniswap v4, where one has all, its id", personal="no"),
    ] = field(name="market.pool.address")


class _PoolEvent(_OfPool, kw_only=True):
    liquidity: Annotated[
        Uint256 | None,
        described(
            "In-range liquidity or its change, exact; of Uniswap v2 the root of reserve0 * reserve1"
        ),
    ] = field(name="market.pool.liquidity", default=None)
    reserve0_raw: Annotated[
        Uint256 | None, described("Uniswap v2: what the pool has of token0 afterwards, exact")
    ] = field(name="market.pool.reserve0_raw", default=None)
    reserve1_raw: Annotated[
        Uint256 | None, described("Uniswap v2: what the pool has of token1 afterwards, exact")
    ] = field(name="market.pool.reserve1_raw", default=None)


class PoolSwap(_PoolEvent, tag="pool-swap", kw_only=True):
    """A swap in a pool (Uniswap v2, v3 and v4 ``Swap``, Curve ``TokenExchange``).

    The trader is who signed the transaction. Of a Curve pool of more than two coins token0 is the
    one with the lower number, unless the reference data says which two are token0 and token1.
    """

    amount0_raw: Annotated[Int256, described("token0, exact; positive is into the pool")] = field(
        name="market.pool.amount0_raw"
    )
    amount1_raw: Annotated[Int256, described("token1, exact; positive is into the pool")] = field(
        name="market.pool.amount1_raw"
    )
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
        Uint256 | None,
        described("Square root of the price in Q64.96, exact; Uniswap v2 and Curve have none"),
    ] = field(name="market.pool.sqrt_price_x96", default=None)
    tick: Annotated[
        int | None, described("Tick after the swap; Uniswap v2 and Curve have none")
    ] = field(name="market.pool.tick", default=None)
    fee: Annotated[
        int | None, described("Fee of this swap in hundredths of a basis point (Uniswap v4)")
    ] = field(name="market.pool.fee", default=None)
    coin0: Annotated[int | None, described("Curve: number of the coin that amount0 is of")] = field(
        name="market.pool.coin0", default=None
    )
    coin1: Annotated[int | None, described("Curve: number of the coin that amount1 is of")] = field(
        name="market.pool.coin1", default=None
    )
    recipient: Annotated[Address | None, described("Who received the output")] = field(
        name="market.pool.recipient", default=None
    )
    sender: Annotated[Address | None, described("Who called the pool, mostly a router")] = field(
        name="market.pool.sender", default=None
    )


class _LiquidityChange(_PoolEvent, kw_only=True):
    amount0_raw: Annotated[
        Int256 | None,
        described("token0, exact; positive is into the pool. Uniswap v4 doesn't tell"),
    ] = field(name="market.pool.amount0_raw", default=None)
    amount1_raw: Annotated[
        Int256 | None,
        described("token1, exact; positive is into the pool. Uniswap v4 doesn't tell"),
    ] = field(name="market.pool.amount1_raw", default=None)
    amounts_raw: Annotated[
        Keywords, described("Curve: amounts of all coins in their order, exact")
    ] = field(name="market.pool.amounts_raw", default=())
    supply_raw: Annotated[
        Uint256 | None, described("Curve: supply of the pool's shares afterwards, exact")
    ] = field(name="market.pool.supply_raw", default=None)
    tick_lower: Annotated[
        int | None, described("Lower tick of the position; none where it has no range")
    ] = field(name="market.pool.tick_lower", default=None)
    tick_upper: Annotated[
        int | None, described("Upper tick of the position; none where it has no range")
    ] = field(name="market.pool.tick_upper", default=None)
    owner: Annotated[
        Address, described("Owner of the position, mostly a position manager or router")
    ] = field(name="market.pool.position_owner")
    position: Annotated[
        Hash | None, described("Uniswap v4: what tells positions of one owner and range apart")
    ] = field(name="market.pool.position_salt", default=None)
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
    """Liquidity went into a pool (Uniswap ``Mint`` and ``ModifyLiquidity``, Curve
    ``AddLiquidity``)."""


class LiquidityRemoved(_LiquidityChange, tag="liquidity-removed", kw_only=True):
    """Liquidity left a pool or its range (Uniswap ``Burn`` and ``ModifyLiquidity``, Curve
    ``RemoveLiquidity`` and its forms).

    One of nothing collects fees: that is how Uniswap's position managers do it.
    """


class LiquidityCollected(_OfPool, tag="liquidity-collected", kw_only=True):
    """A position's owner took out what was owed to it: fees, and liquidity that was removed before
    (Uniswap v3 ``Collect``)."""

    amount0_raw: Annotated[Int256, described("token0, exact; negative is out of the pool")] = field(
        name="market.pool.amount0_raw"
    )
    amount1_raw: Annotated[Int256, described("token1, exact; negative is out of the pool")] = field(
        name="market.pool.amount1_raw"
    )
    tick_lower: Annotated[int, described("Lower tick of the position")] = field(
        name="market.pool.tick_lower"
    )
    tick_upper: Annotated[int, described("Upper tick of the position")] = field(
        name="market.pool.tick_upper"
    )
    owner: Annotated[Address, described("Owner of the position")] = field(
        name="market.pool.position_owner"
    )
    recipient: Annotated[Address, described("Who received it")] = field(
        name="market.pool.recipient"
    )


class PoolReserves(_OfPool, tag="pool-reserves", kw_only=True):
    """What a pool of Uniswap v2 has (``Sync``): after each swap and each change of liquidity, and
    where somebody made it count what was sent to it."""

    reserve0_raw: Annotated[Uint256, described("token0, exact")] = field(
        name="market.pool.reserve0_raw"
    )
    reserve1_raw: Annotated[Uint256, described("token1, exact")] = field(
        name="market.pool.reserve1_raw"
    )
    pool_price: Annotated[float | None, described("Pool price, quote per token")] = field(
        name="market.pool.price", default=None
    )
    currency: Annotated[str | None, described("Quote asset")] = field(
        name="market.currency", default=None
    )


class PoolInitialized(_OfPool, tag="pool-initialized", kw_only=True):
    """A pool got its first price (Uniswap v3 and v4 ``Initialize``)."""

    sqrt_price_x96: Annotated[Uint256, described("Square root of the price in Q64.96, exact")] = (
        field(name="market.pool.sqrt_price_x96")
    )
    tick: Annotated[int, described("Its tick")] = field(name="market.pool.tick")
    pool_price: Annotated[float | None, described("Pool price, quote per token")] = field(
        name="market.pool.price", default=None
    )
    currency: Annotated[str | None, described("Quote asset")] = field(
        name="market.currency", default=None
    )
    token0: Annotated[
        Address | None, described("Contract of token0; the zero address is ether", personal="no")
    ] = field(name="market.pool.token0", default=None)
    token1: Annotated[Address | None, described("Contract of token1", personal="no")] = field(
        name="market.pool.token1", default=None
    )
    fee: Annotated[
        int | None,
        described("Fee in hundredths of a basis point; 8388608 where a hook sets it"),
    ] = field(name="market.pool.fee", default=None)
    tick_spacing: Annotated[int | None, described("Distance of ticks that may be used")] = field(
        name="market.pool.tick_spacing", default=None
    )
    hooks: Annotated[
        Address | None, described("Contract that a v4 pool calls around swaps", personal="no")
    ] = field(name="market.pool.hooks", default=None)


class PoolDonation(_OfPool, tag="pool-donation", kw_only=True):
    """Somebody gave a pool's liquidity in range something, as if fees were paid (Uniswap v4)."""

    amount0_raw: Annotated[Int256, described("token0, exact; positive is into the pool")] = field(
        name="market.pool.amount0_raw"
    )
    amount1_raw: Annotated[Int256, described("token1, exact; positive is into the pool")] = field(
        name="market.pool.amount1_raw"
    )
    sender: Annotated[Address, described("Who called the pool")] = field(name="market.pool.sender")


class FlashLoan(ChainEvent, tag="flash-loan", kw_only=True):
    """A loan that was paid back within its transaction.

    Uniswap v2's and v3's flash loans, ``FlashLoan`` of Aave v2 and v3, Balancer v2, Morpho and
    Maker's lender of ERC-3156. Events of the pools in the same transaction have the tag
    `flash-loan`.
    """

    protocol: Annotated[str, described("Who lent: aave-v3, balancer-v2, uniswap-v3, ...")] = field(
        name="market.venue"
    )
    asset: Annotated[
        Address | None, described("Contract of what was lent, where it is told", personal="no")
    ] = field(name="market.loan.asset", default=None)
    borrower: Annotated[Address, described("Contract that got the loan")] = field(
        name="market.loan.borrower"
    )
    amount_raw: Annotated[Uint256, described("How much was lent, exact")] = field(
        name="market.loan.amount_raw"
    )
    fee_raw: Annotated[Uint256, described("What was paid for it, exact")] = field(
        name="market.loan.fee_raw", default="0"
    )
