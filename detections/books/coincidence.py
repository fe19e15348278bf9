"""Whether a party trades on the other side as it takes orders off: by chance, or every time.

Who makes a market takes large orders off all day long, and trades all day long, so the two meet now
and then. A spoofer's meet because he sees to it. The two are told apart by what the party does the
rest of the time. Of each party in a book, per side of its orders:

- each order taken off has a *span* in which a trade on the other side counts;
- the probability that a span as long, anywhere in the time that the party was seen, has a trade of
  it is the part of that time that lies at most a span before one: however regularly or in whatever
  bursts it trades. The trades that are judged say nothing of what is usual, and don't count; nor do
  those that were judged and alerted on before. A
  party of which nothing is known yet is taken to trade as often as parties of its book do, and once
  in an hour at least;
- *chance* is the probability that at least as many of all orders taken off would have met a trade
  as did (the upper tail of the binomial distribution), bids and offers combined.
- who takes his orders off because he has traded does so at once ("as soon as the small one was
  filled"), so where it is known how long after a trade each went, the same is asked of those that
  went soonest: of the one, the two, and so on, each with its own time as the span. The least of
  these probabilities counts, times how many they are (Bonferroni's correction). So who mostly waits
  in vain, and then takes all off, isn't acquitted by how often he waited.

Who quotes also puts another order in the stead of each that he takes off; a spoofer's leave a hole:
for a second, or longer than they were there.

That the two meet proves little where chance is large. What counts as small is the rule's to say;
that it is told this way at all is our choice: no regulator gives a number.
"""

from bisect import bisect_left
from collections.abc import Iterable
from math import erfc, log, sqrt

from msgspec import Struct

from detections.float_sum import float_sum
from pipeline.units import HOUR, SECOND

#: Of what is usual nothing is known before; it is taken to have been seen for so long, with a trade
#: in every hour. So little is soon outweighed by what is seen.
_PRIOR_TIME = 30 * SECOND
_PRIOR_EVERY = HOUR
#: Spans for which it is known how much of the time lies so long before a trade, at most. The
#: shortest is as soon as anybody is taken to react: clocks of venues tell milliseconds.
_SPANS = (*(SECOND >> halved for halved in (6, 4, 2)), *(SECOND << doubled for doubled in range(7)))
#: Two numbers for each of the spans, and for what is longer.
_LATELY = 2 * (len(_SPANS) + 1)
#: Orders that are taken off within so long are one set.
_AT_ONCE = SECOND
#: So few trades in a book say nothing of what parties usually do.
_FEW = 20
#: Who replaced its orders so often may be quoting.
_ENOUGH = 2
#: With so many orders taken off, all counts are halved: what is long ago counts less.
_MANY = 128
#: No sum of so many probabilities is further from what it should be.
_ROUNDING = 1e-12


class Habit(Struct, gc=False):
    """What a party does with its orders of one side of a book, and against them."""

    since: int
    """When it was first seen."""
    traded_at: int
    """Time of its newest trade on the other side; before the first, when it was first seen."""
    covered: list[float] | None = None
    """Time that lies at most so long before a trade, for each of the spans, in nanoseconds, but for
    the newest trades; None before anybody asked."""
    lately: list[int] | None = None
    """The trades that are not in `covered` yet: for each of the spans, how many came within it of
    the trade before, and not within the next shorter one, and the sum of these times; the same of
    those that came later than any span. None where there are none: most parties never trade."""
    pulled: int = 0
    """How often it took orders off; those at once are one."""
    pulled_at: int = 0
    met: int = 0
    """How often that met a trade on the other side."""
    met_at: int = 0
    replaced: int = 0
    """How often it had another there at once."""
    replaced_at: int = 0
    span: float = 0.0
    """In which trades counted, of all of them together, in nanoseconds."""
    stead: int = _AT_ONCE
    """What comes so soon after those that it took off last is there in their stead."""
    reactions: list[int] | None = None
    """Of those that met a trade before they were taken off, how long before, as far as known."""
    reacted_at: int = 0
    """When the newest of these were taken off."""
    newest: float = 1.0
    """What `Habits.chance` found last of this side alone."""

    def note_trade(self, time: int) -> int:
        """It traded on the other side. Returns the time since the trade before."""
        gap = time - self.traded_at
        if gap <= 0:
            return 0
        self.traded_at = time
        lately = self.lately
        if lately is None:
            lately = self.lately = [0] * _LATELY
        place = 2 * bisect_left(_SPANS, gap)
        lately[place] += 1
        lately[place + 1] += gap
        return gap

    def _cover(self) -> list[float] | None:
        """`covered`, with all trades that there were. Far fewer ask than there are trades."""
        covered, lately = self.covered, self.lately
        if lately is None:
            return covered
        self.lately = None
        if covered is None:
            covered = self.covered = [0.0] * len(_SPANS)
        longer, shorter = sum(lately[::2]), 0
        for place, span in enumerate(_SPANS):
            longer -= lately[2 * place]
            shorter += lately[2 * place + 1]
            covered[place] += shorter + longer * span
        return covered

    def note_pulled(self, time: int, span: int, lifetime: int = _AT_ONCE) -> None:
        """An order was taken off, after so long, and a trade counts that is within this span."""
        self.stead = min(_AT_ONCE, lifetime)
        if time - self.pulled_at < _AT_ONCE:
            return
        if self.pulled >= _MANY:
            self.since += max(0, (time - self.since) // 2)
            covered = self._cover()
            if covered is not None:
                self.covered = [one / 2 for one in covered]
            self.pulled //= 2
            self.met //= 2
            self.replaced //= 2
            self.span /= 2
            if self.reactions:
                del self.reactions[::2]
        self.pulled += 1
        self.pulled_at = time
        self.span += span

    def note_met(self, time: int, reaction: int | None = None) -> None:
        """There was a trade within the span of the order that was taken off at this time; if it
        was before that, so long before."""
        if abs(time - self.met_at) >= _AT_ONCE and self.met < self.pulled:
            self.met += 1
            self.met_at = time
        if reaction is None or abs(time - self.reacted_at) < _AT_ONCE:
            return
        reactions = self.reactions
        if reactions is None:
            reactions = self.reactions = []
        if len(reactions) < self.met:
            reactions.append(max(reaction, _SPANS[0]))
            self.reacted_at = time

    def set_aside(self, judged: Iterable[int]) -> None:
        """Trades with these times since the trade before were found to be abuse.

        They say nothing of what is usual from then on: who does little else would look as if he
        traded all the time.
        """
        covered = self._cover()
        if covered is None:
            return
        for gap in judged:
            for place, span in enumerate(_SPANS):
                covered[place] = max(0.0, covered[place] - min(gap, span))

    def note_placed(self, time: int) -> None:
        """A large order comes. Soon after another was taken off, it is there in its stead."""
        if time - self.pulled_at < self.stead and self.pulled:
            self.note_replaced(self.pulled_at)

    def note_replaced(self, time: int) -> None:
        """There is another order in the stead of the one that was taken off at this time."""
        if abs(time - self.replaced_at) >= _AT_ONCE and self.replaced < self.pulled:
            self.replaced += 1
            self.replaced_at = time

    @property
    def quotes(self) -> bool:
        """Whether it mostly has another there at once, as who quotes does: the impression stays."""
        return self.replaced >= _ENOUGH and 2 * self.replaced >= self.pulled

    def chance(self, now: int, judged: Iterable[int], every: int = _PRIOR_EVERY) -> float:
        """The probability that chance alone makes as many meet as did, or more.

        `judged` are the times since the trade before of the trades that don't count; `every` is how
        long it takes until a party of the book trades, usually.
        """
        gaps, soonest, pulled = list(judged), sorted(self.reactions or ()), self.pulled
        tries = len(soonest) + (self.met > len(soonest))
        least, proves = 1.0, 1.0 / max(1, tries)  # what is more, times all of them, is certain
        soon = {span: met for met, span in enumerate(soonest, 1)}  # of those as soon, all count
        for span, met in (*soon.items(), (self.span / max(1, pulled), self.met)):
            usual = self._usual(now, span, gaps, every)
            if tail_at_least(met, pulled, usual) <= min(least, proves) + _ROUNDING:
                least = min(least, binomial_tail(met, pulled, usual))
        return min(1.0, max(1, tries) * least)

    def _usual(self, now: int, span: float, judged: list[int], every: int) -> float:
        """The part of the time that lies so long before a trade, at most."""
        near = float_sum([gap if gap < span else span for gap in judged])
        before = max(0.0, self._before(span) - near)
        seen = max(0, now - self.since) + _PRIOR_TIME
        return min(1.0, (before + _PRIOR_TIME * min(1.0, span / every)) / seen)

    def _before(self, span: float) -> float:
        """Time that lies at most this span before a trade: between those that are known, a line."""
        covered, place = self._cover(), bisect_left(_SPANS, span)
        if covered is None:
            return 0.0
        if place == len(_SPANS):
            return covered[-1] * span / _SPANS[-1]
        lower, known = (_SPANS[place - 1], covered[place - 1]) if place else (0.0, 0.0)
        return known + (covered[place] - known) * (span - lower) / (_SPANS[place] - lower)


class Habits(Struct, gc=False):
    """Of a party, for its bids and for its offers."""

    bids: Habit
    offers: Habit

    def of(self, buy: bool) -> Habit:
        """For orders of this side."""
        return self.bids if buy else self.offers

    def chance(
        self, buy: bool, now: int, judged: Iterable[int], every: int = _PRIOR_EVERY
    ) -> float:
        """As `Habit.chance`, with what was found of the other side: many do it on both in turn.

        Two independent probabilities are combined as by Fisher's method.
        """
        own, other = self.of(buy), self.of(not buy)
        own.newest = own.chance(now, judged, every)
        if other.newest >= 1.0:
            return own.newest
        product = own.newest * other.newest
        return product * (1.0 - log(product)) if product > 0.0 else 0.0


class Crowd(Struct, gc=False):
    """What parties of one book usually do."""

    since: int
    parties: int = 0
    trades: int = 0
    """On one side, of all of them together; those of one party at once are one."""

    def every(self, now: int) -> int:
        """How long it takes, on average, until a party trades on a side: an hour at most."""
        if self.trades <= _FEW:
            return _PRIOR_EVERY
        return min(_PRIOR_EVERY, max(1, (now - self.since) * 2 * self.parties // self.trades))


def habits(since: int) -> Habits:
    """Of a party that was never seen before."""
    return Habits(Habit(since, since), Habit(since, since))


def binomial_tail(least: int, tries: int, probability: float) -> float:
    """The probability of at least so many successes in so many tries."""
    if least <= 0 or probability >= 1.0:
        return 1.0
    if probability <= 0.0:
        return 0.0
    failure = 1.0 - probability
    term = failure**tries
    if term == 0.0:
        return 1.0  # so many tries, each so likely, that nothing is a surprise
    below = 0.0
    for successes in range(least):
        before = below
        below += term
        if below == before:
            break  # nor do those that follow change it: they are less and less
        term *= (tries - successes) / (successes + 1) * probability / failure
    return min(1.0, max(0.0, 1.0 - below))


def tail_at_least(least: int, tries: int, probability: float) -> float:
    """What `binomial_tail` is no less than, without adding up: that of the normal distribution, by
    Slud's inequality (Annals of Probability 5 (1977), 404-412); 0 where that says nothing."""
    mean = tries * probability
    if least <= mean:
        return 0.5  # no median is less than the whole part of the mean
    if probability > 0.5 or mean <= 0.0 or least > tries - mean:
        return 0.0
    return 0.5 * erfc((least - mean) / sqrt(2.0 * mean * (1.0 - probability)))
