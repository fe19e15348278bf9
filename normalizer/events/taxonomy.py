"""All fields of all records, read from the records themselves.

For Elasticsearch mappings, the field reference in the docs, and the check of rules' field names.
"""

from functools import cache
from typing import Any, Literal, cast, get_args

import msgspec
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
    #: Whether it holds a list.
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


@cache
def fields() -> dict[str, FieldInfo]:
    """All fields by name, those that sinks add to a document included."""
    found: dict[str, FieldInfo] = {}
    actions: list[str] = []
    for record in record_classes():
        info = struct_type(record)
        action = str(info.tag)
        actions.append(action)
        for field in info.fields:
            known = found.get(field.encode_name)
            if known is not None:
                found[field.encode_name] = msgspec.structs.replace(
                    known, records=(*known.records, action)
                )
                continue
            shape = _shape(field.type)
            found[field.encode_name] = FieldInfo(
                name=field.encode_name,
                attribute=field.name,
                type=shape.type,
                many=shape.many,
                es=shape.es or _ES[shape.type],
                description=shape.description or _inherited(field.encode_name),
                records=(action,),
                choices=shape.choices,
                personal=_personal(field.encode_name, shape),
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


def case_fields() -> dict[str, FieldInfo]:
    """The fields of documents of CASES."""
    return {
        name: field for name, field in fields().items() if _OF_CASES.intersection(field.records)
    }


def _personal(name: str, shape: _Shape) -> Personal | None:
    """What is not said is taken for personal where its name lets one think so."""
    if shape.personal is not None:
        return None if shape.personal == "no" else shape.personal
    if name.startswith("investor."):
        return _OF_INVESTORS.get(name.rpartition(".")[2], "attribute")
    return None


def _inherited(name: str) -> str:
    """The description that a base class gave, where a record only changes the default."""
    for record in record_classes():
        for field in struct_type(record).fields:
            if field.encode_name == name and (text := _shape(field.type).description):
                return text
    raise TypeError(f"the field {name} has no description in any record")


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
