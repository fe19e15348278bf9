"""How far the price of a market usually goes in a short time, in constant memory.

The time is parted into steps; of each in which something was traded it is learnt how far the price
went, and one in which nothing was counts as 0. Half of its weight is gone in 3.5 h of trading. A
venue that closes has days: nights aren't learnt (`began` is when it opened). One price far off all
others moves it little (see `BlockRate`).
"""

from math import log, sqrt

from msgspec import Struct, field

from detections.baselines.rate import MOVES, BlockRate, kept
from pipeline.units import HOUR

HALF_LIFE = 7 * HOUR // 2


class UsualMoves(Struct):
    """One market; each call is told the same width of its steps, in nanoseconds."""

    time: int = 0
    """Of the newest trade."""
    number: int = -1
    """Of the step that goes on."""
    before: float = 0.0
    """The price before it."""
    price: float = 0.0
    """Of the newest trade; 0 before any."""
    squares: BlockRate = field(default_factory=BlockRate)

    def add(self, time: int, price: float, width: int, began: int | None = None) -> None:
        """A trade."""
        number = time // width
        if number > self.number:
            self._next(number, price, width, began)
        if time > self.time:
            self.time = time
        self.price = price

    @property
    def steps(self) -> float:
        """How many steps are known, faded."""
        return self.squares.weight

    def usual(self, steps: float = 1.0) -> float:
        """How far it usually goes in so many steps, as a part of the price: a root mean square."""
        return sqrt(self.squares.mean * steps)

    def _next(self, number: int, price: float, width: int, began: int | None) -> None:
        keep = kept(HALF_LIFE / width)
        if self.number >= 0:
            self.squares.learn((log(self.price) - log(self.before)) ** 2, keep, MOVES)
            first = self.number + 1
            if began is not None and began > self.time:
                first = max(first, began // width)
                self.price = price
            self.squares.pass_empty(number - first, keep)
        self.number = number
        self.before = self.price or price
