"""One pass over a document: where it is, what it has found, and what must not be shown."""

import re
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from pipeline.masking import Span
from pipeline.problems import Problem, shown
from pipeline.secrets import SecretResolver
from pipeline.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode, Source
from pipeline.yaml_scalars import meaning

Resolve = Literal["now", "report", "later"]
"""`now`: every secret is fetched once on loading, and one that can't be had is an error.
`report`: the same, as warnings. `later`: only the references' form is checked, without I/O."""

Where = tuple["Where", str | int] | None
"""The way from the root to a node, innermost last. Made for every node, so kept cheap."""

MOST_PROBLEMS = 1_000
_PLAIN_KEY = re.compile(r"[\w-]+")


class Invalid:
    """What a reader returns after it has reported why there is no value."""

    def __repr__(self) -> str:
        return "INVALID"


INVALID: Final = Invalid()


class FieldError(ValueError):
    """For a Struct's `__post_init__`: the value of one key doesn't fit the others.

    It is shown at that key's value. A plain ValueError is shown at the whole Struct.
    """

    def __init__(
        self, key: str, message: str, *, expected: str | None = None, hint: str | None = None
    ) -> None:
        self.key = key
        self.message = message
        self.expected = expected
        self.hint = hint
        super().__init__(f"{key}: {message}")


class TooManyProblems(Exception):
    """The walk ends early: nobody reads on, and a hostile file could ask for a million."""


class _Found(msgspec.Struct):
    node: Node
    problem: Problem


class Walk:
    """The problems of one document and what its readers share."""

    def __init__(self, source: Source, secrets: SecretResolver, resolve: Resolve) -> None:
        self.source = source
        self.secrets = secrets
        self.resolve: Resolve = resolve
        self._found: list[_Found] = []
        self._masks: dict[int, list[Span]] = {}

    @property
    def folder(self) -> Path:
        """The folder that relative paths start from."""
        return self.source.folder

    def report(self, node: Node, where: Where, code: str, message: str, **more: Any) -> Invalid:
        """Note a problem at `node`; `more` are further fields of Problem. Returns INVALID."""
        problem = Problem(
            location=node.location, code=code, message=message, path=path_of(where), **more
        )
        self._found.append(_Found(node, problem))
        if len(self._found) >= MOST_PROBLEMS:
            raise TooManyProblems
        return INVALID

    def mark(self) -> int:
        """A point to which `forget` can go back."""
        return len(self._found)

    def forget(self, mark: int) -> None:
        """Drop what was reported since `mark`: another reading of the same node was right."""
        del self._found[mark:]

    def mask(self, node: Node) -> None:
        """Never show this node's text, whatever problem its lines are shown for."""
        last = len(self.source.lines)
        for line in range(node.line, min(node.end_line, last) + 1):
            start = node.column - 1 if line == node.line else 0
            full = len(self.source.lines[line - 1])
            end = node.end_column - 1 if line == node.end_line else full
            self._masks.setdefault(line, []).append((start, end))

    def problems(self) -> list[Problem]:
        """All that was found, with the source lines, now that it is known what to mask."""
        return [
            msgspec.structs.replace(
                found.problem,
                context=self.source.excerpt(
                    found.node.line, found.node.column, found.node.length, self._masks
                ),
            )
            for found in self._found
        ]


def path_of(where: Where) -> str:
    """`sources[2].url`."""
    steps: list[str] = []
    while where is not None:
        where, step = where
        if isinstance(step, int):
            steps.append(f"[{step}]")
        elif _PLAIN_KEY.fullmatch(step):
            steps.append(f".{step}")
        else:
            steps.append(f"[{shown(step, 40)}]")
    return "".join(reversed(steps)).removeprefix(".")


def found(node: Node) -> str:
    """What stands at the node, for messages. Not for secrets."""
    if isinstance(node, MappingNode):
        return "a group of settings"
    if isinstance(node, SequenceNode):
        return "a list"
    if not isinstance(node, ScalarNode):
        return "something else"
    value = meaning(node)
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return node.text
    if isinstance(value, int | float):
        return f"the number {node.text if len(node.text) <= 60 else node.text[:59] + '…'}"
    return f"the text {shown(node.text)}"
