"""Whether sets of orders of a book meet trades because somebody sees to it, or by chance.

The same for a whole book as :mod:`detections.books.coincidence` tells of a party that is known: the
probability that a moment anywhere in the time that is known has a trade as near as a set's must be
is the part of that time that lies so near to one, however regularly or in whatever bursts is
traded. *Chance* is the probability that at least as many of all sets would have met a trade as did.
The trades that are judged say nothing of what is usual, and don't count.
"""

from collections.abc import Sequence

from msgspec import Struct, field

from detections.books.coincidence import binomial_tail
from detections.books.pulled_sets import Criteria, Traded
from pipeline.units import HOUR, SECOND

#: Of what is usual nothing is known before; see `detections.books.coincidence`.
_PRIOR_TIME, _PRIOR_EVERY = 30 * SECOND, HOUR
#: With so many sets, all counts are halved: what is long ago counts less.
_MANY = 128


class MetByChance(Struct):
    """How often sets of a book meet trades, and how often chance would have them meet."""

    since: int
    """When its first set came."""
    before: list[float] = field(default_factory=lambda: [0.0, 0.0])
    """Time that lies at most a reaction after a trade, per side that is led: buys, sells."""
    after: list[float] = field(default_factory=lambda: [0.0, 0.0])
    """Time that lies at most so long before a trade that hits what a set left, likewise."""
    sets: int = 0
    met: int = 0

    def note_trade(self, buys: bool, gap: int, criteria: Criteria) -> None:
        """There was a trade, so long after the one before of its side."""
        self.before[not buys] += min(gap, criteria.reaction_window)
        self.after[not buys] += min(gap, criteria.after_window)

    def note_set(self, now: int, *, met: bool) -> None:
        """A set went."""
        if self.sets >= _MANY:
            self.since += max(0, (now - self.since) // 2)
            self.before = [one / 2 for one in self.before]
            self.after = [one / 2 for one in self.after]
            self.sets //= 2
            self.met //= 2
        self.sets += 1
        self.met += met

    def chance(self, now: int, judged: Sequence[Traded], criteria: Criteria) -> float:
        """The probability that chance alone makes as many sets meet a trade as did, or more.

        `judged` are the trades of the sets that are judged: they say nothing of what is usual. One
        that two sets met counts once, as it does in what is usual.
        """
        seen = max(0, now - self.since) + _PRIOR_TIME
        own = list({one.seen.id: one for one in judged}.values())
        usual = max(self._usual(led, seen, own, criteria) for led in (True, False))
        return binomial_tail(self.met, self.sets, usual)

    def _usual(self, led: bool, seen: int, judged: Sequence[Traded], criteria: Criteria) -> float:
        """The part of the time in which a set of this side would meet a trade."""
        missed = 1.0
        for covered, buys, window in (
            (self.before, led, criteria.reaction_window),
            (self.after, not led, criteria.after_window),
        ):
            own = sum(min(one.gap, window) for one in judged if one.buys is buys)
            prior = _PRIOR_TIME * min(1.0, window / _PRIOR_EVERY)
            missed *= 1.0 - min(1.0, (max(0.0, covered[not buys] - own) + prior) / seen)
        return 1.0 - missed
