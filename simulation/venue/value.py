"""What a share is worth, as those think who know: a random walk, with jumps at news."""

import random
from math import sqrt

import msgspec

from pipeline.units import SECOND
from simulation.clockwork import Clockwork, Script


class News(msgspec.Struct, frozen=True):
    """Something made known at `time` (ns) that changes the value by `jump`, a share of it."""

    time: int
    jump: float


class Value:
    """The fundamental value, in ticks."""

    def __init__(self, ticks: float) -> None:
        self.ticks = ticks
        self.news: News | None = None
        """The newest."""

    def just_told(self, now: int, seconds: float) -> bool:
        """Whether something was made known in the last seconds."""
        return self.news is not None and now - self.news.time < seconds * SECOND

    def wander(self, rng: random.Random, volatility: float, step: float) -> Script:
        """A walk; `volatility` is the standard deviation of an hour's return, `step` in seconds."""
        deviation = volatility * sqrt(step / 3600)
        while True:
            yield step
            self.ticks *= 1 + rng.gauss(0, deviation)

    def tell(self, clockwork: Clockwork, jump: float) -> Script:
        """One piece of news, now."""
        self.news = News(clockwork.now, jump)
        self.ticks *= 1 + jump
        yield 0.0
