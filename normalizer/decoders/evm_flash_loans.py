"""Loans that are paid back within their transaction, and the marks that they leave on others.

Sources: Uniswap v3-core ``IUniswapV3PoolEvents``; Aave ``ILendingPool`` (v2) and ``IPool`` (v3);
Balancer ``IVault``; Morpho Blue ``EventsLib``; Maker ``dss-flash``, a lender of ERC-3156, which has
no event in its text. Lenders without an event (dYdX, Euler, Uniswap v4's own accounting) go unseen,
and so do those that aren't watched.
"""

from collections.abc import Iterable
from typing import Any

from normalizer.decoders.evm_pools import by_trader, pool_place
from normalizer.decoders.evm_scope import LogScope
from normalizer.events.chain import (
    ChainRecord,
    FlashLoan,
    LiquidityAdded,
    LiquidityRemoved,
    PoolSwap,
    TokenTransfer,
)

TAG = "flash-loan"


def loan_of_pool(
    scope: LogScope, protocol: str, side: int, borrower: str, amount: int, fee: int
) -> FlashLoan:
    """A pool lent of its token0 (side 0) or its token1 (side 1)."""
    pool = scope.block.chain.pools.get(scope.contract)
    asset = None if pool is None else (pool.token0, pool.token1)[side]
    return _loan(scope, pool_place(scope, protocol)["venue"], borrower, asset, amount, fee)


def uniswap_v3(scope: LogScope, values: tuple[Any, ...]) -> FlashLoan:
    """``Flash``. Where both assets are lent at once, token0 is told, or the one that was lent."""
    _, recipient, amount0, amount1, paid0, paid1 = values
    if amount0 or not amount1:
        return loan_of_pool(scope, "uniswap-v3", 0, recipient, amount0, paid0)
    return loan_of_pool(scope, "uniswap-v3", 1, recipient, amount1, paid1)


def aave_v2(scope: LogScope, values: tuple[Any, ...]) -> FlashLoan:
    target, _, asset, amount, premium, _ = values
    return _loan(scope, "aave-v2", target, asset, amount, premium)


def aave_v3(scope: LogScope, values: tuple[Any, ...]) -> FlashLoan:
    target, _, asset, amount, _, premium, _ = values
    return _loan(scope, "aave-v3", target, asset, amount, premium)


def balancer_v2(scope: LogScope, values: tuple[Any, ...]) -> FlashLoan:
    recipient, asset, amount, fee = values
    return _loan(scope, "balancer-v2", recipient, asset, amount, fee)


def morpho(scope: LogScope, values: tuple[Any, ...]) -> FlashLoan:
    caller, asset, amount = values
    return _loan(scope, "morpho", caller, asset, amount, 0)


def erc_3156(scope: LogScope, values: tuple[Any, ...]) -> FlashLoan:
    """Maker's: the receiver alone is indexed."""
    receiver, asset, amount, fee = values
    return _loan(scope, "erc-3156", receiver, asset, amount, fee)


def mark(events: Iterable[ChainRecord]) -> None:
    """Mark what happened to pools and tokens in the transactions of flash loans.

    The events of a block. They are changed.
    """
    events = list(events)
    lent = {event.transaction_hash for event in events if isinstance(event, FlashLoan)}
    for event in events:
        if (
            isinstance(event, PoolSwap | LiquidityAdded | LiquidityRemoved | TokenTransfer)
            and event.transaction_hash in lent
        ):
            event.tags = (*event.tags, TAG)


def _loan(
    scope: LogScope, protocol: str, borrower: str, asset: str | None, amount: int, fee: int
) -> FlashLoan:
    scope.block.tells_loans = True
    return FlashLoan(
        **by_trader(scope, borrower),
        protocol=protocol,
        asset=asset,
        borrower=borrower,
        amount_raw=str(amount),
        fee_raw=str(fee),
    )
