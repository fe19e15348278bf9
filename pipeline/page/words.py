"""How pages and tables say things to people: numbers, spans, ratios, text of others."""

import unicodedata

from pipeline.units import MILLISECOND, SECOND


def printable(text: str) -> str:
    """Without control and direction characters, which could command a terminal or a page."""
    if text.isprintable():
        return text
    return "".join(
        "�" if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn") else char
        for char in text
    )


def number(value: float, decimals: int = 2) -> str:
    """`1,234.5`: grouped, without trailing zeros."""
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def amount(value: float) -> str:
    """`1,234.5`, `3e-12`, `1e+18`: what a source said, and no digit that it did not say."""
    if value and not 1e-8 <= abs(value) < 1e15:
        return f"{value:.6g}"
    return number(value, 8)


def shortened(text: str, most: int = 80) -> str:
    """A name that fits: one that is longer than any honest one ends with `…`."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def compact(value: float) -> str:
    """`100`, `1,000`, `10 k`, `1 M`: for ticks, where the whole number would not fit."""
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            unit = 1e3 if letter == "k" else size
            return f"{number(value / unit)} {letter}"
    return number(value, 6)


def span(nanoseconds: int) -> str:
    """`850 µs`, `12 ms`, `0.84 s`, `75 s`."""
    size = abs(nanoseconds)
    if size < MILLISECOND:
        return f"{nanoseconds / 1_000:.0f} µs"
    if size < SECOND:
        return f"{nanoseconds / MILLISECOND:.3g} ms"
    return f"{nanoseconds / SECOND:.3g} s" if size < 1_000 * SECOND else f"{size // SECOND:,} s"


def ratio(value: float | None) -> str:
    """`92 %`; a dash where there is none. 100 % only if it is whole."""
    if value is None:
        return "–"
    percent = int(value * 100) if value < 1 else 100
    return f"{percent} %"


def plural(count: int, noun: str, nouns: str = "") -> str:
    """`1 alert`, `2 alerts`."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"
