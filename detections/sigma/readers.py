"""How a compiled rule reads fields: by attribute of a record, or by name of a document."""

import operator
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from detections.fields import ACTION, Shape

Read = Callable[[Any], Any]


class Constant:
    """The field has the same value in every event of this shape (None: it isn't there)."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class Reader(Protocol):
    """Gives access to the fields of one shape of event."""

    def field(self, name: str) -> Read | Constant:
        """How to read the field; what is read is None, a value, or a list or tuple of values."""
        ...

    def is_list(self, name: str) -> bool | None:
        """Whether the field always is a list (True), never (False), or perhaps (None)."""
        ...

    def values(self, event: Any) -> Iterator[Any]:
        """All values of the event, for keyword searches."""
        ...


class RecordReader:
    """Reads records of one class. What the class doesn't have is known to be missing."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._all = tuple(a.name for a in shape.attributes.values())

    def field(self, name: str) -> Read | Constant:
        if name == ACTION:
            return Constant(self._shape.action)
        attribute = self._shape.attributes.get(name)
        return Constant(None) if attribute is None else operator.attrgetter(attribute.name)

    def is_list(self, name: str) -> bool | None:
        attribute = self._shape.attributes.get(name)
        return attribute is not None and attribute.type.many

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

    def field(self, name: str) -> Read | Constant:
        def read(document: Any) -> Any:
            return document.get(name)

        return read

    def is_list(self, name: str) -> bool | None:
        return None

    def values(self, event: Any) -> Iterator[Any]:
        for value in event.values():
            if isinstance(value, list):
                yield from value  # pyright: ignore[reportUnknownVariableType]
            else:
                yield value
