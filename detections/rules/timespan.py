"""A correlation's `timespan`: Sigma's form (`90m`) and that of all other durations (`1h30m`)."""

import re
from collections.abc import Mapping

from pipeline.units import DAY, HOUR, MINUTE, SECOND, WEEK, UnitError, parse_duration

#: Sigma's units. A month and a year are the mean ones of the Gregorian calendar, as in pySigma.
_UNITS: Mapping[str, int] = {
    "s": SECOND,
    "m": MINUTE,
    "h": HOUR,
    "d": DAY,
    "w": WEEK,
    "M": 2_629_746 * SECOND,
    "y": 31_556_952 * SECOND,
}
_ISO = re.compile(r"PT(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)S)?")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-5][0-9])(?::([0-5][0-9]))?")
_MONTHS = re.compile(r"([0-9]{1,2})M")
_SIGMA = re.compile(r"([0-9]{1,12})([smhdwMy])")
LONGEST = 10 * _UNITS["y"]
EXPECTED = "a time such as 30s, 90m, 12h, 7d, 1M (a month) or 1h30m, up to 10y"


def parse_timespan(text: str) -> int:
    """Nanoseconds. Raises UnitError."""
    found = _SIGMA.fullmatch(text.strip())
    span = int(found[1]) * _UNITS[found[2]] if found else parse_duration(text)
    if span <= 0:
        raise UnitError("the timespan must be longer than nothing")
    if span > LONGEST:
        raise UnitError("this is longer than 10 years")
    return span


def clock_meant(text: str) -> str | None:
    """The timespan that `PT10M` or `00:10:00` was meant to be."""
    stripped = text.strip()
    found = _ISO.fullmatch(stripped) or _CLOCK.fullmatch(stripped)
    if found is None:
        return None
    parts = zip(found.groups(), "hms", strict=True)
    return "".join(f"{int(n)}{unit}" for n, unit in parts if n and int(n)) or None


def minutes_for_months(text: str) -> str | None:
    """The minutes that were probably meant by a number of months such as `10M` or `30M`."""
    found = _MONTHS.fullmatch(text.strip())
    return f"{found[1]}m" if found and int(found[1]) % 5 == 0 else None
