"""Confidence as it came true: a rule's own, moved to where people found it to be.

What a rule says of how sure an alert is was set by hand, and for no market in particular. Where
people have judged its alerts, all of its confidences are moved by one distance on the scale of log
odds, so that on average they say what was found: the logistic calibration of J. Platt (Advances in
Large Margin Classifiers, 1999) with its slope left at 1, since the order of a rule's alerts is
evidence and some tens of verdicts are too few to learn a slope from. What the rule says by itself
counts as much as `PRIOR` verdicts, so that a few do not turn everything over. A distance that is
right for the mean of confidences that lie far apart is none for their mean afterwards, so what they
said is one number that stands for them all (see `detections.staging.calibrating`).
"""

from math import exp, log
from typing import Annotated

from msgspec import Meta, Struct

#: Verdicts that the rule's own confidence is worth: the width of what ten tell is some 60%.
PRIOR = 10.0
#: Log odds have no end: nothing is surer than this, either way.
LEAST, MOST = 0.01, 0.99


class Calibration(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What people found of a rule's alerts."""

    #: Cases with its alerts (or labelled alerts) that people judged, with a breach or without one.
    judged: Annotated[int, Meta(ge=1, le=1_000_000_000)]
    #: Those of them with a breach.
    right: Annotated[int, Meta(ge=0, le=1_000_000_000)]
    #: The one confidence, 0 to 1, that stands for those of their alerts before they were
    #: calibrated: their mean where all are alike.
    said: Annotated[float, Meta(ge=0, le=1)]

    @property
    def found(self) -> float:
        """How often an alert is right: by the verdicts, and by what the rule says."""
        said = _within(self.said)
        return (self.right + PRIOR * said) / (self.judged + PRIOR)

    def calibrated(self, confidence: float) -> float:
        """A confidence of the rule, 0 to 1, as it came true."""
        return _moved(confidence, self._distance)

    def uncalibrated(self, confidence: float) -> float:
        """What the rule said by itself, from what its alert says: as far as digits allow."""
        return _moved(confidence, -self._distance)

    @property
    def _distance(self) -> float:
        return _log_odds(_within(self.found)) - _log_odds(_within(self.said))


def _moved(confidence: float, distance: float) -> float:
    return 1.0 / (1.0 + exp(-(_log_odds(_within(confidence)) + distance)))


def _within(share: float) -> float:
    return min(MOST, max(LEAST, share))


def _log_odds(share: float) -> float:
    return log(share / (1.0 - share))
