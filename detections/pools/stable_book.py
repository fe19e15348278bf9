"""Curve's StableSwap pools as books, by their invariant.

Of n balances x with sum S and product P, brought to one precision by the coins' rates, and the
amplification A, the invariant D solves

    A n S + D = A n D + D^(n+1) / (n^n P)

with Curve's A, which is the paper's times n^(n-1). D and a missing balance are found by Newton's
method in integers, as the contracts find them; what is got is one unit less, for rounding, less
the fee. Source: Michael Egorov, "StableSwap" (2019). CryptoSwap's pools have another invariant,
which is not here. No event tells A, the rates or all balances: whoever wants a book of a pool must
ask the contract for them once (`A`, `balances`, the coins' decimals), and again where A is ramped.
"""

from collections.abc import Sequence
from fractions import Fraction

from msgspec import Struct
from msgspec.structs import replace

from detections.pools.book import Outcome

_PRECISION = 10**18
_WHOLE_FEE = 10**10
_MOST_ROUNDS = 255


class StablePool(Struct, frozen=True):
    """A pool of two or more coins that should be worth the same. Never changed: `after` gives the
    pool after a swap."""

    balances: tuple[int, ...]
    """In each coin's smallest units."""
    rates: tuple[int, ...]
    """By which balances become comparable, times 10**18: 10**(36 - decimals) of a plain coin."""
    amplification: int
    """A n, times `amplification_precision`."""
    fee: int = 4_000_000
    """In 10**-10."""
    amplification_precision: int = 100
    """1 of the first generation's pools, 100 of those after."""
    offpeg_fee_multiplier: int = 0
    """In 10**-10: how many times the fee a swap costs where one of its coins has run out. Of the
    newest generation's pools (`offpeg_fee_multiplier`); up to 10**10 the fee is always the same."""

    @property
    def invariant(self) -> int:
        """D, in the common precision."""
        return _invariant(self._comparable(), self.amplification, self.amplification_precision)

    def price(self, given: int, taken: int) -> Fraction:
        """How much of one coin the next unit of another gets, without fee, in smallest units.

        From the invariant's derivative: (A n + c / x_given) / (A n + c / x_taken), with
        c = D^(n+1) / (n^n P).
        """
        balances = self._comparable()
        d, n = self.invariant, len(balances)
        c = Fraction(d)
        for balance in balances:
            c = c * d / (n * balance)
        a = Fraction(self.amplification, self.amplification_precision)
        marginal = (a + c / balances[given]) / (a + c / balances[taken])
        return marginal * self.rates[given] / self.rates[taken]

    def swap(self, amount: int, *, given: int, taken: int) -> Outcome:
        """What is got of a coin for an amount of another."""
        balances = self._comparable()
        raised = balances[given] + amount * self.rates[given] // _PRECISION
        rest = self._missing(balances, given, taken, raised)
        got = max(0, balances[taken] - rest - 1)
        fee = self._fee((balances[given] + raised) // 2, (balances[taken] + rest) // 2)
        got -= got * fee // _WHOLE_FEE
        return Outcome(amount, got * _PRECISION // self.rates[taken], True)

    def after(self, amount: int, *, given: int, taken: int) -> "StablePool":
        """The pool once somebody swapped; the whole fee stays in it."""
        got = self.swap(amount, given=given, taken=taken).got
        changed = list(self.balances)
        changed[given] += amount
        changed[taken] -= got
        return replace(self, balances=tuple(changed))

    def move(self, share: float, *, given: int, taken: int) -> Outcome:
        """What must be paid of a coin to let its price in another fall by this share of it."""
        if not 0 < share < 1:
            return Outcome(0, 0, share == 0)
        target = self.price(given, taken) * (1 - Fraction(share))
        low, high = 0, self.balances[given]
        for _ in range(_MOST_ROUNDS):
            if self.after(high, given=given, taken=taken).price(given, taken) <= target:
                break
            low, high = high, 2 * high
        while low < high:
            middle = (low + high) // 2
            if self.after(middle, given=given, taken=taken).price(given, taken) <= target:
                high = middle
            else:
                low = middle + 1
        return self.swap(low, given=given, taken=taken)

    def _fee(self, given: int, taken: int) -> int:
        """The fee where two coins have such balances halfway through a swap: the whole multiple of
        it where one has nothing left, the fee itself where they are equal."""
        multiple = self.offpeg_fee_multiplier
        if multiple <= _WHOLE_FEE:
            return self.fee
        evenness = (multiple - _WHOLE_FEE) * 4 * given * taken // (given + taken) ** 2
        return multiple * self.fee // (evenness + _WHOLE_FEE)

    def _comparable(self) -> list[int]:
        return [
            balance * rate // _PRECISION
            for balance, rate in zip(self.balances, self.rates, strict=True)
        ]

    def _missing(self, balances: Sequence[int], given: int, taken: int, raised: int) -> int:
        """The balance of the taken coin that keeps the invariant once the given one is raised."""
        d, n = self.invariant, len(balances)
        a, precision = self.amplification, self.amplification_precision
        others, c = 0, d
        for place in range(n):
            if place != taken:
                balance = raised if place == given else balances[place]
                others += balance
                c = c * d // (balance * n)
        c = c * d * precision // (a * n)
        b = others + d * precision // a
        found = d
        for _ in range(_MOST_ROUNDS):
            before, found = found, (found * found + c) // (2 * found + b - d)
            if abs(found - before) <= 1:
                break
        return found


def _invariant(balances: Sequence[int], a: int, precision: int) -> int:
    n, total = len(balances), sum(balances)
    if not all(balances):
        return 0
    d = total
    for _ in range(_MOST_ROUNDS):
        part = d
        for balance in balances:
            part = part * d // (balance * n)
        before = d
        d = (
            (a * total // precision + part * n)
            * d
            // ((a - precision) * d // precision + (n + 1) * part)
        )
        if abs(d - before) <= 1:
            break
    return d
