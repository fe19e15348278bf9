"""The fields that a rule can name, with what they hold, read from the event records."""

import types
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from normalizer.events import Record
from normalizer.events.fields import Int256, Nanoseconds, Uint256
from normalizer.events.taxonomy import declared

#: What a field holds. ``exact`` is an integer of up to 256 bits as decimal text.
Kind = Literal["keyword", "exact", "integer", "number", "boolean", "date"]

ACTION = "event.action"
#: Kinds whose values can be compared by size.
ORDERED: frozenset[Kind] = frozenset({"exact", "integer", "number", "date"})


class FieldType(msgspec.Struct, frozen=True):
    """What a field holds, over all records that have it."""

    kind: Kind
    many: bool
    """Whether it holds a list, of which any element may match."""
    choices: frozenset[str] = frozenset()
    """The only values that it can have; empty where any is possible."""


class Attribute(msgspec.Struct, frozen=True):
    """A field of one record class: the attribute that holds it."""

    name: str
    type: FieldType


class Shape(msgspec.Struct, frozen=True):
    """One record class as rules see it: its action, and its fields by ECS name."""

    record: type[msgspec.Struct]
    action: str
    attributes: dict[str, Attribute]


@cache
def shapes() -> Mapping[type[msgspec.Struct], Shape]:
    """Every record class of the EVENTS stream."""
    known: dict[int, FieldType] = {}  # by hint: most are a base class's, and in many records
    return {record: _shape(record, known) for record in get_args(Record)}


@cache
def taxonomy() -> Mapping[str, FieldType]:
    """Every field name of every record, and what it holds."""
    found: dict[str, FieldType] = {
        ACTION: FieldType("keyword", False, frozenset(s.action for s in shapes().values()))
    }
    for shape in shapes().values():
        for name, attribute in shape.attributes.items():
            found.setdefault(name, attribute.type)
    return found


@cache
def actions() -> Mapping[str, Shape]:
    """Record classes by ``event.action``."""
    return {shape.action: shape for shape in shapes().values()}


def _shape(record: type[msgspec.Struct], known: dict[int, FieldType]) -> Shape:
    attributes: dict[str, Attribute] = {}
    for attribute, name, hint in declared(record):
        if id(hint) not in known:
            known[id(hint)] = _field_type(hint)
        attributes[name] = Attribute(attribute, known[id(hint)])
    return Shape(record, str(record.__struct_config__.tag), attributes)


def _marks(alias: Any) -> tuple[Any, ...]:
    return alias.__metadata__


_EXACT_MARKS = (*_marks(Uint256), *_marks(Int256))
_DATE_MARKS = _marks(Nanoseconds)


def _field_type(hint: Any) -> FieldType:
    marks, members = _unwrap(hint)
    if any(mark in marks for mark in _EXACT_MARKS):
        return FieldType("exact", False)
    if any(mark in marks for mark in _DATE_MARKS):
        return FieldType("date", False)
    (member,) = members  # a field of two types would need a decision, so it fails at import
    origin = get_origin(member)
    if origin is tuple:
        return FieldType(_field_type(get_args(member)[0]).kind, True)
    if origin is Literal:
        return FieldType("keyword", False, frozenset(get_args(member)))
    kinds: dict[Any, Kind] = {str: "keyword", int: "integer", float: "number", bool: "boolean"}
    return FieldType(kinds[member], False)


def _unwrap(hint: Any) -> tuple[list[Any], list[Any]]:
    """The annotations of a type hint, and its member types without None."""
    origin = get_origin(hint)
    if origin is Annotated:
        inner, *marks = get_args(hint)
        deeper, members = _unwrap(inner)
        return [*deeper, *marks], members
    if origin in (Union, types.UnionType):
        all_marks: list[Any] = []
        all_members: list[Any] = []
        for part in get_args(hint):
            if part is not type(None):
                deeper, members = _unwrap(part)
                all_marks += deeper
                all_members += members
        return all_marks, all_members
    return [], [hint]
