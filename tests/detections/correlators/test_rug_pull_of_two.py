"""Rug pulls where two took something from a pool: who of them is told of."""

from typing import Any

from detections.correlators.rug_pull import Parameters, RugPull
from tests.detections.correlators.pool_tape import OTHER_POOL, Chain, wallet
from tests.detections.correlators.test_rug_pull import (
    BUYER,
    DAY,
    OTHER,
    PULLER,
    Pair,
    found,
    observed,
    pulled,
    sold_out,
)


def test_who_sells_into_what_is_left_of_an_emptied_pool_takes_nothing_from_anybody() -> None:
    chain = Chain()
    pair = Pair(chain)
    events = [*pulled(pair, 0.999), pair.swap(200, BUYER, -5_000), chain.block(300 + DAY)]
    (finding,) = found(events)
    assert wallet(PULLER) in finding.entities
    # Where it was filled again, there is something to take.
    pair = Pair(chain)
    events = [
        *pulled(pair, 0.999), pair.add(150, OTHER, 800_000, 800_000 * pair.quote / pair.token),
        pair.swap(200, BUYER, -4_000_000), chain.block(300 + DAY),
    ]  # fmt: skip
    (finding,) = found(events)
    assert wallet(BUYER) in finding.entities


def moved_and_sold() -> list[Any]:
    """One only moves his liquidity; another sells into what is left meanwhile."""
    chain = Chain()
    pair, other = Pair(chain), Pair(chain, pool=OTHER_POOL)
    return [
        pair.add(1, OTHER, 1_000, 100), pair.swap(5, OTHER, 1),
        pair.add(6, PULLER, 99_000, 99_000 * pair.quote / pair.token), pair.swap(7, BUYER, 1),
        pair.remove(8, PULLER, 0.99), pair.swap(10, BUYER, -4_000),
        other.add(11, PULLER, 99_000, 9_900), chain.block(20 + DAY),
    ]  # fmt: skip


def test_whose_liquidity_was_only_moved_hides_nobody_who_sells_into_what_is_left() -> None:
    (finding,) = found(moved_and_sold())
    assert wallet(BUYER) in finding.entities


def test_who_saves_what_he_has_after_another_sold_it_down_is_not_told_of_instead() -> None:
    chain = Chain()
    sold = sold_out(chain, minted=True)
    pair = Pair(chain)
    pair.token, pair.quote = 4_900, 100 * 1_000 / 4_900
    left = pair.remove(100, OTHER, 0.999)
    (finding,) = found([*sold, left, chain.block(200 + DAY)])
    assert wallet(PULLER) in finding.entities
    # Where little is left to trade, the price is soon up again: then he is who took it.
    (finding,) = found([*sold, left, pair.swap(101, OTHER, 4.85), chain.block(200 + DAY)])
    assert wallet(OTHER) in finding.entities


def test_who_took_little_before_is_not_told_of_instead_of_who_took_the_most() -> None:
    chain = Chain()
    pair = Pair(chain)
    events = [
        pair.add(1, OTHER, 1_000, 100), pair.swap(2, BUYER, 1), pair.remove(3, OTHER, 0.999),
        pair.add(4, PULLER, 99_000, 99_000 * pair.quote / pair.token), pair.swap(5, BUYER, 1),
        pair.remove(6, PULLER, 0.999), chain.block(20 + DAY),
    ]  # fmt: skip
    (finding,) = found(events)
    assert wallet(PULLER) in finding.entities


def test_who_waits_behind_another_outlives_a_restart() -> None:
    events = moved_and_sold()
    expected = found(events)
    for cut in range(len(events)):
        first, second = RugPull(Parameters()), RugPull(Parameters())
        before = observed(first, events[:cut])
        second.restore(first.snapshot())
        assert before + observed(second, events[cut:]) == expected
