"""A part of a text in a rule file, for a mistake that is smaller than the whole value."""

from pipeline.yaml_nodes import Node, ScalarNode


def part(node: ScalarNode, start: int, end: int) -> Node:
    """The characters from `start` to `end` (from 0) of a scalar's text, where they stand.

    Where the text doesn't stand in the file as it is (escapes, folded lines), it is the scalar.
    """
    line = node.source.lines[node.line - 1] if node.line <= len(node.source.lines) else ""
    for before in (node.column - 1, node.column):  # without and with a quote before it
        if node.text and line.startswith(node.text, before):
            column = before + 1
            return ScalarNode(
                node.source,
                node.line,
                column + start,
                node.line,
                column + max(end, start + 1),
                node.text[start:end],
                node.plain,
            )
    return node
