"""Copies of Uniswap's pools whose events have other fields, and so another topic."""

from typing import Any

import pytest

from normalizer.events import chain
from normalizer.signatures import KNOWN_EVENTS
from tests.normalizer import blocks as b

PANCAKE_V3_SWAP = (
    "Swap(address indexed sender, address indexed recipient, int256 amount0, int256 amount1,"
    " uint160 sqrtPriceX96, uint128 liquidity, int24 tick,"
    " uint128 protocolFeesToken0, uint128 protocolFeesToken1)"
)
#: 2 USDX (6 decimals) per ACME (18 decimals): sqrt(2 * 10**6 / 10**18) * 2**96, rounded down.
SQRT_PRICE = 112_045_541_949_572_279_837_463


def test_pancakeswap_v3_tells_of_the_protocols_fees_with_a_swap() -> None:
    # As its contracts on BNB Chain, Ethereum, Arbitrum and Base have it.
    topic = "0x19b47279256b2a23a1665c810c8d55a1758940ee09377d4f8d26497a3577dc83"
    assert KNOWN_EVENTS[topic, 3].name == "Swap"
    amounts = (-3 * 10**18, 6_018_000)
    swapped = b.log(
        PANCAKE_V3_SWAP,
        b.CAROL,
        b.BOB,
        *amounts,
        SQRT_PRICE,
        10**20,
        -269_400,
        7,
        (1 << 128) - 1,
        address=b.POOL,
    )
    result = b.normalize(b.frame(swapped, transactions=[b.transaction(sender=b.ALICE)]))
    assert result.dead == []
    event = result.events[-1]
    assert isinstance(event, chain.PoolSwap)
    assert (event.side, event.quantity, event.notional) == ("buy", 3.0, 6.018)
    assert event.pool_price == pytest.approx(2.0, rel=1e-12)
    assert (event.amount0_raw, event.amount1_raw) == tuple(map(str, amounts))
    assert (event.liquidity, event.tick) == (str(10**20), -269_400)
    assert (event.investor_id, event.sender, event.recipient) == ("INV-0001", b.CAROL, b.BOB)


SOLIDLY_SWAP = (
    "Swap(address indexed sender, address indexed to, uint256 amount0In, uint256 amount1In,"
    " uint256 amount0Out, uint256 amount1Out)"
)
SOLIDLY_SYNC = "Sync(uint256 reserve0, uint256 reserve1)"
SOLIDLY_BURN = "Burn(address indexed sender, address indexed to, uint256 amount0, uint256 amount1)"
MINT = "Mint(address indexed sender, uint256 amount0, uint256 amount1)"
ROUTER = "0x" + "70" * 20
UNIT, CENT = 10**18, 10**6


@pytest.mark.parametrize(
    ("topic", "topics", "name"),
    [
        ("0xb3e2773606abfd36b5bd91394b3a54d1398336c65005baf7bf7a05efeffaf75b", 3, "Swap"),
        ("0xcf2aa50876cdfbb541206f89af0ee78d44a2abf8d328e37fa4917f982149848a", 1, "Sync"),
        ("0x5d624aa9c148153ab3446c1b154f660ee7701e549fe9b62dab7171b1c80e6fa2", 3, "Burn"),
    ],
)
def test_events_of_velodrome_and_aerodrome_have_their_own_topics(
    topic: str, topics: int, name: str
) -> None:
    assert KNOWN_EVENTS[topic, topics].name == name


def happened(*logs: Any) -> list[Any]:
    numbered = [{**one, "logIndex": hex(place)} for place, one in enumerate(logs)]
    result = b.normalize(b.frame(*numbered))
    assert result.dead == []
    return result.events[1:]


def test_pools_of_velodrome_and_aerodrome_are_pairs_with_an_order_of_their_own() -> None:
    _, swap = happened(
        b.log(SOLIDLY_SYNC, 900 * UNIT, 2_000 * CENT, address=b.POOL),
        b.log(SOLIDLY_SWAP, ROUTER, b.ALICE, 0, 200 * CENT, 100 * UNIT, 0, address=b.POOL),
    )
    assert isinstance(swap, chain.PoolSwap)
    assert (swap.amount0_raw, swap.amount1_raw) == (str(-100 * UNIT), str(200 * CENT))
    assert (swap.side, swap.quantity, swap.price) == ("buy", 100.0, 2.0)
    assert (swap.reserve0_raw, swap.reserve1_raw) == (str(900 * UNIT), str(2_000 * CENT))
    assert (swap.sender, swap.recipient) == (ROUTER, b.ALICE)
    # Of a stable pool the reserves' ratio is no price, and no event tells which pools are such.
    assert swap.pool_price is None


def test_liquidity_of_velodrome_and_aerodrome_is_that_of_pairs() -> None:
    _, added, _, removed = happened(
        b.log(SOLIDLY_SYNC, 400, 100, address=b.POOL),
        b.log(MINT, ROUTER, 400, 100, address=b.POOL),
        b.log(SOLIDLY_SYNC, 100, 25, address=b.POOL),
        b.log(SOLIDLY_BURN, ROUTER, b.BOB, 300, 75, address=b.POOL),
    )
    assert isinstance(added, chain.LiquidityAdded)
    assert (added.liquidity, added.amount0_raw) == ("200", "400")
    assert isinstance(removed, chain.LiquidityRemoved)
    assert (removed.liquidity, removed.amount1_raw, removed.owner) == ("150", "-75", b.BOB)
