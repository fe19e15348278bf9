"""Periods in months as the rules have them, by days in UTC."""

import calendar
from datetime import UTC, date, datetime
from functools import lru_cache

from pipeline.units import DAY

_EPOCH = date(1970, 1, 1)


def day_of(moment: int) -> str:
    """`2026-01-31`, of nanoseconds since the epoch."""
    return datetime.fromtimestamp(moment // 1_000_000_000, UTC).date().isoformat()


def start_of(day: date) -> int:
    """Nanoseconds since the epoch of a day's beginning."""
    return (day - _EPOCH).days * DAY


def after(moment: int, months: int = 0, days: int = 0) -> int:
    """The beginning of the day that is so many months, or days, after the day of a moment.

    Where the month has no such day it is its last one: six months from 31 August end on the last of
    February. A period of months from a day is over on the day of the same number.
    """
    return _after(moment // DAY, months, days)


@lru_cache(maxsize=4_096)
def _after(day: int, months: int, days: int) -> int:
    begun = date.fromordinal(_EPOCH.toordinal() + day)
    month = begun.month - 1 + months
    year, month = begun.year + month // 12, month % 12 + 1
    last = calendar.monthrange(year, month)[1]
    return start_of(date(year, month, min(begun.day, last))) + days * DAY
