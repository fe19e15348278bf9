"""Keyword searches over lines that are not read whole: where one could match at all.

A keyword is looked for in every value of an event. A line that doesn't hold its text has no such
value, so that only lines that do need to be read in full. JSON may write a text in other ways, with
escapes, and letters beyond ASCII may become others in lower case: such lines are read in full, too.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence

import ahocorasick_rs

from detections.sigma.conditions import (
    AllOf,
    AnyOf,
    Condition,
    Keyword,
    Not,
    all_of,
    any_of,
    negation,
)

_NUMBER = frozenset("0123456789.e+-infa")
_ODD = re.compile(rb"[\\\x80-\xff]")


def without_keywords(node: Condition, *, holds: bool = True) -> Condition:
    """The condition as if each keyword helped: it matches what it matches with them, and more."""
    match node:
        case Keyword():
            return holds
        case AllOf():
            return all_of([without_keywords(part, holds=holds) for part in node.parts])
        case AnyOf():
            return any_of([without_keywords(part, holds=holds) for part in node.parts])
        case Not():
            return negation(without_keywords(node.part, holds=not holds))
        case _:
            return node


def needed_pieces(node: Condition) -> list[str] | None:
    """Texts of which one is in any event that matches; None if none has to be."""
    match node:
        case Keyword():
            return [node.piece] if node.piece is not None and _is_usable(node.piece) else None
        case AllOf():
            choices = [pieces for part in node.parts if (pieces := needed_pieces(part))]
            return min(choices, key=lambda pieces: (len(pieces), -len(pieces[0])), default=None)
        case AnyOf():
            parts = [needed_pieces(part) for part in node.parts]
            return [piece for part in parts for piece in part or ()] if all(parts) else None
        case _:
            return None


def _is_usable(piece: str) -> bool:
    """Whether a line whose values hold the piece holds it too."""
    plain = piece.isascii() and piece.isprintable() and not set(piece) & set('"\\')
    # A number's text isn't always what its line holds: 1e3 is 1000.0.
    return plain and bool(set(piece) - _NUMBER)


class KeywordSearch:
    """Finds the lines of a block that hold one of some pieces of text, in lower case."""

    def __init__(self, pieces: Sequence[str]) -> None:
        self._search = ahocorasick_rs.BytesAhoCorasick([piece.encode() for piece in pieces])

    def lines(self, block: bytes) -> frozenset[int]:
        """Numbers, from 0, of the lines that have to be read in full."""
        found = [at for _, at, _ in self._search.find_matches_as_indexes(block.lower())]
        found += [match.start() for match in _ODD.finditer(block)]
        if not found:
            return frozenset()
        ends = [match.start() for match in re.finditer(b"\n", block)]
        return frozenset(bisect_right(ends, at) for at in found)
