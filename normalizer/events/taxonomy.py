"""All fields of all records, read from the records themselves.

For Elasticsearch mappings, the field reference in the docs, and the check of rules' field names.
"""

from collections.abc import Iterator
from functools import cache
from inspect import get_annotations
from typing import Any, Literal, cast, get_args

from msgspec import Struct, inspect

from normalizer.events import Alert, AlertUpdate, CaseActivity, Record
from pipeline.personal_data import Personal

#: Element types of a field; ``map`` is an object of numbers by name.
PythonType = Literal["str", "int", "float", "bool", "map"]

_ES: dict[PythonType, str] = {
    "str": "keyword",
    "int": "long",
    "float": "double",
    "bool": "boolean",
    "map": "float_map",
}


_OF_ALERTS = frozenset(("alert", "alert-update"))
_OF_CASES = frozenset(("case-activity",))
_OF_INVESTORS: dict[str, Personal] = {
    "id": "identity",
    "cluster": "identity",
    "account": "account",
}


class FieldInfo(Struct, frozen=True):
    """One field by its ECS name, over all records that have it."""

    name: str
    #: The attribute that holds it; None for what :func:`normalizer.events.ecs.nest` adds.
    attribute: str | None
    type: PythonType
    #: Whether it holds a list, in events where they have it.
    many: bool
    #: Elasticsearch's type, or ``text``, ``binary_text`` (kept, not searched), ``float_map``.
    es: str
    description: str
    #: ``event.action`` of the records that have it, those of alerts and cases among them.
    records: tuple[str, ...]
    #: The only values it can have; empty where any is possible.
    choices: tuple[str, ...] = ()
    #: What of a person it tells, if anything.
    personal: Personal | None = None
    #: `event.action` of the records where it holds a list: an alert has one of all its parties.
    lists: frozenset[str] = frozenset()


class _Shape(Struct):
    type: PythonType = "str"
    many: bool = False
    es: str | None = None
    description: str | None = None
    choices: tuple[str, ...] = ()
    personal: Personal | Literal["no"] | None = None


def record_classes() -> tuple[type[Struct], ...]:
    """Every record class of EVENTS, and those of ALERTS and CASES."""
    return (*get_args(Record), Alert, AlertUpdate, CaseActivity)


@cache
def struct_type(record: type[Struct]) -> inspect.StructType:
    """What msgspec knows of a record class."""
    info = inspect.type_info(record)
    assert isinstance(info, inspect.StructType)
    return info


def declared(record: type[Struct]) -> Iterator[tuple[str, str, Any]]:
    """Attribute, ECS name and type hint of every field.

    The hint is the same object in all records that inherit it. What msgspec tells of a record has
    all this too, but takes a hundred times as long, for every process of ours that starts.
    """
    bases = [get_annotations(base) for base in record.__mro__]
    names = zip(record.__struct_fields__, record.__struct_encode_fields__, strict=True)
    for attribute, name in names:
        yield attribute, name, next(base[attribute] for base in bases if attribute in base)


@cache
def fields() -> dict[str, FieldInfo]:
    """All fields by name, those that sinks add to a document included."""
    attributes: dict[str, str] = {}
    hints: dict[str, dict[int, Any]] = {}
    records: dict[str, dict[str, int]] = {}
    actions: list[str] = []
    for record in record_classes():
        actions.append(action := str(record.__struct_config__.tag))
        for attribute, name, hint in declared(record):
            attributes.setdefault(name, attribute)
            hints.setdefault(name, {})[id(hint)] = hint
            records.setdefault(name, {})[action] = id(hint)
    types = iter(inspect.multi_type_info([one for some in hints.values() for one in some.values()]))
    found: dict[str, FieldInfo] = {}
    for name, some in hints.items():
        # The first record tells what it is; where that one changes only the default, another
        # has the description of the base class.
        shapes = {one: _shape(next(types)) for one in some}
        shape, *others = shapes.values()
        described = [one.description for one in (shape, *others) if one.description]
        if not described:
            raise TypeError(f"the field {name} has no description in any record")
        found[name] = FieldInfo(
            name=name,
            attribute=attributes[name],
            type=shape.type,
            many=shape.many,
            es=shape.es or _ES[shape.type],
            description=described[0],
            records=tuple(records[name]),
            choices=shape.choices,
            personal=_personal(name, shape),
            lists=frozenset(one for one, hint in records[name].items() if shapes[hint].many),
        )
    for added in _added(tuple(actions)):
        found[added.name] = added
    return dict(sorted(found.items()))


def event_fields() -> dict[str, FieldInfo]:
    """The fields of documents of EVENTS."""
    others = _OF_ALERTS | _OF_CASES
    return {name: field for name, field in fields().items() if not others.issuperset(field.records)}


def alert_fields() -> dict[str, FieldInfo]:
    """The fields of documents of ALERTS."""
    return {
        name: field for name, field in fields().items() if _OF_ALERTS.intersection(field.records)
    }


def _personal(name: str, shape: _Shape) -> Personal | None:
    """What is not said is taken for personal where its name lets one think so."""
    if shape.personal is not None:
        return None if shape.personal == "no" else shape.personal
    if name.startswith("investor."):
        return _OF_INVESTORS.get(name.rpartition(".")[2], "attribute")
    return None


def _added(actions: tuple[str, ...]) -> list[FieldInfo]:
    def added(name: str, es: str, description: str, choices: tuple[str, ...] = ()) -> FieldInfo:
        return FieldInfo(name, None, "str", False, es, description, actions, choices)

    return [
        added("event.action", "keyword", "What happened: the kind of record", actions),
        added("event.created", "date_nanos", "Event time, by the source's clock"),
        added("event.module", "keyword", "tapewatch"),
        added("ecs.version", "keyword", "Version of the Elastic Common Schema"),
    ]


def _shape(kind: inspect.Type) -> _Shape:
    match kind:
        case inspect.Metadata():
            shape = _shape(kind.type)
            extra = cast("dict[str, Any]", kind.extra or {})
            schema = cast("dict[str, Any]", kind.extra_json_schema or {})
            shape.es = extra.get("es", shape.es)
            shape.personal = extra.get("personal", shape.personal)
            shape.description = schema.get("description", shape.description)
            return shape
        case inspect.UnionType():
            (inner,) = (t for t in kind.types if not isinstance(t, inspect.NoneType))
            return _shape(inner)
        case inspect.VarTupleType():
            shape = _shape(kind.item_type)
            shape.many = True
            return shape
        case inspect.LiteralType():
            return _Shape("str", choices=tuple(str(value) for value in kind.values))
        case inspect.StrType():
            return _Shape("str")
        case inspect.BoolType():
            return _Shape("bool")
        case inspect.IntType():
            return _Shape("int")
        case inspect.FloatType():
            return _Shape("float")
        case inspect.DictType():
            return _Shape("map")
        case _:
            raise TypeError(f"no field type for {kind}")
