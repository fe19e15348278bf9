"""Python's regular expressions as Lucene's.

Python's parser says what an expression means. Lucene's language is smaller, and always matches the
whole value, where ours looks for a part of it: anchors become nothing, and their absence `.*`.
"""

import importlib
import re
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import msgspec

from detections.conversion.letter_case import expression_variants
from detections.conversion.patterns import IN_VALUE, Dot, in_class, one_of

_MOST_REPEATS = 255
_STARTS = ("AT_BEGINNING", "AT_BEGINNING_STRING")
_ENDS = ("AT_END", "AT_END_STRING")
_ASCII_SPACES = " \t\n\r\f\v"
_SINGLE = ("LITERAL", "NOT_LITERAL", "ANY", "IN", "SUBPATTERN")
_REASONS = {
    "ASSERT": "looks ahead or behind, which there is no way to say",
    "ASSERT_NOT": "looks ahead or behind, which there is no way to say",
    "AT": "has an anchor or a word boundary in its middle",
    "GROUPREF": "refers to what one of its groups matched",
    "GROUPREF_EXISTS": "refers to what one of its groups matched",
    "ATOMIC_GROUP": "has an atomic group",
    "POSSESSIVE_REPEAT": "has a possessive quantifier",
}


class Untranslatable(ValueError):
    """An expression that Lucene can't say; the text goes on "the expression ..."."""


class Translated(msgspec.Struct, frozen=True):
    """A Lucene expression. `losses` go on "the expression ..."; none: it means the same."""

    pattern: str
    losses: tuple[str, ...] = ()


def translate(expression: str, flags: int, dot: Dot = IN_VALUE) -> Translated:
    """Raises Untranslatable, and re.error for one that isn't Python's."""
    # The parser is the only thing that knows the language, and is private to `re`.
    parser: Any = importlib.import_module("re._parser")
    parsed: Any = parser.parse(expression, flags)
    writing = _Writing(dot)
    pattern = writing.whole(list(parsed), parsed.state.flags, dot.many, dot.many)
    return Translated(pattern, tuple(dict.fromkeys(writing.losses)))


class _Writing:
    """Writes Python's parse tree as a Lucene expression."""

    def __init__(self, dot: Dot) -> None:
        self._dot = dot
        self.losses: list[str] = []

    def whole(self, items: Sequence[Any], flags: int, before: str, after: str) -> str:
        """What may have anchors at its ends; `before` and `after` are what may stand around it."""
        if items and self._is_anchor(items[0], _STARTS):
            before = self._start(items[0], flags, before)
            items = items[1:]
        if items and self._is_anchor(items[-1], _ENDS):
            after = self._end(items[-1], flags, after)
            items = items[:-1]
        if len(items) == 1:
            name, argument = str(items[0][0]), items[0][1]
            if name == "BRANCH":
                parts = [self.whole(list(part), flags, before, after) for part in argument[1]]
                return f"({'|'.join(parts)})"
            if name == "SUBPATTERN":
                _, added, removed, inner = argument
                return self.whole(list(inner), (flags | added) & ~removed, before, after)
        return f"{before}{self._sequence(items, flags)}{after}"

    def _is_anchor(self, item: Any, names: Sequence[str]) -> bool:
        return str(item[0]) == "AT" and str(item[1]) in names

    def _start(self, item: Any, flags: int, before: str) -> str:
        if flags & re.MULTILINE and str(item[1]) == "AT_BEGINNING" and before:
            self._refuse_lines()
            return f"({self._dot.many}\n)?"
        return ""

    def _end(self, item: Any, flags: int, after: str) -> str:
        if str(item[1]) == "AT_END_STRING" or not after:
            return ""
        self._refuse_lines(quietly=not flags & re.MULTILINE)
        if flags & re.MULTILINE:
            return f"(\n{self._dot.many})?"
        # `$` also matches before a line feed at the end.
        return "" if self._dot.within_line else "\n?"

    def _refuse_lines(self, *, quietly: bool = False) -> None:
        if self._dot.within_line and not quietly:
            raise Untranslatable("looks at lines, which can't be done in a list of values")

    def _sequence(self, items: Iterable[Any], flags: int) -> str:
        return "".join([self._item(str(item[0]), item[1], flags) for item in items])

    def _item(self, name: str, argument: Any, flags: int) -> str:
        match name:
            case "LITERAL":
                return one_of(self._same(chr(argument), flags))
            case "NOT_LITERAL":
                return self._class(self._same(chr(argument), flags), negated=True)
            case "ANY":
                return self._dot.one if flags & re.DOTALL else "[^\n]"
            case "IN":
                return self._set(argument, flags)
            case "BRANCH":
                return f"({'|'.join(self._sequence(part, flags) for part in argument[1])})"
            case "SUBPATTERN":
                _, added, removed, inner = argument
                return f"({self._sequence(inner, (flags | added) & ~removed)})"
            case "MAX_REPEAT" | "MIN_REPEAT":
                # Greedy or not makes no difference to whether it matches.
                return self._repeat(argument, flags)
            case _:
                raise Untranslatable(_REASONS.get(name, f"uses {name}, which Lucene doesn't have"))

    def _repeat(self, argument: Any, flags: int) -> str:
        low, high, inner = argument
        body = self._sequence(inner, flags)
        if not body:
            return ""
        if len(inner) > 1 or str(inner[0][0]) not in _SINGLE:
            body = f"({body})"
        unbounded = str(high) == "MAXREPEAT"
        if low > _MOST_REPEATS or (not unbounded and high > _MOST_REPEATS):
            raise Untranslatable(f"repeats something more than {_MOST_REPEATS} times")
        match (low, None if unbounded else high):
            case (0, None):
                return f"{body}*"
            case (1, None):
                return f"{body}+"
            case (0, 1):
                return f"{body}?"
            case (_, None):
                return f"{body}{{{low},}}"
            case _:
                return f"{body}{{{low}}}" if low == high else f"{body}{{{low},{high}}}"

    def _same(self, char: str, flags: int) -> str:
        if not flags & re.IGNORECASE:
            return char
        if flags & re.ASCII:
            return "".join(dict.fromkeys(char.lower() + char.upper())) if char.isascii() else char
        found = expression_variants(char)
        if found is None:
            raise Untranslatable("ignores the case of letters beyond ASCII")
        return found

    def _set(self, items: Sequence[Any], flags: int) -> str:
        negated = str(items[0][0]) == "NEGATE"
        parts = items[1:] if negated else items
        if not negated and len(parts) == 1 and str(parts[0][0]) == "CATEGORY":
            category = str(parts[0][1]).removeprefix("CATEGORY_")
            if category.startswith("NOT_"):
                return f"[^{self._category(category.removeprefix('NOT_'), flags)}{self._feed()}]"
        found = "".join([self._member(str(name), argument, flags) for name, argument in parts])
        return f"[^{found}{self._feed()}]" if negated else f"[{found}]"

    def _class(self, chars: str, *, negated: bool) -> str:
        inner = "".join(in_class(char) for char in chars)
        return f"[^{inner}{self._feed()}]" if negated else f"[{inner}]"

    def _feed(self) -> str:
        return "\n" if self._dot.within_line else ""

    def _member(self, name: str, argument: Any, flags: int) -> str:
        match name:
            case "LITERAL":
                return "".join(in_class(char) for char in self._same(chr(argument), flags))
            case "RANGE":
                first, last = argument
                return self._range(first, last, flags)
            case "CATEGORY":
                category = str(argument).removeprefix("CATEGORY_")
                if category.startswith("NOT_"):
                    raise Untranslatable(r"has \D, \W or \S in square brackets")
                return self._category(category, flags)
            case _:
                raise Untranslatable(f"uses {name} in square brackets, which Lucene doesn't have")

    def _range(self, first: int, last: int, flags: int) -> str:
        written = f"{in_class(chr(first))}-{in_class(chr(last))}"
        if not flags & re.IGNORECASE:
            return written
        if last > 0x7F:
            raise Untranslatable("ignores the case of letters beyond ASCII")
        others = [char for code in range(first, last + 1) for char in self._same(chr(code), flags)]
        added = dict.fromkeys(char for char in others if not first <= ord(char) <= last)
        return written + "".join(in_class(char) for char in added)

    def _category(self, category: str, flags: int) -> str:
        if category == "SPACE":
            return _ASCII_SPACES if flags & re.ASCII else _spaces()
        if category not in ("DIGIT", "WORD"):
            raise Untranslatable("uses a class of characters that Lucene doesn't have")
        sign, chars = (r"\d", "0-9") if category == "DIGIT" else (r"\w", "a-zA-Z0-9_")
        if not flags & re.ASCII:
            self.losses.append(f"takes {sign} for {chars} alone, without other scripts")
        return chars


@cache
def _spaces() -> str:
    return "".join(char for char in map(chr, range(sys.maxunicode + 1)) if char.isspace())
