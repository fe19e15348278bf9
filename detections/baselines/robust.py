"""What is usual: how much comes in a block of time, robustly, and not learnt from what was flagged.

A `Baseline` is the state of one thing that is counted or summed (trades, quantity, messages) in
blocks of equal length by event time; `Baselines` are the terms on which many of them learn. The
newest blocks are kept, so their median, MAD and quantiles are exact, and memory is bounded. Blocks
in which nothing came count as 0.

- **Cold**: before `minimum` blocks have been learnt nobody knows what is usual. `is_warm` says so;
  whoever asks then stays silent, or is less sure.
- **Late**: a block is learnt `delay` blocks after it has ended, so that whoever finds it strange in
  the meantime can `withhold` it.
- **Withheld**: what was flagged isn't learnt, until `most_withheld` blocks in a row were not: what
  goes on for so long is how the market is now, and would be flagged for ever.
- **Tiny numbers**: `excess` never divides by less than `floor`. Where the MAD is 0, since more than
  half of the blocks are alike, the mean absolute deviation stands in for it.

A `Baseline` is a plain Struct, saved with a correlator's state.

Source: B. Iglewicz and D. Hoaglin, How to Detect and Handle Outliers (ASQC 1993): the modified
z-score by median and MAD, and the mean absolute deviation where the MAD is 0.
"""

from bisect import bisect_left
from math import ceil

from msgspec import Struct

from detections.float_sum import float_sum

#: The standard deviation of a normal distribution in its MADs, and in its mean deviations.
_OF_MAD = 1.482602218505602
_OF_MEAN_DEVIATION = 1.2533141373155003


def median_of(ordered: list[float]) -> float:
    """The median of values in order; 0 of none."""
    count = len(ordered)
    if not count:
        return 0.0
    half = count // 2
    return ordered[half] if count % 2 else (ordered[half - 1] + ordered[half]) / 2


def quantile_of(ordered: list[float], part: float) -> float:
    """The least of values in order that `part` (0 to 1) of them are not above; 0 of none."""
    return ordered[max(0, ceil(part * len(ordered)) - 1)] if ordered else 0.0


class Level(Struct, frozen=True, gc=False):
    """What the learnt blocks come to."""

    median: float = 0.0
    mad: float = 0.0
    """Median of the distances from the median."""
    mean: float = 0.0
    deviation: float = 0.0
    """Mean of the distances from the median."""
    high: float = 0.0
    """99% of the blocks are not above it."""

    @property
    def sigma(self) -> float:
        """What a standard deviation would be, did the values lie normally."""
        return _OF_MAD * self.mad if self.mad else _OF_MEAN_DEVIATION * self.deviation


def level_of(values: list[float]) -> Level:
    """The level of values in any order."""
    if not values:
        return Level()
    ordered = sorted(values)
    middle = median_of(ordered)
    distances = sorted(abs(value - middle) for value in ordered)
    count = len(ordered)
    return Level(
        middle,
        median_of(distances),
        float_sum(ordered) / count,
        float_sum(distances) / count,
        quantile_of(ordered, 0.99),
    )


class Baseline(Struct):
    """The state of one thing that is measured by blocks of time."""

    block: int = -1
    """Number of the block that is filling; -1 before anything came."""
    amount: float = 0.0
    """What came in it."""
    waiting: list[tuple[int, float]] = []
    """Blocks that have ended and aren't learnt yet, by number; those with nothing are not there."""
    settled: int = -1
    """Blocks before this one are learnt, or never will be."""
    withheld_from: int = 0
    withheld_to: int = 0
    """Blocks from this one on, and before that one, aren't learnt."""
    passed_over: int = 0
    """So many in a row weren't learnt."""
    values: list[float] = []
    """The learnt blocks, the newest last."""
    known: Level | None = None
    """Their level, once it was asked for."""

    @property
    def level(self) -> Level:
        """What is usual in a block."""
        if self.known is None:
            self.known = level_of(self.values)
        return self.known


class Baselines:
    """How baselines learn: blocks of `width` nanoseconds, of which the newest `most` are kept."""

    def __init__(
        self,
        width: int,
        *,
        most: int = 288,
        minimum: int = 24,
        delay: int = 1,
        most_withheld: int | None = None,
    ) -> None:
        self.width = width
        self.most = most
        self.minimum = min(minimum, most)
        self.delay = delay
        self.most_withheld = most if most_withheld is None else most_withheld

    @property
    def horizon(self) -> int:
        """How far back, in nanoseconds, a baseline's blocks reach, where none was withheld."""
        return (self.most + self.delay + 1) * self.width

    def add(self, usual: Baseline, time: int, amount: float = 1.0) -> None:
        """So much came at a time. What is late counts in the block that is filling."""
        if time // self.width > usual.block:
            self.go_to(usual, time)
        usual.amount += amount

    def go_to(self, usual: Baseline, time: int) -> None:
        """It is so late now: blocks that have ended are learnt when their delay is over."""
        block = time // self.width
        if block <= usual.block:
            return
        if usual.block < 0:
            usual.block = usual.settled = block
            return
        if usual.amount:
            usual.waiting.append((usual.block, usual.amount))
            usual.amount = 0.0
        usual.block = block
        if block - self.delay > usual.settled:
            self._settle(usual, block - self.delay)

    def withhold(self, usual: Baseline, since: int, until: int) -> None:
        """What came since one time, and comes until another, was flagged: it isn't learnt.

        Blocks that were learnt already stay so; that is what `delay` is for.
        """
        first, end = since // self.width, until // self.width + 1
        if usual.settled < usual.withheld_to:
            first = min(first, usual.withheld_from)
        usual.withheld_from, usual.withheld_to = first, max(end, usual.withheld_to)

    def is_warm(self, usual: Baseline) -> bool:
        """Whether enough was learnt to say what is usual."""
        return len(usual.values) >= self.minimum

    def _settle(self, usual: Baseline, end: int) -> None:
        """Learn the blocks before `end`."""
        values, start = usual.values, usual.settled
        came = bisect_left(usual.waiting, end, key=_number)
        if end - start > self.most:  # what is older would be forgotten at once
            start = end - self.most
        amounts = dict(usual.waiting[:came])
        del usual.waiting[:came]
        for block in range(start, end):
            if usual.withheld_from <= block < usual.withheld_to and (
                usual.passed_over < self.most_withheld
            ):
                usual.passed_over += 1
                continue
            if not usual.withheld_from <= block < usual.withheld_to:
                usual.passed_over = 0
            values.append(amounts.get(block, 0.0))
            usual.known = None
        del values[: max(0, len(values) - self.most)]
        usual.settled = end


def excess(value: float, level: Level, floor: float) -> float:
    """By how many standard deviations a value is above (or below) what is usual.

    The deviation counts as `floor` at least, which is more than 0 and in the value's unit.
    """
    return (value - level.median) / max(level.sigma, floor)


def _number(block: tuple[int, float]) -> int:
    return block[0]
