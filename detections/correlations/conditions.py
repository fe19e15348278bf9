"""What a correlation's count or value is compared with: exactly, as it is written."""

import math
import operator
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from detections.alerting.wording import amount
from detections.correlations.values import Measured
from detections.rules.model import Comparison, Operator

_COMPARE: dict[Operator, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "eq": operator.eq,
    "neq": operator.ne,
}
_WORDS: dict[Operator, str] = {
    "gt": "above",
    "gte": "from",
    "lt": "below",
    "lte": "up to",
    "eq": "at exactly",
    "neq": "at any but",
}
#: Comparisons that stay true, once they are, however many events come on top.
_LASTING: frozenset[Operator] = frozenset(("gt", "gte"))


class Condition:
    """Comparisons that must all hold.

    A threshold like 0.3 is taken as written against exact values (so "0.1" and "0.2" make 0.3), and
    as the float that it is against floats.
    """

    def __init__(self, comparisons: Sequence[Comparison]) -> None:
        self._bounds: list[tuple[Callable[[Any, Any], bool], int | float, int, int]] = []
        for one in comparisons:
            written = Fraction(repr(one.number))
            self._bounds.append(
                (_COMPARE[one.operator], one.number, written.numerator, written.denominator)
            )
        self.words = " and ".join(f"{_WORDS[c.operator]} {amount(c.number)}" for c in comparisons)
        """`above 10 and up to 20`."""
        self.lasting = all(c.operator in _LASTING for c in comparisons)
        """Whether a count that fulfils it still does when it grows."""
        self.minimum = max((_least(c) for c in comparisons), default=0) if self.lasting else 0
        """Of a lasting condition: the smallest count that fulfils it."""
        self.count = self._count_test()
        """Whether a count fulfils it."""

    def _count_test(self) -> Callable[[int], bool]:
        if self.lasting:
            minimum = self.minimum
            return lambda count: count >= minimum
        return lambda count: all(compare(count, number) for compare, number, _, _ in self._bounds)

    def value(self, value: Measured) -> bool:
        """Whether a value fulfils it: a float, or the exact quotient of two integers."""
        if not isinstance(value, tuple):
            return all(compare(value, number) for compare, number, _, _ in self._bounds)
        over, under = value
        return all(
            compare(over * denominator, numerator * under)
            for compare, _, numerator, denominator in self._bounds
        )


def _least(comparison: Comparison) -> int:
    number = comparison.number
    return math.floor(number) + 1 if comparison.operator == "gt" else math.ceil(number)
