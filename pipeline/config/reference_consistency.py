"""What no single value of a source of reference data shows: its fields must be of its kind."""

from collections.abc import Iterator
from pathlib import PurePath

import msgspec

from pipeline.problems import Problem, did_you_mean, one_of
from pipeline.reference_changes import RECORDS
from pipeline.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode

#: By a file's name, what it holds.
FORMATS = {".csv": "csv", ".parquet": "parquet", ".yaml": "yaml", ".yml": "yaml"}


_TABLES = (".csv", ".tsv", ".parquet", ".xls", ".xlsx", ".ods")


def reference_problems(source: MappingNode) -> Iterator[Problem]:
    """What doesn't go together in a source of reference data of one's own."""
    name = _text(source, "name") or "without name"
    kind = _text(source, "kind")
    if _text(source, "type") == "reference_file":
        path = _text(source, "path")
        form = _text(source, "format") or (
            None if path is None else FORMATS.get(PurePath(path).suffix.lower())
        )
        if form is None and path is not None:
            yield source.problem(
                "config/reference-format",
                f"source {name}: the name of {path} doesn't say what it holds",
                expected="format: csv, parquet or yaml",
            )
        if form in ("csv", "parquet") and kind is None:
            yield source.problem(
                "config/reference-kind",
                f"source {name}: a table doesn't say what its rows are",
                expected="kind, such as investor",
            )
        if form == "yaml" and kind is not None:
            yield _place(source, "kind").problem(
                "config/reference-kind",
                f"source {name}: YAML says itself what its records are, by its sections",
                expected="no kind",
            )
    record = {str(one): record for one, record in RECORDS.items()}.get(kind or "")
    if kind is not None and record is not None:
        fields = [field.name for field in msgspec.structs.fields(record)]
        for setting in ("columns", "constants", "values"):
            yield from _unknown(source.get(setting), kind, fields)


def table_problems(root: Node) -> Iterator[Problem]:
    """Tables named under `reference`, which takes YAML."""
    listed = root.get("reference") if isinstance(root, MappingNode) else None
    for item in listed.items if isinstance(listed, SequenceNode) else ():
        if isinstance(item, ScalarNode) and PurePath(item.text).suffix.lower() in _TABLES:
            yield item.problem(
                "config/reference-table",
                f"{item.text} is a table, and `reference` takes YAML",
                expected="a file of YAML, or a folder of such files",
                advice="a table is a source of its own: type: reference_file, with its path and "
                "kind (docs/reference-data.md)",
            )


def _unknown(node: Node | None, kind: str, fields: list[str]) -> Iterator[Problem]:
    if not isinstance(node, MappingNode):
        return
    for key, _ in node.pairs:
        if key.text.partition(".")[0] not in fields:
            yield key.problem(
                "config/reference-field",
                f"a record of kind {kind} has no field {key.text}",
                expected=one_of(fields),
                hint=did_you_mean(key.text, fields),
            )


def _place(node: MappingNode, key: str) -> Node:
    return node.get(key) or node


def _text(node: MappingNode, key: str) -> str | None:
    found = node.get(key)
    return found.text if isinstance(found, ScalarNode) else None
