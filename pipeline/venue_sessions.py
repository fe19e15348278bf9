"""A venue's calendar as people write it: sessions of a day, holidays, and times at which a price is
taken as a reference.

All times of day are by the clock of a time zone, with its daylight saving time. A session that ends
at or before its beginning ends on the next day.
"""

import datetime
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from msgspec import Meta, Struct

from pipeline.time_zones import UnknownZone, time_zone

#: What a venue does at a time, after FIX's TradingSessionSubID (625) and TradSesStatus (340).
Phase = Literal[
    "pre-open", "opening-auction", "continuous", "intraday-auction", "closing-auction",
    "post-close", "halted", "closed",
]  # fmt: skip
#: What a reference price is for.
ReferencePurpose = Literal["open", "close", "nav", "fixing", "settlement"]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WORKDAYS = WEEKDAYS[:5]
TimeOfDay = Annotated[
    str,
    Meta(
        pattern=r"^(([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?|24:00)$(?!\n)",
        description="a time of day such as 16:30",
    ),
]
TimeZone = Annotated[
    str, Meta(min_length=1, max_length=64, description="an IANA time zone such as Europe/London")
]
_Name = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9_:.-]{0,62}$(?!\n)",
        description="lower-case letters, digits, _ and -",
    ),
]


class _Part(Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, gc=False):
    pass


class Session(_Part, kw_only=True, gc=False):
    """A phase of each trading day. Where two hold at once, the first one counts."""

    phase: Phase
    start: TimeOfDay
    end: TimeOfDay
    #: On which days it begins.
    days: tuple[Weekday, ...] = WORKDAYS


class ReferenceTime(_Part, kw_only=True, gc=False):
    """A time at which a price, or what was traded until then, becomes a reference price: a close, a
    net asset value, a fixing such as WM/Refinitiv's at 16:00 in London."""

    name: _Name
    at: TimeOfDay
    purpose: ReferencePurpose = "fixing"
    #: Without, the venue's.
    time_zone: TimeZone | None = None
    #: Without: Monday to Friday where the venue has sessions, else every day.
    days: tuple[Weekday, ...] | None = None


class SpecialDay(_Part, kw_only=True, gc=False):
    """A day with hours of its own, such as a half day; with none at all it is a holiday."""

    date: datetime.date
    sessions: tuple[Session, ...] = ()
    #: In the place of all others on that day, by the venue's clock.
    references: tuple[ReferenceTime, ...] = ()


def seconds_of(time: TimeOfDay) -> int:
    """Seconds since midnight, by the clock."""
    parts = [int(part) for part in time.split(":")]
    return parts[0] * 3_600 + parts[1] * 60 + (parts[2] if len(parts) > 2 else 0)


def check_calendar(
    zone: TimeZone,
    references: Iterable[ReferenceTime],
    holidays: Iterable[datetime.date],
    special_days: Iterable[SpecialDay],
) -> None:
    """Raises ValueError, with field and reason, for what no form shows: a time zone that there
    isn't, a day that is told twice, two references of one name."""
    days = tuple(special_days)
    for name, reason in _wrong_zones(zone, references, days):
        raise ValueError(f"{name}: {reason}")
    names: set[str] = set()
    for reference in references:
        if reference.name in names:
            raise ValueError(f"references: {reference.name} is there twice")
        names.add(reference.name)
    seen = set(holidays)
    for day in days:
        if day.date in seen:
            raise ValueError(f"special_days: {day.date.isoformat()} is there twice, or a holiday")
        seen.add(day.date)


def _wrong_zones(
    zone: TimeZone, references: Iterable[ReferenceTime], days: Iterable[SpecialDay]
) -> Iterator[tuple[str, str]]:
    for field, told in (
        ("time_zone", zone),
        *(("references", one.time_zone) for one in references),
    ):
        if told is not None:
            try:
                time_zone(told)
            except UnknownZone as error:
                yield field, str(error)
    for day in days:
        if any(one.time_zone is not None for one in day.references):
            yield "special_days", "references of a special day are by the venue's clock"
