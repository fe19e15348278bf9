"""How high a value must be for chance alone to reach it so seldom: peaks over a threshold.

What lies beyond the upper tenth of the values that were seen falls off exponentially there, or
faster where values have a bound (J. Pickands, 1975: the generalised Pareto distribution, whose
shape is 0 here; A. Siffer et al., Anomaly Detection in Streams with Extreme Value Theory, 2017).
So a level can be told that is beyond all that was seen, and holds for many that are tried at once.
"""

from math import fsum, log

#: The upper part of values that tells of the tail, and how many these must be.
_PART, _FEWEST = 0.1, 5


def level_for(ordered: list[float], tried: int, false_alerts: float) -> float:
    """What of `tried` new values only `false_alerts` would reach, on average, by `ordered` ones.

    Of fewer than ten values nothing is known: then it is the highest of them, or 0 of none.
    """
    count = len(ordered)
    if count < 2 * _FEWEST:
        return ordered[-1] if ordered else 0.0
    tail = max(_FEWEST, int(_PART * count))
    threshold = ordered[count - tail - 1]
    excess = fsum(one - threshold for one in ordered[count - tail :]) / tail
    seldom = tried * tail / (count * false_alerts)
    return threshold + excess * log(seldom) if seldom > 1 else threshold
