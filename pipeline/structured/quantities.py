"""Readers of numbers with units: durations, sizes and ratios."""

from collections.abc import Callable, Sequence
from typing import Any

from pipeline.problems import shown
from pipeline.structured.reader import NumberBounds, such_as
from pipeline.structured.scalars import ScalarReader, out_of_range
from pipeline.structured.walk import Walk, Where
from pipeline.units import (
    UnitError,
    format_duration,
    format_ratio,
    format_size,
    parse_duration,
    parse_ratio,
    parse_size,
)
from pipeline.yaml_nodes import Node, ScalarNode
from pipeline.yaml_scalars import meaning


class QuantityReader(ScalarReader):
    """A number that is written with its unit."""

    def __init__(
        self,
        noun: str,
        parse: Callable[[str], float],
        show: Callable[[Any], str],
        examples: Sequence[str],
        limits: Any,
    ) -> None:
        self._noun = noun
        self._parse = parse
        self._bounds = NumberBounds(limits, show)
        self._examples = [(text, parse(text)) for text in examples]

    @property
    def expected(self) -> str:
        return f"{self._noun}{self._bounds.describe()}{such_as(self._examples, self._bounds)}"

    def read(self, node: Node, where: Where, walk: Walk) -> object:
        if not isinstance(node, ScalarNode) or meaning(node) is None:
            return self.wrong_type(node, where, walk)
        try:
            value = self._parse(node.text)
        except UnitError as error:
            return walk.report(
                node,
                where,
                "config/unit",
                f"{shown(node.text)}: {error.message}",
                expected=self.expected,
                hint=error.hint,
                advice=error.advice,
            )
        return value if self._bounds.hold(value) else out_of_range(self, node, where, walk)


def quantity_reader(unit: str, limits: Any) -> QuantityReader:
    """The reader of `Meta(extra={"unit": ...})`: duration, size or ratio."""
    match unit:
        case "duration":
            examples = ("5s", "10m", "250ms", "1h30m", "7d", "1ms", "365d")
            return QuantityReader("a duration", parse_duration, format_duration, examples, limits)
        case "size":
            examples = ("64MiB", "10GB", "16KiB", "1GiB", "512B")
            return QuantityReader("a size", parse_size, format_size, examples, limits)
        case "ratio":
            examples = ("10%", "50%", "1%", "150%", "0.1%")
            return QuantityReader("a percentage", parse_ratio, format_ratio, examples, limits)
        case _:
            raise TypeError(f'Meta(extra={{"unit": {unit!r}}}): duration, size or ratio is known')
