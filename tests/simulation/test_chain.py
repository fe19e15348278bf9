"""The simulated chain: exact pools, readable blocks, and each abuser's own doing."""

import pytest

from normalizer.events.chain import FlashLoan, LiquidityRemoved, PoolSwap, TokenTransfer
from simulation.abusers.chain_catalogue import CHAIN_ABUSES
from simulation.chain.pool import Pool
from simulation.chain.session import play_chain
from tests.simulation.reading import events_of

UNIT = 10**18


def new_pool() -> Pool:
    pool = Pool("0x" + "1" * 40, "uniswap-v3", "0x" + "2" * 40, "0x" + "3" * 40)
    pool.add("0x" + "4" * 40, "0x" + "5" * 40, 1_000 * UNIT, 2_000 * 10**6)
    return pool


def test_the_product_grows_by_the_fee_only() -> None:
    pool = new_pool()
    before = pool.reserves[0] * pool.reserves[1]
    got, _ = pool.swap(1, 100 * 10**6, "0x" + "5" * 40, "0x" + "6" * 40, "0x" + "6" * 40)
    assert pool.reserves[0] * pool.reserves[1] >= before
    back, _ = pool.swap(0, got, "0x" + "5" * 40, "0x" + "6" * 40, "0x" + "6" * 40)
    # There and back costs twice the fee of 0.3 percent, and nothing else.
    assert back == pytest.approx(100 * 10**6 * 0.997**2, rel=1e-3)


def test_needed_is_what_gives_the_wanted() -> None:
    pool = new_pool()
    paid = pool.needed(1, 10 * UNIT)
    assert pool.out(1, paid) >= 10 * UNIT
    assert pool.out(1, paid - 2) < 10 * UNIT


def test_blocks_are_readable_and_the_same_again() -> None:
    session = play_chain(5, length=200)
    assert session.frames == play_chain(5, length=200).frames
    events, dead = events_of(session)
    assert dead == 0
    swaps = [event for event in events if isinstance(event, PoolSwap)]
    assert len(swaps) > 60
    assert all(swap.price and 1.5 < swap.price < 2.5 for swap in swaps)
    assert {swap.side for swap in swaps} == {"buy", "sell"}
    assert any(isinstance(event, TokenTransfer) for event in events)


def test_a_sandwich_lies_around_its_victim_in_one_block() -> None:
    session = play_chain(5, abuse=CHAIN_ABUSES["sandwich"], episodes=1)
    bot = session.episodes[0].parties[0]
    events, _ = events_of(session)
    swaps = [event for event in events if isinstance(event, PoolSwap)]
    own = [place for place, swap in enumerate(swaps) if bot in swap.related_user]
    assert len(own) == 6
    for first, last in zip(own[::2], own[1::2], strict=True):
        assert last == first + 2
        around = swaps[first : last + 1]
        assert len({swap.block_number for swap in around}) == 1
        assert [swap.side for swap in around] == ["buy", "buy", "sell"]
        assert around[0].amount0_raw == f"-{around[2].amount0_raw}"


@pytest.mark.parametrize(
    ("name", "kind"), [("flash-loan-wash", FlashLoan), ("rug-pull", LiquidityRemoved)]
)
def test_abusers_leave_their_own_events(name: str, kind: type) -> None:
    session = play_chain(5, abuse=CHAIN_ABUSES[name], episodes=1)
    events, dead = events_of(session)
    assert dead == 0
    episode = session.episodes[0]
    during = [event for event in events if episode.begin <= event.timestamp <= episode.end]
    assert any(isinstance(event, kind) for event in during)
