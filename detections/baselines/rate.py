"""Mean and spread of what comes in a block of time, in constant memory however far it reaches.

For where a `detections.baselines.robust.Baseline` would take too much memory: thousands of markets
by blocks of seconds over hours. A block's weight is halved in each `half_life` blocks; blocks in
which nothing came count as 0, in one step however many they are. Blocks that aren't to be learnt
are just not told. A value counts as no further above the mean than `MOST_SIGMAS` standard
deviations once `SURE` blocks are known, so that no single one makes the next ones usual.
"""

from math import sqrt

from msgspec import Struct

MOST_SIGMAS = 10.0
SURE = 24.0


def kept(half_life: float) -> float:
    """The part of its weight that a block keeps when one more is learnt."""
    return 0.5 ** (1.0 / half_life)


class BlockRate(Struct):
    """Weighted sums over blocks of time."""

    weight: float = 0.0
    """Of all blocks together: so many new ones they are worth."""
    total: float = 0.0
    squares: float = 0.0

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

    def learn(self, value: float, keep: float) -> None:
        """A block has ended, in which so much came."""
        if self.weight >= SURE and value > (mean := self.mean):
            sigma = max(self.sigma, sqrt(mean))
            if sigma > 0:
                value = min(value, mean + MOST_SIGMAS * sigma)
        self.weight = self.weight * keep + 1.0
        self.total = self.total * keep + value
        self.squares = self.squares * keep + value * value

    def pass_empty(self, blocks: int, keep: float) -> None:
        """So many blocks have ended in which nothing came."""
        if blocks > 0:
            rest = keep**blocks
            self.weight = self.weight * rest + (1.0 - rest) / (1.0 - keep)
            self.total *= rest
            self.squares *= rest

    def excess(self, value: float, blocks: float, floor: float) -> float:
        """By how many standard deviations a value is above what usually comes in so many blocks.

        The deviation counts as `floor` at least, and as that of chance alone (Poisson's).
        """
        usual = self.mean * blocks
        return (value - usual) / max(self.sigma * sqrt(blocks), sqrt(max(usual, 0.0)), floor)
