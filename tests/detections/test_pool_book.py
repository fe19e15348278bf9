"""Pools as books: against their definitions, and by what must hold of every pool."""

from fractions import Fraction
from math import isqrt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detections.pools.book import ConcentratedPool, ConstantProduct, PoolBook, in_units
from detections.pools.stable_book import StablePool
from detections.pools.ticks import MAX_TICK, MIN_TICK, Q96, root_at, tick_at
from normalizer.events.chain import PoolInitialized
from tests.detections.correlators.pool_tape import UNIT, Chain

amounts = st.integers(1, 10**30)
reserves = st.integers(10**6, 10**30)
shares = st.one_of(st.floats(0.001, 0.9), st.floats(-0.9, -0.001))


def concentrated(root: int, *positions: tuple[int, int, int]) -> ConcentratedPool:
    chain, pool = Chain(), ConcentratedPool(spacing=60, fee=3000)
    fields: dict[str, Any] = {
        "instrument": "ACME-WETH",
        "venue": "uniswap-v3",
        "pool": "0x",
        "sqrt_price_x96": str(root),
        "tick": tick_at(root),
    }
    one = chain.block(1)
    pool.take(
        PoolInitialized(
            **fields,
            id="",
            timestamp=one.timestamp,
            ingested=0,
            original="",
            provider="",
            chain_id=1,
            block_number=1,
        )
    )
    for lower, upper, liquidity in positions:
        pool.take(_position(chain.added, lower, upper, liquidity))
    return pool


def _position(make: Any, lower: int, upper: int, liquidity: int) -> Any:
    return make((1, 1), 1, 0, 0, tick_lower=lower, tick_upper=upper, liquidity=str(liquidity))


@given(st.integers(MIN_TICK, MAX_TICK))
def test_a_ticks_root_is_that_of_its_price_and_the_way_back(tick: int) -> None:
    root = root_at(tick)
    exact = Fraction(10_001, 10_000) ** tick if abs(tick) < 2_000 else None
    if exact is not None:
        square = exact * Q96 * Q96
        assert abs(root - isqrt(square.numerator // square.denominator)) <= 1 + root >> 90
    assert tick_at(root) == tick
    assert tick == MIN_TICK or tick_at(root - 1) == tick - 1


def test_beyond_the_ticks_there_is_no_price() -> None:
    with pytest.raises(ValueError, match="887273 is no tick"):
        root_at(MAX_TICK + 1)


@given(reserves, reserves, amounts, st.booleans())
def test_a_constant_product_never_falls_and_a_unit_more_would_let_it(
    reserve0: Any, reserve1: Any, amount: int, zero_for_one: bool
) -> None:
    book = ConstantProduct(reserve0, reserve1)
    got = book.swap(amount, zero_for_one=zero_for_one).got
    given, taken = (reserve0, reserve1) if zero_for_one else (reserve1, reserve0)
    kept = Fraction(amount * 997, 1000)
    assert (given + kept) * (taken - got) >= given * taken
    assert (given + kept) * (taken - got - 1) < given * taken


@given(reserves, reserves, shares)
def test_moving_a_constant_product_costs_the_least_that_does_it(
    reserve0: Any, reserve1: Any, share: float
) -> None:
    book = ConstantProduct(reserve0, reserve1)
    move = book.move(share)
    assert _reached(book, move.paid, share)
    assert move.paid == 0 or not _reached(book, move.paid - 1, share)


def _reached(book: ConstantProduct, paid: int, share: float) -> bool:
    down = share < 0
    got = book.swap(paid, zero_for_one=down).got
    after0 = book.reserve0 + paid if down else book.reserve0 - got
    after1 = book.reserve1 - got if down else book.reserve1 + paid
    price, target = Fraction(after1, after0), Fraction(book.reserve1, book.reserve0)
    target *= 1 + Fraction(share)
    return price <= target if down else price >= target


def test_v2_in_whole_units() -> None:
    book = ConstantProduct()
    (event,) = [Chain().swap((1, 1), 1, 1, -1, reserve0_raw="1000", reserve1_raw="4000")]
    book.take(event)
    assert book.price == 4
    assert in_units(Fraction(4), 10**18, 10**6) == 4e12


def test_a_full_range_of_v3_is_a_constant_product() -> None:
    # Liquidity L at price 1 has reserves of L each.
    edge = MAX_TICK // 60 * 60
    v3 = concentrated(Q96, (-edge, edge, 10**24))
    v2 = ConstantProduct(10**24, 10**24)  # pyright: ignore[reportArgumentType]
    for amount in (10**10, 10**18, 10**22, 10**25):
        for way in (True, False):
            one = v3.swap(amount, zero_for_one=way).got
            other = v2.swap(amount, zero_for_one=way).got
            assert one == pytest.approx(other, rel=1e-9)


def test_depth_is_where_the_ticks_are() -> None:
    narrow = concentrated(Q96, (-60, 60, 10**24))
    edge = MAX_TICK // 60 * 60
    both = concentrated(Q96, (-60, 60, 10**24), (-edge, edge, 10**22))
    # Out of the range there is nothing more to be had.
    assert not narrow.swap(10**25, zero_for_one=True).whole
    assert narrow.move(-0.5).paid == narrow.move(-0.9).paid
    assert both.move(-0.9).paid > both.move(-0.5).paid > narrow.move(-0.5).paid
    # Within it, twice as much costs twice as much.
    double = concentrated(Q96, (-60, 60, 10**24), (-60, 60, 10**24))
    assert double.move(0.003).paid == pytest.approx(2 * narrow.move(0.003).paid, rel=1e-9)


def test_liquidity_that_is_removed_is_gone_and_one_nobody_saw_is_unsure() -> None:
    pool = concentrated(Q96, (-60, 60, 100), (-120, 0, 50))
    assert (pool.liquidity, pool.exact) == (100, True)
    chain = Chain()
    pool.take(_position(chain.removed, -60, 60, 100))
    assert (pool.liquidity, pool.order, pool.exact) == (0, [-120, 0], True)
    pool.take(_position(chain.removed, -180, 180, 7))
    assert not pool.exact
    told = chain.swap((2, 1), 1, 1, -1, liquidity="9", tick=0, sqrt_price_x96=str(Q96))
    other = concentrated(Q96, (-60, 60, 100))
    other.take(told)
    assert (other.liquidity, other.exact) == (9, False)


@given(
    st.integers(10**15, 10**24),
    st.integers(1, 10**24),
    st.booleans(),
    st.lists(
        st.tuples(st.integers(-100, 0), st.integers(1, 100), st.integers(1, 10**24)), max_size=5
    ),
)
@settings(max_examples=60)
def test_the_more_is_paid_the_less_is_got_for_each(
    base: int, amount: int, way: bool, more: list[tuple[int, int, int]]
) -> None:
    positions = [(60 * low, 60 * high, liquidity) for low, high, liquidity in more]
    pool = concentrated(Q96, (-6000, 6000, base), *positions)
    there = pool.swap(amount, zero_for_one=way)
    half = pool.swap(amount // 2, zero_for_one=way)
    assert half.got <= there.got <= 2 * half.got + 4
    assert there.got <= amount


@given(st.floats(0.0005, 0.4), st.booleans())
@settings(max_examples=40)
def test_paying_what_a_move_costs_moves_as_far(share: float, down: bool) -> None:
    pool: PoolBook = concentrated(Q96, (-6000, 6000, 10**22), (-600, 1200, 10**22))
    signed = -share if down else share
    move = pool.move(signed)
    swap = pool.swap(move.paid, zero_for_one=down)
    assert abs(swap.got - move.got) <= 2


balances = st.integers(10**3, 10**9)


def stable(x: int, y: int, a: int = 100) -> StablePool:
    """Two coins, of 18 and of 6 decimals."""
    return StablePool((x * UNIT, y * 10**6), (10**18, 10**30), a * 2 * 100)


@given(balances, balances, st.integers(1, 5_000))
def test_the_invariant_solves_its_equation(x: int, y: int, a: int) -> None:
    pool = stable(x, y, a)
    d = pool.invariant

    def excess(d: int) -> Fraction:
        product = Fraction(x * UNIT) * y * UNIT
        return 2 * a * (x + y) * UNIT + d - 2 * a * d - Fraction(d) ** 3 / (4 * product)

    # It falls as D rises, so the solution is within a few units of D; the contracts' own integers
    # are off by more where the pool is far out of balance.
    margin = 5 + d // 10**21
    assert excess(d - margin) > 0 > excess(d + margin)


@given(balances, balances, st.integers(1, 10**8), st.booleans())
def test_a_stable_pool_never_loses(x: int, y: int, amount: int, way: bool) -> None:
    pool = stable(x, y)
    given, taken = (0, 1) if way else (1, 0)
    paid = amount * (UNIT if way else 10**6)
    after = pool.after(paid, given=given, taken=taken)
    assert after.invariant >= pool.invariant - 2
    back = after.swap(pool.balances[taken] - after.balances[taken], given=taken, taken=given)
    assert back.got <= paid


def test_an_even_stable_pool_is_at_par_and_moves_little() -> None:
    pool = stable(10**6, 10**6)
    assert pool.price(0, 1) == Fraction(10**6, UNIT)
    got = pool.swap(1_000 * UNIT, given=0, taken=1).got
    assert 999_000_000 < got < 1_000 * 10**6
    move = pool.move(0.01, given=0, taken=1)
    moved = pool.after(move.paid, given=0, taken=1).price(0, 1) / pool.price(0, 1)
    assert float(moved) == pytest.approx(0.99, abs=1e-9)
    # Of a constant product it would take half a percent.
    assert move.paid > 0.3 * pool.balances[0]
