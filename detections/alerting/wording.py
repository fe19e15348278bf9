"""Numbers, times and parties as they stand in an alert's sentence."""

import sys
from decimal import Decimal

_NANOSECONDS = 1_000_000_000
_GREAT = 1_000
_ASTRONOMICAL = 10**18
_SOME = 10
_MANY = 1_000_000


def amount(value: float | int | Decimal) -> str:
    """`5,000`, `10.02`, `4,892,068.78`, `0.00012345`, `1.16e+59`: for people to read, so rounded.

    Thousands are grouped; a number of a thousand or more has at most two decimals, a smaller one at
    most eight.
    """
    if abs(value) >= _ASTRONOMICAL:
        beyond_floats = isinstance(value, int) and abs(value) > sys.float_info.max
        return f"{Decimal(value):.3g}" if beyond_floats else f"{value:.3g}"
    if isinstance(value, int):
        return f"{value:,}"
    text = f"{value:,.2f}" if abs(value) >= _GREAT else f"{value:,.8f}"
    text = text.rstrip("0").rstrip(".")
    if text in ("0", "-0"):
        return f"{value:.3g}" if value else "0"
    return text


def percent(ratio: float) -> str:
    """`38%`, `3.5%`, `450%`."""
    return f"{ratio:.0%}" if ratio >= 0.1 else f"{ratio * 100:.2g}%"


def part(ratio: float, whole: str) -> str:
    """`38% of the bid depth`, `450% of the bid depth`, `12 times the bid depth`."""
    if ratio < _SOME:
        return f"{percent(ratio)} of {whole}"
    return f"{f'{ratio:,.0f}' if ratio <= _MANY else 'more than a million'} times {whole}"


def lapse(nanoseconds: int) -> str:
    """`0.84 s`, `12 s`, `4 min`, `3.5 h`, `90 days`: a span of time, rounded."""
    seconds = nanoseconds / _NANOSECONDS
    if seconds < 120:
        return f"{seconds:.3g} s"
    if seconds < 7_200:
        return f"{seconds / 60:.3g} min"
    if seconds < 172_800:
        return f"{seconds / 3_600:.3g} h"
    days = seconds / 86_400
    return f"{f'{days:.3g}' if days < _GREAT else f'{days:,.0f}'} days"
