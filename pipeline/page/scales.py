"""From values to places on a chart, and the round values to write at its axes."""

import math
from collections.abc import Callable, Iterable

from msgspec import Struct

Scale = Callable[[float], float]
#: No value is drawn beyond this, so that sums and differences of them are numbers.
LARGEST = 1e300


class Linear(Struct, frozen=True):
    """A straight scale from [low, high] to [start, end]. A domain without width is widened."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        # By halves, since the difference of two numbers may be more than a number can be.
        width = self.high / 2 - self.low / 2
        share = (value / 2 - self.low / 2) / width if width else 0.5
        return self.start + share * (self.end - self.start)


class Log(Struct, frozen=True):
    """A logarithmic scale; `low` and `high` are above 0, and smaller values stand at `low`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        width = math.log(self.high / self.low)
        share = math.log(max(value, self.low) / self.low) / width if width else 0.5
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Powers of ten within the domain, not more than fit."""
        first, last = math.ceil(math.log10(self.low)), math.floor(math.log10(self.high))
        step = max(1, (last - first) // 6)
        return [10.0**power for power in range(first, last + 1, step)]


def padded(values: Iterable[float], share: float = 0.08) -> tuple[float, float]:
    """The range of some values with room around it; (0, 1) where there are none."""
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return 0.0, 1.0
    low, high = (max(-LARGEST, min(LARGEST, one)) for one in (min(known), max(known)))
    room = (high - low) * share or abs(high) * 0.01 or 1.0
    return low - room, high + room


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round values (1, 2 or 5 times a power of ten apart) within [low, high], some `about` many."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return [low]
    rough = (high - low) / max(1, about)
    if rough < 1e-300:
        return [low]
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    count = math.floor(high / step + 1e-9) - first
    return [(first + at) * step for at in range(count + 1)]


def tick_texts(values: list[float]) -> list[str]:
    """The same number of decimals for all, as many as the step needs."""
    if len(values) < 2:
        return [f"{value:g}" for value in values]
    step = abs(values[1] - values[0])
    decimals = max(0, -math.floor(math.log10(step) + 1e-9)) if step else 0
    if decimals > 8 or max(map(abs, values)) >= 1e12:
        return [f"{value:.6g}" for value in values]
    return [f"{value:,.{decimals}f}" for value in values]
