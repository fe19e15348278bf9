"""Whether what a set of parties traded with each other cancels out, and was for show.

What each part of it means is told by `detections.correlators.wash_circular`, whose rules set the
limits.
"""

from collections.abc import Sequence

from msgspec import Struct

from detections.markets.counterparties import Deal
from detections.markets.deals import earned_share, goes_round, take_turns, value_of
from detections.markets.positions_kept import chance_of_staying, risked_share
from detections.markets.trading_circles import chance_of_rounds, matched, net_share

#: Where others tell nothing, so much may be risked of what else may be earned.
_ALONE = 0.1
#: All must be back so many times, and that must be less likely by chance than this.
_LEAST_ROUNDS, _LIKELY = 2, 0.05


class Cancelled(Struct, frozen=True):
    """Trades that cancel out."""

    deals: Sequence[Deal]
    exact: bool
    rounds: int
    """How many times all were back where they began."""


class Limits(Struct, frozen=True, kw_only=True):
    """What a rule asks for."""

    windows: Sequence[int]
    """From the shortest."""
    maximum_change: float
    maximum_net_share: float
    maximum_earned: float
    minimum_occurrences: int
    chance: float
    """Where others tell nothing, a pattern must be as unlikely as this."""
    riskless: bool
    """And nobody may have had anything to gain or lose, even if all come back exactly."""


def cancelled_out(
    deals: Sequence[Deal],
    now: int,
    limits: Limits,
    *,
    minimum: int,
    gross: float,
    occurrences: int,
    apart: bool,
    known: bool,
) -> Cancelled | None:
    """The trades that cancel out, by the shortest window in which `minimum` of them do.

    `gross`: what they must be worth. `apart`: whether the parties could be told from the others in
    the market. `known`: whether an alert has told of them already, so that it needn't be shown
    again that it is no chance.
    """
    within = [[deal for deal in deals if deal.timestamp > now - w] for w in limits.windows]
    enough = [
        chosen
        for chosen, shorter in zip(within, ((), *within), strict=False)
        if len(chosen) >= minimum
        and len(chosen) > len(shorter)  # else they are the same ones
        and value_of(chosen) >= gross
    ]
    for chosen in enough:
        number, rounds = matched(chosen, limits.maximum_change)
        came = chosen[:number]
        if (
            number >= minimum
            and value_of(came) >= gross
            and (known or _comes_back(came, rounds, limits, apart=apart))
            and (
                _earns_nothing(came, limits, occurrences)
                if apart
                else _risks_nothing(came, limits, exact=True)
            )
        ):
            return Cancelled(came, True, rounds)
    for chosen in enough:
        if net_share(chosen) <= limits.maximum_net_share and (
            goes_round(chosen) and _earns_nothing(chosen, limits, occurrences)
            if apart
            else (known or _stays(chosen, limits)) and _risks_nothing(chosen, limits, exact=False)
        ):
            return Cancelled(chosen, False, 0)
    return None


def _comes_back(deals: Sequence[Deal], rounds: int, limits: Limits, *, apart: bool) -> bool:
    """Whether random trades would hardly come back so often."""
    if rounds < _LEAST_ROUNDS:
        return False
    chance = chance_of_rounds(deals, rounds, limits.maximum_change)
    return chance <= (_LIKELY if apart else limits.chance)


def _stays(deals: Sequence[Deal], limits: Limits) -> bool:
    """Whether random trades would hardly leave all so near to where they were."""
    return chance_of_staying(deals) <= limits.chance


def _earns_nothing(deals: Sequence[Deal], limits: Limits, occurrences: int) -> bool:
    """Whether nobody lives on it, as a maker does on its customers, or they hardly do else."""
    return (
        occurrences >= limits.minimum_occurrences
        or earned_share(deals) <= limits.maximum_earned
        or take_turns(deals)
    )


def _risks_nothing(deals: Sequence[Deal], limits: Limits, *, exact: bool) -> bool:
    """Whether nobody had anything to gain or lose, as a maker and its only customer have.

    What was earned in all says little of those: it is next to nothing now and then.
    """
    risked = risked_share(deals)
    if risked <= limits.maximum_earned * _ALONE:
        return True
    return take_turns(deals) and (
        risked <= limits.maximum_earned or (exact and not limits.riskless)
    )
