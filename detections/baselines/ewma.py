"""Mean and variance of values whose weight fades with their age, at whatever times they come.

A value's weight is halved in each `half_life` of event time. The update is exact: mean and variance
are those of all values so weighted (D. West, Updating Mean and Variance Estimates, CACM 1979).
"""

from math import exp, log, sqrt

from msgspec import Struct

_LN2 = log(2.0)


class Ewma(Struct):
    """The mean and the variance of what came, the newest counting most."""

    mean: float = 0.0
    squares: float = 0.0
    """Weighted sum of squared distances from the mean."""
    weight: float = 0.0
    """Weights of all values together: of how many new ones it is worth."""
    time: int = 0

    @property
    def variance(self) -> float:
        """Of the values; 0 of none."""
        return self.squares / self.weight if self.weight else 0.0

    @property
    def sigma(self) -> float:
        """Their standard deviation."""
        return sqrt(max(0.0, self.variance))

    def fade(self, time: int, half_life: int) -> None:
        """It is so late now. What is late itself counts as if it came now."""
        later = time - self.time
        if later <= 0:
            return
        self.time = time
        if self.weight:
            rest = exp(-_LN2 * later / half_life)
            self.weight *= rest
            self.squares *= rest

    def add(self, time: int, value: float, half_life: int) -> None:
        """A value came."""
        self.fade(time, half_life)
        self.weight += 1.0
        distance = value - self.mean
        self.mean += distance / self.weight
        self.squares += distance * (value - self.mean)

    def add_within(
        self, time: int, value: float, half_life: int, *, sigmas: float, minimum: float
    ) -> None:
        """A value came, which counts as no further from the mean than so many standard deviations.

        So that no single one moves the mean far. While the weight is below `minimum` it counts as
        it is: nobody knows what is far then.
        """
        if self.weight >= minimum:
            most = sigmas * self.sigma
            if most > 0:
                value = min(max(value, self.mean - most), self.mean + most)
        self.add(time, value, half_life)
