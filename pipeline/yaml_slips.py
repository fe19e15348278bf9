"""What looks right in an editor and isn't: characters that a word processor or a chat put there.

A no-break space, a full-width colon, curly quotes, a Cyrillic letter among Latin ones: YAML reads
them as text, and nobody sees why nothing works.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

_SPACES = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_OTHER_SPACE = re.compile(rf"(?:^[ {_SPACES}]*?|[:\-])([{_SPACES}])")
_OTHER_COLON = re.compile(r"^[ \-]*[\w.|-]+([\uff1a\ufe55\ua789\u2236])")
_NO_SPACE = re.compile(r"^[ \-]*[A-Za-z_][\w.|-]*(:)(?!//)[^\s:]")
_DASHES = re.compile(r"(?:[\u2010-\u2015\u2212]+|--|-{4,})\s*")
_OPENING = "\u201c\u201e\u201f\u2018\u201a\u201b\u00ab\u2039"
_CLOSING = "\u201d\u201c\u2019\u2018\u00bb\u203a"
_QUOTED = re.compile(rf"[{_OPENING}][^{_OPENING}{_CLOSING}]*[{_CLOSING}]")
# An editor may have turned one of the two only; or the other is missing.
_HALF_QUOTED = re.compile(
    rf"[{_OPENING}][^{_OPENING}{_CLOSING}]*[\"']|[\u201c\u201e\u201f\u00ab][^{_OPENING}{_CLOSING}]*"
)
_ODD_INDENT = re.compile(rf" *[{_SPACES}]")
_UNQUOTED = re.compile(r"\s*(?:- +)*[\w.|-]+: +([{\[])")
# Letters of other alphabets that no eye tells from Latin ones: Cyrillic, then Greek.
_ALIKE = (
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u0501\u051b\u051d"
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u0406\u0408\u0405"
    "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u03bf"
)
_WORD = re.compile(r"[\w.-]+")
_LATIN = re.compile("[A-Za-z]")
_ALIKE_ONE = re.compile(f"[{_ALIKE}]")
_GROUPED = re.compile(r"-?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?(?![\w.])")
_LONGEST_START = 500
_MOST_ABOVE = 200


class Slip(NamedTuple):
    """A slip that explains a syntax error: line and column from 1, and what to do."""

    line: int
    column: int
    message: str
    advice: str


def slip_in(lines: Sequence[str], candidates: Sequence[int]) -> Slip | None:
    """What in these lines (from 1, the likeliest first) only looks like YAML."""
    for number in candidates:
        if 1 <= number <= len(lines) and (
            found := _in_line(lines[number - 1][:_LONGEST_START], number)
        ):
            return found
    return None


def odd_indent_above(lines: Sequence[str], number: int) -> Slip | None:
    """The nearest line above this one (from 1) that is indented by a space that is none for YAML.

    There the parser still goes on: what is wrong shows lines later.
    """
    for above in range(min(number, len(lines)), max(0, number - _MOST_ABOVE), -1):
        if _ODD_INDENT.match(lines[above - 1]):
            return _in_line(lines[above - 1][:_LONGEST_START], above)
    return None


def unquoted_text(line: str, number: int, column: int) -> Slip | None:
    """A text such as `{field} did it` without quotes, that ends for YAML before this column."""
    found = _UNQUOTED.match(line[:_LONGEST_START])
    if found is None or found.start(1) + 1 >= column:
        return None
    said = f'text can\'t begin with "{found[1]}" unless it is in quotes'
    return Slip(number, found.start(1) + 1, said, f"put the whole value in quotes: '{found[1]}...'")


def _in_line(line: str, number: int) -> Slip | None:
    if (found := _OTHER_SPACE.search(line)) is not None:
        said = f"this space is none for YAML (U+{ord(found[1]):04X})"
        return Slip(number, found.start(1) + 1, said, "type it anew, by the space bar")
    if (found := _OTHER_COLON.search(line)) is not None:
        said = f"this isn't the colon of YAML (U+{ord(found[1]):04X})"
        return Slip(number, found.start(1) + 1, said, 'write it as ":", with a space after it')
    if _DASHES.fullmatch(line) is not None:
        said = 'between two documents stands "---"'
        return Slip(number, 1, said, "write three plain hyphens, and nothing else in the line")
    if (found := _NO_SPACE.search(line)) is not None:
        said = 'a space is missing after this ":"'
        return Slip(number, found.start(1) + 1, said, "write it as `key: value`")
    return None


def grouped_digits(line: str, column: int) -> str | None:
    """The number with commas between its thousands that begins there, as in `{floor: 1,000}`."""
    found = _GROUPED.match(line, column - 1)
    return found.group() if found else None


def in_typographic_quotes(text: str) -> bool:
    """Whether a text stands in quotes that aren't YAML's, at both ends or at its beginning."""
    return (_QUOTED.fullmatch(text) or _HALF_QUOTED.fullmatch(text)) is not None


def look_alike(text: str) -> str | None:
    """A letter in a Latin word that only looks like one of its letters; None where there is none.

    A word in another alphabet is a word; letters of two alphabets in one word are a slip or a
    trick.
    """
    if text.isascii():
        return None
    for word in _WORD.findall(text):
        if (found := _ALIKE_ONE.search(word)) is not None and _LATIN.search(word):
            return found[0]
    return None
