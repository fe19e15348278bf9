"""How a compiled rule reads fields: by attribute of a record, or by name of a document."""

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import msgspec

from detections.fields import ACTION, Shape

Read = Callable[[Any], Any]


class Constant(msgspec.Struct, frozen=True):
    """The field has the same value in every event of this shape (None: it isn't there)."""

    value: Any


class Attribute(msgspec.Struct, frozen=True):
    """Attributes, one after the other, that lead to the value. Their names are ours."""

    path: str
    default: Any = None
    """What a record has where the event says nothing."""
    is_text: bool = False
    """Whether it is always text, or None."""


class Key(msgspec.Struct, frozen=True):
    """The key of a flat document."""

    name: str


#: Where a field is found, for code that reads it in place.
Access = Constant | Attribute | Key


class FieldReader(Protocol):
    """Reads fields by name."""

    def field(self, name: str) -> Read | Constant:
        """How to read the field; its value is None, a value, or a list or tuple of values."""
        ...


class Reader(FieldReader, Protocol):
    """Gives access to the fields of one shape of event."""

    def access(self, name: str) -> Access:
        """Where the field is found."""
        ...

    def values(self, event: Any) -> Iterator[Any]:
        """All values of the event, for keyword searches."""
        ...


class RecordReader:
    """Reads records of one class. What the class doesn't have is known to be missing."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._all = tuple(a.name for a in shape.attributes.values())

    def access(self, name: str) -> Access:
        if name == ACTION:
            return Constant(self._shape.action)
        attribute = self._shape.attributes.get(name)
        if attribute is None:
            return Constant(None)
        kind = attribute.type
        return Attribute(
            attribute.name, is_text=not kind.many and kind.kind in ("keyword", "exact")
        )

    def field(self, name: str) -> Read | Constant:
        found = self.access(name)
        return operator.attrgetter(found.path) if isinstance(found, Attribute) else found  # pyright: ignore[reportReturnType]

    def values(self, event: Any) -> Iterator[Any]:
        yield self._shape.action
        for name in self._all:
            value = getattr(event, name)
            if isinstance(value, tuple):
                yield from value  # pyright: ignore[reportUnknownVariableType]
            elif value is not None:
                yield value


class DocumentReader:
    """Reads flat documents (`detections.sigma.documents`)."""

    def access(self, name: str) -> Access:
        return Key(name)

    def field(self, name: str) -> Read | Constant:
        def read(document: Mapping[str, Any]) -> Any:
            return document.get(name)

        return read

    def values(self, event: Any) -> Iterator[Any]:
        for value in event.values():
            if isinstance(value, list):
                yield from value  # pyright: ignore[reportUnknownVariableType]
            else:
                yield value
