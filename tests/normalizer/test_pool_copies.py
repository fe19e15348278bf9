"""Copies of Uniswap's pools whose events have other fields, and so another topic."""

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
