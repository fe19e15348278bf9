"""A rule's document with one of its keys left out, to tell what a change of its file did."""

from pipeline.yaml_nodes import MappingNode


def without_key(node: MappingNode, key: str) -> MappingNode:
    """The same document but for that key."""
    pairs = [(name, value) for name, value in node.pairs if name.text != key]
    return MappingNode(node.source, node.line, node.column, node.end_line, node.end_column, pairs)
