"""Numbers of events as sums and ranks take them: exact, so that no order of arrival matters."""

import math
from collections.abc import Iterator
from decimal import Context, Decimal
from typing import Any

from detections.sigma.numbers import Number, as_number
from detections.sigma.values import as_text

#: A value that was measured: a float, or the exact quotient of two integers, the second above 0.
Measured = float | tuple[int, int]

# A decimal text that counts as a number has at most 100 characters.
_DECIMAL_PLACES = 100
DECIMAL_UNIT = 10**_DECIMAL_PLACES
_WIDE = Context(prec=400)


def elements(value: Any) -> Iterator[Any]:
    """The values of a field: itself, or what is in its list."""
    if isinstance(value, list | tuple):
        for one in value:  # pyright: ignore[reportUnknownVariableType]
            if one is not None:
                yield one
    elif value is not None:
        yield value


def texts(value: Any) -> tuple[str, ...]:
    """The different values of a field as text."""
    kind = value.__class__
    if kind is float or kind is int or kind is str:  # most fields have just one value
        return (str(value),)
    return tuple(dict.fromkeys(as_text(one) for one in elements(value)))


def numbers(value: Any) -> tuple[Number, ...]:
    """The numbers among the values of a field; infinity is none."""
    if type(value) is float:
        return (value,) if math.isfinite(value) else ()
    found = (as_number(one) for one in elements(value))
    return tuple(
        one for one in found if one is not None and (type(one) is not float or math.isfinite(one))
    )


def decimal_units(number: Decimal) -> int:
    """How many 10**-100 it is."""
    return int(number.scaleb(_DECIMAL_PLACES, _WIDE))


def quotient(over: int, under: int) -> float:
    """The nearest float; infinity beyond the largest."""
    try:
        return over / under
    except OverflowError:
        return math.inf if (over > 0) == (under > 0) else -math.inf


def as_float(value: Measured) -> float:
    return quotient(*value) if isinstance(value, tuple) else value


def readable(value: Measured) -> int | float:
    """For a sentence: an integer where it is one."""
    if not isinstance(value, tuple):
        return value
    over, under = value
    return over // under if over % under == 0 else quotient(over, under)
