"""How improbable a party's dealing before an event is, if it knew nothing, among all who dealt.

Two things are asked, which are independent if each decision to buy or sell is by itself:

- *How much it traded*, on both sides together, against what others traded in as long times before,
  and against what it traded itself then. Both must be improbable, so the larger probability counts.
  Beyond what was seen of others it is extrapolated by the tail of their sizes,
  which is a power law's where trades are concerned (B. Hill, 1975; I. Weissman, 1978; X. Gabaix et
  al., 2003). Its own past is short: Student's t about zero, with as many degrees of freedom as
  times are known, says how little a few times tell.
- *How one-sided it was*: if a coin decided each of its runs of trades, of the sizes that they had,
  how often as much or more would be left over on the right side (R. Fisher's randomisation test).

The two are combined by Fisher's method (Statistical Methods for Research Workers, 1932), and times
the number of parties that were looked at it is how many would seem as unusual by chance: what
Bonferroni's correction bounds. Newcomers are a class of their own, of few mostly, and so are tested
among each other only (B. Efron, Simultaneous inference, 2008).
"""

import math
from bisect import bisect_left
from collections.abc import Sequence

#: Sizes are told apart by so many parts of their sum.
_PARTS = 400
#: Beyond so many runs the normal distribution stands for the sum of coins.
_MOST_RUNS = 64
#: The upper part of sizes that tells what their tail is like, and how many these must be.
_TAIL, _FEWEST_OF_TAIL = 0.1, 5
#: No tail is taken for thinner than this power's, however alike sizes were.
_THINNEST = 4.0


def by_chance(size: float, direction: float) -> float:
    """Fisher's combination of two independent probabilities."""
    product = size * direction
    return 1.0 if product >= 1 else product * (1 - math.log(product)) if product > 0 else 0.0


def chance_among(value: float, ordered: Sequence[float]) -> float:
    """Probability of so large a value or a larger one, by the values of others in order."""
    count = len(ordered)
    above = count - bisect_left(ordered, value)
    rank = (above + 1) / (count + 1)
    tail = int(_TAIL * count)
    if tail < _FEWEST_OF_TAIL or above:
        return rank
    floor = ordered[count - tail - 1]
    if floor <= 0:
        return rank
    heavy = math.fsum(math.log(one / floor) for one in ordered[count - tail :]) / tail
    power = min(_THINNEST, 1 / heavy) if heavy > 0 else _THINNEST
    return min(rank, tail / count * (value / floor) ** -power)


def chance_of_own(value: float, past: Sequence[float]) -> float | None:
    """Probability of so large a value or a larger one, by its own; None of nothing but zeros."""
    largest = max(map(abs, past), default=0.0)
    if not 0 < largest < math.inf:
        return None
    # By the largest, since squares of what is huge or tiny are no numbers any more.
    square = math.fsum((one / largest) ** 2 for one in past)
    return student_tail(value / largest / math.sqrt(square / len(past)), len(past))


def chance_of_side(sizes: Sequence[float], net: float) -> float:
    """Probability that coins leave `net` or more over on one side, of runs of these sizes."""
    largest = max(sizes, default=0.0)
    if not 0 < largest < math.inf:
        return 1.0
    # By the largest: sums of what is huge are no numbers any more.
    sizes, net = [one / largest for one in sizes], net / largest
    total = math.fsum(sizes)
    if len(sizes) > _MOST_RUNS:
        deviation = math.sqrt(math.fsum(one * one for one in sizes))
        return math.erfc(net / deviation / math.sqrt(2)) / 2
    part = total / _PARTS
    # Rounding takes half a part of each size at most: as much less is asked for.
    least = net / part - len(sizes) / 2
    chances = {0: 1.0}
    for one in (round(size / part) for size in sizes):
        after: dict[int, float] = {}
        for sum_, chance in chances.items():
            for place in (sum_ + one, sum_ - one):
                after[place] = after.get(place, 0.0) + chance / 2
        chances = after
    return min(1.0, math.fsum(chance for sum_, chance in chances.items() if sum_ >= least))


def student_tail(t: float, degrees: int) -> float:
    """Probability of more than `t`, 0 or more, by Student's distribution.

    The finite sums of Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 26.7.3 and
    26.7.4.
    """
    angle = math.atan2(t, math.sqrt(degrees))
    cosine, sine = math.cos(angle), math.sin(angle)
    odd = degrees % 2
    term, inside = (cosine, 0.0) if odd else (1.0, 0.0)
    for power in range(2 + odd, degrees + 1, 2):
        inside += term
        term *= (power - 1) / power * cosine * cosine
    inside *= sine
    if odd:
        inside = 2 / math.pi * (angle + inside)
    return max(0.0, (1 - inside) / 2)
