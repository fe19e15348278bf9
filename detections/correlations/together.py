"""Temporal conditions: which rules have an event within the window."""

from collections.abc import Callable, Mapping
from functools import lru_cache

from detections.correlations.tallies import Payload
from detections.correlations.values import Measured
from detections.rules.model import Expression, Junction, Negation, Reference

#: Whether it is true when these rules have events; a rule is told by the bit of its place.
MaskTest = Callable[[int], bool]


class TogetherTally:
    """Which rules have events; an event contributes the bits of the rules that it matched."""

    __slots__ = ("_events_of", "_present", "_test")

    def __init__(self, test: MaskTest, rules: int) -> None:
        self._test = test
        self._events_of = [0] * rules
        self._present = 0

    def add(self, time: int, payload: Payload) -> None:
        events_of = self._events_of
        for place in places(payload):
            if not events_of[place]:
                self._present |= 1 << place
            events_of[place] += 1

    def remove(self, payload: Payload) -> None:
        events_of = self._events_of
        for place in places(payload):
            events_of[place] -= 1
            if not events_of[place]:
                self._present ^= 1 << place

    def holds(self, floor: int) -> bool:
        return self._test(self._present)

    def count(self) -> int:
        return self._present.bit_count()

    def value(self) -> Measured | None:
        return None

    def start(self, floor: int) -> int | None:
        return None


@lru_cache(maxsize=4_096)
def places(mask: int) -> tuple[int, ...]:
    """The places of a mask's bits, from the first."""
    return tuple(place for place in range(mask.bit_length()) if mask >> place & 1)


def expression_test(expression: Expression, place_of: Mapping[str, int]) -> MaskTest:
    """A boolean condition over rules as a test of their bits."""
    match expression:
        case Reference(rule):
            bit = 1 << place_of[rule]
            return lambda mask: mask & bit != 0
        case Negation(part):
            inner = expression_test(part, place_of)
            return lambda mask: not inner(mask)
        case Junction(operator, parts):
            tests = tuple(expression_test(part, place_of) for part in parts)
            if operator == "and":
                return lambda mask: all(test(mask) for test in tests)
            return lambda mask: any(test(mask) for test in tests)


def has_negation(expression: Expression) -> bool:
    """Whether a further event could make it false."""
    match expression:
        case Reference():
            return False
        case Negation():
            return True
        case Junction(_, parts):
            return any(has_negation(part) for part in parts)


def least_choices(test: MaskTest, rules: int) -> tuple[int, ...]:
    """The smallest choices of rules that make a condition without `not` true."""
    found: list[int] = []
    for mask in sorted(range(1 << rules), key=int.bit_count):
        if test(mask) and not any(mask & one == one for one in found):
            found.append(mask)
    return tuple(found)
