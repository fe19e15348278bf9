"""What a test's event lacks to be a record of ours: filled in, the same every time, readable."""

import contextlib
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec

from detections.fields import Attribute, Shape, taxonomy
from detections.reading import NotAnEvent, nanoseconds
from pipeline.units import MINUTE

_DECIMALS = 18
_STRETCH = 5 * MINUTE
_ADDRESS = "0x" + "0" * 36 + "cafe"
_PARTIES = (".owner", ".recipient", ".sender")


def fill_in(fields: dict[str, Any], shape: Shape, *, number: int, moment: int) -> None:
    """Add what a record of this shape needs. `number` counts a test's events from 1."""
    amount = fields.get("token.amount")
    if "token.amount_raw" in shape.attributes and type(amount) in (int, float):
        with contextlib.suppress(ArithmeticError, ValueError):  # of what is no amount
            fields.setdefault("token.amount_raw", str(int(Decimal(str(amount)).scaleb(_DECIMALS))))
    fields.setdefault("event.id", event_id(number))
    fields.setdefault("@timestamp", moment)
    fields.setdefault("event.ingested", moment)
    fields.setdefault("event.original", f"test/{number}/0")
    fields.setdefault("event.provider", "test")
    if "event.start" in shape.attributes:  # a stretch of time, known when it is over
        fields.setdefault("event.end", moment)
        fields.setdefault("event.start", moment - _STRETCH)
    for name in _required(shape.record):
        if name not in fields:
            attribute = shape.attributes[name]
            fields[name] = fitted(_value(name, attribute, number), attribute)


@cache
def _required(record: type[msgspec.Struct]) -> tuple[str, ...]:
    # msgspec resolves the annotations anew at each call, which takes a millisecond.
    return tuple(info.encode_name for info in msgspec.structs.fields(record) if info.required)


def event_id(number: int) -> str:
    """What an event is called that has no id of its own."""
    return f"event-{number}"


def fitted(value: Any, attribute: Attribute) -> Any:
    """A value as the record has it: one as a list where it has lists, exact numbers as text."""
    if isinstance(value, list) or value is None:
        return value  # pyright: ignore[reportUnknownVariableType]
    if attribute.type.many:
        return [value]
    if attribute.type.kind == "date":
        return as_moment(value)
    return str(value) if attribute.type.kind == "exact" and type(value) is int else value


def is_moment(name: str) -> bool:
    """Whether a field holds a time."""
    found = taxonomy().get(name)
    return found is not None and found.kind == "date" and not found.many


def as_moment(value: Any) -> Any:
    """A time in nanoseconds where it is written as events have it; anything else as it is."""
    if not isinstance(value, str):
        return value
    try:
        return nanoseconds(value)
    except NotAnEvent:
        return value


def _value(name: str, attribute: Attribute, number: int) -> Any:
    kind = attribute.type
    if kind.choices:
        return sorted(kind.choices)[0]
    match kind.kind:
        case "exact":
            return "1"
        case "integer" | "date":
            return 1
        case "number":
            return 1.0
        case "boolean":
            return False
        case _:
            pass
    if name.endswith((".id", ".hash")):
        return f"{name.split('.')[-2]}-{number}"
    if "address" in name or name.endswith(_PARTIES):
        return _ADDRESS
    return f"test-{name.split('.')[-1]}"
