"""An event as explanations look at it: its fields by name, and what it has them of."""

import difflib
from collections.abc import Mapping
from typing import Any

from detections.explanation.model import Missing
from detections.fields import ACTION, Attribute, Shape, shapes
from detections.sigma.documents import Document
from detections.sigma.readers import Constant, DocumentReader, Reader, RecordReader
from detections.sigma.values import ValueTest
from normalizer.events import Record

_LONGEST = 160
_MOST_VALUES = 10
_NEARLY = 0.8


class Seen:
    """One event. `document` is all that was sent of it, with what a record of ours leaves out."""

    def __init__(self, event: Record | Document, document: Document | None = None) -> None:
        self.event = event
        self._sent: Mapping[str, Any] = event if isinstance(event, dict) else document or {}
        self.shape: Shape | None = None if isinstance(event, dict) else shapes()[type(event)]
        self.reader: Reader = DocumentReader() if self.shape is None else RecordReader(self.shape)

    @property
    def action(self) -> str | None:
        value = self.value(ACTION)
        return None if value is None else str(value)

    def value(self, name: str) -> Any:
        """The field's value, or list of values; None where there is none."""
        read = self.reader.field(name)
        value = read.value if isinstance(read, Constant) else read(self.event)
        return None if value in ((), []) else value

    def values(self, name: str) -> list[Any]:
        """The field's values: none, one or several."""
        value = self.value(name)
        if value is None:
            return []
        return list(value) if isinstance(value, (list, tuple)) else [value]  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]

    def text(self, name: str) -> str | None:
        """The field's value for people; None where there is none."""
        values = self.values(name)
        if not values:
            return None
        more = len(values) - _MOST_VALUES
        said = ", ".join(_cut(text_of(value)) for value in values[:_MOST_VALUES])
        return f"{said} and {more} more" if more > 0 else said

    def where(self, test: ValueTest) -> str | None:
        """The first field with a value that passes, and this value."""
        names = self.event if isinstance(self.event, dict) else (ACTION, *self._attributes())
        for name in names:
            for value in self.values(name):
                if test(value):
                    return f"{name}: {_cut(text_of(value))}"
        return None

    def _attributes(self) -> Mapping[str, Attribute]:
        return {} if self.shape is None else self.shape.attributes

    def why_missing(self, name: str) -> Missing:
        """Why a field has no value."""
        if self.shape is not None and name != ACTION and name not in self.shape.attributes:
            return "never there"
        return "no value"

    def nearly(self, name: str) -> str | None:
        """What the event has under nearly this name, where that is no field that we know."""
        known = self._attributes()
        names = [sent for sent in self._sent if sent != name and sent not in known]
        found = difflib.get_close_matches(name, names, n=1, cutoff=_NEARLY)
        return f"{found[0]}: {_cut(text_of(self._sent[found[0]]))}" if found else None


def text_of(value: Any) -> str:
    """A value as it stands in JSON, texts without quotes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
