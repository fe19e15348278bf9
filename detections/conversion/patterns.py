"""Regular expressions of Lucene: of texts with wildcards, in any case, and their small parts.

They match a whole value, never a part of it. Elasticsearch's queries, ES|QL's `rlike` and EQL's
`regex` have the same.
"""

import string
from collections.abc import Iterable

from sigma.types import SigmaString, SpecialChars

from detections.conversion.letter_case import variants

#: What Elasticsearch takes in a query (`index.max_regex_length`).
LONGEST_PATTERN = 1_000

_SPECIAL = frozenset(string.punctuation) - frozenset("_-,:;=!%'/`")


class Dot:
    """What stands for any character in a value, or in one of several with line feeds between."""

    def __init__(self, *, within_line: bool) -> None:
        self.within_line = within_line
        self.one = "[^\n]" if within_line else "."

    @property
    def many(self) -> str:
        return f"{self.one}*"


IN_VALUE = Dot(within_line=False)
IN_LINE = Dot(within_line=True)


def literal(text: str) -> str:
    """The pattern of this very text."""
    return "".join(_literal(char) for char in text)


def _literal(char: str) -> str:
    if char == "\\":
        # In brackets: a slash right behind it, which ends the expression, would count as escaped.
        return r"[\\]"
    return f"\\{char}" if char in _SPECIAL else char


def one_of(chars: Iterable[str]) -> str:
    """The pattern of one of these characters."""
    found = list(dict.fromkeys(chars))
    if len(found) == 1:
        return literal(found[0])
    return f"[{''.join(in_class(char) for char in found)}]"


def in_class(char: str) -> str:
    """A character as it stands in square brackets."""
    return f"\\{char}" if char in string.punctuation and char not in "_/" else char


def of_text(value: SigmaString, *, cased: bool, dot: Dot = IN_VALUE) -> str:
    """The pattern of a Sigma text, with its wildcards; in any case unless `cased`."""
    found: list[str] = []
    for part in value.s:
        if part is SpecialChars.WILDCARD_MULTI:
            found.append(dot.many)
        elif part is SpecialChars.WILDCARD_SINGLE:
            found.append(dot.one)
        elif cased:
            found.append(literal(str(part)))
        else:
            found += [one_of(variants(char)) for char in str(part)]
    return "".join(found)
