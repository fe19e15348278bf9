"""Abuse on the chain that needs more of a market: other pools, pending transactions, days."""

from itertools import pairwise
from pathlib import Path

import pytest

from normalizer.events.chain import LiquidityRemoved, PoolSwap, TokenTransfer
from normalizer.events.pending import TransactionIncluded, TransactionPending
from pipeline.units import DAY
from simulation.accuracy.judging import judge
from simulation.accuracy.offline import run, shipped_rules
from simulation.catalogue import COUNTS, play
from tests.simulation.reading import events_of

_MOVED = "Pool's price moved and moved back while tokens were taken out"


@pytest.mark.parametrize(
    ("name", "folder", "rule"),
    [
        ("young-pool-emptied", "liquidity_removal", "Rug pull"),
        ("old-pool-emptied", "liquidity_removal", "Old pool emptied"),
        ("loan-at-moved-price", "oracle_deviation", _MOVED),
        ("vault-at-moved-price", "oracle_deviation", _MOVED),
        ("copied-ahead", "front_running", "Others' pending swaps copied ahead of them"),
        ("right-behind", "front_running", "Swaps right behind others' pending ones"),
        ("sandwich-over-blocks", "front_running", "Sandwiches over several blocks of a pool"),
        ("sent-round", "wash_trading", "Tokens sent round in a circle"),
        ("stale-oracle", "oracle_deviation", "Oracle's answer came too late"),
    ],
)
def test_each_is_found_by_the_rule_that_is_meant_for_it(name: str, folder: str, rule: str) -> None:
    session = play(name, 31, episodes=1)
    outcome = run(session, shipped_rules(Path("sigma_rules") / folder))
    assert (outcome.dead, outcome.failures) == (0, 0)
    (found,) = judge(session, outcome.alerts, COUNTS).episodes
    assert rule in found.rules


def test_an_emptied_pool_was_its_makers_and_days_follow() -> None:
    session = play("young-pool-emptied", 31, episodes=1)
    (episode,) = session.episodes
    maker, _, pool = episode.parties
    events, dead = events_of(session)
    assert dead == 0
    taken = [one for one in events if isinstance(one, LiquidityRemoved) and one.pool == pool]
    assert {one.transaction_from for one in taken} == {maker}
    assert all(episode.begin <= one.timestamp <= episode.end for one in taken)
    swaps = [one for one in events if isinstance(one, PoolSwap) and one.pool == pool]
    assert len({one.transaction_from for one in swaps}) >= 10
    assert all(one.timestamp < episode.end for one in swaps)
    assert events[-1].timestamp > episode.end + DAY


def test_of_a_token_that_is_abandoned_nothing_is_heard_again() -> None:
    session = play("pool-abandoned", 31, episodes=1)
    (episode,) = session.episodes
    pool = episode.parties[2]
    (token,) = [
        one for one in session.reference.tokens if pool in {each.address for each in one.pools}
    ]
    assert token.symbol != "SIM"
    moves = [
        one.timestamp
        for one in events_of(session)[0]
        if isinstance(one, TokenTransfer) and one.token_id == token.id
    ]
    assert max(moves) <= episode.end
    assert session.frames[-1][1].received > episode.end + 30 * DAY


def test_a_copy_is_announced_after_the_swap_that_it_copies_and_comes_before_it() -> None:
    session = play("copied-ahead", 31, episodes=1)
    (episode,) = session.episodes
    events, _ = events_of(session)
    times = [one.timestamp for one in events if isinstance(one, TransactionPending)]
    assert all(first < second for first, second in pairwise(times))
    seen = {one.transaction_hash: one for one in events if isinstance(one, TransactionPending)}
    included = [one for one in events if isinstance(one, TransactionIncluded)]
    assert {one.transaction_hash for one in included} <= set(seen)
    swaps = [one for one in events if isinstance(one, PoolSwap)]
    copies = 0
    for copy, other in pairwise(swaps):
        if copy.transaction_from != episode.parties[0] or copy.side != "buy":
            continue
        first, second = seen[other.transaction_hash or ""], seen[copy.transaction_hash or ""]
        assert first.timestamp < second.timestamp < first.timestamp + 10**9
        assert int(second.max_fee_raw or 0) > int(first.max_fee_raw or 0)
        assert (first.side, other.side) == ("buy", "buy")
        copies += 1
    assert copies == 8


def test_a_market_without_a_mempool_has_one_source() -> None:
    assert [one.protocol for one in play("sandwich-over-blocks", 31, episodes=1).sources] == ["evm"]
    assert [one.protocol for one in play("right-behind", 31, episodes=1).sources] == [
        "evm",
        "evm-pending",
    ]
