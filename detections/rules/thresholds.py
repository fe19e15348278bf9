"""The numbers in a correlation's condition: read, and checked against what can come true."""

import math
from collections.abc import Sequence
from typing import get_args

import msgspec

from detections.rules.document import Reading
from detections.rules.model import Comparison, Operator
from detections.rules.wording_slips import number_meant
from pipeline.yaml_nodes import MappingNode, ScalarNode
from pipeline.yaml_scalars import meaning

OPERATORS: tuple[Operator, ...] = get_args(Operator)
_WORDS: dict[Operator, str] = {
    "gt": "greater than",
    "gte": "at least",
    "lt": "less than",
    "lte": "at most",
    "eq": "equal to",
    "neq": "other than",
}


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What a correlation's number can be: a count within bounds, or any number."""

    noun: str
    least: int | None = None
    most: int | None = None

    @property
    def counts(self) -> bool:
        return self.least is not None


class Bound(msgspec.Struct, frozen=True):
    """A comparison and the value that it was read from."""

    comparison: Comparison
    node: ScalarNode


def read_bounds(reading: Reading, node: MappingNode) -> list[Bound] | None:
    """The comparisons of a condition, in its order; None where one is wrong, which is reported."""
    found: list[Bound] = []
    sound = True
    for key, value in node.pairs:
        if key.text not in OPERATORS:
            continue
        number = meaning(value) if isinstance(value, ScalarNode) else None
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            reading.report(
                value,
                "rule/threshold",
                "only a number can be a threshold",
                expected="a number",
                hint=number_meant(number) if isinstance(number, str) else None,
            )
            sound = False
        elif isinstance(number, float) and not math.isfinite(number):
            reading.report(
                value, "rule/threshold", "a threshold must be finite", expected="a number"
            )
            sound = False
        else:
            assert isinstance(value, ScalarNode)
            operator: Operator = next(name for name in OPERATORS if name == key.text)
            found.append(Bound(Comparison(operator, number), value))
    return found if sound else None


def in_words(comparisons: Sequence[Comparison]) -> str:
    """`greater than 100 and at most 200`."""
    return " and ".join(f"{_WORDS[one.operator]} {one.number}" for one in comparisons)


def can_hold(comparisons: Sequence[Comparison], scope: Scope) -> bool:
    """Whether any number in the scope fulfils all comparisons."""
    return _count_exists(comparisons, scope) if scope.counts else _number_exists(comparisons)


def always_holds(comparisons: Sequence[Comparison], scope: Scope) -> bool:
    """Whether every number in the scope fulfils all comparisons."""
    return scope.counts and all(
        not _count_exists([Comparison(_OPPOSITE[one.operator], one.number)], scope)
        for one in comparisons
    )


_OPPOSITE: dict[Operator, Operator] = {
    "gt": "lte",
    "gte": "lt",
    "lt": "gte",
    "lte": "gt",
    "eq": "neq",
    "neq": "eq",
}


def _count_exists(comparisons: Sequence[Comparison], scope: Scope) -> bool:
    low: int = scope.least or 0
    high: float = math.inf if scope.most is None else scope.most
    excluded: set[float] = set()
    for one in comparisons:
        number = one.number
        match one.operator:
            case "gt":
                low = max(low, math.floor(number) + 1)
            case "gte":
                low = max(low, math.ceil(number))
            case "lt":
                high = min(high, math.ceil(number) - 1)
            case "lte":
                high = min(high, math.floor(number))
            case "eq":
                low, high = max(low, math.ceil(number)), min(high, math.floor(number))
            case "neq":
                excluded.add(number)
    # Of so many numbers, one at least isn't excluded.
    return any(n <= high and n not in excluded for n in range(low, low + len(excluded) + 1))


def _number_exists(comparisons: Sequence[Comparison]) -> bool:
    low, high = -math.inf, math.inf
    open_low = open_high = False
    excluded: set[float] = set()
    for one in comparisons:
        number = one.number
        if one.operator in ("gt", "gte", "eq") and number >= low:
            open_low = one.operator == "gt" or (open_low and number == low)
            low = number
        if one.operator in ("lt", "lte", "eq") and number <= high:
            open_high = one.operator == "lt" or (open_high and number == high)
            high = number
        if one.operator == "neq":
            excluded.add(number)
        if one.operator == "eq" and not low <= number <= high:
            return False
    if low == high:
        return not open_low and not open_high and low not in excluded
    return low < high
