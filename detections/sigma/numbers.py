"""Numbers as rules compare them: exact, also when they come as text."""

import re
from decimal import Decimal

_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?")
_LONGEST = 100  # a uint256 has 78 digits; longer texts are no quantities

Number = int | float | Decimal


def as_number(value: object) -> Number | None:
    """The number that `value` is, or says as decimal text; None for anything else.

    Integers of any size stay exact, decimal fractions in text as well. Booleans are no numbers.
    Python compares int, float and Decimal with each other by exact value.
    """
    kind = type(value)
    if kind is int or kind is float:
        return value  # pyright: ignore[reportReturnType]
    if isinstance(value, str) and len(value) <= _LONGEST and (found := _NUMBER.fullmatch(value)):
        return Decimal(value) if found[1] else int(value)
    return None
