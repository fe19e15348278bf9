"""Rows of tables and items of JSON as records, by the columns that the configuration names.

Only the fields of a record are taken: whatever else a row has stays in the source.
"""

import datetime
import decimal
import difflib
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast, get_args, get_origin

import msgspec

from collectors.reference.record_identity import identity_of
from collectors.reference.row_faults import faults_of
from collectors.reference.source import Given, Rejected
from pipeline.config.reference_sources import FileReference, HttpReference, Kind, SqlReference
from pipeline.problems import all_of, shown
from pipeline.reference_changes import RECORDS, change_of
from pipeline.reference_records import ReferenceRecord

#: How near a name must be to be a slip of the pen: `valid_too`, `juristiction`, `ValidTo`.
_NEAR = 0.8
_LONGEST_NAME = 100
_MOST_SHAPES = 1_000

RowSettings = FileReference | SqlReference | HttpReference


class RowReader:
    """Makes records of one kind of rows."""

    def __init__(self, settings: RowSettings, kind: Kind) -> None:
        self._record: type[ReferenceRecord] = RECORDS[kind]
        names = {field.name: field.type for field in msgspec.structs.fields(self._record)}
        self._lists = {name for name, type_ in names.items() if _is_list(type_)}
        #: By field, the column; a field within another is named with points.
        inner = {
            name.partition(".")[0]
            for name in (*settings.columns, *settings.constants)
            if "." in name
        }
        self.columns: Mapping[str, str] = {
            name: name for name in names if name not in inner
        } | settings.columns
        self._ignored = frozenset(settings.ignore)
        self._misspelt: dict[frozenset[str], str | None] = {}
        self._constants = settings.constants
        self._values = settings.values
        self._separator = settings.separator
        self._fields = names

    def unknown(self) -> list[str]:
        """Names of fields in the configuration that the record doesn't have."""
        named = (*self.columns, *self._constants, *self._values)
        return sorted({name for name in named if name.partition(".")[0] not in self._fields})

    def missing(self, columns: Sequence[str]) -> list[str]:
        """Columns that the configuration names and a table doesn't have."""
        there = set(columns)
        own = set(self._fields)
        return [
            column
            for name, column in self.columns.items()
            if column not in there and not (column == name and name in own)
        ]

    def misspelt(self, columns: Iterable[str]) -> str | None:
        """Why there are columns that would be read if it were not for a letter or two; else None.

        Other columns that no field names are the source's own, and stay there.
        """
        there = frozenset(columns)
        if there not in self._misspelt:
            if len(self._misspelt) >= _MOST_SHAPES:  # of items of JSON, each with other names
                self._misspelt.clear()
            self._misspelt[there] = self._nearly(there)
        return self._misspelt[there]

    def _nearly(self, there: frozenset[str]) -> str | None:
        wanted = {
            _letters(column): column
            for name, column in self.columns.items()
            if column not in there and name not in self._constants
        }
        slips: dict[str, str] = {}
        for column in sorted(there - frozenset(self.columns.values()) - self._ignored):
            if len(column) > _LONGEST_NAME:
                continue
            near = difflib.get_close_matches(_letters(column), wanted, n=1, cutoff=_NEAR)
            if near:
                slips[shown(column)] = wanted[near[0]]
        if not slips:
            return None
        several = len(slips) > 1
        return (
            f"the column{'s' if several else ''} {all_of(slips)} {'are' if several else 'is'} "
            f"not read: did you mean {all_of(slips.values())}? "
            f"If not, name {'them' if several else 'it'} under the source's ignore"
        )

    def read(self, row: Mapping[str, Any], place: str) -> Given | Rejected:
        """The record of a row, or why it is none."""
        fields: dict[str, Any] = {}
        for name, column in self.columns.items():
            value = self._value(name, row.get(column))
            if value is not None:
                _set(fields, name, value)
        for name, text in self._constants.items():
            _set(fields, name, self._value(name, text))
        try:
            record = msgspec.convert(_sequences(fields), self._record, strict=False)
            change_of(record)
        except (msgspec.ValidationError, UnicodeEncodeError) as error:
            faults = faults_of(self._record, _sequences(fields))
            if len(faults) == 1:
                return self._rejected(place, faults[0].reason, faults[0].field, fields)
            said = "; ".join(f"{self._shown(one.field)}: {one.reason}" for one in faults)
            return self._rejected(place, said or str(error), None, fields)
        except ValueError as error:
            field, _, reason = str(error).partition(": ")
            return self._rejected(place, reason, field, fields)
        return Given(record, place)

    def _rejected(
        self, place: str, reason: str, field: str | None, fields: Mapping[str, Any]
    ) -> Rejected:
        identity = identity_of(self._record, fields)
        return Rejected(
            place, reason, self._shown(field), identity=identity, hides=identity is None
        )

    def _shown(self, field: str | None) -> str | None:
        """A field with the column that it comes from, where that has another name."""
        if field is None:
            return None
        outer = re.split(r"[.\[]", field, maxsplit=1)[0]
        inner = re.sub(r"\[(\d+)\]", r".\1", field)
        column = self.columns.get(inner, self.columns.get(outer))
        return field if column in (None, outer) else f"{field} (column {column})"

    def _value(self, name: str, value: Any) -> Any:
        """A value as the record wants it; None for what isn't there."""
        if isinstance(value, str):
            value = value.strip()
        if value is None or value == "":
            return None
        if (meant := self._values.get(name)) is not None:
            value = meant.get(str(value), value)
        if name in self._lists and isinstance(value, str):
            return [part for one in value.split(self._separator) if (part := one.strip())]
        return _plain(value)


def _letters(name: str) -> str:
    return name.casefold().replace("-", "").replace("_", "").replace(" ", "")


def _is_list(type_: Any) -> bool:
    return get_origin(type_) is tuple and get_args(type_)[-1:] == (...,)


def _plain(value: Any) -> Any:
    """Times, days and numbers as the text that records have."""
    if isinstance(value, datetime.datetime):
        aware = value if value.tzinfo is not None else value.replace(tzinfo=datetime.UTC)
        try:
            return aware.astimezone(datetime.UTC).isoformat().replace("+00:00", "Z")
        except OverflowError:
            return aware.isoformat()  # the record says that it is no time
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)  # what is a number in the record is read from it
    if isinstance(value, list | tuple):
        return [_plain(one) for one in cast("Sequence[Any]", value) if one is not None]
    return value


def _set(fields: dict[str, Any], name: str, value: Any) -> None:
    *outer, last = name.split(".")
    place = fields
    for step in outer:
        place = place.setdefault(step, {})
    place[last] = value


def _sequences(value: Any) -> Any:
    """With lists where the keys are places: ``contracts.0.address``."""
    if not isinstance(value, dict):
        return value
    inner = {key: _sequences(one) for key, one in cast("dict[str, Any]", value).items()}
    if inner and all(key.isdecimal() for key in inner):
        return [inner[key] for key in sorted(inner, key=int)]
    return inner
