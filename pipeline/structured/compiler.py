"""From a type to its reader, by `msgspec.inspect`; each type once per process."""

import functools
from pathlib import Path
from typing import Any, cast

import msgspec
import msgspec.inspect as mi

from pipeline.secrets import SecretText
from pipeline.structured.containers import (
    AnyReader,
    DictReader,
    ListReader,
    NodeReader,
    TupleReader,
)
from pipeline.structured.paths import PathReader
from pipeline.structured.quantities import quantity_reader
from pipeline.structured.reader import Extra, Reader
from pipeline.structured.records import FieldReader, RecordReader, TaggedReader
from pipeline.structured.scalars import (
    BooleanReader,
    ChoiceReader,
    DateReader,
    DecimalReader,
    FloatReader,
    IntegerReader,
    NullReader,
    TextReader,
    TimestampReader,
    enum_choices,
)
from pipeline.structured.secret_fields import SecretReader
from pipeline.structured.unions import UnionReader
from pipeline.yaml_nodes import Node


def reader_for(type_: Any) -> Reader:
    """The reader of a type. Raises TypeError for one that can't be read from YAML."""
    try:
        hash(type_)
    except TypeError:  # Annotated with a Meta that has an `extra`
        return _compile(type_)
    return _compiled(type_)


def _compile(type_: Any) -> Reader:
    return _Compiler().compile(mi.type_info(type_), {})


_compiled = functools.cache(_compile)


class _Compiler:
    def __init__(self) -> None:
        self._records: dict[Any, RecordReader] = {}

    def compile(self, info: mi.Type, extra: Extra) -> Reader:
        if isinstance(info, mi.Metadata):
            more = cast("Extra", {**(info.extra_json_schema or {}), **(info.extra or {})})
            return self.compile(info.type, {**extra, **more})
        return self._scalar(info, extra) or self._collection(info)

    def _scalar(self, info: mi.Type, extra: Extra) -> Reader | None:
        match info:
            case mi.IntType() | mi.FloatType() if "unit" in extra:
                return quantity_reader(extra["unit"], info)
            case mi.StrType():
                return TextReader(info, extra)
            case mi.IntType():
                return IntegerReader(info)
            case mi.FloatType():
                return FloatReader(info)
            case mi.BoolType():
                return BooleanReader()
            case mi.NoneType():
                return NullReader()
            case mi.LiteralType():
                return ChoiceReader({value: value for value in info.values})
            case mi.EnumType():
                return ChoiceReader(enum_choices(info.cls))
            case mi.DecimalType():
                return DecimalReader()
            case mi.DateType():
                return DateReader()
            case mi.DateTimeType():
                return TimestampReader()
            case mi.CustomType() if issubclass(info.cls, SecretText):
                return SecretReader(info.cls)
            case mi.CustomType() if issubclass(info.cls, Path):
                return PathReader(extra)
            case _:
                return None

    def _collection(self, info: mi.Type) -> Reader:
        match info:
            case mi.AnyType():
                return AnyReader()
            case mi.StructType() if issubclass(info.cls, Node):
                return NodeReader(info.cls)
            case mi.StructType() if not info.array_like:
                return self._record(info)
            case mi.UnionType():
                return self._union(info)
            case mi.ListType():
                return ListReader(self.compile(info.item_type, {}), _same, info, unique=False)
            case mi.VarTupleType():
                return ListReader(self.compile(info.item_type, {}), tuple, info, unique=False)
            case mi.SetType():
                return ListReader(self.compile(info.item_type, {}), set, info, unique=True)
            case mi.FrozenSetType():
                return ListReader(self.compile(info.item_type, {}), frozenset, info, unique=True)
            case mi.TupleType():
                return TupleReader([self.compile(item, {}) for item in info.item_types])
            case mi.DictType():
                key, value = self.compile(info.key_type, {}), self.compile(info.value_type, {})
                return DictReader(key, value, info)
            case _:
                raise TypeError(f"{info} can't be read from YAML")

    def _record(self, info: mi.StructType) -> RecordReader:
        if (known := self._records.get(info.cls)) is not None:
            return known
        record = RecordReader(info.cls, info.tag_field, info.tag)
        self._records[info.cls] = record
        record.set_fields(
            [
                FieldReader(
                    field.name,
                    field.encode_name,
                    self.compile(field.type, {}),
                    # msgspec.inspect has NODEFAULT for a field whose default is UNSET.
                    field.default if field.required else _default(field),
                    field.default_factory,
                )
                for field in info.fields
            ]
        )
        return record

    def _union(self, info: mi.UnionType) -> Reader:
        records: list[RecordReader] = []
        others: list[Reader] = []
        for alternative in info.types:
            reader = self.compile(alternative, {})
            if isinstance(reader, RecordReader):
                records.append(reader)
            else:
                others.append(reader)
        if len(records) > 1:
            others.append(TaggedReader(records))
        else:
            others.extend(records)
        return others[0] if len(others) == 1 else UnionReader(others)


def _default(field: mi.Field) -> Any:
    if field.default is msgspec.NODEFAULT and field.default_factory is msgspec.NODEFAULT:
        return msgspec.UNSET
    return field.default


def _same(values: list[Any]) -> list[Any]:
    return values
