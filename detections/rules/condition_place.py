"""Where a detection's condition stands, also where it slipped: misspelt, or indented otherwise."""

import msgspec

from detections.rules.document import CONDITION, Reading, stray_condition
from pipeline.problems import did_you_mean, shown
from pipeline.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode

_CODE = "rule/condition-place"
_INDENT = "indent it as far as the selections"


def with_condition(reading: Reading, node: MappingNode) -> tuple[MappingNode, list[ScalarNode]]:
    """The detection without a condition that slipped into its selections, and its conditions.

    Reports where there is none, or not at its place.
    """
    found = node.get(CONDITION)
    if found is not None:
        return node, _texts(reading, found)
    if (key := _misspelt(node)) is not None:
        message = f'there is no "{CONDITION}", but {shown(key.text)}'
        reading.report(key, _CODE, message, hint=CONDITION)
        kept = [(name, value) for name, value in node.pairs if name is not key]
        return msgspec.structs.replace(node, pairs=kept), []
    for name, value in node.pairs:
        if isinstance(value, MappingNode) and isinstance(value.get(CONDITION), ScalarNode):
            key = next(one for one, _ in value.pairs if one.text == CONDITION)
            message = f"the condition stands within the selection {shown(name.text)}"
            reading.report(key, _CODE, message, advice=_INDENT)
            return _without(node, name, key), []
    if stray_condition(reading.node) is not None:
        message = "the condition stands outside the detection"
        reading.report(reading.key(CONDITION), _CODE, message, advice=_INDENT)
        return node, []
    reading.report(
        node,
        "rule/missing-key",
        f'the key "{CONDITION}" is missing',
        expected="how the selections go together, such as: selection and not filter",
    )
    return node, []


def _texts(reading: Reading, found: Node) -> list[ScalarNode]:
    nodes = found.items if isinstance(found, SequenceNode) else [found]
    texts = [n for n in nodes if isinstance(n, ScalarNode) and n.text.strip()]
    if len(texts) < max(1, len(nodes)):
        reading.report(found, "rule/condition", "this isn't a condition", expected="text")
        return []
    return texts


def _misspelt(node: MappingNode) -> ScalarNode | None:
    for key, value in node.pairs:
        if isinstance(value, ScalarNode) and did_you_mean(key.text, [CONDITION]) is not None:
            return key
    return None


def _without(node: MappingNode, selection: ScalarNode, item: ScalarNode) -> MappingNode:
    """The detection without one item of a selection."""
    pairs: list[tuple[ScalarNode, Node]] = []
    for name, value in node.pairs:
        if name is selection and isinstance(value, MappingNode):
            kept = [(key, one) for key, one in value.pairs if key is not item]
            value = msgspec.structs.replace(value, pairs=kept)
        pairs.append((name, value))
    return msgspec.structs.replace(node, pairs=pairs)
