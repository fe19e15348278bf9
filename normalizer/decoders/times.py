"""Source times to nanoseconds since the epoch, exact, and checked for absurdity."""

import re
from datetime import datetime

from normalizer.decoders.unreadable import Unreadable
from pipeline.remembered import Remembered

#: Bitcoin's first block is of January 2009; no feed that we read has anything older.
EARLIEST = 1_230_768_000 * 10**9
_DAY = 86_400 * 10**9
_SECOND = 10**9
_WHOLE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}")


def _second(text: str) -> int:
    """Nanoseconds of ``2014-11-07T08:19:27``. Raises :class:`Unreadable`."""
    try:
        if _WHOLE.fullmatch(text) is None:
            raise ValueError
        parsed = datetime.fromisoformat(text + "+00:00")
    except ValueError:
        expected = "expected such as 2026-01-31T14:30:00Z"
        raise Unreadable(f"{text[:40]!r} is no RFC 3339 time; {expected}", "time") from None
    return int(parsed.timestamp()) * _SECOND


#: Messages come by the thousand in one second.
_seconds = Remembered(_second, 4_096)
_OFFSETS = frozenset({"+00:00", "-00:00"})


def parse_rfc3339(text: str, field: str = "time") -> int:
    """Nanoseconds of an RFC 3339 time with any number of fractional digits; more than nine are cut.

    Raises :class:`Unreadable`.
    """
    base = text[:19]
    try:
        if text[19:20] == "." and text[-1] == "Z" and text.isascii():
            digits = text[20:-1]
            if digits.isdigit():
                return _seconds[base] + int(digits[:9].ljust(9, "0"))
        elif text[19:] == "Z":
            return _seconds[base]
        return _with_offset(text)
    except Unreadable as error:
        raise Unreadable(error.reason, field) from None


def _with_offset(text: str) -> int:
    rest = text[19:]
    digits = ""
    if rest.startswith("."):
        end = 1
        while rest[end : end + 1].isdigit():
            end += 1
        digits, rest = rest[1:end], rest[end:]
        if not digits:
            raise Unreadable(f"{text[:40]!r} is no RFC 3339 time")
    if not digits.isascii():
        raise Unreadable(f"{text[:40]!r} is no RFC 3339 time")
    value = _seconds[text[:19]] + int(digits[:9].ljust(9, "0"))
    if rest in ("Z", "z") or rest in _OFFSETS:
        return value
    try:
        zone = datetime.fromisoformat(f"2000-01-01T00:00:00{rest}").utcoffset()
    except ValueError:
        zone = None
    if zone is None or len(rest) != 6:
        raise Unreadable(f"{text[:40]!r} has no valid zone: write Z behind it where it is UTC")
    return value - int(zone.total_seconds()) * _SECOND


def event_time(text: str, received: int, field: str = "time") -> int:
    """:func:`parse_rfc3339` and :func:`plausible` in one. Raises :class:`Unreadable`."""
    time = parse_rfc3339(text, field)
    if EARLIEST <= time <= received + _DAY:
        return time
    return plausible(time, received, field)


def parse_seconds(text: str, field: str = "time") -> int:
    """Nanoseconds of seconds since the epoch as a decimal text, such as ``1618678123.481570``.

    Raises :class:`Unreadable`.
    """
    whole, _, digits = text.partition(".")
    if not (text.isascii() and whole.isdigit() and (digits.isdigit() or not digits)):
        raise Unreadable(f"{text[:40]!r} is no time in seconds", field)
    if len(whole) > 12:
        raise Unreadable("is out of range", field)
    return int(whole) * _SECOND + int(digits[:9].ljust(9, "0"))


def since_1970(number: int) -> int:
    """Nanoseconds of a whole number of seconds, milli-, micro- or nanoseconds since 1970, which is
    told by its size: from 1973 to 5138 none is taken for another."""
    if number < 10**11:
        return number * _SECOND
    return number * (10**6 if number < 10**14 else 10**3 if number < 10**17 else 1)


def plausible(time: int, received: int, field: str = "time") -> int:
    """The time, if it is neither before 2009 nor a day after its receipt.

    Raises :class:`Unreadable`.
    """
    if time < EARLIEST:
        raise Unreadable("is before 2009", field)
    if time > received + _DAY:
        raise Unreadable("is more than a day after the frame was received", field)
    return time
