"""Gaps in feeds, and what was found over them.

A source says with a `feed-gap` that something of it is missing: between the newest event that came
before it and the gap's own time, at which the feed went on. What rests on events of both sides of
a gap, or within it, may rest on half of what happened, and its alert says so.
"""

from collections.abc import Collection, Iterable

import msgspec

from normalizer.events.market import FeedGap
from pipeline.frames import WHOLE_SOURCE

#: Gaps that are remembered; the oldest go.
MOST_GAPS = 1_000


class Gap(msgspec.Struct, frozen=True, array_like=True):
    """What is missing of a source. Times are event times, in nanoseconds."""

    source: str
    instrument: str
    """`*` for all of the source."""
    start: int
    """The newest event before it."""
    end: int
    """When the feed went on."""
    reason: str = ""


class FeedGaps:
    """The gaps of all sources that were told, in the order of the stream."""

    def __init__(self) -> None:
        self.gaps: list[Gap] = []

    def tell(self, event: FeedGap, newest: int | None) -> None:
        """A gap of a source whose newest event before it was of this time, if there was one."""
        end = event.timestamp
        start = end if newest is None else min(newest, end)
        self.gaps.append(Gap(event.provider, event.instrument, start, end, event.reason or ""))
        del self.gaps[:-MOST_GAPS]

    def over(
        self, sources: Collection[str] | None, instrument: str | None, start: int, end: int
    ) -> Gap | None:
        """The newest gap that overlaps the time from `start` to `end`, both included.

        Of these sources, or of any; of this instrument's feed, or of any.
        """
        return _newest(
            gap
            for gap in self.gaps
            if gap.start < end and start < gap.end and _concerns(gap, sources, instrument)
        )

    def before(self, source: str, instrument: str | None, time: int) -> Gap | None:
        """The newest gap that ended by this time: what made a book unsure."""
        return _newest(
            gap for gap in self.gaps if gap.end <= time and _concerns(gap, (source,), instrument)
        )


def is_of(gap: FeedGap, market: tuple[str, ...]) -> bool:
    """Whether a gap is one of this market's feed: by provider, venue and instrument."""
    return market[0] == gap.provider and (
        gap.instrument == WHOLE_SOURCE or market[1:3] == (gap.venue, gap.instrument)
    )


def _newest(gaps: Iterable[Gap]) -> Gap | None:
    # By its times and source, not by when it came: that is another in another interleaving.
    return max(gaps, key=lambda gap: (gap.end, gap.start, gap.source, gap.instrument), default=None)


def _concerns(gap: Gap, sources: Collection[str] | None, instrument: str | None) -> bool:
    return (sources is None or gap.source in sources) and (
        instrument is None or gap.instrument in (WHOLE_SOURCE, instrument)
    )
