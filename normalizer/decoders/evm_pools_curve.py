"""Curve's pools: StableSwap, CryptoSwap and their later generations (NG).

Coins are told by their number in the pool. Which contract each is, and which two of them are token0
and token1, is said by the reference data; without it token0 is the one with the lower number. What
each form of an event leaves out stays out: none tells the pool's price or its reserves.

``TokenExchangeUnderlying`` counts the coins of the pool below as well: only number 0 of a metapool
is surely the pool's own. Such swaps have the tag `underlying`.

Sources: curvefi/curve-contract, curvefi/curve-crypto-contract, curvefi/stableswap-ng,
curvefi/twocrypto-ng, curvefi/tricrypto-ng.
"""

from collections.abc import Sequence
from typing import Any

from normalizer.decoders.evm_pools import by_trader, liquidity_fields, moved, pool_place, swap_terms
from normalizer.decoders.evm_scope import LogScope
from normalizer.decoders.unreadable import Unreadable
from normalizer.enrichment import PoolInfo
from normalizer.events.chain import LiquidityAdded, LiquidityRemoved, PoolSwap
from normalizer.events.fields import Side

PROTOCOL = "curve"
#: No pool of any generation has more.
MOST_COINS = 8


def exchange(scope: LogScope, values: tuple[Any, ...]) -> PoolSwap:
    """``TokenExchange``, in every form: what else NG tells (fee, price scale) is left."""
    return _swap(scope, values, underlying=False)


def exchange_underlying(scope: LogScope, values: tuple[Any, ...]) -> PoolSwap:
    """``TokenExchangeUnderlying``."""
    return _swap(scope, values, underlying=True)


def _swap(scope: LogScope, values: tuple[Any, ...], *, underlying: bool) -> PoolSwap:
    buyer, sold, amount_in, bought, amount_out = values[:5]
    if sold == bought or not (0 <= sold < MOST_COINS and 0 <= bought < MOST_COINS):
        raise Unreadable(f"{sold} and {bought} are no two coins of a pool", "sold_id")
    pool = scope.block.chain.pools.get(scope.contract)
    first, second = _order(pool, sold, bought)
    amount0, amount1 = (amount_in, -amount_out) if first == sold else (-amount_out, amount_in)
    return PoolSwap(
        **by_trader(scope, buyer),
        **pool_place(scope, PROTOCOL),
        **_terms(pool, (first, second), (amount0, amount1), underlying),
        amount0_raw=str(amount0),
        amount1_raw=str(amount1),
        coin0=first,
        coin1=second,
        sender=buyer,
        tags=("underlying",) if underlying else (),
    )


def _order(pool: PoolInfo | None, one: int, other: int) -> tuple[int, int]:
    """The numbers of the two coins, that of token0 first where these are token0 and token1."""
    pair = (min(one, other), max(one, other))
    if pool is not None and _coins(pool, pair) == (pool.token1, pool.token0):
        return pair[1], pair[0]
    return pair


def _coins(pool: PoolInfo, numbers: tuple[int, int]) -> tuple[str | None, str | None]:
    first, second = (pool.coins[n] if n < len(pool.coins) else None for n in numbers)
    return first, second


def _terms(
    pool: PoolInfo | None, numbers: tuple[int, int], amounts: tuple[int, int], underlying: bool
) -> dict[str, Any]:
    """Side and quantity where the token is one of the two; prices where the quote is the other."""
    if pool is None:
        return {}
    coins = _coins(pool, numbers)
    if coins == (pool.token0, pool.token1) and not underlying:
        return swap_terms(pool, *amounts)
    token = pool.token0 if pool.token_is_0 else pool.token1
    for number, coin, amount in zip(numbers, coins, amounts, strict=True):
        if coin == token and amount and (number == 0 or not underlying):
            side: Side = "buy" if amount < 0 else "sell"
            return {"side": side, "quantity": abs(amount) / pool.token.unit}
    return {}


def added(scope: LogScope, values: tuple[Any, ...]) -> LiquidityAdded:
    """``AddLiquidity``: provider and amounts first, the supply of shares after it last."""
    provider, amounts = values[:2]
    return LiquidityAdded(**_change(scope, provider, amounts, 1), supply_raw=str(values[-1]))


def added_ng(scope: LogScope, values: tuple[Any, ...]) -> LiquidityAdded:
    """``AddLiquidity`` of CryptoSwap NG: the price scale comes behind the supply."""
    return added(scope, values[:-1])


def removed(scope: LogScope, values: tuple[Any, ...]) -> LiquidityRemoved:
    """``RemoveLiquidity`` and ``RemoveLiquidityImbalance``: the same, of what went out."""
    provider, amounts = values[:2]
    return LiquidityRemoved(**_change(scope, provider, amounts, -1), supply_raw=str(values[-1]))


def removed_one_unnamed(scope: LogScope, values: tuple[Any, ...]) -> LiquidityRemoved:
    """``RemoveLiquidityOne(provider, shares, amount)``: it doesn't tell which coin it was."""
    return LiquidityRemoved(**liquidity_fields(scope, values[0], protocol=PROTOCOL))


def removed_one_either(scope: LogScope, values: tuple[Any, ...]) -> LiquidityRemoved:
    """``RemoveLiquidityOne`` with three numbers: two generations have it, in different meanings.

    CryptoSwap tells shares, the coin's number and the amount; StableSwap shares, the amount and the
    supply of shares. Nobody takes out less than eight of a coin's smallest units.
    """
    provider, _, coin_or_amount, amount_or_supply = values
    if coin_or_amount < MOST_COINS:
        return removed_one_crypto(scope, values)
    return LiquidityRemoved(
        **liquidity_fields(scope, provider, protocol=PROTOCOL), supply_raw=str(amount_or_supply)
    )


def removed_one(scope: LogScope, values: tuple[Any, ...]) -> LiquidityRemoved:
    """``RemoveLiquidityOne`` of StableSwap NG."""
    provider, coin, _, amount, supply = values
    return LiquidityRemoved(
        **_change(scope, provider, _alone(coin, amount), -1), supply_raw=str(supply)
    )


def removed_one_crypto(scope: LogScope, values: tuple[Any, ...]) -> LiquidityRemoved:
    """``RemoveLiquidityOne`` of CryptoSwap and its NG, which don't tell the supply of shares."""
    provider, _, coin, amount = values[:4]
    return LiquidityRemoved(**_change(scope, provider, _alone(coin, amount), -1))


def _alone(coin: int, amount: int) -> list[int]:
    if not 0 <= coin < MOST_COINS:
        raise Unreadable(f"{coin} is no coin of a pool", "token_id")
    return [*([0] * coin), amount]


def _change(scope: LogScope, provider: str, amounts: Sequence[int], sign: int) -> dict[str, Any]:
    if len(amounts) > MOST_COINS:
        raise Unreadable(f"{len(amounts)} amounts are more than a pool has coins", "token_amounts")
    fields = liquidity_fields(scope, provider, protocol=PROTOCOL)
    fields["amounts_raw"] = tuple([str(sign * amount) for amount in amounts])
    pool = scope.block.chain.pools.get(scope.contract)
    if pool is not None and len(amounts) <= len(pool.coins):
        by_coin = dict(zip(pool.coins, amounts, strict=False))
        amount0, amount1 = by_coin.get(pool.token0, 0), by_coin.get(pool.token1, 0)
        fields |= moved(scope, amount0, amount1)
    elif len(amounts) == 2:
        amount0, amount1 = amounts
    else:
        return fields
    return fields | {"amount0_raw": str(sign * amount0), "amount1_raw": str(sign * amount1)}
