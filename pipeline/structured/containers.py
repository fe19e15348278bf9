"""Readers of lists, sets, tuples, mappings with free keys, and of what has no type."""

from collections.abc import Callable, Sequence
from typing import Any

from pipeline.problems import shown
from pipeline.structured.reader import LengthBounds, Reader
from pipeline.structured.scalars import warn_of_other_reading
from pipeline.structured.walk import INVALID, Walk, Where
from pipeline.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode
from pipeline.yaml_scalars import meaning


class ListReader(Reader):
    """`list[T]`, `tuple[T, ...]`, and sets, in which nothing may stand twice."""

    kinds = (SequenceNode,)

    def __init__(
        self, item: Reader, make: Callable[[list[Any]], object], limits: Any, unique: bool
    ) -> None:
        self._item = item
        self._make = make
        self._length = LengthBounds(limits, "item", "items")
        self._unique = unique
        self.secret = item.secret

    @property
    def expected(self) -> str:
        return f"a list{self._length.describe()}, each {self._item.expected}"

    def read(self, node: Node, where: Where, walk: Walk) -> object:
        if not isinstance(node, SequenceNode):
            return self.wrong_type(node, where, walk, hint=_in_brackets(node, self._item))
        item = self._item
        values = [item.read(child, (where, i), walk) for i, child in enumerate(node.items)]
        if not self._length.hold(len(values)):
            return walk.report(
                node,
                where,
                "config/length",
                self._length.problem(len(values)),
                expected=self.expected,
            )
        if INVALID in values or (self._unique and self._repeated(node, values, where, walk)):
            return INVALID
        return self._make(values)

    def _repeated(self, node: SequenceNode, values: list[Any], where: Where, walk: Walk) -> bool:
        first: dict[object, Node] = {}
        for i, (value, child) in enumerate(zip(values, node.items, strict=True)):
            if (other := first.setdefault(value, child)) is not child:
                walk.report(
                    child,
                    (where, i),
                    "config/repeated-item",
                    "this is in the list twice",
                    related=(other.location,),
                )
        return len(first) < len(values)


class TupleReader(Reader):
    """`tuple[A, B]`: a list of a fixed length."""

    kinds = (SequenceNode,)

    def __init__(self, items: Sequence[Reader]) -> None:
        self._items = items
        self.secret = any(item.secret for item in items)

    @property
    def expected(self) -> str:
        said = ", ".join(item.expected for item in self._items)
        return f"a list of {len(self._items)}: {said}"

    def read(self, node: Node, where: Where, walk: Walk) -> object:
        if not isinstance(node, SequenceNode):
            return self.wrong_type(node, where, walk)
        if len(node.items) != len(self._items):
            message = f"this list has {len(node.items)} items"
            return walk.report(node, where, "config/length", message, expected=self.expected)
        values = [
            reader.read(child, (where, i), walk)
            for i, (reader, child) in enumerate(zip(self._items, node.items, strict=True))
        ]
        return INVALID if INVALID in values else tuple(values)


class DictReader(Reader):
    """`dict[K, V]`: keys that the author chooses."""

    kinds = (MappingNode,)

    def __init__(self, key: Reader, value: Reader, limits: Any) -> None:
        self._key = key
        self._value = value
        self.secret = value.secret
        self._length = LengthBounds(limits, "entry", "entries")

    @property
    def expected(self) -> str:
        return f"a group{self._length.describe()}, each key with {self._value.expected}"

    def read(self, node: Node, where: Where, walk: Walk) -> object:
        if not isinstance(node, MappingNode):
            return self.wrong_type(node, where, walk)
        result: dict[object, object] = {}
        usable = True
        for key_node, value_node in node.pairs:
            below = (where, key_node.text)
            key = self._key.read(key_node, below, walk)
            value = self._value.read(value_node, below, walk)
            if key is INVALID or value is INVALID:
                usable = False
            elif key in result:
                usable = False
                walk.report(
                    key_node,
                    below,
                    "yaml/duplicate-key",
                    f"the key {shown(key_node.text)} means the same as one above",
                )
            else:
                result[key] = value
        if not self._length.hold(len(node.pairs)):
            return walk.report(
                node,
                where,
                "config/length",
                self._length.problem(len(node.pairs)),
                expected=self.expected,
            )
        return result if usable else INVALID


class AnyReader(Reader):
    """`Any`: dicts, lists and scalars as YAML 1.2 has them."""

    kinds = (ScalarNode, SequenceNode, MappingNode)

    @property
    def expected(self) -> str:
        return "a value"

    def read(self, node: Node, where: Where, walk: Walk) -> object:
        if isinstance(node, ScalarNode):
            warn_of_other_reading(node, where, walk)
            return meaning(node)
        if isinstance(node, SequenceNode):
            return [self.read(child, (where, i), walk) for i, child in enumerate(node.items)]
        if isinstance(node, MappingNode):
            for key, _ in node.pairs:
                warn_of_other_reading(key, (where, key.text), walk)
            return {k.text: self.read(v, (where, k.text), walk) for k, v in node.pairs}
        return self.wrong_type(node, where, walk)


class NodeReader(Reader):
    """`Node` and its kinds: the part of the document as it is, to be loaded later."""

    def __init__(self, cls: type[Node]) -> None:
        self._cls = cls
        self.kinds = (ScalarNode, SequenceNode, MappingNode) if cls is Node else (cls,)

    @property
    def expected(self) -> str:
        if self._cls is MappingNode:
            return "a group of settings"
        return "a list" if self._cls is SequenceNode else "a value"

    def read(self, node: Node, where: Where, walk: Walk) -> object:
        return node if isinstance(node, self._cls) else self.wrong_type(node, where, walk)


def _in_brackets(node: Node, item: Reader) -> str | None:
    # The commonest slip: one value where a list of one is meant.
    if not isinstance(node, ScalarNode) or ScalarNode not in item.kinds or item.secret:
        return None
    return f"[{node.text}]" if 0 < len(node.text) <= 40 else None
