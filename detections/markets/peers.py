"""What others did, party by party, without a look at all of them for each.

Of some thousands who trade before news each is compared with all others. What these did is the same
but for the party's own, so it is put in order once, and the own is left out where it stands. Of
what others did in times before, the first values of the first parties are enough (`MOST_VALUES`);
a party that is one of those has others in its place, and they are looked at one by one.
"""

import math
from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from statistics import median

#: Fewer others than this are no group to compare with.
LEAST_PEERS = 5
#: So many values of others are enough.
MOST_VALUES = 2_000
#: Median absolute deviation to standard deviation, of a normal distribution; mean deviation to it.
_MAD, _MEAN_DEVIATION = 1.4826, 1.2533

Before = Mapping[str, Collection[float]]
"""By party, a value for each of the times before in which it traded."""


class Nets:
    """What parties did net: those who traded now, and all in times before."""

    def __init__(self, now: Mapping[str, float], before: Before) -> None:
        self._now, self._before = now, before
        self._names = list({**now, **before})
        some, self._first = _first(self._names, before, len(now) - 1)
        self._ordered = sorted([*now.values(), *some])
        self._away: dict[float, list[float]] = {}
        """How far all are from a middle; whoever is left out, there are hardly more than three."""

    def deviations(self, party: str) -> float | None:
        """Robust deviations of a party that traded now from what others did; None if they are too
        few, or all did the same."""
        if len(self._names) <= LEAST_PEERS:
            return None
        value = self._now[party]
        if party in self._first:
            return _deviations(value, self._others(party))
        middle = _median_without(self._ordered, value)
        away = self._away.get(middle)
        if away is None:
            away = self._away[middle] = sorted([abs(one - middle) for one in self._ordered])
        own = abs(value - middle)
        spread = _MAD * _median_without(away, own)
        if spread == 0:
            spread = _MEAN_DEVIATION * math.fsum([*away, -own]) / (len(away) - 1)
        return (value - middle) / spread if spread > 0 else None

    def _others(self, party: str) -> list[float]:
        values = [value for name, value in self._now.items() if name != party]
        others = [name for name in self._names if name != party]
        return [*values, *_first(others, self._before, len(values))[0]]


class Sizes:
    """How much parties traded: those who did now, and all in times before."""

    def __init__(self, now: Mapping[str, float], before: Before) -> None:
        self._now, self._before = now, before
        some, self._first = _first(before, before, 0)
        self._few = len(some) < LEAST_PEERS
        # Too few: those who trade now are among them.
        self._ordered = sorted([*some, *now.values()] if self._few else some)

    def of_others(self, party: str) -> Sequence[float]:
        """What others traded in a time, in order; `party` traded now."""
        if party in self._first:
            others = [name for name in self._before if name != party]
            values = _first(others, self._before, 0)[0]
            if len(values) < LEAST_PEERS:
                values += [value for name, value in self._now.items() if name != party]
            return sorted(values)
        if not self._few:
            return self._ordered
        place = bisect_left(self._ordered, self._now[party])
        return [*self._ordered[:place], *self._ordered[place + 1 :]]


def _first(names: Collection[str], before: Before, known: int) -> tuple[list[float], set[str]]:
    """The values of the first parties, until with those that are known there are enough of them;
    and whose they are."""
    values: list[float] = []
    first: set[str] = set()
    for name in names:
        first.add(name)
        values += before.get(name, ())
        if known + len(values) >= MOST_VALUES:
            break
    return values, first


def _median_without(ordered: Sequence[float], value: float) -> float:
    """The median of all but one that is `value`."""
    place, count = bisect_left(ordered, value), len(ordered) - 1
    upper = count // 2
    high = ordered[upper + (upper >= place)]
    if count % 2:
        return high
    lower = upper - 1
    return (ordered[lower + (lower >= place)] + high) / 2


def _deviations(value: float, others: Sequence[float]) -> float | None:
    middle = median(others)
    away = [abs(one - middle) for one in others]
    spread = _MAD * median(away)
    if spread == 0:
        spread = _MEAN_DEVIATION * math.fsum(away) / len(others)
    return (value - middle) / spread if spread > 0 else None
