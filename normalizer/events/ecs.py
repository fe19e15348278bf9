"""Records to nested ECS documents for sinks, and documents of any form back to records."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, cast

import msgspec
from msgspec import Struct

from normalizer.events import Alert, AlertUpdate, CaseActivity, Record
from normalizer.events.nesting import nesting_function
from normalizer.events.taxonomy import FieldInfo, fields, record_classes
from pipeline.remembered import Remembered

ECS_VERSION = "9.4.0"
MODULE = "tapewatch"
_SECOND = 10**9
#: The end of the year 9999, after which RFC 3339 has no text.
_LATEST = 253_402_300_800 * _SECOND
_MOST_DEPTH = 32


class UnreadableDocument(ValueError):
    """A document of one of our actions that does not fit its record; ``field`` says where."""

    def __init__(self, reason: str, field: str | None) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.reason = reason
        self.field = field


def _second(seconds: int) -> str:
    """Seconds since the epoch as ``2014-11-07T08:19:27``."""
    return (datetime(1970, 1, 1) + timedelta(seconds=seconds)).isoformat()


#: Events come by the thousand in one second.
_seconds = Remembered(_second, 4_096)


def rfc3339(time: int) -> str:
    """Nanoseconds since the epoch as RFC 3339 with nine fractional digits and ``Z``.

    Raises :class:`OverflowError` past the year 9999.
    """
    seconds, rest = divmod(time, _SECOND)
    return f"{_seconds[seconds]}.{rest:09d}Z"


class _Nesting(dict[type[Struct], Callable[[Any], dict[str, Any]]]):
    """Record classes to what nests them. Written at a class's first record: all take long."""

    def __missing__(self, record: type[Struct]) -> Callable[[Any], dict[str, Any]]:
        self[record] = made = nesting_function(record, rfc3339, MODULE, ECS_VERSION)
        return made


_NEST = _Nesting()


def nest(record: Record | Alert | AlertUpdate | CaseActivity) -> dict[str, Any]:
    """The record as a nested ECS document; empty lists and None are left out."""
    return _NEST[type(record)](record)


@cache
def _by_action() -> dict[str, type[Struct]]:
    return {str(record.__struct_config__.tag): record for record in record_classes()}


@cache
def _maps() -> frozenset[str]:
    return frozenset(name for name, field in fields().items() if field.type == "map")


def parse(
    document: Mapping[str, Any],
) -> Record | Alert | AlertUpdate | CaseActivity | None:
    """The record in an ECS document, nested or with dotted names; None for one that isn't ours.

    Times are RFC 3339 texts or nanoseconds. For documents written by hand: lists may be single
    values and the other way round, exact amounts may be numbers, and what only the pipeline knows
    is filled in (``event.id`` from the content, ``event.ingested`` from the time, the rest empty).
    Raises :class:`UnreadableDocument`.
    """
    flat: dict[str, Any] = {}
    _flatten(document, "", flat, 0, _maps())
    action = _single(flat.get("event.action"))
    record = _by_action().get(action) if isinstance(action, str) else None
    if record is None:
        return None
    known = fields()
    values: dict[str, Any] = {}
    for name, value in flat.items():
        field = known.get(name)
        if field is not None and value is not None:
            values[name] = _fitted(field, value, many=action in field.lists)
    if "@timestamp" not in values and "event.created" in values:
        values["@timestamp"] = values["event.created"]
    if "@timestamp" in values:
        values.setdefault("event.ingested", values["@timestamp"])
    values.setdefault("event.provider", "")
    values.setdefault("event.original", "")
    if "event.id" not in values:
        content = msgspec.json.encode(values, order="deterministic")
        values["event.id"] = f"sha256:{hashlib.sha256(content).hexdigest()}"
    values["event.action"] = action
    try:
        return cast(
            "Record | Alert | AlertUpdate | CaseActivity",
            msgspec.convert(values, record, strict=False),
        )
    except msgspec.ValidationError as error:
        raise _unreadable(error) from None


def _flatten(
    value: Mapping[str, Any], prefix: str, flat: dict[str, Any], depth: int, maps: frozenset[str]
) -> None:
    if depth > _MOST_DEPTH:
        raise UnreadableDocument(f"is nested deeper than {_MOST_DEPTH}", prefix)
    for key, item in value.items():
        name = f"{prefix}.{key}" if prefix else key
        if prefix in maps:
            flat.setdefault(prefix, {})[key] = item
        elif isinstance(item, Mapping):
            _flatten(cast("Mapping[str, Any]", item), name, flat, depth + 1, maps)
        else:
            parent, _, leaf = name.rpartition(".")
            if parent in maps:
                flat.setdefault(parent, {})[leaf] = item
            else:
                flat[name] = item


def _single(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        return value
    items = cast("list[Any]", value)
    return items[0] if len(items) == 1 else items


def _fitted(field: FieldInfo, value: Any, *, many: bool) -> Any:
    if field.es == "date_nanos":
        return _nanoseconds(field.name, _single(value))
    if field.type == "map":
        return value
    if not many:
        return _exact(_single(value)) if field.type == "str" else _single(value)
    items = list(cast("list[Any]", value)) if isinstance(value, list | tuple) else [value]
    return [_exact(item) for item in items] if field.type == "str" else items


def _exact(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _nanoseconds(name: str, value: Any) -> int:
    if isinstance(value, str):
        time = _parse_time(name, value)
    elif isinstance(value, int) and not isinstance(value, bool):
        time = value
    else:
        raise UnreadableDocument("expected an RFC 3339 text or nanoseconds", name)
    if not 0 <= time < _LATEST:
        raise UnreadableDocument("is out of range", name)
    return time


def _parse_time(name: str, text: str) -> int:
    """Nanoseconds of an ISO 8601 text; without a zone it is UTC, as in Elasticsearch."""
    head, dot, tail = text.partition(".")
    digits = ""
    if dot:
        end = next((i for i, char in enumerate(tail) if not "0" <= char <= "9"), len(tail))
        digits, head = tail[:end], head + tail[end:]
    try:
        moment = datetime.fromisoformat(head)
        if dot and not digits:
            raise ValueError
    except ValueError:
        raise UnreadableDocument(f"{text[:60]!r} is no RFC 3339 time", name) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    whole = since.days * 86_400 + since.seconds
    return whole * _SECOND + int(digits[:9].ljust(9, "0"))


def _unreadable(error: msgspec.ValidationError) -> UnreadableDocument:
    text, _, place = str(error).partition(" - at `$.")
    if "missing required field" in text:
        return UnreadableDocument(text, text.rpartition("field ")[2].strip("`"))
    return UnreadableDocument(text, place.rstrip("`") or None)
