"""Numbers, times and parties as they stand in an alert's sentence."""

from decimal import Decimal

_NANOSECONDS = 1_000_000_000


def amount(value: float | int | Decimal) -> str:
    """`5,000`, `10.02`, `0.00012345`: thousands grouped, at most eight decimals."""
    if isinstance(value, int):
        return f"{value:,}"
    text = f"{value:,.8f}".rstrip("0").rstrip(".")
    if text in ("0", "-0") and value:
        return f"{value:.3g}"
    return text


def percent(ratio: float) -> str:
    """`38%`, `3.5%`, `450%`."""
    return f"{ratio:.0%}" if ratio >= 0.1 else f"{ratio * 100:.2g}%"


def lapse(nanoseconds: int) -> str:
    """`0.84 s`, `12 s`, `4 min`, `3.5 h`: a span of time, rounded."""
    seconds = nanoseconds / _NANOSECONDS
    if seconds < 120:
        return f"{seconds:.3g} s"
    if seconds < 7_200:
        return f"{seconds / 60:.3g} min"
    return f"{seconds / 3_600:.3g} h"
