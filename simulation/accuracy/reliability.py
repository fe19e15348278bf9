"""Whether alerts are right as often as their confidence says: reliability, by rule and by band.

A forecast is calibrated if, of all that was said with a confidence of 0.7, seven of ten come true
(Murphy and Winkler, Applied Statistics 26, 1977; Brier, Monthly Weather Review 78, 1950). How often
alerts are right depends on how much abuse there is, though, and a simulated session has far more
of it than a market. So a rule whose alerts are all right here may still be wrong now and then: of
it this tells only that its confidence is not too high here. One whose alerts are wrong more often
than it says, where abuse is that frequent, is too sure anywhere.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from detections.float_sum import float_sum
from detections.proportions import Interval
from detections.staging.sureness import BOUNDS, comparison
from simulation.accuracy.judging import Judged
from simulation.accuracy.statistics import share


class Band(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts of a range of confidence."""

    low: float
    high: float
    """Up to this, without it; 1 is in the last band."""
    alerts: int
    right: Interval | None
    """The share of them that was right; None where there are none."""


class OfConfidence(msgspec.Struct, frozen=True, kw_only=True):
    """How sure a rule is, and how often it is right."""

    rule: str
    """Empty: of all rules of the typology together."""
    typology: str
    alerts: int
    confidence: float
    """The mean."""
    right: Interval | None
    bands: tuple[Band, ...]

    @property
    def verdict(self) -> str:
        """`too sure` and `too unsure`, where the mean confidence lies outside of the interval."""
        return comparison(self.confidence, self.right, self.alerts)


class Reliability(msgspec.Struct, frozen=True, kw_only=True):
    """Of all alerts."""

    rules: tuple[OfConfidence, ...]
    typologies: tuple[OfConfidence, ...]
    bands: tuple[Band, ...]
    brier: float | None
    """The mean square of confidence less outcome: 0 at best, 0.25 where all is said to be even."""


def reliability(alerts: Iterable[Judged]) -> Reliability:
    """Add up; all alerts of the sessions, honest ones too."""
    all_of_them = tuple(alerts)
    rules: dict[tuple[str, str], list[Judged]] = {}
    typologies: dict[tuple[str, str], list[Judged]] = {}
    for one in all_of_them:
        rules.setdefault((one.typology, one.rule), []).append(one)
        typologies.setdefault((one.typology, ""), []).append(one)
    squares = [(one.confidence - _is_right(one)) ** 2 for one in all_of_them]
    return Reliability(
        rules=_rows(rules),
        typologies=_rows(typologies),
        bands=_bands(all_of_them),
        brier=float_sum(squares) / len(squares) if squares else None,
    )


def _rows(groups: Mapping[tuple[str, str], Sequence[Judged]]) -> tuple[OfConfidence, ...]:
    return tuple(
        OfConfidence(
            rule=rule,
            typology=typology,
            alerts=len(some),
            confidence=float_sum(one.confidence for one in some) / len(some),
            right=share(sum(map(_is_right, some)), len(some)),
            bands=_bands(some),
        )
        for (typology, rule), some in sorted(groups.items())
    )


def _bands(alerts: Sequence[Judged]) -> tuple[Band, ...]:
    bands: list[Band] = []
    for low, high in zip((0.0, *BOUNDS), (*BOUNDS, 1.0), strict=True):
        mine = [
            one for one in alerts if low <= one.confidence < high or high == 1.0 <= one.confidence
        ]
        right = sum(map(_is_right, mine))
        bands.append(Band(low=low, high=high, alerts=len(mine), right=share(right, len(mine))))
    return tuple(bands)


def _is_right(one: Judged) -> bool:
    return one.verdict != "false"
