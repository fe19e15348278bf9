"""Blocks of a real PoolManager of Uniswap v4 (`record_uniswap_v4`): decoded, and kept as a book."""

from pathlib import Path

from detections.pools.book import ConcentratedPool
from normalizer.events.chain import (
    ChainEvent,
    LiquidityAdded,
    LiquidityRemoved,
    PoolDonation,
    PoolInitialized,
    PoolSwap,
    TokenTransfer,
)
from tests.normalizer.node_blocks import recorded_events

RECORDED = Path(__file__).parent / "golden" / "uniswap_v4_blocks.ndjson"


def recorded() -> list[ChainEvent]:
    return recorded_events(RECORDED)


def test_every_swap_was_quoted_to_the_last_unit_and_has_the_signs_of_its_transfers() -> None:
    book = ConcentratedPool(spacing=60, fee=3000)
    moved: dict[str | None, list[TokenTransfer]] = {}
    events = recorded()
    for event in events:
        if isinstance(event, TokenTransfer):
            moved.setdefault(event.transaction_hash, []).append(event)
    swaps = 0
    for event in events:
        if isinstance(event, PoolSwap):
            swaps += 1
            amounts = {int(event.amount0_raw), int(event.amount1_raw)}
            paid = max(amounts)
            way = int(event.amount0_raw) > 0
            assert book.swap(paid, zero_for_one=way).got == -min(amounts)
            assert event.fee == 3000
            # What went into the pool is what the tokens say came to the manager.
            transfers = moved[event.transaction_hash]
            into = {int(t.amount_raw) for t in transfers if t.destination_address == event.contract}
            out = {int(t.amount_raw) for t in transfers if t.source_address == event.contract}
            assert (into, out) == ({paid}, {-min(amounts)})
        if isinstance(event, PoolInitialized | PoolSwap | LiquidityAdded | LiquidityRemoved):
            book.take(event)
            assert book.exact
    assert swaps == 6


def test_all_is_of_one_pool_of_the_manager() -> None:
    events = recorded()
    opened = next(one for one in events if isinstance(one, PoolInitialized))
    assert (opened.fee, opened.tick_spacing, opened.tick) == (3000, 60, 13_863)
    assert opened.pool != opened.contract
    named = (PoolSwap, LiquidityAdded, LiquidityRemoved, PoolDonation)
    of_pool = [one for one in events if isinstance(one, named)]
    assert {one.pool for one in of_pool} == {opened.pool}
    assert {one.contract for one in of_pool} == {opened.contract}
    given = next(one for one in of_pool if isinstance(one, PoolDonation))
    assert (given.amount0_raw, given.amount1_raw) == ("5", "6")
    removed = next(one for one in of_pool if isinstance(one, LiquidityRemoved))
    assert (removed.liquidity, removed.position) == (str(4 * 10**21), "0x" + "00" * 31 + "07")
