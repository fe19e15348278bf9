"""`load` and `examine`: from a file, bytes or a node to a record."""

from collections.abc import Collection
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

import msgspec

from pipeline.problems import Problem, ProblemsFound, in_file_order
from pipeline.secrets import DEFAULT_RESOLVER, SecretResolver
from pipeline.structured.compiler import reader_for
from pipeline.structured.records import RecordReader
from pipeline.structured.walk import INVALID, Resolve, TooManyProblems, Walk
from pipeline.yaml_nodes import Node
from pipeline.yaml_source import DEFAULT_LIMITS, Limits, parse_bytes, read_file

T = TypeVar("T")


class Outcome(msgspec.Struct, Generic[T], frozen=True):
    """What `examine` found: the value, unless there are errors, and all problems.

    `node` is what was read, for checks of one's own that need places (`node.problem(...)`); an
    empty scalar where the file is too broken.
    """

    value: T | None
    problems: tuple[Problem, ...]
    node: Node

    @property
    def ok(self) -> bool:
        """Whether there is no error; there may be warnings."""
        return all(problem.severity != "error" for problem in self.problems)


def load(
    source: Path | bytes | Node,
    type_: type[T],
    *,
    name: str = "<text>",
    folder: Path | None = None,
    other_keys: Collection[str] | None = (),
    secrets: SecretResolver = DEFAULT_RESOLVER,
    resolve: Resolve = "now",
    warnings: list[Problem] | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> T:
    """The value of `type_` that stands in a YAML file, in its text, or at a node of it.

    - `name` and `folder` belong to bytes: what to call them, and where relative paths start.
    - `other_keys` may stand beside the keys of the outermost Struct and are passed over; None
      passes over every key that isn't known. Everywhere else an unknown key is an error.
    - `secrets` fetches references; `resolve` says when, and how bad it is if one fails.
    - `warnings` is extended by what is doubtful but no error.

    Raises ProblemsFound with everything that is wrong, each with its place; nothing else, but
    TypeError for a `type_` that can't be read from YAML.
    """
    outcome = examine(
        source,
        type_,
        name=name,
        folder=folder,
        other_keys=other_keys,
        secrets=secrets,
        resolve=resolve,
        limits=limits,
    )
    if not outcome.ok:
        raise ProblemsFound(outcome.problems)
    if warnings is not None:
        warnings.extend(outcome.problems)
    return cast("T", outcome.value)


def examine(
    source: Path | bytes | Node,
    type_: type[T],
    *,
    name: str = "<text>",
    folder: Path | None = None,
    other_keys: Collection[str] | None = (),
    secrets: SecretResolver = DEFAULT_RESOLVER,
    resolve: Resolve = "now",
    limits: Limits = DEFAULT_LIMITS,
) -> Outcome[T]:
    """As `load`, but it raises nothing for a bad file: for `doctor`, which shows everything."""
    reader = reader_for(type_)
    problems: list[Problem] = []
    if isinstance(source, Node):
        node = source
    else:
        if isinstance(source, Path):
            parsed = read_file(source, limits=limits, single=True)
        else:
            parsed = parse_bytes(source, name=name, folder=folder, limits=limits, single=True)
        problems.extend(parsed.source.problems)
        node = parsed.documents[0]
        if any(one.severity == "error" and one.code not in _SURVIVABLE for one in problems):
            return Outcome(None, tuple(problems), node)
    walk = Walk(node.source, secrets, resolve)
    value: Any = INVALID
    try:
        if isinstance(reader, RecordReader):
            value = reader.read_over(node, None, walk, others=other_keys)
        else:
            value = reader.read(node, None, walk)
    except TooManyProblems:
        pass
    problems.extend(walk.problems())
    outcome: Outcome[T] = Outcome(
        None if value is INVALID else value, tuple(in_file_order(problems)), node
    )
    return outcome if outcome.ok else Outcome(None, outcome.problems, node)


# After these the document is complete enough to look for everything else that is wrong with it.
_SURVIVABLE = frozenset(
    (
        "yaml/byte-order-mark",
        "yaml/duplicate-key",
        "yaml/grouped-digits",
        "yaml/key-not-text",
        "yaml/merge-key",
        "yaml/tag",
        "yaml/unknown-alias",
    )
)
