"""How the demo says things to people: kinds of abuse, numbers, spans, long hexadecimal."""

import re
import unicodedata

from pipeline.units import MILLISECOND, SECOND

_SAID = {
    "wash_trading": "Wash trading",
    "spoofing": "Spoofing",
    "transfer_restrictions": "Transfer restrictions",
    "sanctions": "Sanctions",
    "large_transfers": "Large transfers",
}
_LONG_HEX = re.compile(r"0x[0-9a-fA-F]{40}(?:[0-9a-fA-F]{24})?\b")


def typology_name(typology: str) -> str:
    """`Wash trading` for `wash_trading`."""
    return _SAID.get(typology) or typology.replace("_", " ").replace("-", " ").capitalize()


def shortened(text: str) -> str:
    """Addresses and hashes as `0x1cbd…c9ec`, for sentences; evidence prints them whole."""
    return _LONG_HEX.sub(lambda found: f"{found[0][:6]}…{found[0][-4:]}", text)


def short_id(text: str) -> str:
    """The beginning of a long id: enough to tell a few apart."""
    return text if len(text) <= 13 else f"{text[:8]}…{text[-4:]}"


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
