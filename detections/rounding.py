"""Comparing computed ratios with thresholds as people write them."""

_ROUNDING = 1e-9


def reaches(ratio: float, minimum: float) -> bool:
    """Whether a ratio is at least the minimum, but for the rounding of floats.

    From 10 to 9 is a fall by a tenth, although 1 - 9 / 10 is a little less than 0.1.
    """
    return ratio >= minimum * (1 - _ROUNDING)
