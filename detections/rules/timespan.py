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
