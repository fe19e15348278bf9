"""Readers of text, numbers, booleans, choices and dates."""

import datetime
import enum
import math
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec.inspect as mi

from pipeline.problems import did_you_mean, one_of, shown
from pipeline.secrets import holds_reference
from pipeline.structured.reader import (
    Extra,
    LengthBounds,
    NumberBounds,
    Reader,
    pattern_of,
)
from pipeline.structured.walk import Walk, Where
from pipeline.yaml_nodes import Node, ScalarNode
from pipeline.yaml_scalars import LONGEST_NUMBER, Plain, meaning, other_reading

_MEANT_AS_BOOLEAN: Mapping[str, str] = {
    **dict.fromkeys(("yes", "y", "on", "1", "true", "t", "enabled"), "true"),
    **dict.fromkeys(("no", "n", "off", "0", "false", "f", "disabled"), "false"),
}
_GROUPED = re.compile(r"[-+]?[0-9]{1,3}(?:[_,' ][0-9]{3})+|[-+]?[0-9]+(?:_[0-9]+)+")
_PADDED = re.compile(r"([-+]?)0+([0-9]+(?:\.[0-9]*)?)")


def warn_of_other_reading(node: ScalarNode, where: Where, walk: Walk) -> None:
    """Say where other programs would read this text as something else."""
    if (other := other_reading(node)) is not None:
        walk.report(
            node,
            where,
            "yaml/ambiguous-text",
            f"{node.text} is read as text, but other YAML readers take it for {other}",
            severity="warning",
            advice=f'put it in quotes: "{node.text}"',
        )


class ScalarReader(Reader):
    """A reader of one scalar."""

    kinds = (ScalarNode,)


class TextReader(ScalarReader):
    """`str`: what stands there, character by character, quoted or not.

    So `007`, `1.10` and `NO` need no quotes; the one thing that must have them is what is clearly
    meant as nothing, true or false.
    """

    def __init__(self, limits: mi.StrType, extra: Extra) -> None:
        self._length = LengthBounds(limits, "character", "characters")
        self._pattern = pattern_of(limits)
        self._meant: str | None = extra.get("description") if limits.pattern else None

    @property
    def expected(self) -> str:
        if self._meant is not None:
            return self._meant
        form = self._pattern.pattern.removesuffix(r"(?!\n)") if self._pattern else ""
        pattern = f" of the form {form}" if form else ""
        return f"text{self._length.describe()}{pattern}"

    def read(self, node: Node, where: Where, walk: Walk) -> object:
        if not isinstance(node, ScalarNode):
            return self.wrong_type(node, where, walk)
        text = node.text
        if node.plain:
            value = meaning(node)
            if value is None:
                advice = 'write "" for an empty text' if self._accepts("") else None
                return self.wrong_type(node, where, walk, advice=advice)
            if isinstance(value, bool):
                return self.wrong_type(
                    node, where, walk, advice=f'if it is meant as text, put it in quotes: "{text}"'
                )
        if "${" in text:
            if holds_reference(text):
                return walk.report(
                    node,
                    where,
                    "secret/not-here",
                    "a reference to a secret can't stand here: this setting is shown in clear",
                    expected=self.expected,
                    advice='if it isn\'t meant as a reference, write "$${" instead of "${"',
                )
            text = text.replace("$${", "${")
        if not self._length.hold(len(text)):
            return walk.report(
                node,
                where,
                "config/length",
                self._length.problem(len(text)),
                expected=self.expected,
            )
        if self._pattern is not None and not self._pattern.search(text):
            return walk.report(
                node,
                where,
                "config/pattern",
                f"{shown(text)} doesn't have the right form",
                expected=self.expected,
            )
        if self._pattern is None:
            warn_of_other_reading(node, where, walk)
        return text

    def _accepts(self, text: str) -> bool:
        return self._length.hold(len(text)) and (
            self._pattern is None or self._pattern.search(text) is not None
        )


class BooleanReader(ScalarReader):
    """`bool`: true or false."""

    @property
    def expected(self) -> str:
        return "true or false"

    def read(self, node: Node, where: Where, walk: Walk) -> object:
        if isinstance(node, ScalarNode):
            value = meaning(node)
            if isinstance(value, bool):
                return value
            return self.wrong_type(node, where, walk, hint=_MEANT_AS_BOOLEAN.get(node.text.lower()))
        return self.wrong_type(node, where, walk)


class IntegerReader(ScalarReader):
    """`int`, of any size up to 400 digits, in decimal, 0x or 0o."""

    def __init__(self, limits: mi.IntType) -> None:
        self._bounds = NumberBounds(limits, str)

    @property
    def expected(self) -> str:
        return f"a whole number{self._bounds.describe()}"

    def read(self, node: Node, where: Where, walk: Walk) -> object:
        if not isinstance(node, ScalarNode):
            return self.wrong_type(node, where, walk)
        value = meaning(node)
        if not isinstance(value, int) or isinstance(value, bool):
            return self.wrong_type(node, where, walk, hint=_number_meant(node, value, whole=True))
        return _within(self, self._bounds, value, node, where, walk)


class FloatReader(ScalarReader):
    """`float`: any finite number."""

    def __init__(self, limits: mi.FloatType) -> None:
        self._bounds = NumberBounds(limits, _plain_number)

    @property
    def expected(self) -> str:
        return f"a number{self._bounds.describe()}"

    def read(self, node: Node, where: Where, walk: Walk) -> object:
        if not isinstance(node, ScalarNode):
            return self.wrong_type(node, where, walk)
        value = meaning(node)
        if not isinstance(value, int | float) or isinstance(value, bool):
            return self.wrong_type(node, where, walk, hint=_number_meant(node, value, whole=False))
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            return self.wrong_type(node, where, walk)
        return _within(self, self._bounds, number, node, where, walk)


class DecimalReader(ScalarReader):
    """`decimal.Decimal`: exactly the digits that stand there."""

    @property
    def expected(self) -> str:
        return "a number"

    def read(self, node: Node, where: Where, walk: Walk) -> object:
        if not isinstance(node, ScalarNode):
            return self.wrong_type(node, where, walk)
        value = meaning(node)
        if isinstance(value, int | float) and not isinstance(value, bool):
            try:
                number = Decimal(value) if isinstance(value, int) else Decimal(node.text)
            except InvalidOperation:
                return self.wrong_type(node, where, walk)
            if number.is_finite():
                return number
        return self.wrong_type(node, where, walk, hint=_number_meant(node, value, whole=False))


class NullReader(ScalarReader):
    """`None`: null, ~ or nothing at all."""

    @property
    def expected(self) -> str:
        return "nothing"

    def read(self, node: Node, where: Where, walk: Walk) -> object:
        if isinstance(node, ScalarNode) and meaning(node) is None:
            return None
        return self.wrong_type(node, where, walk)


class ChoiceReader(ScalarReader):
    """`Literal` and `Enum`: one of a few values."""

    def __init__(self, choices: Mapping[object, object]) -> None:
        """`choices` has the values of the file and what stands for them in the record."""
        self._texts = {text: value for text, value in choices.items() if isinstance(text, str)}
        # True == 1 in Python, but not in YAML.
        self._others = {(type(k), k): v for k, v in choices.items() if not isinstance(k, str)}
        self._names = [_as_yaml(choice) for choice in choices]

    @property
    def expected(self) -> str:
        return one_of(self._names)

    def read(self, node: Node, where: Where, walk: Walk) -> object:
        if not isinstance(node, ScalarNode):
            return self.wrong_type(node, where, walk)
        value = meaning(node)
        if not isinstance(value, str) and (type(value), value) in self._others:
            return self._others[type(value), value]
        if node.text in self._texts:
            return self._texts[node.text]
        if value is None:
            return self.wrong_type(node, where, walk)
        quoted = not node.plain and node.text in self._names
        return walk.report(
            node,
            where,
            "config/unknown-choice",
            f"{shown(node.text)} isn't one of the choices",
            expected=self.expected,
            hint=f"{node.text} without quotes" if quoted else did_you_mean(node.text, self._names),
        )


class DateReader(ScalarReader):
    """`datetime.date`: 2026-01-31."""

    @property
    def expected(self) -> str:
        return "a date as year-month-day, such as 2026-01-31"

    def read(self, node: Node, where: Where, walk: Walk) -> object:
        if isinstance(node, ScalarNode) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", node.text):
            try:
                return datetime.date.fromisoformat(node.text)
            except ValueError:
                return self._no_such_day(node, where, walk)
        hint = _day_meant(node.text) if isinstance(node, ScalarNode) else None
        return self.wrong_type(node, where, walk, hint=hint)

    def _no_such_day(self, node: Node, where: Where, walk: Walk) -> object:
        return walk.report(
            node, where, "config/date", "there is no such day", expected=self.expected
        )


_YEAR_FIRST = re.compile(r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})(?:[T ][0-9:.Z+-]*)?")
_YEAR_LAST = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4})")


def _day_meant(text: str) -> str | None:
    """The day that a date in another form means, where it can mean only one."""
    days: set[tuple[int, int, int]] = set()
    if (found := _YEAR_FIRST.fullmatch(text)) is not None:
        days = {(int(found[1]), int(found[2]), int(found[3]))}
    elif (found := _YEAR_LAST.fullmatch(text)) is not None:
        year, one, other = int(found[4]), int(found[1]), int(found[3])
        # With dots the day comes first; else in America the month does.
        days = {(year, other, one)} | (set() if found[2] == "." else {(year, one, other)})
    real = {day for day in map(_day, days) if day is not None}
    return real.pop().isoformat() if len(real) == 1 else None


def _day(parts: tuple[int, int, int]) -> datetime.date | None:
    try:
        return datetime.date(*parts)
    except ValueError:
        return None


class TimestampReader(ScalarReader):
    """`datetime.datetime`, always with an offset from UTC: 2026-01-31T16:00:00Z."""

    @property
    def expected(self) -> str:
        return "a date and time with its offset from UTC, such as 2026-01-31T16:00:00Z"

    def read(self, node: Node, where: Where, walk: Walk) -> object:
        if isinstance(node, ScalarNode) and re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]", node.text):
            try:
                value = datetime.datetime.fromisoformat(node.text)
            except ValueError:
                return self.wrong_type(node, where, walk)
            if value.tzinfo is not None:
                return value
            hint = f"{node.text}Z" if len(node.text) <= 40 else None
            return self.wrong_type(node, where, walk, hint=hint)
        return self.wrong_type(node, where, walk)


def enum_choices(cls: type[enum.Enum]) -> dict[object, object]:
    """The values of an Enum and their members."""
    return {member.value: member for member in cls}


def _within(
    reader: Reader, bounds: NumberBounds, value: Any, node: ScalarNode, where: Where, walk: Walk
) -> object:
    if bounds.hold(value):
        return value
    return out_of_range(reader, node, where, walk)


def out_of_range(reader: Reader, node: ScalarNode, where: Where, walk: Walk) -> object:
    """Report that a value isn't within its bounds."""
    text = node.text if len(node.text) <= 60 else node.text[:59] + "…"
    return walk.report(
        node, where, "config/out-of-range", f"{text} is out of range", expected=reader.expected
    )


def _number_meant(node: ScalarNode, value: Plain, whole: bool) -> str | None:
    text = node.text.strip()
    if len(text) > LONGEST_NUMBER:
        return None
    if _GROUPED.fullmatch(text):
        return re.sub(r"[_,' ]", "", text)
    if (padded := _PADDED.fullmatch(text)) and not (whole and "." in text):
        return "".join(padded.groups())
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return str(int(value)) if abs(value) < 1e15 else None
    if isinstance(value, str) and not node.plain and re.fullmatch(r"[-+]?[0-9]+", text):
        return f"{text} without quotes"
    return None


def _plain_number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else str(value)


def _as_yaml(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)
