"""The sentence that a rule writes into its alerts: text with fields in braces.

`"{token.amount} {token.symbol} moved from {source.address}"`. Nothing but field names can stand in
braces; `{{` and `}}` are braces themselves. Python's format strings are not used: they reach
attributes and can be made to use any amount of memory.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from detections.fields import FieldType
from detections.sigma.readers import Constant, Reader
from detections.wording import amount

LONGEST_TEMPLATE = 1_000
_LONGEST_VALUE = 200
_LONGEST_SENTENCE = 2_000
_MISSING = "unknown"
_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_SECOND = 1_000_000_000

Fill = Callable[[Any], str]


class ReasonError(ValueError):
    """A template can't be used; `at` is the character (from 0) where the mistake stands."""

    def __init__(self, message: str, at: int) -> None:
        self.at = at
        super().__init__(message)


class Reason(msgspec.Struct, frozen=True):
    """A template in parts: literal texts at even places, field names at odd ones."""

    parts: tuple[str, ...]

    @property
    def fields(self) -> tuple[str, ...]:
        return self.parts[1::2]


def parse_reason(template: str) -> Reason:
    """Raises ReasonError."""
    if len(template) > LONGEST_TEMPLATE:
        raise ReasonError(f"it is longer than {LONGEST_TEMPLATE} characters", LONGEST_TEMPLATE)
    parts: list[str] = []
    text, at = "", 0
    for token in _TOKEN.finditer(template):
        text += template[at : token.start()]
        at = token.end()
        if token[0] in ("{{", "}}"):
            text += token[0][0]
        elif token[1] is None:
            raise ReasonError(f'a "{token[0]}" without its partner', token.start())
        else:
            parts += [text, token[1].strip()]
            text = ""
    return Reason((*parts, text + template[at:]))


def fill_reason(reason: Reason, reader: Reader, types: Callable[[str], FieldType | None]) -> Fill:
    """The function that writes the sentence for an event of the reader's shape."""
    literals = reason.parts[0::2]
    reads = [(reader.field(name), types(name)) for name in reason.fields]

    def fill(event: Any) -> str:
        text = [literals[0]]
        for literal, (read, kind) in zip(literals[1:], reads, strict=True):
            value = read.value if isinstance(read, Constant) else read(event)
            text += [_shown(value, kind), literal]
        return "".join(text)[:_LONGEST_SENTENCE]

    return fill


def _shown(value: Any, kind: FieldType | None) -> str:
    if value is None or value == () or value == []:
        return _MISSING
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
    return str(value)[:_LONGEST_VALUE]
