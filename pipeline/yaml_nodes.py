"""A YAML document as nodes that know their place, before any meaning is given to them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from pipeline.masking import Span, disjoint, secret_spans
from pipeline.problems import Excerpt, Location, Problem, excerpt

_WINDOW = 1_000


class Source(msgspec.Struct, frozen=True, eq=False):
    """A file that was read: its name as the user gave it, its folder and its lines."""

    name: str
    folder: Path
    lines: Sequence[str]
    problems: Sequence[Problem] = ()
    """What is wrong or doubtful in its syntax, found on reading."""

    def excerpt(
        self, line: int, column: int, length: int, masks: Mapping[int, Sequence[Span]] | None = None
    ) -> Excerpt | None:
        """The line with its secrets masked: those in `masks` (by line), and what looks like one."""
        if not 1 <= line <= len(self.lines):
            return None
        before = max(0, column - 1 - _WINDOW // 2)
        text = self.lines[line - 1][before : before + _WINDOW]
        place = column - 1 - before
        hidden = masks.get(line, ()) if masks else ()
        spans = [(max(0, a - before), min(b - before, len(text))) for a, b in hidden]
        for start, end in disjoint(spans + secret_spans(text)):
            text = f"{text[:start]}***{text[end:]}"
            if place >= end:
                place += 3 - (end - start)
            elif place + length > start:
                length = 3 if place >= start else start + 3 - place
                place = min(place, start)
        return excerpt(text, place + 1, length)

    def __repr__(self) -> str:
        return f"<Source {self.name}>"


class Node(msgspec.Struct, eq=False, gc=False):
    """A scalar, sequence or mapping. Lines and columns count from 1; the end isn't included.

    As the type of a Struct's field it keeps that part of the document unread, for a later `load`
    with a type that isn't known yet. Nodes never form a cycle, so the collector needn't see them.
    """

    source: Source
    line: int
    column: int
    end_line: int
    end_column: int

    @property
    def location(self) -> Location:
        return Location(self.source.name, self.line, self.column)

    @property
    def length(self) -> int:
        """Characters to underline: the scalar as far as it stands on its first line, else one."""
        return 1

    def problem(self, code: str, message: str, **more: Any) -> Problem:
        """A Problem at this node; `more` are further fields of Problem."""
        context = self.source.excerpt(self.line, self.column, self.length)
        return Problem(location=self.location, code=code, message=message, context=context, **more)

    # The text of a scalar may be a secret: no representation shows it.
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.location}>"


class ScalarNode(Node, eq=False, gc=False):
    """A value or key. `plain` is True where it stands without quotes, tag or block marker."""

    text: str
    plain: bool

    @property
    def length(self) -> int:
        if self.end_line == self.line:
            return max(1, self.end_column - self.column)
        return max(1, len(self.source.lines[self.line - 1]) - self.column + 1)

    @property
    def is_missing(self) -> bool:
        """Whether nothing stands there, not even empty quotes."""
        return self.plain and not self.text


class SequenceNode(Node, eq=False, gc=False):
    """A list."""

    items: list[Node]


class MappingNode(Node, eq=False, gc=False):
    """Keys and values, in the order of the file. No two keys have the same text."""

    pairs: list[tuple[ScalarNode, Node]]

    def get(self, key: str) -> Node | None:
        """The value of `key`, or None."""
        for name, value in self.pairs:
            if name.text == key:
                return value
        return None
