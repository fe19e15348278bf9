"""What is said of assets in public, against what is usual, for whoever weighs a move of a price.

A feed is one medium of one source about one asset. What is usual there is the median of the numbers
of messages in stretches of one length, and their MAD: of those at that hour of the day (UTC; with
an hour to either side where these are few) if there are 12 of three days or more, else of all. The
newest 1,008 stretches are kept, of the last week. A stretch that is unusual isn't learnt, unless
so many in a row were that this is how it is now, or the same hour was on two days before: then
that is what the hour is like. A stretch that was never told is not taken for a quiet one.

Messages alone prove nothing: people talk about a price because it moved. So for a rise only what
was said before it began counts: stretches that ended by then, one of a minute at most of which half
was before, and calls to buy that came before it.

Sources: M. La Morgia, A. Mei, F. Sassi and J. Stefa, The Doge of Wall Street (ACM TOIT, 2023), on
how groups announce a pump; M. Karbalaii, Microstructure and Manipulation (2025): buying ahead of
the call. B. Iglewicz and D. Hoaglin, How to Detect and Handle Outliers (1993), on median and MAD.
"""

from math import sqrt

from msgspec import Struct, field

from detections.alerting.findings import Witness, witness
from detections.baselines.robust import Level, excess, level_of, median_of
from detections.idlest import drop_idlest
from normalizer.events.social import SocialAnnouncement, SocialVolume
from pipeline.units import DAY, HOUR, MINUTE, WEEK

#: Assets that anything was said of; of each so many feeds. The idlest go first.
MOST_ASSETS, MOST_FEEDS = 2_000, 8
#: Stretches that are kept of a feed, and those that it takes to say what is usual.
MOST_STRETCHES, FEWEST_STRETCHES = 1_008, 24
#: Sentiments that are kept of a feed, and shares of authors.
_MOST_SENTIMENTS = 288
#: Of as many days as this the stretches at an hour of the day say more than all do.
_DAYS_OF_HOUR = 3
#: So many stretches of an hour of the day say what is usual at it.
_FEWEST_OF_HOUR = 12
#: So many unusual stretches in a row aren't learnt.
_MOST_WITHHELD = 48
#: Unusual stretches and calls that are remembered of a feed, and of an asset.
_MOST_BURSTS, _MOST_CALLS = 16, 16
#: A stretch in which a rise began counts as before it if half of it was, and it is no longer than
#: this: a longer one is full of those who talk about the rise.
LONGEST_OVER_RISE = MINUTE


class Terms(Struct, frozen=True, kw_only=True):
    """When a stretch is unusual."""

    messages: int
    sigmas: float
    multiple: float


class Talk(Struct, frozen=True):
    """An unusual stretch of a feed."""

    medium: str
    start: int
    end: int
    messages: int
    authors: int | None
    usual: float
    """The median of messages in as long a stretch."""
    sigmas: float
    sentiment: float | None
    usual_sentiment: float | None
    witness: Witness
    usual_share: float | None = None
    """Authors for each message, as is usual there; None if nobody knows."""

    @property
    def multiple(self) -> float:
        """How many times what is usual; of less than one message as if it were one."""
        return self.messages / max(1.0, self.usual)

    @property
    def turn(self) -> float:
        """By how much the sentiment is above what is usual; 0 where nobody knows."""
        if self.sentiment is None or self.usual_sentiment is None:
            return 0.0
        return self.sentiment - self.usual_sentiment

    @property
    def fewer_authors(self) -> float | None:
        """By what part its messages have fewer authors each than is usual; None if nobody knows."""
        if self.authors is None or not self.usual_share:
            return None
        return 1 - self.authors / self.messages / self.usual_share


class Call(Struct, frozen=True):
    """A call to buy."""

    medium: str
    time: int
    witness: Witness


class Feed(Struct):
    """One medium of one source about one asset."""

    width: int = 0
    """How long its stretches are; those of another length are another feed's."""
    end: int = 0
    """Of the newest stretch."""
    times: list[int] = field(default_factory=list[int])
    """When the learnt stretches began."""
    counts: list[int] = field(default_factory=list[int])
    """Messages in each."""
    sentiments: list[float] = field(default_factory=list[float])
    shares: list[float] = field(default_factory=list[float])
    """Authors for each message, of the newest stretches in which anything was said."""
    withheld: int = 0
    """So many in a row were unusual."""
    apart: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """What wasn't learnt of the last week: when it began, and messages."""
    talks: list[Talk] = field(default_factory=list[Talk])


class Social(Struct):
    """All that is said of one asset."""

    feeds: dict[str, Feed] = field(default_factory=dict[str, Feed])
    calls: list[Call] = field(default_factory=list[Call])


SocialActivity = dict[str, Social]
"""By asset, the idlest first."""


class Signal(Struct, frozen=True):
    """What was said before a rise."""

    talk: Talk | None
    """The most unusual stretch."""
    call: Call | None
    """The newest call to buy."""


def asset_of(token: str | None, venue: str | None, instrument: str | None) -> str:
    """What both a market's events and those of social feeds are kept under."""
    return token if token is not None else f"{venue}\0{instrument}"


def hear(
    known: SocialActivity, event: SocialVolume | SocialAnnouncement, terms: Terms
) -> Talk | None:
    """Take what was said; the stretch, if it is unusual."""
    asset = asset_of(event.token_id, event.venue, event.instrument)
    # Taken out and put back at the end, so that the first is always the idlest.
    social = known.pop(asset, None)
    if social is None:
        social = Social()
        if len(known) >= MOST_ASSETS:
            drop_idlest(known, MOST_ASSETS - 1)
    known[asset] = social
    if isinstance(event, SocialVolume):
        return _hear_stretch(social, event, terms)
    if event.announcement == "pump-signal":
        social.calls.append(Call(event.medium, event.timestamp, witness(event)))
        del social.calls[:-_MOST_CALLS]
    return None


def said_before(
    known: SocialActivity, asset: str, *, since: int, now: int, window: int
) -> Signal | None:
    """What was said in the time before a rise that began at `since`, as far as known by `now`."""
    social = known.get(asset)
    if social is None:
        return None
    talks = [
        talk
        for feed in social.feeds.values()
        for talk in feed.talks
        if _is_before(talk, since) and since - window <= talk.end <= now
    ]
    calls = [one for one in social.calls if since - window <= one.time <= since]
    if not talks and not calls:
        return None
    return Signal(
        max(talks, key=lambda one: (one.sigmas, one.end), default=None),
        max(calls, key=lambda one: one.time, default=None),
    )


def _is_before(talk: Talk, since: int) -> bool:
    if talk.end <= since:
        return True
    return talk.end - talk.start <= LONGEST_OVER_RISE and talk.start + talk.end <= 2 * since


def _hear_stretch(social: Social, event: SocialVolume, terms: Terms) -> Talk | None:
    name = f"{event.provider}/{event.medium}"
    feed = social.feeds.pop(name, None)
    width = event.end - event.start
    if feed is None or feed.width != width:
        feed = Feed(width)
        while len(social.feeds) >= MOST_FEEDS:
            del social.feeds[next(iter(social.feeds))]
    social.feeds[name] = feed
    if event.start < feed.end:
        return None  # told again, or late: it has been judged without it
    feed.end = event.end
    talk = _unusual(feed, event, terms)
    if talk is None:
        feed.withheld = 0
    else:
        feed.talks.append(talk)
        del feed.talks[:-_MOST_BURSTS]
        feed.withheld += 1
        if feed.withheld <= _MOST_WITHHELD and not _is_of_hour(feed, event.start):
            feed.apart.append((event.start, event.messages))
            del feed.apart[:-MOST_STRETCHES]
            return talk
    _learn(feed, event)
    return talk


def _is_of_hour(feed: Feed, time: int) -> bool:
    """Whether this hour was unusual on two days before; then those days are learnt as well."""
    feed.apart = [one for one in feed.apart if one[0] >= time - WEEK]
    hour, today = time // HOUR % 24, time // DAY
    alike = [one for one in feed.apart if one[0] // HOUR % 24 == hour]
    if len({start // DAY for start, _ in alike} - {today}) < _DAYS_OF_HOUR - 1:
        return False
    feed.apart = [one for one in feed.apart if one not in alike]
    learnt = sorted([*zip(feed.times, feed.counts, strict=True), *alike])
    feed.times, feed.counts = [start for start, _ in learnt], [count for _, count in learnt]
    return True


def _learn(feed: Feed, event: SocialVolume) -> None:
    times, counts = feed.times, feed.counts
    times.append(event.start)
    counts.append(event.messages)
    old = max(0, len(times) - MOST_STRETCHES)
    while times[old] < event.start - WEEK:
        old += 1
    del times[:old], counts[:old]
    if event.sentiment is not None and event.messages:
        feed.sentiments.append(event.sentiment)
        del feed.sentiments[:-_MOST_SENTIMENTS]
    if event.authors is not None and event.messages:
        feed.shares.append(event.authors / event.messages)
        del feed.shares[:-_MOST_SENTIMENTS]


def _unusual(feed: Feed, event: SocialVolume, terms: Terms) -> Talk | None:
    if event.messages < terms.messages or len(feed.counts) < FEWEST_STRETCHES:
        return None
    level = _level(feed, event.start)
    # Messages come like drops of rain: as many more or less as the root of what is usual is chance.
    sigmas = excess(event.messages, level, max(1.0, sqrt(level.median)))
    if sigmas < terms.sigmas or event.messages < terms.multiple * level.median:
        return None
    sentiments = sorted(feed.sentiments)
    return Talk(
        event.medium,
        event.start,
        event.end,
        event.messages,
        event.authors,
        level.median,
        sigmas,
        event.sentiment,
        median_of(sentiments) if len(sentiments) >= FEWEST_STRETCHES else None,
        witness(event),
        median_of(sorted(feed.shares)) if len(feed.shares) >= FEWEST_STRETCHES else None,
    )


def _level(feed: Feed, time: int) -> Level:
    """What is usual in a stretch that began then."""
    hour = time // HOUR % 24
    known = list(zip(feed.times, feed.counts, strict=True))
    for around in (0, 1):
        near = [one for one in known if (one[0] // HOUR - hour + around) % 24 <= 2 * around]
        if len(near) >= _FEWEST_OF_HOUR and len({one[0] // DAY for one in near}) >= _DAYS_OF_HOUR:
            return level_of([float(count) for _, count in near])
    return level_of([float(count) for count in feed.counts])


__all__ = [
    "Call", "Signal", "Social", "SocialActivity", "Talk", "Terms", "asset_of",
    "hear", "said_before",
]  # fmt: skip
