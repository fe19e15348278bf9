"""Plain ECS documents that are no record of ours, as rules see them."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

#: A document by dotted field name. A list holds plain values only; null and empty are left out.
Document = dict[str, Any]

_DEEPEST = 64


def flatten(document: Mapping[str, Any]) -> Document:
    """A nested or dotted document by dotted name, lists of objects as lists of their values.

    That is how Elasticsearch indexes it: `{"a": [{"b": 1}, {"b": 2}]}` has `a.b` of 1 and 2.
    Raises ValueError when it is nested more than 64 deep.
    """
    flat: Document = {}
    for name, value in _leaves("", document, 0):
        if name not in flat:
            flat[name] = value
        else:
            before = flat[name]
            flat[name] = [*(before if isinstance(before, list) else [before]), value]
    return flat


def _leaves(name: str, value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    if depth > _DEEPEST:
        raise ValueError(f"the document is nested more than {_DEEPEST} deep")
    if isinstance(value, Mapping):
        for key, inner in cast("Mapping[object, Any]", value).items():
            yield from _leaves(f"{name}.{key}" if name else str(key), inner, depth + 1)
    elif isinstance(value, list):
        for inner in cast("list[Any]", value):
            yield from _leaves(name, inner, depth + 1)
    elif value is not None:
        yield name, value
