"""Which characters are the same letter in another case, for targets that can only compare exactly.

Our engine compares texts by `str.lower`, and regular expressions with the flag `i` as Python does.
"""

import sys
from collections.abc import Mapping
from functools import cache

#: ASCII letters have more variants than two: `"K".lower()` (the kelvin sign) is `k`.
_KELVIN = "\u212a"
#: Python's `re` with IGNORECASE also takes these for each other.
_EXPRESSION_VARIANTS = {"i": "iI\u0130\u0131", "s": "sS\u017f", "k": f"kK{_KELVIN}"}
#: Whose lower case depends on what stands around them, or is more than one character.
_IRREGULAR = ("\u03c3", "\u03c2", "i\u0307")


def has_case(text: str) -> bool:
    """Whether another text is the same but for its case."""
    return any(len(variants(char)) > 1 for char in text)


def is_regular(text: str) -> bool:
    """Whether the texts that are the same but for case are those of its characters' `variants`."""
    folded = text.lower()
    return not any(sign in folded for sign in _IRREGULAR)


def variants(char: str) -> str:
    """All characters whose lower case is that of `char`, itself among them."""
    lower = char.lower()
    if lower.isascii():
        upper = lower.upper()
        found = lower if upper == lower else lower + upper
        return found + _KELVIN if lower == "k" else found
    return _beyond_ascii().get(lower, lower)


def expression_variants(char: str) -> str | None:
    """All characters that Python's IGNORECASE takes for `char`; None where that isn't known."""
    if not char.isascii():
        return None if char.lower() != char.upper() else char
    return _EXPRESSION_VARIANTS.get(
        char.lower(), "".join(dict.fromkeys(char.lower() + char.upper()))
    )


@cache
def _beyond_ascii() -> Mapping[str, str]:
    # 0.2 s for all of Unicode; only for rules with letters beyond ASCII.
    found: dict[str, str] = {}
    for code in range(0x80, sys.maxunicode + 1):
        char = chr(code)
        lower = char.lower()
        if lower != char and not lower.isascii():
            found[lower] = found.get(lower, lower) + char
    return found
