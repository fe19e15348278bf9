"""Names into the file of a report, out of a list that somebody who may has taken from the provider.

Only whom the report is about, only fields that the form has, and only lines that are open. Of all
others nothing is kept.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from evidence.reports.suspicious.fields import at, scalar
from pipeline.failure import CONFIGURATION, Failure
from pipeline.problems import ProblemsFound
from pipeline.structured import examine
from pipeline.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode

#: What a list may hold.
MOST_BYTES = 64 * 1024 * 1024
#: Fields of a subject that no list of persons has.
_OURS = frozenset(("key", "accounts", "wallets", "reason", "significance", "relationship"))
_SUBJECTS = ("subjects", "persons")


class Listed(Struct, frozen=True, kw_only=True):
    """A list of persons: by their id there, what is told of each."""

    persons: Mapping[str, Mapping[str, str]]
    columns: Sequence[str]


class Filled(Struct, frozen=True, kw_only=True):
    """What was filled in."""

    text: str
    #: Keys of subjects that were in the list.
    found: list[str]
    #: And of those that were not.
    missing: list[str]
    #: Columns that the form has no field for, or that are ours to fill.
    unused: list[str]


def listed(text: str) -> Listed:
    """A list as CSV, with a head; the column `id` tells who it is. Raises Failure."""
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        columns = [name.strip() for name in reader.fieldnames or ()]
        if "id" not in columns:
            raise Failure("the list has no column `id`", CONFIGURATION)
        twice = [name for name in dict.fromkeys(columns) if name and columns.count(name) > 1]
        if twice:
            raise Failure(f"the list has the column `{twice[0]}` twice", CONFIGURATION)
        reader.fieldnames = columns
        persons: dict[str, dict[str, str]] = {}
        for row in reader:
            key = (row["id"] or "").strip()
            if None in row or None in row.values():
                said = f"line {reader.line_num}: other cells than the {len(columns)} columns have"
                raise Failure(f"the list is damaged: {said}", CONFIGURATION)
            if key in persons:
                said = f"line {reader.line_num} has an id that another line has"
                raise Failure(f"the list tells of somebody twice: {said}", CONFIGURATION)
            if key:
                persons[key] = {name: row[name].strip() for name in columns if name != "id"}
    except csv.Error as error:
        text = f"the list is no CSV: line {reader.line_num}: {error}"
        raise Failure(text, CONFIGURATION) from None
    return Listed(persons=persons, columns=[name for name in columns if name != "id"])


class _Anything(Struct):
    pass


def read(text: str, name: str) -> Node:
    """What stands in a filing, whatever is still open in it. Raises ProblemsFound."""
    outcome = examine(text.encode(), _Anything, name=name, other_keys=None)
    if not outcome.ok:
        raise ProblemsFound(outcome.problems)
    return outcome.node


def subject_keys(root: Node) -> list[str]:
    """Whom a filing is about, by the `key` of each."""
    return [key for _, key in _subjects(root)]


def fill(
    text: str, root: Node, fields: Iterable[str], columns: Iterable[str],
    persons: Mapping[str, Mapping[str, str]],
) -> Filled:  # fmt: skip
    """The file with what is known of the subjects. `root`: what was read of it; `fields`: those of
    a subject of the form; `persons`: by the key of a subject."""
    allowed = frozenset(fields) - _OURS
    lines = text.split("\n")
    found: list[str] = []
    missing: list[str] = []
    for subject, key in _subjects(root):
        known = persons.get(key)
        (missing if known is None else found).append(key)
        for name, value in subject.pairs:
            said = (known or {}).get(name.text, "")
            if said and name.text in allowed and _open(value):
                line = lines[name.line - 1]
                end = name.column - 1 + len(name.text) + 1
                told = scalar(said)
                lines[name.line - 1] = f"{line[:end]} {told}{line[end:]}"
    return Filled(
        text="\n".join(lines),
        found=found,
        missing=missing,
        unused=[name for name in columns if name not in allowed],
    )


def _subjects(root: Node) -> list[tuple[MappingNode, str]]:
    found: list[tuple[MappingNode, str]] = []
    for part in _SUBJECTS:
        items = at(root, part)
        for item in items.items if isinstance(items, SequenceNode) else ():
            key = item.get("key") if isinstance(item, MappingNode) else None
            if isinstance(item, MappingNode) and isinstance(key, ScalarNode):
                found.append((item, key.text))
    return found


def _open(value: Node) -> bool:
    return isinstance(value, ScalarNode) and value.plain and value.text in ("", "~", "null")
