"""Sums of floats that are the same on every Python."""

from collections.abc import Iterable
from functools import reduce
from operator import add


def float_sum(values: Iterable[float]) -> float:
    """The values added one after the other, each time rounded to a double (IEEE 754).

    Since Python 3.12 the built-in `sum` carries along what rounding loses (Neumaier's way): its
    last digits are neither those of Python 3.11 nor those of a total that is kept up to date by
    `+=`, as windows keep theirs. But an alert that is found again on another Python, or by a
    detector that was restored, must be the same to the byte. `math.fsum` would be, too, but raises
    where a sum overflows, and a venue's absurd quantity must not end a rule. For ints the built-in
    is right.
    """
    return reduce(add, values, 0.0)


__all__ = ["float_sum"]
