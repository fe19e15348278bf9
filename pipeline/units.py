"""Durations, sizes and ratios as people write them, and back.

Durations are integers in nanoseconds, sizes integers in bytes, ratios floats where 1.0 is the
whole. Reading is exact: what isn't a whole number of nanoseconds or bytes is refused, and
`parse_x(format_x(value)) == value` for every value in range.
"""

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Annotated

from msgspec import Meta

NANOSECOND = 1
MICROSECOND = 1_000
MILLISECOND = 1_000_000
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30
TIB = 1 << 40

# In `pipeline.structured` a field of one of these types is read and its bounds are shown with
# units; in a record and to every other reader it is the plain number.
Duration = Annotated[int, Meta(extra={"unit": "duration"})]
"""Nanoseconds, written `5s`, `250ms`, `1h30m`. Bounds in Meta are nanoseconds."""
Size = Annotated[int, Meta(extra={"unit": "size"})]
"""Bytes, written `64MiB`, `10GB`. Bounds in Meta are bytes."""
Ratio = Annotated[float, Meta(extra={"unit": "ratio"})]
"""A part of a whole, written `10%` or `0.1`. Bounds in Meta are of the ratio: 0.1."""

NANOSECONDS: Mapping[str, int] = {
    "w": WEEK,
    "d": DAY,
    "h": HOUR,
    "m": MINUTE,
    "s": SECOND,
    "ms": MILLISECOND,
    "us": MICROSECOND,
    "ns": NANOSECOND,
}
BYTES: Mapping[str, int] = {
    "TiB": TIB,
    "TB": 10**12,
    "GiB": GIB,
    "GB": 10**9,
    "MiB": MIB,
    "MB": 10**6,
    "KiB": KIB,
    "KB": 10**3,
    "B": 1,
}
_LARGEST = (1 << 63) - 1
_LONGEST_TEXT = 100

_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-zµμ]+)")  # both the micro sign and the Greek mu
_NUMBER = re.compile(r"[-+]?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_RATIO = re.compile(r"([-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?)(\s*%)?")

# With a comma for the point, which in a percentage is no thousand, or with a word.
_PERCENTAGE = re.compile(r"([-+]?[0-9]+(?:[.,][0-9]{1,2})?)\s*(?:%|per ?cent|pct)", re.IGNORECASE)

_OTHER_DURATION_NAMES: Mapping[str, str] = {
    **dict.fromkeys(("week", "weeks", "wk", "wks"), "w"),
    **dict.fromkeys(("day", "days"), "d"),
    **dict.fromkeys(("hour", "hours", "hr", "hrs"), "h"),
    **dict.fromkeys(("minute", "minutes", "min", "mins"), "m"),
    **dict.fromkeys(("second", "seconds", "sec", "secs"), "s"),
    **dict.fromkeys(("millisecond", "milliseconds", "millis", "msec", "msecs"), "ms"),
    **dict.fromkeys(("microsecond", "microseconds", "micros", "usec", "µs", "μs"), "us"),
    **dict.fromkeys(("nanosecond", "nanoseconds", "nanos", "nsec"), "ns"),
}
_OTHER_SIZE_NAMES: Mapping[str, str] = {
    **{name.lower(): name for name in BYTES},
    **{name[0].lower(): name for name in BYTES if name.endswith("iB")},
    **dict.fromkeys(("byte", "bytes"), "B"),
}


class UnitError(ValueError):
    """A text isn't a quantity with a unit.

    `hint` is what was probably meant, if that is clear, and `advice` what to do, if it isn't.
    """

    def __init__(self, message: str, hint: str | None = None, advice: str | None = None) -> None:
        self.message = message
        self.hint = hint
        self.advice = advice
        super().__init__(message)


def parse_duration(text: str) -> int:
    """Nanoseconds of `5s`, `250ms`, `1h30m`, `1.5d`: the largest unit first, each unit once.

    Raises UnitError, also for a bare number and for more than 292 years.
    """
    return _parse(text, NANOSECONDS, _OTHER_DURATION_NAMES, "a duration", ("ms", "s", "m"))


def parse_size(text: str) -> int:
    """Bytes of `64MiB`, `10GB`, `512B`: KiB, MiB ... are powers of 1024, KB, MB ... of 1000.

    Raises UnitError, also for a bare number and for 8 EiB or more.
    """
    return _parse(text, BYTES, _OTHER_SIZE_NAMES, "a size", ("KiB", "MiB", "GiB"))


def parse_ratio(text: str) -> float:
    """`10%` or `0.1` as 0.1. A percentage may be above 100% or below 0%; bounds are the caller's.

    Raises UnitError: also for a bare whole number but 0, and for a bare number outside -1 to 1,
    since `10` may be meant as 10% or as ten times.
    """
    stripped = text.strip()
    found = _RATIO.fullmatch(stripped) if len(stripped) <= _LONGEST_TEXT else None
    if found is None:
        raise UnitError("this isn't a ratio", _percentage_meant(stripped))
    number = Decimal(found[1])
    if found[2] is not None:
        ratio = float(number.scaleb(-2))
        if not math.isfinite(ratio):
            raise UnitError("this is too large for a ratio")
        return ratio
    if abs(number) > 1 or (number != 0 and re.fullmatch(r"[-+]?[0-9]+", found[1])):
        raise UnitError("it isn't clear whether this is a percentage", f"{found[1]}%")
    return float(number)


def _percentage_meant(text: str) -> str | None:
    """`10.5%` for `10,5%`, `10.5 percent` and the like; None where it isn't clear."""
    found = _PERCENTAGE.fullmatch(text) if len(text) <= _LONGEST_TEXT else None
    return f"{found[1].replace(',', '.')}%" if found else None


def format_duration(nanoseconds: int) -> str:
    """`1h30m`, `250ms`, `7d`, `0s`; `-5s` for what lies before."""
    if nanoseconds < 0:
        return "-" + format_duration(-nanoseconds)
    parts: list[str] = []
    rest = nanoseconds
    for unit, factor in NANOSECONDS.items():
        if unit == "w":  # 14d is easier to compare with 10d than 2w is
            continue
        count, rest = divmod(rest, factor)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def format_size(size: int) -> str:
    """`64MiB`, `10GB`, `1500B`: the largest unit that divides it, so nothing is rounded."""
    if size < 0:
        return "-" + format_size(-size)
    if size:
        for unit, factor in BYTES.items():
            if size % factor == 0:
                return f"{size // factor}{unit}"
    return "0B"


def about_size(size: int) -> str:
    """`77.8 GiB`, `66 KiB`: rounded, for people to read."""
    for name, factor in (("TiB", TIB), ("GiB", GIB), ("MiB", MIB), ("KiB", KIB)):
        if size >= factor:
            amount = size / factor
            return f"{amount:.1f} {name}" if amount < 100 else f"{amount:.0f} {name}"
    return f"{size} bytes"


def format_ratio(ratio: float) -> str:
    """`10%`, `12.5%`, `0%`."""
    percent = Decimal(repr(ratio)).scaleb(2)
    text = format(percent, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return f"{text}%"


def _parse(
    text: str,
    units: Mapping[str, int],
    other_names: Mapping[str, str],
    noun: str,
    usual: tuple[str, ...],
) -> int:
    stripped = text.strip()
    if len(stripped) > _LONGEST_TEXT:
        raise UnitError(f"this isn't {noun}: it is too long")
    if _NUMBER.fullmatch(stripped):
        if stripped.startswith("-"):
            raise UnitError(f"{noun} can't be negative")
        number = stripped.lstrip("+") if "e" not in stripped.lower() else "5"
        forms = [number + unit for unit in usual]
        raise UnitError(
            "this number has no unit", advice=f"add one: {', '.join(forms[:-1])} or {forms[-1]}"
        )
    parts = _PART.findall(stripped)
    if not parts or _PART.sub("", stripped).strip():
        raise UnitError(f"this isn't {noun}")
    names = list(units)
    total = Fraction(0)
    used: list[int] = []
    for amount, name in parts:
        if name not in units:
            raise _unknown_unit(parts, name, units, other_names, noun)
        total += Fraction(amount) * units[name]
        used.append(names.index(name))
    if used != sorted(set(used)):
        raise UnitError("the units must go from large to small, each once")
    if re.search(r"\s", stripped):
        raise UnitError("there is a space in it", "".join(a + n for a, n in parts))
    if total.denominator != 1:
        raise UnitError(f"this is finer than one {names[-1]}")
    if total > _LARGEST:
        raise UnitError(f"this is too large for {noun}")
    return int(total)


def _unknown_unit(
    parts: list[tuple[str, str]],
    name: str,
    units: Mapping[str, int],
    other_names: Mapping[str, str],
    noun: str,
) -> UnitError:
    known = [(amount, _known_unit(other, units, other_names)) for amount, other in parts]
    hint = "".join(a + n for a, n in known if n) if all(n for _, n in known) else None
    return UnitError(f'"{name}" isn\'t a unit of {noun}', hint)


def _known_unit(name: str, units: Mapping[str, int], other_names: Mapping[str, str]) -> str | None:
    if name in units:
        return name
    lower = name.lower()
    return other_names.get(lower) or (lower if lower in units else None)
