"""The sentence that a rule writes into its alerts: text with fields in braces.

`"{token.amount} {token.symbol} moved from {source.address}"`. Nothing but field names can stand in
braces; `{{` and `}}` are braces themselves. What stands in square brackets is left out where an
event has no value for a field in it: `"{source.address}[ ({investor.source.id})]"`; `[[` and `]]`
are square brackets themselves. Python's format strings are not used: they reach attributes and can
be made to use any amount of memory.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from detections.alerting.wording import amount
from detections.fields import FieldType
from detections.sigma.readers import Constant, FieldReader

LONGEST_TEMPLATE = 1_000
_LONGEST_VALUE = 200
_LONGEST_SENTENCE = 2_000
_MISSING = "unknown"
_TOKEN = re.compile(r"\{\{|\}\}|\[\[|\]\]|\{([^{}]*)\}|[{}\[\]]")
_SECOND = 1_000_000_000

Fill = Callable[[Any], str]


class ReasonError(ValueError):
    """A template can't be used; `at` is the character (from 0) where the mistake stands."""

    def __init__(self, message: str, at: int) -> None:
        self.at = at
        super().__init__(message)


class Section(msgspec.Struct, frozen=True):
    """A part of a template: literal texts at even places, field names at odd ones."""

    parts: tuple[str, ...]
    optional: bool = False
    """Whether it is left out where one of its fields has no value."""


class Reason(msgspec.Struct, frozen=True):
    """A template, in its sections."""

    sections: tuple[Section, ...]

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(name for section in self.sections for name in section.parts[1::2])


class _Reading:
    """A template as far as it is read."""

    def __init__(self) -> None:
        self.sections: list[Section] = []
        self.parts: list[str] = []
        self.text = ""
        self.opened: int | None = None
        """Where the square bracket stands that is open."""

    def end_section(self) -> None:
        parts = (*self.parts, self.text)
        if parts != ("",):
            self.sections.append(Section(parts, optional=self.opened is not None))
        self.parts, self.text = [], ""


def parse_reason(template: str) -> Reason:
    """Raises ReasonError."""
    if len(template) > LONGEST_TEMPLATE:
        raise ReasonError(f"it is longer than {LONGEST_TEMPLATE} characters", LONGEST_TEMPLATE)
    reading, at = _Reading(), 0
    for token in _TOKEN.finditer(template):
        reading.text += template[at : token.start()]
        at = token.end()
        if token[0] in ("{{", "}}", "[[", "]]"):
            reading.text += token[0][0]
        elif token[1] is not None:
            reading.parts += [reading.text, token[1].strip()]
            reading.text = ""
        elif token[0] == "[" and reading.opened is None:
            reading.end_section()
            reading.opened = token.start()
        elif token[0] == "]" and reading.opened is not None:
            if not reading.parts:
                raise ReasonError("square brackets without a field in them", reading.opened)
            reading.end_section()
            reading.opened = None
        else:
            raise ReasonError(f'a "{token[0]}" without its partner', token.start())
    if reading.opened is not None:
        raise ReasonError('a "[" without its partner', reading.opened)
    reading.text += template[at:]
    reading.end_section()
    return Reason(tuple(reading.sections))


def fill_reason(
    reason: Reason, reader: FieldReader, types: Callable[[str], FieldType | None]
) -> Fill:
    """The function that writes the sentence for an event of the reader's shape.

    It is made when the first sentence is written: most rules never match events of most shapes.
    """
    sections: list[Fill] = []

    def fill(event: Any) -> str:
        if not sections:
            sections.extend(_fill_section(section, reader, types) for section in reason.sections)
        return "".join([write(event) for write in sections])[:_LONGEST_SENTENCE]

    return fill


def _fill_section(
    section: Section, reader: FieldReader, types: Callable[[str], FieldType | None]
) -> Fill:
    literals = section.parts[0::2]
    reads = [(reader.field(name), types(name)) for name in section.parts[1::2]]

    def fill(event: Any) -> str:
        text = [literals[0]]
        for literal, (read, kind) in zip(literals[1:], reads, strict=True):
            value = read.value if isinstance(read, Constant) else read(event)
            if value is None or value == () or value == []:
                if section.optional:
                    return ""
                value = _MISSING
            text += [_shown(value, kind), literal]
        return "".join(text)

    return fill


def _shown(value: Any, kind: FieldType | None) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(_shown(one, kind) for one in value[:10])[:_LONGEST_VALUE]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if kind is not None and kind.kind == "date" and isinstance(value, int):
        moment = datetime.fromtimestamp(value // _SECOND, UTC)
        return moment.strftime("%Y-%m-%d %H:%M:%S UTC")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and kind is not None and kind.kind == "integer":
        return str(value)  # block numbers and the like are names: not grouped
    if isinstance(value, (int, float)):
        return amount(value)
    text = str(value)[:_LONGEST_VALUE]
    # Texts of contracts and venues must not break the sentence's line or turn its direction.
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
