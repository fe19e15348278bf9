"""Times on the page: event time in UTC, and times relative to an alert."""

from datetime import UTC, datetime

from pipeline.page.words import span
from pipeline.units import SECOND

_LAST_SECOND = 253_402_300_799


def date_and_time(nanoseconds: int) -> str:
    """`2026-11-23T14:01:17.123456Z`."""
    seconds, rest = divmod(nanoseconds, SECOND)
    moment = datetime.fromtimestamp(min(max(seconds, 0), _LAST_SECOND), UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest // 1_000:06d}Z"


def clock_time(nanoseconds: int) -> str:
    """`14:01:17.123`."""
    return date_and_time(nanoseconds)[11:23]


def said_date(nanoseconds: int) -> str:
    """`23 November 2026, 14:01:17 UTC`."""
    seconds = min(max(nanoseconds // SECOND, 0), _LAST_SECOND)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment.day} {moment:%B %Y, %H:%M:%S} UTC"


def relative(nanoseconds: int) -> str:
    """`−0.75 s` before the alert, `0` at its event, `+12 ms` after it."""
    if nanoseconds == 0:
        return "0"
    sign = "−" if nanoseconds < 0 else "+"
    return sign + span(abs(nanoseconds))
