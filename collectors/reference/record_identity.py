"""Which record something would be that can't become one, by the fields that name it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from pipeline.reference_changes import Identity, change_of
from pipeline.reference_records import ReferenceRecord


class _Named(msgspec.Struct, omit_defaults=True):
    """The fields that may name a record, as texts."""

    id: str | None = None
    investor: str | None = None
    address: str | None = None
    venue: str | None = None
    account: str | None = None
    list: str | None = None
    provider: str | None = None
    token: str | None = None
    valid_from: str | None = None


_NAMING = _Named.__struct_fields__


def identity_of(record: type[ReferenceRecord], fields: Mapping[str, Any]) -> Identity | None:
    """The identity of the record of these values, whatever else is wrong; None if nobody can tell.

    Values need not be as the record wants them: an address that is none still names what it names.
    """
    try:
        some = {name: fields[name] for name in _NAMING if fields.get(name) is not None}
        change = change_of(record(**_required(record, msgspec.convert(some, _Named))))
    except (msgspec.ValidationError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return change.identity if change.key else None


def _required(record: type[ReferenceRecord], named: _Named) -> dict[str, Any]:
    fields = {field.name: field for field in msgspec.structs.fields(record)}
    found = {
        name: value
        for name in _NAMING
        if name in fields and (value := getattr(named, name)) is not None
    }
    for name, field in fields.items():
        if field.required and name not in found:
            found[name] = None  # says nothing of which record it is
    return found
