"""What a venue does at a time, and which reference price is being made around it.

Pure, and the same everywhere: times of day become times by the pinned time zones
(:mod:`pipeline.time_zones`). A time of day that a clock leaps over in spring counts as if the clock
had not been set yet; one that comes twice in autumn is the first of both.
"""

import datetime
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from zoneinfo import ZoneInfo

from msgspec import Struct

from pipeline.reference_records import Venue
from pipeline.time_zones import time_zone
from pipeline.units import DAY, HOUR, SECOND
from pipeline.venue_sessions import (
    WEEKDAYS,
    WORKDAYS,
    Phase,
    ReferencePurpose,
    ReferenceTime,
    Session,
    SpecialDay,
    TimeOfDay,
    seconds_of,
)

#: Events so long before a reference time are told of it, and so long after where none follows.
NEAR = HOUR
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_FIRST_DAY = datetime.date(1970, 1, 1).toordinal()
#: Days before and after that can reach into a day: another zone, and a session over midnight.
_REACH = 2
#: Days that are kept worked out.
_MOST_DAYS = 64
#: Days for which there is a calendar: `datetime` has no others.
_LATEST_DAY = datetime.date(9_990, 1, 1).toordinal() - _FIRST_DAY
_ALWAYS = (Session(phase="continuous", start="00:00", end="24:00", days=WEEKDAYS),)


class Around(Struct, frozen=True, gc=False):
    """What holds from `since` on, and before `until`."""

    since: int
    until: int
    phase: Phase
    reference: str | None = None
    """Name of the next reference time that is near; else of the last one that is."""
    purpose: ReferencePurpose | None = None
    at: int = 0
    """When that is."""
    began: int | None = None
    """When the phase began; None for one that never ends, and while the venue is closed."""


class _Span(NamedTuple):
    since: int
    until: int
    phase: Phase


class _Fixing(NamedTuple):
    at: int
    name: str
    purpose: ReferencePurpose


class VenueCalendar:
    """The calendar of one venue: what is around each time."""

    def __init__(self, venue: Venue) -> None:
        self._zone = time_zone(venue.time_zone)
        self._sessions = venue.sessions or _ALWAYS
        self._references = venue.references
        self._reference_days = WORKDAYS if venue.sessions else WEEKDAYS
        self._special = {
            **{date: SpecialDay(date=date) for date in venue.holidays},
            **{day.date: day for day in venue.special_days},
        }
        self._days: dict[int, tuple[list[int], list[Around]]] = {}
        self._newest = Around(0, 0, "closed")

    def around(self, time: int) -> Around:
        """What is around a time, in nanoseconds since the epoch."""
        newest = self._newest
        if newest.since <= time < newest.until:
            return newest
        number = min(max(0, time // DAY), _LATEST_DAY)
        day = self._days.get(number)
        if day is None:
            if len(self._days) >= _MOST_DAYS:
                del self._days[next(iter(self._days))]
            day = self._days[number] = self._worked_out(number)
        starts, parts = day
        self._newest = found = parts[max(0, bisect_right(starts, time) - 1)]
        return found

    def _worked_out(self, number: int) -> tuple[list[int], list[Around]]:
        """The parts of a day of UTC, and when they begin."""
        first, end = number * DAY, (number + 1) * DAY
        dates = [
            datetime.date.fromordinal(_FIRST_DAY + other)
            for other in range(max(0, number - _REACH), number + _REACH + 1)
        ]
        spans = [span for date in dates for span in self._spans(date)]
        fixings = sorted(one for date in dates for one in self._fixings(date))
        cuts = {first, *(time for one in spans for time in (one.since, one.until))}
        for one in fixings:
            cuts |= {one.at - NEAR, one.at + 1, one.at + NEAR + 1}
        starts = sorted(cut for cut in cuts if first <= cut < end)
        parts = [
            _part(since, until, spans, fixings, always=self._sessions is _ALWAYS)
            for since, until in zip(starts, (*starts[1:], end), strict=True)
        ]
        return starts, parts

    def _spans(self, date: datetime.date) -> Iterator[_Span]:
        special = self._special.get(date)
        for session in self._sessions if special is None else special.sessions:
            if special is None and WEEKDAYS[date.weekday()] not in session.days:
                continue
            since = _moment(date, session.start, self._zone)
            over = seconds_of(session.end) <= seconds_of(session.start)
            until = _moment(date + datetime.timedelta(days=over), session.end, self._zone)
            if since < until:
                yield _Span(since, until, session.phase)

    def _fixings(self, date: datetime.date) -> Iterator[_Fixing]:
        special = self._special.get(date)
        references: Iterable[ReferenceTime] = (
            self._references if special is None else special.references
        )
        for one in references:
            days = one.days or self._reference_days
            if special is None and WEEKDAYS[date.weekday()] not in days:
                continue
            zone = self._zone if one.time_zone is None else time_zone(one.time_zone)
            yield _Fixing(_moment(date, one.at, zone), one.name, one.purpose)


def _part(
    since: int, until: int, spans: list[_Span], fixings: list[_Fixing], *, always: bool
) -> Around:
    phase: Phase = "closed"
    began = None
    for span in spans:
        if span.since <= since < span.until:
            phase = span.phase
            began = None if always else span.since
            break
    ahead = [one for one in fixings if since <= one.at <= since + NEAR]
    behind = [one for one in fixings if since - NEAR <= one.at < since]
    near = ahead[0] if ahead else behind[-1] if behind else None
    if near is None:
        return Around(since, until, phase, began=began)
    return Around(since, until, phase, near.name, near.purpose, near.at, began)


def _moment(date: datetime.date, time: TimeOfDay, zone: ZoneInfo) -> int:
    seconds = seconds_of(time)
    days, rest = divmod(seconds, 86_400)
    clock = datetime.time(rest // 3_600, rest // 60 % 60, rest % 60)
    local = datetime.datetime.combine(date + datetime.timedelta(days=days), clock, zone)
    since = local - _EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND
