"""What all readers of a type share: their interface, and the bounds of msgspec's Meta."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from pipeline.structured.walk import Invalid, Walk, Where, found
from pipeline.yaml_nodes import Node, ScalarNode

Extra = Mapping[str, Any]
"""`Meta(extra=..., description=...)` of a type, in one mapping."""


class Reader(ABC):
    """Turns nodes into values of one type."""

    kinds: tuple[type[Node], ...] = ()
    """The kinds of node that it can read."""
    secret: bool = False
    """Whether what stands there may be a secret, even where it is of the wrong type."""

    @property
    @abstractmethod
    def expected(self) -> str:
        """What a person should write: "a duration from 1s to 1h, such as 5s"."""

    @abstractmethod
    def read(self, node: Node, where: Where, walk: Walk) -> object:
        """The node's value; or INVALID, after the walk was told why."""

    def wrong_type(self, node: Node, where: Where, walk: Walk, **more: Any) -> Invalid:
        """Report that something else stands there."""
        what = found(node)
        message = "the value is missing" if what == "nothing" else f"{what} can't stand here"
        if self.secret:
            walk.mask(node)
            if isinstance(node, ScalarNode) and what != "nothing":
                message = "a single value can't stand here"
        return walk.report(
            node, where, "config/wrong-type", message, expected=self.expected, **more
        )


class NumberBounds:
    """`ge`, `gt`, `le`, `lt` and `multiple_of`, said by `show` in the number's own unit."""

    def __init__(self, limits: Any, show: Callable[[Any], str]) -> None:
        self._ge, self._gt = limits.ge, limits.gt
        self._le, self._lt = limits.le, limits.lt
        self._step = limits.multiple_of
        self._show = show
        self._free = all(
            limit is None for limit in (self._ge, self._gt, self._le, self._lt, self._step)
        )

    def hold(self, value: float | Decimal) -> bool:
        """Whether the value is within the bounds."""
        if self._free:
            return True
        return (
            (self._ge is None or value >= self._ge)
            and (self._gt is None or value > self._gt)
            and (self._le is None or value <= self._le)
            and (self._lt is None or value < self._lt)
            and (self._step is None or value % self._step == 0)
        )

    def describe(self) -> str:
        """` from 1s to 1h`, with the space; empty without bounds."""
        show, said = self._show, ""
        if self._ge is not None and self._le is not None:
            said = f" from {show(self._ge)} to {show(self._le)}"
        else:
            parts: list[str] = []
            if self._ge is not None:
                parts.append(f"of at least {show(self._ge)}")
            if self._gt is not None:
                parts.append(f"of more than {show(self._gt)}")
            if self._le is not None:
                parts.append(f"{'' if parts else 'of '}at most {show(self._le)}")
            if self._lt is not None:
                parts.append(f"{'' if parts else 'of '}less than {show(self._lt)}")
            said = " " + " and ".join(parts) if parts else ""
        if self._step is not None:
            said += f" in steps of {show(self._step)}"
        return said


def such_as(examples: Sequence[tuple[str, Any]], bounds: NumberBounds) -> str:
    """`, such as 5s`: the first example within the bounds, if any is."""
    for text, value in examples:
        if bounds.hold(value):
            return f", such as {text}"
    return ""


class LengthBounds:
    """`min_length` and `max_length` of texts, lists and mappings."""

    def __init__(self, limits: Any, one: str, many: str) -> None:
        self._least: int | None = limits.min_length
        self._most: int | None = limits.max_length
        self._one, self._many = one, many

    def hold(self, length: int) -> bool:
        """Whether the length is within the bounds."""
        return (self._least is None or length >= self._least) and (
            self._most is None or length <= self._most
        )

    def describe(self) -> str:
        """` of 1 to 64 characters`, with the space; empty without bounds."""
        if self._least is None and self._most is None:
            return ""
        if self._least is None:
            return f" of at most {self._count(self._most or 0)}"
        if self._most is None:
            return f" of at least {self._count(self._least)}"
        if self._least == self._most:
            return f" of {self._count(self._least)}"
        return f" of {self._least} to {self._count(self._most)}"

    def problem(self, length: int) -> str:
        """What is wrong with a length that isn't within the bounds."""
        if length == 0:
            return "this is empty"
        short = self._least is not None and length < self._least
        return f"this has {self._count(length)}, which is too {'few' if short else 'many'}"

    def _count(self, length: int) -> str:
        return f"{length} {self._one if length == 1 else self._many}"


def pattern_of(limits: Any) -> "re.Pattern[str] | None":
    """The compiled `pattern` of Meta. It is searched for, as msgspec does: anchor it."""
    return re.compile(limits.pattern) if limits.pattern is not None else None
