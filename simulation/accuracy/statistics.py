"""Confidence intervals: Wilson's of a share, Garwood's of a rate, the bootstrap's of anything."""

import random
from collections.abc import Callable, Sequence
from math import exp, sqrt
from typing import TypeVar

from detections.proportions import Z95, Interval, wilson

T = TypeVar("T")


def share(hits: int, trials: int) -> Interval | None:
    """A share by Wilson; None without trials."""
    return wilson(hits, trials) if trials else None


def rate(count: int, exposure: float) -> Interval | None:
    """Counts per unit, exactly by Garwood (1936); None without exposure."""
    if exposure <= 0:
        return None
    low = 0.0 if count == 0 else _mean_where(lambda mean: 1 - _below(count - 1, mean), 0.025, count)
    high = _mean_where(lambda mean: 1 - _below(count, mean), 0.975, count)
    return Interval(count / exposure, low / exposure, high / exposure)


def _below(count: int, mean: float) -> float:
    """The chance of at most `count` of a Poisson variable."""
    if count < 0:
        return 0.0
    term = total = exp(-mean)
    for number in range(1, count + 1):
        term *= mean / number
        total += term
    return min(1.0, total)


def _mean_where(chance: Callable[[float], float], wanted: float, count: int) -> float:
    """The mean at which a chance that rises with it is as wanted; by bisection."""
    low, high = 0.0, count + 10 * sqrt(count + 1) + 10
    if high > 700:  # exp(-mean) would vanish; the normal approximation is as good there
        return count + (Z95 if wanted > 0.5 else -Z95) * sqrt(count)
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if chance(middle) < wanted else (low, middle)
    return (low + high) / 2


def bootstrap(
    groups: Sequence[T], measure: Callable[[Sequence[T]], float | None], seed: int = 7
) -> Interval | None:
    """A measure over groups, such as sessions, that are drawn again with replacement, 1,000 times.

    Events of one session are not independent; sessions are. None where it can't be measured.
    """
    value = measure(groups)
    if value is None:
        return None
    rng = random.Random(seed)
    drawn = sorted(
        found
        for _ in range(1_000)
        if (found := measure(rng.choices(groups, k=len(groups)))) is not None
    )
    if not drawn:
        return None
    return Interval(value, drawn[int(0.025 * len(drawn))], drawn[int(0.975 * (len(drawn) - 1))])


def median(values: Sequence[float]) -> float | None:
    """The middle one; None without any."""
    ordered = sorted(values)
    if not ordered:
        return None
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
