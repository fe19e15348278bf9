"""How much more, or less, is usual at an hour of the day, or of the week, than at all hours.

By the clock in UTC, so that it is the same for everybody; where a venue's day follows daylight
saving time its hours move by one twice a year, and are learnt anew within some days.
"""

from msgspec import Struct, field

from pipeline.units import DAY, HOUR

HOURS_OF_DAY, HOURS_OF_WEEK = 24, 168
#: 1970-01-01 was a Thursday; hours of the week are counted from Monday.
_THURSDAY = 3 * DAY
#: Of each new value this part goes into an hour's mean, once it has had some.
_NEW_PART = 0.1
#: So many values say as much of an hour as the others' mean does.
_PRIOR = 3.0
#: One value counts as so many times the mean of all at most: no single burst makes a season.
_MOST_TIMES = 10.0


def hour_of(time: int, hours: int = HOURS_OF_DAY) -> int:
    """The hour of the day (`hours` is 24) or of the week (168, from Monday), in UTC."""
    return (time + _THURSDAY) // HOUR % hours if hours == HOURS_OF_WEEK else time // HOUR % hours


class Season(Struct):
    """Means by hour, and of all hours."""

    means: list[float] = field(default_factory=list[float])
    """By hour; empty before anything came."""
    counts: list[int] = field(default_factory=list[int])
    """How many values each is of."""
    mean: float = 0.0
    """Of the hours that have had values, each counting the same."""

    def add(self, time: int, amount: float, hours: int = HOURS_OF_DAY) -> None:
        """So much came in a block of time that began then. Blocks are of one length, up to 1 h."""
        if not self.means:
            self.means, self.counts = [0.0] * hours, [0] * hours
        hour = hour_of(time, hours)
        count = self.counts[hour]
        if self.mean > 0:
            amount = min(amount, _MOST_TIMES * self.mean)
        part = max(_NEW_PART, 1.0 / (count + 1))
        self.means[hour] += part * (amount - self.means[hour])
        self.counts[hour] = count + 1
        known = [mean for mean, count in zip(self.means, self.counts, strict=True) if count]
        self.mean = sum(known) / len(known)

    def factor(self, time: int, hours: int = HOURS_OF_DAY) -> float:
        """How many times the mean of all hours is usual at that hour; 1 where nobody knows."""
        if self.mean <= 0:
            return 1.0
        hour = hour_of(time, hours)
        count = self.counts[hour]
        own = self.means[hour] / self.mean
        return (count * own + _PRIOR) / (count + _PRIOR)
