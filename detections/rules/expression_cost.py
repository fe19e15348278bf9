"""Regular expressions that some texts make take for ever.

Python's engine tries every way to divide a text among repetitions. Where one repetition ends
another and may begin where it ends, as in `(a+)+`, thirty letters have a thousand million ways; and
names of tokens and messages are written by anybody.
"""

import re
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

_PARSER: Any = import_module("re._parser")
_OTHERS = 128
"""Stands for all characters that aren't ASCII."""
_ALL = frozenset(range(_OTHERS + 1))
_NONE: frozenset[int] = frozenset()
_MANY = 16
"""From so many times on a repetition is as good as one without end."""
_GREEDY = ("MAX_REPEAT", "MIN_REPEAT")
_CATEGORIES = {
    "CATEGORY_DIGIT": r"\d",
    "CATEGORY_NOT_DIGIT": r"\D",
    "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S",
    "CATEGORY_WORD": r"\w",
    "CATEGORY_NOT_WORD": r"\W",
}

Part = tuple[Any, Any]
Chars = frozenset[int]


def takes_for_ever(expression: str) -> bool:
    """Whether some texts have more ways through the expression than can be tried.

    An expression that can't be parsed has none: what is wrong with it is told elsewhere.
    """
    try:
        return any(_divides(body) for body in _repeated(_PARSER.parse(expression).data))
    except (re.error, RecursionError, OverflowError):
        return False


def _repeated(parts: Sequence[Part]) -> Iterator[Sequence[Part]]:
    """What is repeated without end, anywhere in it."""
    for op, value in parts:
        if _is_endless((op, value)):
            yield value[2].data
        for inner in _inside(op, value):
            yield from _repeated(inner)


def _divides(body: Sequence[Part]) -> bool:
    """Whether, repeated, it can divide one text in many ways."""
    begins, _ = _first(body)
    if any(_first(last)[0] & begins for last in _last_repeated(body)):
        return True
    single = [_first(one)[0] for one in _alternatives(body) if _width(one) == (1, 1)]
    return any(one & other for i, one in enumerate(single) for other in single[:i])


def _last_repeated(parts: Sequence[Part]) -> Iterator[Sequence[Part]]:
    """What is repeated without end, and may be the last of these parts."""
    for op, value in reversed(parts):
        if _is_endless((op, value)):
            yield value[2].data
        if str(op) not in ("ASSERT", "ASSERT_NOT", "ATOMIC_GROUP", "POSSESSIVE_REPEAT"):
            for inner in _inside(op, value):
                yield from _last_repeated(inner)
        if not _first([(op, value)])[1]:
            return


def _is_endless(part: Part) -> bool:
    op, value = part
    return str(op) in _GREEDY and value[1] >= _MANY


def _alternatives(body: Sequence[Part]) -> list[Sequence[Part]]:
    while len(body) == 1 and str(body[0][0]) == "SUBPATTERN":
        body = body[0][1][-1].data
    if len(body) == 1 and str(body[0][0]) == "BRANCH":
        return [one.data for one in body[0][1][1]]
    return []


def _width(parts: Sequence[Part]) -> tuple[int, int]:
    if len(parts) == 1 and str(parts[0][0]) in ("LITERAL", "NOT_LITERAL", "ANY", "IN"):
        return 1, 1
    return 0, 0


def _inside(op: Any, value: Any) -> list[Sequence[Part]]:
    match str(op):
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            return [value[2].data]
        case "SUBPATTERN":
            return [value[-1].data]
        case "BRANCH":
            return [one.data for one in value[1]]
        case "ASSERT" | "ASSERT_NOT":
            return [value[1].data]
        case "ATOMIC_GROUP":
            return [value.data]
        case "GROUPREF_EXISTS":
            return [one.data for one in value[1:] if one is not None]
        case _:
            return []


def _first(parts: Sequence[Part]) -> tuple[Chars, bool]:
    """The characters that it can begin with, and whether it can be nothing."""
    found: Chars = frozenset()
    for op, value in parts:
        chars, nothing = _first_of(str(op), value)
        found |= chars
        if not nothing:
            return found, False
    return found, True


def _first_of(op: str, value: Any) -> tuple[Chars, bool]:
    match op:
        case "LITERAL":
            return frozenset({min(value, _OTHERS)}), False
        case "NOT_LITERAL":
            return _ALL - {value}, False
        case "ANY":
            return _ALL - {ord("\n")}, False
        case "IN":
            return _set(value), False
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            chars, nothing = _first(value[2].data)
            return chars, nothing or value[0] == 0
        case "SUBPATTERN" | "ATOMIC_GROUP":
            return _first(value[-1].data if op == "SUBPATTERN" else value.data)
        case "BRANCH":
            each = [_first(one.data) for one in value[1]]
            return _NONE.union(*(one for one, _ in each)), any(empty for _, empty in each)
        case "AT" | "ASSERT" | "ASSERT_NOT":
            return frozenset(), True
        case _:
            return _ALL, True


def _set(items: Sequence[Part]) -> Chars:
    found: Chars = frozenset()
    negated = False
    for op, value in items:
        match str(op):
            case "NEGATE":
                negated = True
            case "LITERAL":
                found |= {min(value, _OTHERS)}
            case "RANGE":
                found |= frozenset(range(min(value[0], _OTHERS), min(value[1], _OTHERS) + 1))
            case _:
                found |= _category(str(value))
    # Beyond ASCII some are in a set and others aren't.
    return (_ALL - found) | (found & {_OTHERS}) if negated else found


def _category(name: str) -> Chars:
    matches = re.compile(_CATEGORIES.get(name, ".")).fullmatch
    found = frozenset(code for code in range(_OTHERS) if matches(chr(code)))
    return found | {_OTHERS}
