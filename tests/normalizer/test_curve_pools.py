"""Blocks of real Curve pools of three generations (`record_curve_pools`): decoded, and as books."""

from collections import Counter, defaultdict

import msgspec
import pytest

from detections.pools.stable_book import StablePool
from normalizer.events.chain import (
    ChainEvent,
    LiquidityAdded,
    LiquidityRemoved,
    PoolSwap,
    TokenTransfer,
)
from tests.normalizer.curve_pools import BLOCKS, STATES, PoolState
from tests.normalizer.node_blocks import recorded_events


@pytest.fixture(scope="module")
def events() -> list[ChainEvent]:
    return recorded_events(BLOCKS)


@pytest.fixture(scope="module")
def states() -> dict[tuple[str | None, int], PoolState]:
    found = [msgspec.json.decode(line, type=PoolState) for line in STATES.read_bytes().splitlines()]
    return {(one.pool, one.block): one for one in found}


def paid_and_got(swap: PoolSwap) -> tuple[int, int, int, int]:
    """The coin that was paid and how much of it, and the same of the one that was got."""
    assert swap.coin0 is not None
    assert swap.coin1 is not None
    amount0, amount1 = int(swap.amount0_raw), int(swap.amount1_raw)
    if amount0 > 0:
        return swap.coin0, amount0, swap.coin1, -amount1
    return swap.coin1, amount1, swap.coin0, -amount0


def test_every_swap_was_quoted_to_the_last_unit(
    events: list[ChainEvent], states: dict[tuple[str | None, int], PoolState]
) -> None:
    swaps = Counter[str]()
    for event in events:
        if isinstance(event, PoolSwap) and "underlying" not in event.tags:
            state = states[event.contract, event.block_number]
            pool = StablePool(
                tuple(map(int, state.balances)),
                tuple(map(int, state.rates)),
                *(state.amplification, state.fee, state.amplification_precision),
                state.offpeg_fee_multiplier,
            )
            given, paid, taken, got = paid_and_got(event)
            assert pool.swap(paid, given=given, taken=taken).got == got, (state.name, event)
            swaps[state.name] += 1
    assert swaps == {"3pool": 10, "ng": 10, "meta": 3}


def test_what_went_in_and_out_is_what_the_tokens_say(events: list[ChainEvent]) -> None:
    moved = defaultdict[tuple[str | None, str | None], set[int]](set)
    for event in events:
        if isinstance(event, TokenTransfer):
            amount = int(event.amount_raw)
            moved[event.transaction_hash, event.destination_address].add(amount)
            moved[event.transaction_hash, event.source_address].add(-amount)
    checked = 0
    for event in events:
        signed = moved[event.transaction_hash, event.contract]
        if isinstance(event, PoolSwap) and "underlying" not in event.tags:
            _, paid, _, got = paid_and_got(event)
            assert {paid, -got} <= signed
            checked += 1
        elif isinstance(event, LiquidityAdded | LiquidityRemoved):
            told = {int(amount) for amount in event.amounts_raw} - {0}
            assert told <= signed
            checked += bool(told)
    assert checked == 23 + 11


def test_what_each_generation_tells_of_liquidity(events: list[ChainEvent]) -> None:
    changes = [one for one in events if isinstance(one, LiquidityAdded | LiquidityRemoved)]
    pools = dict.fromkeys(one.contract for one in changes)
    names = dict(zip(pools, ("3pool", "ng", "meta"), strict=True))
    forms = [
        (names[one.contract], type(one).__name__, len(one.amounts_raw), one.supply_raw is not None)
        for one in changes
    ]
    assert forms == [
        *[("3pool", "LiquidityAdded", 3, True)] * 2,
        ("3pool", "LiquidityRemoved", 3, True),
        # The first generation doesn't say which coin it was that was taken out alone.
        ("3pool", "LiquidityRemoved", 0, False),
        ("3pool", "LiquidityRemoved", 3, True),
        *[("ng", "LiquidityAdded", 3, True)] * 2,
        ("ng", "LiquidityRemoved", 3, True),
        ("ng", "LiquidityRemoved", 2, True),
        ("ng", "LiquidityRemoved", 3, True),
        ("meta", "LiquidityAdded", 2, True),
        # Swaps of underlying coins go through the pool below.
        ("3pool", "LiquidityRemoved", 0, False),
        ("3pool", "LiquidityAdded", 3, True),
    ]


def test_a_swap_of_underlying_coins_is_marked_and_counts_the_coins_below(
    events: list[ChainEvent],
) -> None:
    marked = [one for one in events if isinstance(one, PoolSwap) and "underlying" in one.tags]
    assert [paid_and_got(one)[::2] for one in marked] == [(0, 2), (3, 0)]
