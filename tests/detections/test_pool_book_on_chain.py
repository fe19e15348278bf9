"""Books of real pools of Uniswap v2 and v3: each swap was quoted before to the last unit."""

from fractions import Fraction
from math import isqrt
from typing import Any

import pytest

from demo.chain.anvil import Anvil
from detections.pools.book import ConcentratedPool, ConstantProduct
from detections.pools.ticks import Q96
from normalizer.events.chain import (
    LiquidityAdded,
    LiquidityCollected,
    LiquidityRemoved,
    PoolInitialized,
    PoolReserves,
    PoolSwap,
)

pytestmark = pytest.mark.chain

UNIT = 10**18


@pytest.fixture(scope="module")
def node(anvil: Anvil) -> Any:
    from demo.chain.ledger import Ledger
    from tests.normalizer.pools_on_node import PoolNode

    return PoolNode(Ledger(anvil))


def only(events: list[Any], kind: type[Any]) -> Any:
    (found,) = [event for event in events if isinstance(event, kind)]
    return found


def executed(swap: PoolSwap) -> tuple[int, int]:
    """What a swap paid and got."""
    amounts = sorted((int(swap.amount0_raw), int(swap.amount1_raw)))
    return amounts[1], -amounts[0]


def test_a_pair_of_v2_is_its_reserves(node: Any) -> None:
    from tests.normalizer.pools_on_node import V2Pair

    pair, book = V2Pair(node), ConstantProduct()
    pair.pay(50 * UNIT, 200 * UNIT, node.maker)
    events = pair.call("mint", node.maker, sender=node.maker)
    added = only(events, LiquidityAdded)
    assert int(added.liquidity) == 100 * UNIT
    assert (added.amount0_raw, added.amount1_raw) == (str(50 * UNIT), str(200 * UNIT))
    book.take(added)
    assert book.price == 4
    for amount, way in ((3 * UNIT, True), (7 * UNIT, False), (12345, True), (40 * UNIT, False)):
        quote = book.swap(amount, zero_for_one=way)
        pair.pay(*((amount, 0) if way else (0, amount)), node.trader)
        wanted = (0, quote.got) if way else (quote.got, 0)
        events = pair.call("swap", *wanted, node.trader, b"", sender=node.trader)
        swap = only(events, PoolSwap)
        assert executed(swap) == (quote.paid, quote.got)
        assert swap.investor_address == node.trader.lower()
        book.take(only(events, PoolReserves))
        # The pair's own word, and nothing more could have been had of it.
        assert pair.node.ledger.ask(pair.contract, "getReserves")[:2] == [
            book.reserve0,
            book.reserve1,
        ]
        assert swap.reserve0_raw == str(book.reserve0)
    _one_unit_more_is_refused(node, pair, book)
    move = book.move(0.1)
    before = book.price
    pair.pay(0, move.paid, node.trader)
    book.take(only(pair.call("swap", move.got, 0, node.trader, b"", sender=node.trader), PoolSwap))
    assert before is not None
    assert book.price is not None
    assert float(book.price / before) == pytest.approx(1.1, rel=1e-12)
    shares = pair.node.ledger.ask(pair.contract, "balanceOf", node.maker)
    node.ledger.settle(
        [
            node.ledger.send(
                pair.contract,
                "transfer",
                str(pair.contract.address),
                shares // 2,
                sender=node.maker,
            )
        ]
    )
    removed = only(pair.call("burn", node.maker, sender=node.maker), LiquidityRemoved)
    assert removed.owner == node.maker.lower()
    assert int(removed.amount0_raw) < 0


def _one_unit_more_is_refused(node: Any, pair: Any, book: ConstantProduct) -> None:
    from demo.chain.ledger import TransactionFailed

    quote = book.swap(UNIT, zero_for_one=True)
    pair.pay(UNIT, 0, node.trader)
    with pytest.raises(TransactionFailed, match="UniswapV2: K"):
        pair.call("swap", 0, quote.got + 1, node.trader, b"", sender=node.trader)
    book.take(only(pair.call("swap", 0, quote.got, node.trader, b"", sender=node.trader), PoolSwap))


@pytest.mark.parametrize(("fee", "spacing"), [(500, 10), (10_000, 200)])
def test_a_pool_of_v3_is_its_ticks(node: Any, fee: int, spacing: int) -> None:
    from tests.normalizer.pools_on_node import V3Pool

    root = isqrt(4 * Q96 * Q96)
    pool, book = V3Pool(node, fee=fee, root=root), ConcentratedPool(spacing=spacing, fee=fee)
    opened = only(pool.opening, PoolInitialized)
    assert opened.sqrt_price_x96 == str(root)
    book.take(opened)
    centre = opened.tick // spacing * spacing
    ranges = [(-30, 40, 100), (-3, 2, 50), (5, 9, 20), (-600, 700, 10), (-9, -5, 30)]
    widest = 0
    for lower, upper, amount in ranges:
        events = pool.add(centre + lower * spacing, centre + upper * spacing, amount * UNIT)
        added = only(events, LiquidityAdded)
        book.take(added)
        widest = int(added.liquidity) if lower == -600 else widest
    assert book.liquidity == node.ledger.ask(pool.contract, "liquidity")
    ways = [(UNIT, True), (25 * UNIT, True), (999, False), (150 * UNIT, False), (30 * UNIT, True)]
    for amount, way in [*ways, (230 * UNIT, False), (50 * UNIT, True)]:
        quote = book.swap(amount, zero_for_one=way)
        swap = only(pool.swap(amount, zero_for_one=way), PoolSwap)
        assert executed(swap) == (quote.paid, quote.got)
        book.take(swap)
        assert book.exact
    removed = only(pool.remove(4, widest // 2), LiquidityRemoved)
    book.take(removed)
    assert book.liquidity == node.ledger.ask(pool.contract, "liquidity")
    for share in (0.05, -0.2, 0.4):
        before = book.price
        assert before is not None
        move = book.move(share)
        swap = only(pool.swap(move.paid, zero_for_one=share < 0), PoolSwap)
        book.take(swap)
        assert executed(swap)[1] == pytest.approx(move.got, rel=1e-12)
        assert book.price is not None
        moved = Fraction(book.price) / before
        assert float(moved) == pytest.approx(1 + share, rel=1e-12)


def test_fees_are_collected_by_a_removal_of_nothing(node: Any) -> None:
    from tests.normalizer.pools_on_node import V3Pool

    pool = V3Pool(node, fee=3_000, root=Q96)
    pool.add(-600, 600, 100 * UNIT)
    pool.swap(UNIT, zero_for_one=True)
    terms = (1, node.maker, 2**127, 2**127)
    sent = node.ledger.send(pool.positions, "collect", terms, sender=node.maker)
    events = node.events(sent)
    poke, collected = only(events, LiquidityRemoved), only(events, LiquidityCollected)
    assert poke.liquidity == "0"
    assert int(collected.amount0_raw) == pytest.approx(-UNIT * 3 // 1000, abs=1)
    assert collected.investor_address == node.maker.lower()
