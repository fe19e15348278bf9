"""A Sigma condition compiled to one function for one shape of event, made of closures.

Values are bound as constants; no source text is made of them. What a shape can't have, and its
`event.action`, are known when compiling: a condition that can't hold for a record class becomes
False, so that its rule never meets these records.
"""

from collections.abc import Callable, Iterable
from typing import Any

from detections.sigma.conditions import (
    AllOf,
    AnyOf,
    Condition,
    FieldTest,
    Keyword,
    Not,
    Present,
    Related,
    all_of,
    any_of,
    conditions,
    negation,
)
from detections.sigma.readers import Constant, Read, Reader
from detections.sigma.values import ValueTest

Match = Callable[[Any], bool]
#: True or False where the answer is the same for every event of the shape.
Compiled = Match | bool


def compile_conditions(trees: Iterable[object], reader: Reader) -> Compiled:
    """The function that tells whether one of a rule's conditions holds. Raises Unsupported."""
    return compile_condition(conditions(trees), reader)


def compile_condition(node: Condition, reader: Reader) -> Compiled:
    """The function that tells whether an event of the reader's shape matches."""
    folded = fold(node, reader)
    return folded if isinstance(folded, bool) else _function(folded, reader)


def fold(node: Condition, reader: Reader) -> Condition:
    """The condition with what is known of every event of the shape decided."""
    match node:
        case AllOf():
            return all_of([fold(part, reader) for part in node.parts])
        case AnyOf():
            return any_of([fold(part, reader) for part in node.parts])
        case Not():
            return negation(fold(node.part, reader))
        case FieldTest():
            read = reader.field(node.field)
            return anywhere(node.test)(read.value) if isinstance(read, Constant) else node
        case Present():
            read = reader.field(node.field)
            return is_present(read.value) if isinstance(read, Constant) else node
        case Related():
            reads = (reader.field(node.field), reader.field(node.other))
            missing = any(isinstance(r, Constant) and r.value is None for r in reads)
            return False if missing else node
        case _:
            return node


def anywhere(test: ValueTest) -> ValueTest:
    """The test for whatever a field may hold: nothing, a value, or a list of which any counts."""

    def check(value: Any) -> bool:
        if value is None:
            return False
        kind = value.__class__
        if kind is list or kind is tuple:
            for one in value:  # noqa: SIM110 - a generator would cost twice the time
                if check(one):
                    return True
            return False
        # An object has fields of its own, but is no value of this one.
        return kind is not dict and test(value)

    return check


def is_present(value: Any) -> bool:
    """Whether a field has a value: not null, and not only empty lists and objects."""
    if value is None or value.__class__ is dict:
        return False
    if value.__class__ is list or value.__class__ is tuple:
        return bool(plain_values(value))
    return True


def plain_values(value: Any) -> list[Any]:
    """What a field holds as a list of texts, numbers and booleans."""
    if value is None or value.__class__ is dict:
        return []
    if value.__class__ is list or value.__class__ is tuple:
        return [plain for one in value for plain in plain_values(one)]
    return [value]


def _function(node: Condition, reader: Reader) -> Match:
    match node:
        case AllOf():
            return _all([_function(part, reader) for part in node.parts])
        case AnyOf():
            return _any([_function(part, reader) for part in node.parts])
        case Not():
            part = _function(node.part, reader)
            return lambda event: not part(event)
        case FieldTest():
            read, check = _read(reader, node.field), anywhere(node.test)
            return lambda event: check(read(event))
        case Present():
            read = _read(reader, node.field)
            return lambda event: is_present(read(event))
        case Related():
            return _related(node, reader)
        case Keyword():
            test, values = node.test, reader.values
            return lambda event: any(test(one) for one in values(event))
        case _:
            return lambda event: bool(node)


def _all(tests: list[Match]) -> Match:
    def test(event: Any) -> bool:
        for part in tests:  # noqa: SIM110 - a generator would cost twice the time
            if not part(event):
                return False
        return True

    return test


def _any(tests: list[Match]) -> Match:
    def test(event: Any) -> bool:
        for part in tests:  # noqa: SIM110 - a generator would cost twice the time
            if part(event):
                return True
        return False

    return test


def _related(node: Related, reader: Reader) -> Match:
    ours, theirs = _read(reader, node.field), _read(reader, node.other)
    pairs = related(node)
    return lambda event: pairs(ours(event), theirs(event))


def related(node: Related) -> Callable[[Any, Any], bool]:
    """The comparison for whatever two fields may hold."""
    compare = node.compare

    def check(left: Any, right: Any) -> bool:
        if left is None or right is None:
            return False
        if left.__class__ is str and right.__class__ is str:
            return compare(left, right)
        return any(compare(a, b) for a in plain_values(left) for b in plain_values(right))

    return check


def _read(reader: Reader, name: str) -> Read:
    read = reader.field(name)
    if isinstance(read, Constant):
        value = read.value
        return lambda event: value
    return read
