"""How Sigma compares text: whole, by prefix, by suffix, by part, and with wildcards."""

import re
from collections.abc import Callable, Sequence

from sigma.types import SigmaString, SpecialChars

TextTest = Callable[[str], bool]

_ANY = SpecialChars.WILDCARD_MULTI
_ONE = SpecialChars.WILDCARD_SINGLE


def plain_text(pattern: SigmaString) -> str | None:
    """The text of a pattern that has no wildcard, else None."""
    if all(isinstance(part, str) for part in pattern.s):
        return "".join(str(part) for part in pattern.s)
    return None


def text_test(pattern: SigmaString, *, cased: bool) -> TextTest:
    """A test for a whole text. Without `cased`, case makes no difference, as Sigma demands."""
    parts = [_fold(part) if isinstance(part, str) and not cased else part for part in pattern.s]
    folded = _match(parts)
    return folded if cased else lambda text: folded(text.lower())


def _fold(part: str) -> str:
    return part.lower()


def _match(parts: Sequence[object]) -> TextTest:
    if _ONE in parts:
        return _by_expression(parts)
    pieces = [part for part in parts if isinstance(part, str)]
    if _ANY not in parts:
        whole = "".join(pieces)
        return lambda text: text == whole
    if not pieces:
        return lambda text: True
    open_start, open_end = parts[0] is _ANY, parts[-1] is _ANY
    if len(pieces) == 1:
        return _one_piece(pieces[0], open_start, open_end)
    return _in_order(pieces, open_start, open_end)


def _one_piece(piece: str, open_start: bool, open_end: bool) -> TextTest:
    if open_start and open_end:
        return lambda text: piece in text
    if open_start:
        return lambda text: text.endswith(piece)
    return lambda text: text.startswith(piece)


def _in_order(pieces: list[str], open_start: bool, open_end: bool) -> TextTest:
    # Linear in the text, where a regular expression with several `.*` would go back and forth.
    first = "" if open_start else pieces[0]
    last = "" if open_end else pieces[-1]
    middle = pieces[0 if open_start else 1 : len(pieces) if open_end else -1]

    def test(text: str) -> bool:
        if not text.startswith(first) or not text.endswith(last):
            return False
        at, end = len(first), len(text) - len(last)
        for piece in middle:
            found = text.find(piece, at, end)
            if found < 0:
                return False
            at = found + len(piece)
        return at <= end

    return test


def _by_expression(parts: Sequence[object]) -> TextTest:
    source = "".join(
        ".*" if part is _ANY else "." if part is _ONE else re.escape(str(part)) for part in parts
    )
    match = re.compile(source, re.DOTALL).fullmatch
    return lambda text: match(text) is not None
