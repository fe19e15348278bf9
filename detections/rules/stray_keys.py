"""Keys of a group that stand beside it: they aren't indented enough."""

from collections.abc import Mapping
from typing import Any

import msgspec

from pipeline.problems import Problem, shown
from pipeline.yaml_nodes import MappingNode, Node, ScalarNode

#: What may stand in a group and nowhere else in a rule.
KEYS_OF: Mapping[str, frozenset[str]] = {
    "logsource": frozenset(("product", "category", "service", "definition")),
    "correlation": frozenset(("type", "rules", "group-by", "aliases", "timespan", "condition")),
}


def without_strays(node: MappingNode, problems: list[Problem]) -> MappingNode:
    """The document with these keys where they belong; reports each of them."""
    groups = {key.text: value for key, value in node.pairs if _takes_more(key.text, value)}
    moved: dict[str, list[tuple[ScalarNode, Node]]] = {}
    kept: list[tuple[ScalarNode, Node]] = []
    for key, value in node.pairs:
        fitting = (one for one, there in groups.items() if _fits(key.text, one, there))
        group = next(fitting, None)
        if group is None:
            kept.append((key, value))
            continue
        moved.setdefault(group, []).append((key, value))
        message = f"the key {shown(key.text)} stands outside the {group}"
        advice = f"indent it, so that it stands below {group}"
        problems.append(key.problem("rule/stray-key", message, advice=advice))
    if not moved:
        return node
    pairs = [(key, _with(key, value, moved.get(key.text, []))) for key, value in kept]
    return msgspec.structs.replace(node, pairs=pairs)


def _fits(key: str, group: str, there: Node) -> bool:
    given = there.get(key) if isinstance(there, MappingNode) else None
    return key in KEYS_OF[group] and given is None


def _takes_more(key: str, value: Node) -> bool:
    missing = isinstance(value, ScalarNode) and value.is_missing
    return key in KEYS_OF and (missing or isinstance(value, MappingNode))


def _with(key: ScalarNode, value: Node, more: list[tuple[ScalarNode, Node]]) -> Node:
    if not more:
        return value
    if isinstance(value, MappingNode):
        return msgspec.structs.replace(value, pairs=[*value.pairs, *more])
    place: dict[str, Any] = {"end_line": key.end_line, "end_column": key.end_column}
    return MappingNode(key.source, key.line, key.column, **place, pairs=more)
