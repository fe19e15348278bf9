"""Comparing computed ratios with thresholds as people write them."""

_ROUNDING = 1e-9


def reaches(ratio: float, minimum: float) -> bool:
    """Whether a ratio is at least the minimum, but for the rounding of floats.

    From 10 to 9 is a fall by a tenth, although 1 - 9 / 10 is a little less than 0.1.
    """
    return ratio >= least(minimum)


def least(minimum: float) -> float:
    """The least ratio that reaches a minimum: for who asks of each event, and always for one."""
    return minimum * (1 - _ROUNDING)
