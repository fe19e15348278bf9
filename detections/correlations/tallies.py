"""What is known of a window's events without going through them: counts, sums and ranks.

A tally follows a window: events are added as they come, and removed as they fall out of it. It
depends only on the events that are in it, never on the order in which they came and went.
"""

from bisect import bisect_left
from decimal import Decimal
from typing import Any, Protocol

from detections.correlations.conditions import Condition
from detections.correlations.values import (
    DECIMAL_UNIT,
    Measured,
    decimal_units,
    quotient,
)
from detections.sigma.numbers import Number

#: What an event contributes; which, depends on the type of correlation.
Payload = Any


class Tally(Protocol):
    """A window's events, as far as its condition needs to know them."""

    def add(self, time: int, payload: Payload) -> None:
        """An event came. Where order matters, none in the window is newer."""
        ...

    def remove(self, payload: Payload) -> None:
        """The window's oldest event fell out of it."""
        ...

    def holds(self, floor: int) -> bool:
        """Whether the condition is true; `floor` is the time at which the window begins."""
        ...

    def count(self) -> int:
        """Events, different values, or different rules: what `correlation.count` says."""
        ...

    def value(self) -> Measured | None:
        """What was measured, beyond a count."""
        ...

    def start(self, floor: int) -> int | None:
        """When what makes the condition true began; None if it is all of the window."""
        ...


class CountTally:
    """Events."""

    __slots__ = ("_condition", "_events")

    def __init__(self, condition: Condition, before: int = 0) -> None:
        self._condition = condition
        self._events = before

    def add(self, time: int, payload: Payload) -> None:
        self._events += 1

    def remove(self, payload: Payload) -> None:
        self._events -= 1

    def holds(self, floor: int) -> bool:
        return self._condition.count(self._events)

    def count(self) -> int:
        return self._events

    def value(self) -> Measured | None:
        return None

    def start(self, floor: int) -> int | None:
        return None


class DistinctTally:
    """Different values; an event contributes one text, or a tuple of values."""

    __slots__ = ("_condition", "_events_of")

    def __init__(self, condition: Condition) -> None:
        self._condition = condition
        self._events_of: dict[Any, int] = {}

    def add(self, time: int, payload: Payload) -> None:
        events_of = self._events_of
        if type(payload) is str:
            events_of[payload] = events_of.get(payload, 0) + 1
            return
        for value in payload:
            events_of[value] = events_of.get(value, 0) + 1

    def remove(self, payload: Payload) -> None:
        events_of = self._events_of
        for value in (payload,) if type(payload) is str else payload:
            left = events_of[value] - 1
            if left:
                events_of[value] = left
            else:
                del events_of[value]

    def holds(self, floor: int) -> bool:
        return self._condition.count(len(self._events_of))

    def count(self) -> int:
        return len(self._events_of)

    def value(self) -> Measured | None:
        return None

    def start(self, floor: int) -> int | None:
        return None


class SumTally:
    """The exact sum of numbers; an event contributes a tuple of them.

    Integers, decimals and floats are added apart, as integers. Floats are added without rounding,
    and the result is rounded once, as `math.fsum` does it.
    """

    __slots__ = (
        "_binary",
        "_condition",
        "_decimal",
        "_decimals",
        "_floats",
        "_numbers",
        "_places",
        "_whole",
    )

    def __init__(self, condition: Condition) -> None:
        self._condition = condition
        self._numbers = self._decimals = self._floats = 0
        self._whole = 0
        self._decimal = 0  # in units of 10**-100
        self._binary = 0  # in units of 2**-places
        self._places = 0  # as many as any float so far has needed

    def add(self, time: int, payload: Payload) -> None:
        numbers: tuple[Number, ...] = payload
        self._numbers += len(numbers)
        for number in numbers:
            if isinstance(number, float):
                self._floats += 1
                units = self._units(number)  # first: it may change the unit
                self._binary += units
            elif isinstance(number, int):
                self._whole += number
            else:
                self._decimals += 1
                self._decimal += decimal_units(number)

    def remove(self, payload: Payload) -> None:
        numbers: tuple[Number, ...] = payload
        self._numbers -= len(numbers)
        for number in numbers:
            if isinstance(number, float):
                self._floats -= 1
                units = self._units(number)
                self._binary -= units
            elif isinstance(number, int):
                self._whole -= number
            else:
                self._decimals -= 1
                self._decimal -= decimal_units(number)

    def holds(self, floor: int) -> bool:
        return self._condition.value(self.value())

    def count(self) -> int:
        return self._numbers

    def value(self) -> Measured:
        return self._over(1)

    def start(self, floor: int) -> int | None:
        return None

    def _units(self, number: float) -> int:
        """How many units of the sum of floats it is; the unit gets smaller where it must."""
        over, under = number.as_integer_ratio()
        places = under.bit_length() - 1
        more = places - self._places
        if more > 0:
            self._binary <<= more
            self._places = places
            return over
        return over << -more

    def _over(self, parts: int) -> Measured:
        """The sum, divided by `parts`."""
        over, under = self._whole, 1
        if self._decimals:
            over, under = over * DECIMAL_UNIT + self._decimal, DECIMAL_UNIT
        if self._floats:
            over = (over << self._places) + self._binary * under
            return quotient(over, (under << self._places) * parts)
        return over, under * parts


class AverageTally(SumTally):
    """The exact average of numbers; floats are rounded once, at the end."""

    __slots__ = ()

    def value(self) -> Measured:
        return self._over(self._numbers or 1)


class RankTally:
    """A percentile: numbers in order, with linear interpolation between the closest ranks."""

    __slots__ = ("_condition", "_over", "_sorted", "_under")

    def __init__(self, condition: Condition, over: int, under: int) -> None:
        """The percentile's place is `over / under` of the way from the least to the greatest."""
        self._condition = condition
        self._over, self._under = over, under
        self._sorted: list[Number] = []

    def add(self, time: int, payload: Payload) -> None:
        numbers: tuple[Number, ...] = payload
        for number in numbers:
            self._sorted.insert(self._place(number), number)

    def remove(self, payload: Payload) -> None:
        numbers: tuple[Number, ...] = payload
        for number in numbers:
            del self._sorted[self._place(number)]

    def holds(self, floor: int) -> bool:
        return self._condition.value(self.value())

    def count(self) -> int:
        return len(self._sorted)

    def value(self) -> Measured:
        place, rest = divmod(self._over * (len(self._sorted) - 1), self._under)
        lower = self._sorted[place]
        if not rest:
            return lower if isinstance(lower, float) else _exact(lower)
        upper = self._sorted[place + 1]
        (low, low_under), (high, high_under) = _exact(lower), _exact(upper)
        over = low * high_under * (self._under - rest) + high * low_under * rest
        under = low_under * high_under * self._under
        if isinstance(lower, float) or isinstance(upper, float):
            return quotient(over, under)
        return over, under

    def start(self, floor: int) -> int | None:
        return None

    def _place(self, number: Number) -> int:
        """Where the number is, or would be: of 1, 1.0 and a decimal 1, the kinds have an order."""
        ordered = self._sorted
        place = bisect_left(ordered, number)
        kind = _kind(number)
        while place < len(ordered) and ordered[place] == number and _kind(ordered[place]) < kind:
            place += 1
        return place


def _kind(number: Number) -> int:
    return 0 if isinstance(number, int) else 2 if isinstance(number, float) else 1


def _exact(number: Number) -> tuple[int, int]:
    if isinstance(number, Decimal):
        return decimal_units(number), DECIMAL_UNIT
    return number.as_integer_ratio()
