"""A YAML document as nodes that know their place, before any meaning is given to them."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from pipeline.problems import Excerpt, Location, Problem, excerpt

Span = tuple[int, int]
"""Start and end column of a part of a line, from 1, the end not included."""

# Values that look like a secret are masked in every line that is shown, whatever their field is.
_LOOKS_SECRET = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"""(?:password|passwd|passphrase|secret|credential|authorization
        |(?:api|private|access|signing)[_-]?key
        |(?:auth|api|access|bearer|hec|bot|refresh|session)[_-]?token
        )[\w-]{0,40}["']?\s{0,20}[:=]\s{0,20}["']?(?!\$\{)([^\s"'#&@,}][^"'#&@,}]{0,1000})""".replace(
            "\n        ", ""
        ),
        r"://[^/\s:@]{0,200}:(?!\$\{)([^/@\s]{1,500})@",
        r"[?&](?:api_?key|key|token|secret)=(?!\$\{)([^\s\"'#&@,}]{1,500})",
    )
)
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
        column -= before
        hidden = masks.get(line, ()) if masks else ()
        spans = [
            (max(1, start - before), min(end - before, len(text) + 1)) for start, end in hidden
        ]
        for pattern in _LOOKS_SECRET:
            spans.extend((found.start(1) + 1, found.end(1) + 1) for found in pattern.finditer(text))
        for start, end in _disjoint(spans):
            text = f"{text[: start - 1]}***{text[end - 1 :]}"
            if column >= end:
                column += 3 - (end - start)
            elif column + length > start:
                length = 3 if column >= start else start + 3 - column
                column = min(column, start)
        return excerpt(text, column, length)

    def __repr__(self) -> str:
        return f"<Source {self.name}>"


def _disjoint(spans: list[Span]) -> list[Span]:
    """The union of the spans, from the right to the left."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if end <= start:
            continue
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined[::-1]


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
