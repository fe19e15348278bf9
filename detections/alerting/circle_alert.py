"""The alert on a circle of trades or transfers: what it measures, and how sure it is."""

from typing import NamedTuple

from detections.alerting.circle_sentence import circle_sentence
from detections.alerting.findings import Finding
from detections.float_sum import float_sum
from detections.markets.cancelling import Cancelled
from detections.markets.counterparties import Closeness
from detections.markets.deals import earned_share, names_in, take_turns, value_of
from detections.markets.trading_circles import Circle, net_share, positions_after
from normalizer.events.chain import TokenTransfer
from normalizer.events.market import Trade

#: What an alert can name.
_MOST_EVIDENCE = 1_000

# Confidence before it is calibrated on labelled data: a base, and what adds to it.
_APART, _ALONE, _EXACT, _MORE, _CLOSER, _EARNED = 0.6, 0.4, 0.15, 0.1, 0.1, 0.15
_UNSURE = 0.6
#: At so many times what was asked for, more trades or a higher lift add all they can.
_FULL_MORE, _FULL_CLOSER = 5, 10


class Asked(NamedTuple):
    """What the rule asked for."""

    trades: int
    lift: float
    earned: float
    """At most, as a part of a member's volume."""


class Told(NamedTuple):
    """Of the same parties within a day, with this alert."""

    alerts: int
    trades: int


def circle_finding(
    event: Trade | TokenTransfer,
    circle: Circle,
    closeness: Closeness,
    cancelled: Cancelled,
    told: Told,
    asked: Asked,
    *,
    apart: bool,
) -> Finding:
    """The alert, which is surer where the parties were told `apart` from the rest of the market."""
    deals, members = cancelled.deals, circle.members
    named = deals[-_MOST_EVIDENCE:]
    quantity = float_sum(deal.quantity for deal in deals)
    value, net, earned = value_of(deals), net_share(deals), earned_share(deals)
    metrics = {
        "parties": float(len(members)),
        "trades": float(len(deals)),
        "quantity": quantity,
        "notional": value,
        "net_share": net,
        "largest_change": max(abs(one) for one in positions_after(deals).values()),
        "share_within": closeness.share,
        "lift": closeness.lift,
        "chance": closeness.chance,
        "market_share": closeness.within / max(1, closeness.within + closeness.outside),
        "occurrences": float(circle.occurrences),
        "rounds": float(cancelled.rounds),
        "earned_share": earned,
        "span_seconds": (deals[-1].timestamp - deals[0].timestamp) / 1e9,
        "alert_of_series": float(told.alerts),
        "trades_of_series": float(told.trades),
    }
    unsure = any(deal.unsure for deal in named)
    sure = _confidence(closeness, cancelled, asked, earned, apart=apart)
    return Finding(
        entities=tuple(dict.fromkeys((*members, *names_in(named)))),
        reason=circle_sentence(event, deals, members, closeness, net, value),
        witnesses=tuple(deal.witness for deal in named),
        confidence=sure * (_UNSURE if unsure else 1.0),
        metrics=metrics,
        tags=("unsure",) if unsure else (),
    )


def _confidence(
    closeness: Closeness, cancelled: Cancelled, asked: Asked, earned: float, *, apart: bool
) -> float:
    more = min(1.0, (len(cancelled.deals) / asked.trades - 1) / _FULL_MORE)
    closer = min(1.0, closeness.lift / asked.lift / _FULL_CLOSER) if apart else 0.0
    found = (
        (_APART if apart else _ALONE)
        + _EXACT * cancelled.exact
        + _MORE * more
        + _CLOSER * closer
        - _EARNED * (earned > asked.earned and not take_turns(cancelled.deals))
    )
    return min(0.95, max(0.05, found))
