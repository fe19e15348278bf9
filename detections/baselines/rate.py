"""Mean and spread of what comes in a block of time, robustly, in constant memory however far it
reaches.

For where a `detections.baselines.robust.Baseline` would take too much memory: thousands of markets
by blocks of seconds over hours. A block's weight is halved in each `half_life` blocks; blocks in
which nothing came count as 0, in one step however many they are. Blocks that aren't to be learnt
are just not told.

No single value makes the next ones usual: it counts as no more than so many times the upper
quartile of the newest 32 that weren't 0 (of fewer the third largest: a price that jumps there and
back makes two). Of the first 32 that is settled anew with each of them, so that what came before
anybody knew what is usual doesn't stay either. What goes on is how the market is now, and is
learnt after some eight of them.
"""

from math import sqrt

from msgspec import Struct

SURE = 24.0
_NEWEST = 32
#: The upper quartile is at this place from the top, at least.
_PLACE = 3


class Bounds(Struct, frozen=True):
    """How much a value may count."""

    times: float
    """So many times the upper quartile of the newest ones."""
    floor: float = 0.0
    """So much in any case,"""
    fewest: int = 0
    """and no more before so many values are known."""


#: Quantities, values and counts.
AMOUNTS = Bounds(10.0)
#: Squares of moves of a price, as parts of it: five times as far. Half a percent is never absurd.
MOVES = Bounds(25.0, 0.005**2, _PLACE)


def most_that_counts(values: list[float], bounds: Bounds = AMOUNTS) -> float:
    """How much one of these values, none of which is 0, counts at most."""
    count = len(values)
    if count < bounds.fewest or not count:
        return bounds.floor
    return max(bounds.floor, bounds.times * sorted(values)[-min(count, max(_PLACE, count // 4))])


def kept(half_life: float) -> float:
    """The part of its weight that a block keeps when one more is learnt."""
    return 0.5 ** (1.0 / half_life)


class BlockRate(Struct):
    """Weighted sums over blocks of time."""

    weight: float = 0.0
    """Of all blocks together: so many new ones they are worth."""
    total: float = 0.0
    squares: float = 0.0
    blocks: int = 0
    """How many there were."""
    newest: list[float] = []
    """The newest values that weren't 0, as they came."""
    numbers: list[int] = []
    """The numbers of their blocks, as long as these are all there were: a list of pairs takes three
    times the memory, for each of some 16 rates of a market."""

    @property
    def mean(self) -> float:
        """Of a block; 0 of none."""
        return self.total / self.weight if self.weight else 0.0

    @property
    def sigma(self) -> float:
        """The standard deviation of a block."""
        if not self.weight:
            return 0.0
        mean = self.total / self.weight
        return sqrt(max(0.0, self.squares / self.weight - mean * mean))

    def learn(self, value: float, keep: float, bounds: Bounds = AMOUNTS) -> None:
        """A block has ended, in which so much came."""
        self.weight = self.weight * keep + 1.0
        self.blocks += 1
        self.total *= keep
        self.squares *= keep
        if not value:
            return
        newest = self.newest
        newest.append(float(value))
        if len(newest) > _NEWEST:
            del newest[0]
        most = most_that_counts(newest, bounds)
        if len(newest) == _NEWEST:
            self.numbers.clear()
            value = min(value, most)
            self.total += value
            self.squares += value * value
            return
        self.numbers.append(self.blocks)
        self.total = self.squares = 0.0
        for block, one in zip(self.numbers, newest, strict=True):
            weight, one = keep ** (self.blocks - block), min(one, most)
            self.total += weight * one
            self.squares += weight * one * one

    def pass_empty(self, blocks: int, keep: float) -> None:
        """So many blocks have ended in which nothing came."""
        if blocks > 0:
            rest = keep**blocks
            self.weight = self.weight * rest + (1.0 - rest) / (1.0 - keep)
            self.total *= rest
            self.squares *= rest
            self.blocks += blocks

    def excess(self, value: float, blocks: float, floor: float) -> float:
        """By how many standard deviations a value is above what usually comes in so many blocks.

        The deviation counts as `floor` at least, and as that of chance alone (Poisson's).
        """
        usual = self.mean * blocks
        return (value - usual) / max(self.sigma * sqrt(blocks), sqrt(max(usual, 0.0)), floor)
