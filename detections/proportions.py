"""How much some trials tell of a share: Wilson's interval."""

from math import sqrt

from msgspec import Struct

#: Of a two-sided interval of 95 percent, in standard deviations.
Z95 = 1.959963984540054


class Interval(Struct, frozen=True):
    """An estimate and the bounds between which the truth is likely to be."""

    value: float
    low: float
    high: float


def wilson(hits: int, trials: int, deviations: float = Z95) -> Interval:
    """The share of hits among one trial or more, with bounds so many standard deviations away.

    E. B. Wilson, Probable inference, the law of succession, and statistical inference, Journal of
    the American Statistical Association 22 (1927), 209-212. It holds for few trials as well, and
    stays between 0 and 1.
    """
    part, square = hits / trials, deviations**2
    centre = part + square / (2 * trials)
    spread = deviations * sqrt(part * (1 - part) / trials + square / (4 * trials**2))
    scale = 1 + square / trials
    # At the ends exactly, whatever the last digit of the sums is: 1 is not beyond what always was.
    low = (centre - spread) / scale if hits else 0.0
    high = (centre + spread) / scale if hits < trials else 1.0
    return Interval(part, low, high)
