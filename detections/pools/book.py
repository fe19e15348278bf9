"""Pools as books: what a swap costs, and what it costs to move the price, from events alone.

A book answers three questions, exactly and in smallest units:

    book.price                          # token1 per token0, a Fraction
    book.swap(amount, zero_for_one)     # what is got for an amount that is paid
    book.move(0.1)                      # what must be paid to raise the price by a tenth
    book.move(-0.1)                     # to lower it

and is moved on by the pool's events. The price of a whole token in whole units of the quote is
`price` by the decimals of both (`in_units`).

`ConstantProduct` is Uniswap v2 and its copies. `ConcentratedPool` is Uniswap v3 and v4: its depth
is made of ticks, which are known if the pool was followed from its beginning; `exact` says whether
all that its swaps told of the liquidity in range agreed with it. A hook of v4 may take more or less
than the pool's fee: then the book is that of the pool without it. Curve is in
`detections.pools.stable_book`.
"""

from bisect import bisect_left, bisect_right, insort
from fractions import Fraction
from math import isqrt
from typing import Protocol

from msgspec import Struct, field

from detections.engine.correlator_state import Whole
from detections.pools.ticks import (
    MAX_TICK,
    MIN_TICK,
    Q96,
    WHOLE_FEE,
    root_at,
    step,
)
from normalizer.events.chain import (
    LiquidityAdded,
    LiquidityRemoved,
    PoolInitialized,
    PoolReserves,
    PoolSwap,
)

_WORD_TICKS = 256
#: Steps of one swap; a pool with a tick spacing of 1 has 6,932 words of ticks.
_MOST_STEPS = 20_000


class Outcome(Struct, frozen=True):
    """What a swap would take and give, fee included, in smallest units."""

    paid: int
    got: int
    whole: bool
    """Whether all was possible: the pool had enough."""


class PoolBook(Protocol):
    """A pool's price and depth."""

    @property
    def price(self) -> Fraction | None:
        """token1 per token0, in smallest units; None while there is none."""
        ...

    def swap(self, amount: int, *, zero_for_one: bool) -> Outcome:
        """What is got for an amount that is paid: of token0 if `zero_for_one`, else of token1."""
        ...

    def move(self, share: float) -> Outcome:
        """What it takes to change the price by this share of it: 0.1 a rise by a tenth, for which
        token1 is paid, -0.1 a fall, for which token0 is paid."""
        ...


def in_units(price: Fraction, unit0: int, unit1: int) -> float:
    """Whole token1 per whole token0; units are the smallest ones in a whole one."""
    return float(price * unit0 / unit1)


class ConstantProduct(Struct):
    """Uniswap v2: the product of the reserves never falls."""

    reserve0: Whole = Whole(0)
    reserve1: Whole = Whole(0)
    fee: int = 3_000
    """Hundredths of a basis point."""

    def take(self, event: PoolReserves | PoolSwap | LiquidityAdded | LiquidityRemoved) -> None:
        """Move on by an event of the pool, whichever tells the reserves."""
        if event.reserve0_raw is not None and event.reserve1_raw is not None:
            self.reserve0 = Whole(int(event.reserve0_raw))
            self.reserve1 = Whole(int(event.reserve1_raw))

    @property
    def price(self) -> Fraction | None:
        """token1 per token0."""
        return Fraction(self.reserve1, self.reserve0) if self.reserve0 else None

    def swap(self, amount: int, *, zero_for_one: bool) -> Outcome:
        """See :class:`PoolBook`."""
        given, taken = self._sides(zero_for_one)
        return Outcome(amount, self._got(amount, given, taken), amount == 0 or given > 0)

    def move(self, share: float) -> Outcome:
        """See :class:`PoolBook`. The least payment after which the price is there or beyond."""
        down = share < 0
        given, taken = self._sides(down)
        if not given or share <= -1:
            return Outcome(0, 0, share == 0)
        # What is given becomes dearer in what is taken: taken/given falls by this factor.
        factor = 1 + Fraction(share) if down else 1 / (1 + Fraction(share))

        def reached(paid: int) -> bool:
            rest = taken - self._got(paid, given, taken)
            return Fraction(rest, given + paid) <= Fraction(taken, given) * factor

        low, high = 0, given
        while not reached(high):
            low, high = high, 2 * high
        while low < high:
            middle = (low + high) // 2
            if reached(middle):
                high = middle
            else:
                low = middle + 1
        return Outcome(low, self._got(low, given, taken), True)

    def _sides(self, zero_for_one: bool) -> tuple[int, int]:
        pair = (self.reserve0, self.reserve1)
        return pair if zero_for_one else (pair[1], pair[0])

    def _got(self, amount: int, given: int, taken: int) -> int:
        kept = amount * (WHOLE_FEE - self.fee)
        whole = given * WHOLE_FEE + kept
        return kept * taken // whole if whole else 0


class ConcentratedPool(Struct):
    """Uniswap v3 and v4: liquidity by ranges of the price."""

    spacing: int
    """Distance of the ticks that may be used: 10, 60 and 200 of v3's fees 500, 3000 and 10000."""
    fee: int
    """Hundredths of a basis point."""
    root: Whole = Whole(0)
    tick: int = 0
    liquidity: Whole = Whole(0)
    """In range."""
    net: dict[int, Whole] = field(default_factory=dict[int, Whole])
    """By tick, what comes into range when the price rises over it."""
    gross: dict[int, Whole] = field(default_factory=dict[int, Whole])
    """By tick, the liquidity of all positions that begin or end there."""
    order: list[int] = field(default_factory=list[int])
    """Those ticks, the lowest first."""
    exact: bool = False

    def take(self, event: PoolInitialized | PoolSwap | LiquidityAdded | LiquidityRemoved) -> None:
        """Move on by an event of the pool, in the chain's order."""
        match event:
            case PoolInitialized():
                self.root, self.tick = Whole(int(event.sqrt_price_x96)), event.tick
                self.liquidity, self.exact = Whole(0), True
                self.net, self.gross, self.order = {}, {}, []
                self.spacing = event.tick_spacing or self.spacing
            case PoolSwap():
                self._swapped(event)
            case _:
                sign = 1 if isinstance(event, LiquidityAdded) else -1
                amount = sign * int(event.liquidity or 0)
                if amount and event.tick_lower is not None and event.tick_upper is not None:
                    self._changed(event.tick_lower, event.tick_upper, amount)

    def _swapped(self, event: PoolSwap) -> None:
        if event.sqrt_price_x96 is None or event.tick is None:
            return
        self.root, self.tick = Whole(int(event.sqrt_price_x96)), event.tick
        self.fee = self.fee if event.fee is None else event.fee
        if event.liquidity is not None:
            self.liquidity = Whole(int(event.liquidity))
            self.exact = self.exact and self.liquidity == self._by_ticks()

    def _by_ticks(self) -> int:
        """What the ticks up to the present one say of the liquidity in range."""
        return sum(self.net[tick] for tick in self.order[: bisect_right(self.order, self.tick)])

    def _changed(self, lower: int, upper: int, amount: int) -> None:
        for tick, sign in ((lower, 1), (upper, -1)):
            self.net[tick] = Whole(self.net.get(tick, 0) + sign * amount)
            self.gross[tick] = Whole(self.gross.get(tick, 0) + amount)
            if self.gross[tick] <= 0:  # no position is there any more, or one from before we looked
                self.exact = self.exact and self.gross[tick] == 0
                del self.net[tick], self.gross[tick]
                if tick in self.order:
                    self.order.remove(tick)
            elif tick not in self.order:
                insort(self.order, tick)
        if lower <= self.tick < upper:
            self.liquidity = Whole(max(0, self.liquidity + amount))

    @property
    def price(self) -> Fraction | None:
        """token1 per token0: (root / 2**96)**2."""
        return Fraction(self.root * self.root, Q96 * Q96) if self.root else None

    def swap(self, amount: int, *, zero_for_one: bool) -> Outcome:
        """See :class:`PoolBook`."""
        limit = root_at(MIN_TICK) + 1 if zero_for_one else root_at(MAX_TICK) - 1
        paid, got = self._walk(limit, amount)
        return Outcome(paid, got, paid == amount)

    def move(self, share: float) -> Outcome:
        """See :class:`PoolBook`. Where there is no liquidity the price moves for nothing."""
        if not self.root or share <= -1:
            return Outcome(0, 0, share == 0)
        target = _root(self.root, share)
        inside = root_at(MIN_TICK) < target < root_at(MAX_TICK)
        target = max(root_at(MIN_TICK) + 1, min(root_at(MAX_TICK) - 1, target))
        paid, got = self._walk(target, None)
        return Outcome(paid, got, inside)

    def _walk(self, limit: int, amount: int | None) -> tuple[int, int]:
        """What is paid and got on the way to a root, or until the amount is spent."""
        root, tick, liquidity = int(self.root), self.tick, int(self.liquidity)
        down = limit < root
        paid = got = 0
        left = amount
        for _ in range(_MOST_STEPS):
            if root == limit or left == 0:
                break
            next_tick, known = self._next(tick, down, liquidity == 0)
            bound = root_at(next_tick)
            target = max(bound, limit) if down else min(bound, limit)
            root, more, out = step(root, target, liquidity, left, self.fee)
            paid, got = paid + more, got + out
            left = None if left is None else left - more
            if root != bound:
                break  # the amount is spent, or the limit reached
            if known:
                liquidity += -self.net[next_tick] if down else self.net[next_tick]
            tick = next_tick - 1 if down else next_tick
        return paid, got

    def _next(self, tick: int, down: bool, empty: bool) -> tuple[int, bool]:
        """The next tick that is used, or else the last one of its word, as the contract looks.

        Where nothing is in range all words are crossed at once: they give and take nothing.
        """
        word = tick // self.spacing // _WORD_TICKS
        if down:
            end = MIN_TICK if empty else max(MIN_TICK, word * _WORD_TICKS * self.spacing)
            at = bisect_right(self.order, tick) - 1
            if at >= 0 and self.order[at] >= end:
                return self.order[at], True
            return end, False
        word = (tick // self.spacing + 1) // _WORD_TICKS
        last = ((word + 1) * _WORD_TICKS - 1) * self.spacing
        end = MAX_TICK if empty else min(MAX_TICK, last)
        at = bisect_left(self.order, tick + 1)
        if at < len(self.order) and self.order[at] <= end:
            return self.order[at], True
        return end, False


def _root(root: int, share: float) -> int:
    """The root where the price has changed by a share, rounded towards the present one."""
    factor = 1 + Fraction(share)
    square = root * root * factor
    found = isqrt(square.numerator // square.denominator)
    return found if share >= 0 or found * found == square else found + 1
