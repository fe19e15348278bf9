"""Reference data from YAML files, with all that is wrong in any of them said at once."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from normalizer.reference import Reference, merge
from normalizer.reference_contradictions import Contradiction, Way, contradictions
from pipeline.address_checksums import is_mistyped
from pipeline.problems import Location, Problem, ProblemsFound, one_of
from pipeline.structured import examine
from pipeline.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode
from pipeline.yaml_source import read_file

_SUFFIXES = (".yaml", ".yml")


def load_reference(paths: Sequence[Path], *, warnings: list[Problem] | None = None) -> Reference:
    """The files' contents as one. A folder stands for the ``.yaml`` and ``.yml`` files in it.

    Raises :class:`~pipeline.problems.ProblemsFound` with every problem of every file: of form, and
    what contradicts itself within a file or between files, such as an id that is taken.
    """
    problems: list[Problem] = []
    nodes: list[Node] = []
    parts: list[Reference] = []
    problems.extend(_empty(path) for path in paths if path.is_dir() and not files_of([path]))
    for path in files_of(paths):
        parsed = read_file(path, single=True)
        problems.extend(parsed.source.problems)
        if any(problem.severity == "error" for problem in parsed.source.problems):
            continue
        outcome = examine(parsed.documents[0], Reference)
        problems.extend(outcome.problems)
        problems.extend(_mistyped(parsed.documents[0]))
        if outcome.value is not None:
            nodes.append(parsed.documents[0])
            parts.append(outcome.value)
    problems.extend(_problem(found, nodes) for found in contradictions(parts))
    if any(problem.severity == "error" for problem in problems):
        raise ProblemsFound(problems)
    if warnings is not None:
        warnings.extend(problems)
    return merge(parts)


def files_of(paths: Sequence[Path]) -> list[Path]:
    """The files, and of folders those of YAML in them."""
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            files.extend(sorted(p for p in path.iterdir() if p.suffix.lower() in _SUFFIXES))
        else:
            files.append(path)
    return files


def _empty(folder: Path) -> Problem:
    return Problem(
        location=Location(str(folder), 0, 0),
        code="reference/no-files",
        message="there is no reference data in this folder",
        severity="warning",
        expected=f"files in it that end in {one_of(_SUFFIXES)}",
    )


def _mistyped(node: Node) -> Iterator[Problem]:
    """Addresses in upper and lower case whose checksum is wrong. Another chain may have other ones,
    so they are doubtful only."""
    if isinstance(node, ScalarNode):
        if is_mistyped(node.text):
            yield node.problem(
                "reference/checksum",
                f"{node.text} is in upper and lower case, and these are not its checksum",
                severity="warning",
                advice="compare it with where it comes from; where it is right, use lower case",
            )
    elif isinstance(node, SequenceNode):
        for item in node.items:
            yield from _mistyped(item)
    elif isinstance(node, MappingNode):
        for _, value in node.pairs:
            yield from _mistyped(value)


def _problem(found: Contradiction, nodes: Sequence[Node]) -> Problem:
    node = _at(nodes[found.file], found.path)
    related = ()
    if found.first is not None and found.first_file is not None:
        related = (_at(nodes[found.first_file], found.first).location,)
    return node.problem(
        "reference/contradiction",
        found.message,
        expected=found.expected,
        related=related,
        path="".join(
            f"[{step}]" if isinstance(step, int) else f".{step}" for step in found.path
        ).removeprefix("."),
    )


def _at(node: Node, way: Way) -> Node:
    """The node that a way leads to, or the last one on it that is written out."""
    for step in way:
        inner: Node | None = None
        if isinstance(node, MappingNode) and isinstance(step, str):
            inner = node.get(step)
        elif isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.items):
            inner = node.items[step]
        if inner is None:
            return node
        node = inner
    return node
