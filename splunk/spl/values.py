"""Values of fields, and how documents become rows."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

#: A field's value; a list is a multivalue field. A field without a value is not in the row.
Value = str | float | list[str | float]
Row = dict[str, Value]


class SplError(Exception):
    """The search isn't one that this part of SPL has; the text says where."""


def row_of(document: Mapping[str, Any], time: float) -> Row:
    """A nested document as `KV_MODE = json` gives its fields: `a.b`, and `a.b{}` of lists."""
    row: Row = {"_time": time}
    for name, value in _flat("", document):
        if name in row and name.endswith("}"):
            before = row[name]
            row[name] = [*(before if isinstance(before, list) else [before]), value]
        else:
            row[name] = value
    return row


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, str | float]]:
    if isinstance(value, dict):
        for key, inner in cast("dict[str, Any]", value).items():
            yield from _flat(f"{prefix}.{key}" if prefix else key, inner)
    elif isinstance(value, list):
        for inner in cast("list[Any]", value):
            yield from _flat(f"{prefix}{{}}", inner)
    elif isinstance(value, bool):
        yield prefix, "true" if value else "false"
    elif isinstance(value, (int, float)):
        yield prefix, float(value)
    elif value is not None:
        yield prefix, str(value)


def number(value: Value | bool | None) -> float | None:
    """The value as a number, if it is one or the text of one."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, list):
        return number(value[0]) if len(value) == 1 else None
    try:
        return float(value) if value is not None else None
    except ValueError:
        return None


def text(value: Value) -> str:
    """The value as Splunk shows it; whole numbers without a point."""
    if isinstance(value, list):
        return "\n".join(text(one) for one in value)
    if isinstance(value, (int, float)):
        return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(value)
    return value


def every(value: Value | None) -> list[str | float]:
    """The single values of a field; none of one that has no value."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def order(value: Value | None) -> tuple[int, float, str]:
    """A key to sort by: numbers before texts, and what has no value last."""
    if value is None:
        return 2, 0.0, ""
    found = number(value)
    return (0, found, "") if found is not None else (1, 0.0, text(value))
