"""Whether what a party traded before an announcement is unusual enough to ask what it knew.

What is asked of whom, and why, says `detections.correlators.insider_dealing`.
"""

from detections.markets.event_study import Study
from detections.markets.unusual_trading import Unusual
from detections.rounding import reaches

#: Who was right as often by chance only so rarely needs fewer deviations.
BY_CHANCE = 0.01
#: Each narrower window that is tried asks for so many deviations more.
_STEP = 0.5
_UNKNOWN_PAST = 1.5
_FEW_PEERS_SHARE = 0.2
#: As much is unusual if somebody trades it in one of so many times of that length, or less often.
#: For who is new, if one of so many parties ever did: who trades much all the time makes no
#: stranger's purchase usual, nor do one large purchase this week and another's the week before.
#: Of narrower windows four are tried, so each must be so many times rarer.
_RARE, _TRIED = 20, 4
#: What a party did at most in as long a time before is not unusual for it, nor a little more.
_BEYOND_USUAL = 1.5


def deviations_asked(minimum: float, step: int) -> float:
    """Of the window that was tried after so many wider ones, where `minimum` is the widest's."""
    return minimum + _STEP * step


def is_suspect(
    one: Unusual, chance: float, minimum_deviations: float, maximum_false_alerts: float
) -> bool:
    """Whether it is unusual enough for its peers and itself; `chance` is that of having been right
    as often before."""
    if one.of_usual is not None and not reaches(one.of_usual, _BEYOND_USUAL):
        return False
    if one.history.labels:
        return True
    asked = deviations_asked(minimum_deviations, one.step)
    known = one.first_time is True or one.of_usual is not None
    if chance <= BY_CHANCE:
        return one.deviations is not None and reaches(one.deviations, asked / 2)
    # Each narrower window that is tried gets half of what is left of the false alerts.
    bound = maximum_false_alerts / 2 / 2 ** (one.step + 1)
    if one.expected is not None and not reaches(bound, one.expected):
        return False
    rarity = _RARE if one.step == 0 else _TRIED * _RARE
    if one.first_time:
        if one.parties_as_much > max(1.0, one.parties_before / rarity):
            return False
    elif one.as_much_before > one.times_before / rarity:
        return False
    if one.deviations is None:
        return known and reaches(one.share, _FEW_PEERS_SHARE)
    return reaches(one.deviations, asked if known else _UNKNOWN_PAST * asked)


def profit(one: Unusual, found: Study, *, rising: bool) -> float:
    """What it gained, or lost less, by the price after; in the quote currency."""
    paid = one.flow.price(bought=rising)
    gain = found.price_after - paid if rising else paid - found.price_after
    return gain * one.quantity
