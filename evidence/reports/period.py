"""Weeks and months by the calendar of a venue: from midnight to midnight of its time zone."""

import re
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from pipeline.units import SECOND

Kind = Literal["weekly", "monthly"]
_WEEK = re.compile(r"(\d{4})-W(\d{2})")
_MONTH = re.compile(r"(\d{4})-(\d{2})")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
#: Years that a report may be of.
_FIRST_YEAR, _LAST_YEAR = 1970, 2261


class PeriodWrong(ValueError):
    """This names no week or month."""


class Period(Struct, frozen=True, kw_only=True):
    """A week (Monday to Sunday, ISO 8601) or a month."""

    kind: Kind
    #: `2026-W47`, `2026-11`.
    name: str
    #: IANA name of the time zone.
    zone: str
    #: Its first day, and the first one after it.
    first: date
    after: date
    #: Nanoseconds since the epoch, the end not included.
    start: int
    end: int

    @property
    def days(self) -> list[date]:
        """All its days."""
        return [self.first + timedelta(days=at) for at in range((self.after - self.first).days)]

    def day_starts(self) -> list[int]:
        """When each day begins, nanoseconds; a day may have 23 or 25 hours."""
        zone = _zone(self.zone)
        return [_midnight(day, zone) for day in self.days]

    def holds(self, moment: int) -> bool:
        """Whether it is in it."""
        return self.start <= moment < self.end


def containing(kind: Kind, day: date, zone: ZoneInfo) -> Period:
    """The week or month that a day is in. Raises PeriodWrong."""
    if not _FIRST_YEAR < day.year < _LAST_YEAR:
        raise PeriodWrong(f"{day.year} is no year of a report")
    if kind == "weekly":
        first = day - timedelta(days=day.weekday())
        after = first + timedelta(days=7)
        year, week, _ = first.isocalendar()
        name = f"{year}-W{week:02d}"
    else:
        first = day.replace(day=1)
        after = (first + timedelta(days=32)).replace(day=1)
        name = f"{first:%Y-%m}"
    return Period(
        kind=kind,
        name=name,
        zone=zone.key or "UTC",
        first=first,
        after=after,
        start=_midnight(first, zone),
        end=_midnight(after, zone),
    )


def previous(period: Period) -> Period:
    """The one before it."""
    return containing(period.kind, period.first - timedelta(days=1), _zone(period.zone))


def following(period: Period) -> Period:
    """The one after it."""
    return containing(period.kind, period.after, _zone(period.zone))


def last_whole(kind: Kind, now: int, zone: ZoneInfo) -> Period:
    """The newest one that has ended at `now` (nanoseconds)."""
    return previous(containing(kind, local_day(now, zone), zone))


def local_day(moment: int, zone: ZoneInfo) -> date:
    """The day that it is there."""
    return datetime.fromtimestamp(moment // SECOND, zone).date()


def named(kind: Kind, text: str, zone: ZoneInfo) -> Period:
    """The period of a name, such as `2026-W47` and `2026-11`, or around a day, `2026-11-20`.

    Raises PeriodWrong.
    """
    expected = "a week such as 2026-W47" if kind == "weekly" else "a month such as 2026-11"
    try:
        if _DAY.fullmatch(text):
            return containing(kind, date.fromisoformat(text), zone)
        if kind == "weekly" and (week := _WEEK.fullmatch(text)):
            return containing(kind, date.fromisocalendar(int(week[1]), int(week[2]), 1), zone)
        if kind == "monthly" and (month := _MONTH.fullmatch(text)):
            return containing(kind, date(int(month[1]), int(month[2]), 1), zone)
    except PeriodWrong:
        raise
    except (ValueError, OverflowError):
        pass  # no such week, month or day
    raise PeriodWrong(f"{text[:40]!r} is neither {expected} nor a day in one (2026-11-20)")


def _midnight(day: date, zone: ZoneInfo) -> int:
    moment = datetime(day.year, day.month, day.day, tzinfo=zone)
    return int(moment.timestamp()) * SECOND


def _zone(name: str) -> ZoneInfo:
    from pipeline.time_zones import time_zone

    return time_zone(name)
