"""What the sizes of a market's trades have in common with those of other markets, or don't.

- **Benford's law**: of amounts that spread over some powers of ten, 30.1% begin with 1, 17.6% with
  2, 4.6% with 9. Held against it by Pearson's chi-square with 8 degrees of freedom. Since with
  enough trades any difference is significant, how large it is counts as well: the mean absolute
  deviation, of which 0.015 is the limit to nonconformity for first digits (Nigrini, Benford's Law,
  2012).
- **Round sizes**: people trade 100, 0.5 or 25, and programs that make up sizes don't.

Cong, Li, Tang and Yang, Crypto Wash Trading (Management Science 2023), use both on 29 exchanges.
The tail of the sizes, their third test, is left out: on what was proved to be wash trading it says
the opposite of what it should."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from detections.float_sum import float_sum

BENFORD = tuple(math.log10(1 + 1 / digit) for digit in range(1, 10))
#: A size of so many significant digits is round: 3, 250, 0.012.
_ROUND_DIGITS = 2
_HALF_DEGREES = 4  # 8 degrees of freedom: nine digits, less one


class Traits(NamedTuple):
    """What is looked at of a size."""

    digit: int
    """The first one, 1 to 9."""
    magnitude: int
    """The power of ten."""
    is_round: bool


@lru_cache(maxsize=65_536)
def traits(size: float) -> Traits:
    """Of a positive, finite size. Digits beyond the tenth are taken for rounding of floats."""
    mantissa, exponent = f"{size:.9e}".split("e")
    digits = mantissa.replace(".", "").rstrip("0")
    return Traits(int(digits[0]), int(exponent), len(digits) <= _ROUND_DIGITS)


def deviation(counts: Sequence[int]) -> float:
    """The mean absolute deviation of nine counts of first digits from Benford's law."""
    total = sum(counts)
    return float_sum(abs(n / total - p) for n, p in zip(counts, BENFORD, strict=True)) / len(
        BENFORD
    )


def chance_of_digits(counts: Sequence[int]) -> float:
    """How likely such counts of first digits, or worse ones, are by Benford's law."""
    total = sum(counts)
    chi = float_sum(
        (n - total * p) ** 2 / (total * p) for n, p in zip(counts, BENFORD, strict=True)
    )
    half = chi / 2
    # The survival function of chi-square, of an even number of degrees of freedom, is a finite sum.
    return math.exp(-half) * float_sum(half**k / math.factorial(k) for k in range(_HALF_DEGREES))
