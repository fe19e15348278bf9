"""Readers of a value that may be of several types: `Duration | None`, `str | list[str]`."""

from collections.abc import Sequence

from pipeline.problems import NOTHING
from pipeline.structured.reader import Reader
from pipeline.structured.scalars import (
    BooleanReader,
    ChoiceReader,
    DecimalReader,
    FloatReader,
    IntegerReader,
    NullReader,
    TextReader,
)
from pipeline.structured.walk import INVALID, Walk, Where
from pipeline.yaml_nodes import Node, ScalarNode
from pipeline.yaml_scalars import meaning

# Narrow types first: text takes nearly everything.
_ORDER: Sequence[type[Reader]] = (
    NullReader,
    ChoiceReader,
    BooleanReader,
    IntegerReader,
    FloatReader,
    DecimalReader,
)


class UnionReader(Reader):
    """The first of the alternatives that can read the node."""

    def __init__(self, alternatives: Sequence[Reader]) -> None:
        self.alternatives = sorted(alternatives, key=_rank)
        self.secret = any(reader.secret for reader in alternatives)
        self.kinds = tuple({kind for reader in alternatives for kind in reader.kinds})
        self._optional = any(isinstance(reader, NullReader) for reader in alternatives)
        self._valued = [r for r in self.alternatives if not isinstance(r, NullReader)]

    @property
    def expected(self) -> str:
        return ", or ".join(reader.expected for reader in self._valued)

    def read(self, node: Node, where: Where, walk: Walk) -> object:
        if self._optional and isinstance(node, ScalarNode) and meaning(node) is None:
            if node.is_missing:
                _warn_of_nothing(node, where, walk)
            return None
        if len(self._valued) == 1:
            return self._valued[0].read(node, where, walk)
        fitting = [reader for reader in self._valued if type(node) in reader.kinds]
        if len(fitting) == 1 and not isinstance(node, ScalarNode):
            return fitting[0].read(node, where, walk)
        mark = walk.mark()
        for reader in fitting:
            value = reader.read(node, where, walk)
            if value is not INVALID:
                return value
            walk.forget(mark)
        if len(fitting) == 1:
            # Its own words say more, with what else there could be.
            fitting[0].read(node, where, walk)
            return INVALID
        return self.wrong_type(node, where, walk)


def _warn_of_nothing(node: ScalarNode, where: Where, walk: Walk) -> None:
    """`cases:` with all that is below it commented out isn't `cases: {}`, as many take it to be."""
    walk.report(
        node,
        where,
        NOTHING,
        "nothing stands here: it is as if this key weren't there",
        severity="warning",
        advice="write a value, or null if that is meant",
    )


def _rank(reader: Reader) -> int:
    for rank, cls in enumerate(_ORDER):
        if isinstance(reader, cls):
            return rank
    return len(_ORDER) + isinstance(reader, TextReader)
