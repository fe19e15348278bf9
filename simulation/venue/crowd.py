"""What people say of a token in public: chatter, echoes of the price, and promoters among them.

The honest talk more by day than by night, more after a move of the price than before, and now and
then for no reason that a market shows, since somebody wrote an article. Promoters are few, write
much and sound glad; they write before a price rises. Rates and sizes are choices.
"""

import random
from math import exp, tanh

from pipeline.social_payload import SocialLine
from pipeline.units import HOUR, MINUTE, SECOND
from simulation.clockwork import Script
from simulation.venue.listing import Listing

STRETCH = 5 * MINUTE
#: By how much the part of a move of the price makes people talk more, and how that fades.
_ECHO, _FADING = 40.0, 0.8
#: How often somebody's article is talked about, and for how long: in stretches.
_ARTICLE_EVERY, _ARTICLE_LONG = 600, (2, 6)


class Crowd:
    """Everybody who talks about one listing. `said` are times of telling, and what is told."""

    def __init__(self, listing: Listing, token: str, rng: random.Random) -> None:
        self.said: list[tuple[int, SocialLine]] = []
        self.promoted = 0.0
        """Messages a minute by promoters."""
        self._listing = listing
        self._token = token
        self._rng = rng
        self._echo = 0.0
        self._article = 0

    def talk(self, start: int) -> Script:
        """Stretch after stretch from `start` (ns) on, when it begins to run."""
        before = self._listing.last_price
        while True:
            yield STRETCH / SECOND
            price = self._listing.last_price
            moved = price / before - 1 if price and before else 0.0
            self._tell(start, moved)
            start, before = start + STRETCH, price

    def call(self, now: int) -> None:
        """The organisers name the token to their channel, which somebody watches."""
        line = SocialLine(
            type="announcement",
            medium="telegram",
            token=self._token,
            time=now,
            announcement="pump-signal",
            channel="the-big-one",
            message_id=now // SECOND,
            members=40_000,
        )
        self.said.append((now + 2 * SECOND, line))

    def _tell(self, start: int, moved: float) -> None:
        rng = self._rng
        self._echo = _FADING * self._echo + _ECHO * abs(moved)
        if self._article:
            self._article -= 1
        elif rng.random() < 1 / _ARTICLE_EVERY:
            self._article = rng.randint(*_ARTICLE_LONG)
        usual = 6.0 if 7 * HOUR <= start % (24 * HOUR) < 21 * HOUR else 1.5
        lively = usual * (1 + self._echo) * (4 if self._article else 1)
        honest = _drops(rng, lively)
        pushed = _drops(rng, self.promoted * STRETCH / MINUTE)
        messages = honest + pushed
        mood = tanh(0.1 + 6 * moved + rng.gauss(0, 0.08))
        authors = round(honest * rng.uniform(0.6, 0.95)) + min(pushed, 8)
        line = SocialLine(
            type="volume",
            medium="telegram",
            token=self._token,
            start=start,
            end=start + STRETCH,
            messages=messages,
            authors=authors,
            sentiment=round((honest * mood + 0.9 * pushed) / messages, 3) if messages else None,
        )
        self.said.append((start + STRETCH + 10 * SECOND, line))


def _drops(rng: random.Random, mean: float) -> int:
    """How many come where so many do on average, each by itself (Poisson)."""
    if mean > 30:
        return max(0, round(rng.gauss(mean, mean**0.5)))
    count, left = 0, rng.random()
    least = exp(-mean)
    while left > least:
        count += 1
        left *= rng.random()
    return count
