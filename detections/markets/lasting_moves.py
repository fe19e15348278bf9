"""How far the price of a market usually goes in a longer time, without the bounce between bid and
offer, and what was known of it at a time.

Prices of trades go to and fro between bid and offer. That is part of every move, but it doesn't
grow with time as what a price really goes does (R. Roll, A simple implicit measure of the effective
bid-ask spread, 1984): a multiple of the moves of a short time takes it for far more than it is,
most of all where spreads are wide. So squares of moves are learnt on two scales, of one step and of
`SPAN` steps, which overlap (L. Zhang, P. Mykland and Y. Ait-Sahalia, A tale of two time scales,
2005). The line through both tells what each further step adds; what bounces is in the first alone.
Roll's own way, the covariance of successive moves, is the same with a `SPAN` of 2, and several
times less sure of as many moves. Steps are never taken to add more than the first of them.
"""

from bisect import bisect_left
from math import log, sqrt
from operator import attrgetter

from msgspec import Struct, field

from detections.baselines.rate import MOVES, BlockRate, kept
from detections.markets.usual_moves import HALF_LIFE, UsualMoves

#: Steps of the longer moves.
SPAN = 6
#: Longer moves without which nobody knows what a step adds.
_KNOWN = 24.0


class Known(Struct, frozen=True, array_like=True):
    """What was known of a market at a time."""

    began: int = 0
    """When the step began before which it was learnt."""
    steps: float = 0.0
    """How many are known, faded."""
    one: float = 0.0
    """Mean square of the moves of a step, as parts of the price."""
    growth: float = 0.0
    """What each further step adds."""

    def usual(self, steps: float) -> float:
        """How far it usually goes in so many steps, as a part of the price: a root mean square.

        In less than one as far as in one."""
        return sqrt(self.one + self.growth * max(0.0, steps - 1))


_began = attrgetter("began")


class LastingMoves(UsualMoves):
    """One market; see `UsualMoves`. A step is told of once it has ended."""

    closes: list[float] = field(default_factory=list[float])
    """Last prices of the newest steps of the day, `SPAN` of them at most."""
    longer: BlockRate = field(default_factory=BlockRate)
    past: list[Known] = field(default_factory=list[Known])
    """What was known as steps began, the oldest first."""

    def until(self, time: int) -> Known:
        """What was known before a time; of what is too long ago the oldest that is left."""
        place = bisect_left(self.past, time, key=_began)
        if place:
            return self.past[place - 1]
        return self.past[0] if self.past else Known()

    def forget(self, floor: int) -> None:
        """Nobody will ask for what was known before that time."""
        past = self.past
        if len(past) > 1 and past[1].began < floor:
            del past[: bisect_left(past, floor, key=_began) - 1]

    def _next(self, number: int, price: float, width: int, began: int | None) -> None:
        if self.number >= 0:
            keep, overnight = kept(HALF_LIFE / width), began is not None and began > self.time
            ended = 1 if overnight else number - self.number
            for _ in range(min(ended, SPAN + 1)):
                self._ended(keep)
            self.longer.pass_empty(ended - SPAN - 1, keep)
            if overnight:
                self.closes.clear()
        super()._next(number, price, width, began)
        one, growth = self.squares.mean, self.squares.mean
        if self.longer.weight >= _KNOWN:
            growth = min(one, max(0.0, (self.longer.mean - one) / (SPAN - 1)))
        self.past.append(Known(number * width, self.steps, one, growth))

    def _ended(self, keep: float) -> None:
        """A step ended at the newest price."""
        closes = self.closes
        if len(closes) == SPAN:
            self.longer.learn((log(self.price) - log(closes[0])) ** 2, keep, MOVES)
            del closes[0]
        closes.append(self.price)
