"""Why a row is no record: every field that isn't as it should be, in the words of a file's errors.

What stands in the row is not repeated: what was taken for a country may be somebody's name, and
what is said here is kept with the dead letters.
"""

import re
from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

import msgspec

from pipeline.reference_records import ReferenceRecord
from pipeline.structured.compiler import reader_for

_STEP = re.compile(r"\[(\d+|\.\.\.)\]|\.?(\w+)")
_MISSING = re.compile(r"Object missing required field `(\w+)`")


class FieldFault(NamedTuple):
    """What is wrong with a field, such as `addresses[0]`."""

    field: str
    reason: str


def faults_of(record: type[ReferenceRecord], fields: Mapping[str, Any]) -> list[FieldFault]:
    """All of them, in the order of the record's fields."""
    return list(_faults(record, fields))


def _faults(record: type[ReferenceRecord], fields: Mapping[str, Any]) -> Iterator[FieldFault]:
    for field in msgspec.structs.fields(record):
        if field.name in fields:
            try:
                msgspec.json.encode(msgspec.convert(fields[field.name], field.type, strict=False))
            except msgspec.ValidationError as error:
                yield _fault(field.name, field.type, str(error))
            except UnicodeEncodeError:  # half a letter, as a driver may give it
                yield FieldFault(field.name, "is no text that UTF-8 can have")
        elif field.required:
            yield FieldFault(field.name, "is missing")


def _fault(name: str, type_: Any, said: str) -> FieldFault:
    reason, _, way = said.partition(" - at `$")
    way = way.removesuffix("`")
    if found := _MISSING.fullmatch(reason):
        return FieldFault(f"{name}{way}.{found[1]}", "is missing")
    if reason.startswith("Expected") or reason.startswith("Invalid"):
        reason = f"expected {reader_for(_type_at(type_, way)).expected}"
    return FieldFault(name + way, reason)


def _type_at(type_: Any, way: str) -> Any:
    """The type of what stands there: `[0].address` of contracts is an address."""
    for place, name in _STEP.findall(way):
        type_ = _without_none(type_)
        if place:
            type_ = get_args(type_)[0]
        else:
            names = {field.name: field.type for field in msgspec.structs.fields(type_)}
            type_ = names[name]
    return type_


def _without_none(type_: Any) -> Any:
    if get_origin(type_) is Annotated:
        return _without_none(get_args(type_)[0])
    if get_origin(type_) in (Union, UnionType):
        return next(one for one in get_args(type_) if one is not type(None))
    return type_
