"""Event studies: whether an announcement moved a price, by more than it moves anyhow.

After A. C. MacKinlay, Event Studies in Economics and Finance, Journal of Economic Literature 35
(1997): returns of an estimation window before the event give what is normal (the market model, by
ordinary least squares, where enough other assets were seen; else the mean), what differs from it in
the event window is abnormal, and the sum of that is held against its standard error.

Prices are closes of bars. Bars begin at five minutes and double in width each time that there are
more of them than `MOST_BARS`, up to twelve hours: so a market of a day is known as finely as it can
be, and one of two months takes no more room. A bar without a trade has the close of the one before.
"""

import math
from collections.abc import Iterable, Sequence

from msgspec import Struct

from pipeline.units import HOUR, MINUTE

MOST_BARS = 128
NARROWEST = 5 * MINUTE
WIDEST = 12 * HOUR
#: Fewer returns than this say nothing of what is normal.
LEAST_RETURNS = 20
#: Fewer other assets than this are no market.
_LEAST_PEERS = 3
_MOST_PEERS = 50
#: Of a price that never moved: a tick is some such part of it.
_LEAST_DEVIATION = 2e-4


class Bars(Struct, array_like=True):
    """Closes of one asset, in bars of one width without a gap."""

    width: int = NARROWEST
    """In nanoseconds."""
    first: int = 0
    """Number of the first bar: its time divided by the width."""
    closes: list[float] = []

    def add(self, time: int, price: float) -> None:
        """Take a trade's price. One that comes after a later bar has begun is left out."""
        closes = self.closes
        if not closes:
            self.width, self.first = NARROWEST, time // NARROWEST
            closes.append(price)
            return
        ahead = time // self.width - self.first - len(closes) + 1
        if ahead <= 0:
            if ahead == 0:
                closes[-1] = price
            return
        while len(closes) + ahead > MOST_BARS and self.width < WIDEST:
            self._widen()
            ahead = time // self.width - self.first - len(closes) + 1
        if ahead >= MOST_BARS:  # what was is too long ago to say anything
            closes.clear()
            self.first = time // self.width
            closes.append(price)
            return
        if ahead <= 0:
            closes[-1] = price
            return
        closes.extend([closes[-1]] * (ahead - 1))
        closes.append(price)
        if (surplus := len(closes) - MOST_BARS) > 0:
            del closes[:surplus]
            self.first += surplus

    def take_back(self, time: int, price: float, closes: float | None) -> None:
        """A trade counts no more; `closes` is the last price of its bar without it, if known."""
        place = time // self.width - self.first
        if not 0 <= place < len(self.closes) or self.closes[place] != price:
            return  # it wasn't what its bar closed with
        if closes is None and place == 0:
            return  # no other price is known
        after = self.closes[place - 1] if closes is None else closes
        while place < len(self.closes) and self.closes[place] == price:
            self.closes[place] = after  # bars without a trade have it from the one before
            place += 1

    def _widen(self) -> None:
        """Two bars become one, which closes as the second did."""
        width = min(WIDEST, 2 * self.width)
        merged: dict[int, float] = {}
        for place, close in enumerate(self.closes):
            merged[(self.first + place) * self.width // width] = close
        self.first = next(iter(merged))
        self.closes[:] = merged.values()
        self.width = width

    @property
    def begin(self) -> int:
        """Time from which on prices are known."""
        return self.first * self.width

    def at(self, time: int) -> float | None:
        """The close of the bar that the time is in, or of the newest one; None before the first."""
        place = time // self.width - self.first
        if place < 0 or not self.closes:
            return None
        return self.closes[min(place, len(self.closes) - 1)]


class Study(Struct, frozen=True):
    """What became of a price at an event."""

    abnormal_return: float
    """Cumulative, a part of the price: 0.11 is 11%."""
    statistic: float
    """It, divided by its standard error."""
    price_before: float
    price_after: float
    bars: int
    """Of the event window."""
    width: int
    returns: int
    """Of the estimation window."""
    market: bool
    """By the market model; else by the mean."""


def study(
    bars: Bars, event: int, until: int, run_up: int, others: Iterable[Bars] = ()
) -> Study | None:
    """What the price did from the bar of `event` to that of `until`, against what was before.

    The estimation window ends `run_up` before the event, or after three quarters of what is known
    if that is more: those who knew may have moved the price in between. Times are in nanoseconds.
    None where too little is known, or nothing traded since the event.
    """
    closes, width = bars.closes, bars.width
    start = event // width - bars.first
    end = min(until // width - bars.first, len(closes) - 1)
    if start < 1 or end < start:
        return None
    estimated = max(start - math.ceil(run_up / width), 3 * start // 4)
    if estimated - 1 < LEAST_RETURNS:
        return None
    returns = [math.log(closes[n]) - math.log(closes[n - 1]) for n in range(1, end + 1)]
    before = returns[: estimated - 1]
    during = returns[start - 1 :]
    index = _index(bars, end, others)
    begun = 0
    if index is not None:  # the market's beginning may be later than the asset's
        begun = next(place for place, one in enumerate(index) if one is not None)
        if estimated - 1 - begun < LEAST_RETURNS:
            index = None
    if index is None:
        mean = math.fsum(before) / len(before)
        abnormal = math.fsum(one - mean for one in during)
        variance = math.fsum((one - mean) ** 2 for one in before) / (len(before) - 1)
        spread = len(during) + len(during) ** 2 / len(before)
    else:
        market = [one or 0.0 for one in index]
        before = before[begun:]
        abnormal, variance, spread = _market_model(
            before, during, market[begun : estimated - 1], market[start - 1 :]
        )
    deviation = max(math.sqrt(variance), _LEAST_DEVIATION) * math.sqrt(spread)
    return Study(
        math.expm1(abnormal),
        abnormal / deviation,
        closes[start - 1],
        closes[end],
        len(during),
        width,
        len(before),
        index is not None,
    )


def _market_model(
    before: Sequence[float],
    during: Sequence[float],
    market: Sequence[float],
    now: Sequence[float],
) -> tuple[float, float, float]:
    """Abnormal return, variance of one bar's, and what the variance of the sum is of that."""
    count = len(before)
    mean, usual = math.fsum(market) / count, math.fsum(before) / count
    square = math.fsum((one - mean) ** 2 for one in market)
    slope = 0.0
    if square > 0:
        pairs = zip(market, before, strict=True)
        slope = math.fsum((m - mean) * (r - usual) for m, r in pairs) / square
    shift = usual - slope * mean
    residuals = [r - shift - slope * m for m, r in zip(market, before, strict=True)]
    abnormal = math.fsum(r - shift - slope * m for m, r in zip(now, during, strict=True))
    variance = math.fsum(one * one for one in residuals) / max(1, count - 2)
    away = math.fsum(now) - len(now) * mean
    spread = len(during) + len(during) ** 2 / count + (away**2 / square if square > 0 else 0.0)
    return abnormal, variance, spread


def _index(bars: Bars, end: int, others: Iterable[Bars]) -> list[float | None] | None:
    """Mean return of the other assets by bar, None where too few are known of their beginning.

    None where there is no market to speak of.
    """
    width, first = bars.width, bars.first
    sums, counts = [0.0] * end, [0] * end
    chosen = 0
    for other in others:
        until = (other.first + len(other.closes)) * other.width
        if other is bars or other.width > width or until <= (first + end - 1) * width:
            continue
        earlier: float | None = None
        for place in range(end + 1):
            price = other.at((first + place + 1) * width - 1)
            if price is not None and earlier is not None:
                sums[place - 1] += math.log(price) - math.log(earlier)
                counts[place - 1] += 1
            earlier = price
        chosen += 1
        if chosen == _MOST_PEERS:
            break
    if not end or counts[-1] < _LEAST_PEERS:
        return None
    return [
        total / count if count >= _LEAST_PEERS else None
        for total, count in zip(sums, counts, strict=True)
    ]
