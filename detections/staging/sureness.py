"""How sure alerts say that they are, held against how often they were right.

A forecast is calibrated if, of all that was said with a confidence of 0.7, seven of ten come true
(Murphy and Winkler, Applied Statistics 26, 1977).
"""

from collections.abc import Iterable

from msgspec import Struct

from detections.float_sum import float_sum
from detections.proportions import Interval, wilson
from detections.rules.calibration import LEAST, MOST

#: Bounds of the bands of confidence: below the first, between them, from the last on.
BOUNDS = (0.3, 0.5, 0.7, 0.85)
#: So many that were judged at least, before anything is said of their confidence as a whole.
ENOUGH = 10
_DIGITS = 6


def comparison(confidence: float, right: Interval | None, judged: int) -> str:
    """`too sure` or `too unsure` where the mean confidence lies outside of the interval; else
    empty, also where too few were judged."""
    if right is None or judged < ENOUGH:
        return ""
    # Beyond these ends nothing is calibrated: it would be told for ever. A mean has their digits.
    confidence = round(confidence, _DIGITS)
    if confidence > max(right.high, LEAST):
        return "too sure"
    return "too unsure" if confidence < min(right.low, MOST) else ""


class Outcome(Struct, frozen=True):
    """What was found of one alert, or of all alerts of a rule in one case."""

    right: bool
    confidence: float
    """As the alerts say; of several the mean."""
    uncalibrated: tuple[float, ...]
    """As the rule said by itself, of each alert."""


class Sureness(Struct, frozen=True, kw_only=True):
    """Of some outcomes."""

    judged: int
    right: int
    share: Interval
    """Of the right ones, with 95 percent."""
    confidence: float
    """The mean."""
    uncalibrated: float
    """The mean."""
    verdict: str
    """See `comparison`."""


class Band(Struct, frozen=True, kw_only=True):
    """The outcomes of a range of confidence."""

    low: float
    high: float
    """Up to this, without it; 1 is in the last band."""
    sureness: Sureness | None
    """None: nothing of it was judged."""


def sureness(outcomes: Iterable[Outcome]) -> Sureness | None:
    """What they tell together; None without any."""
    some = list(outcomes)
    if not some:
        return None
    right, judged = sum(one.right for one in some), len(some)
    share, confidence = wilson(right, judged), float_sum(one.confidence for one in some) / judged
    return Sureness(
        judged=judged,
        right=right,
        share=share,
        confidence=confidence,
        uncalibrated=float_sum(float_sum(one.uncalibrated) / len(one.uncalibrated) for one in some)
        / judged,
        verdict=comparison(confidence, share, judged),
    )


def bands(outcomes: Iterable[Outcome]) -> list[Band]:
    """The same by confidence."""
    some = list(outcomes)
    return [
        Band(
            low=low,
            high=high,
            sureness=sureness(
                one for one in some if low <= one.confidence < high or high == 1.0 <= one.confidence
            ),
        )
        for low, high in zip((0.0, *BOUNDS), (*BOUNDS, 1.0), strict=True)
    ]
