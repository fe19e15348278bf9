"""The alert on orders at several prices of one side: what it says, and how sure it is."""

from collections.abc import Sequence
from typing import NamedTuple

from detections.alerting.findings import Finding
from detections.alerting.repetition import repeated
from detections.alerting.wording import amount, lapse
from detections.books.desk import Execution
from detections.books.layer import Layer
from detections.float_sum import float_sum
from detections.parties import Party
from normalizer.events.market import MarketEvent
from pipeline.units import SECOND

# Confidence before it is calibrated on labelled data: a base, and what more prices than needed, a
# larger imbalance and repetition add to it.
_BASE, _LEVELS, _SIZE, _REPEATED = 0.6, 0.15, 0.15, 0.1
#: So many times the imbalance that is asked for is as sure as it gets.
_FULL_SIZE = 5.0
_UNSURE = 0.6
#: Accounts in the sentence; all are in the alert.
_MOST_NAMED = 3


class Against(NamedTuple):
    """What orders are held against."""

    levels: int
    """At how many prices they must be."""
    imbalance: float
    """How many times what is on the other side they must be."""
    quantity: float
    """What was shown, or traded, on the other side."""


def layering_finding(
    event: MarketEvent,
    layers: Sequence[Layer],
    trades: Sequence[Execution],
    share: float,
    again: int,
    against: Against,
) -> Finding:
    """The alert; `share` is the layers' of what stood on their side, `again` how often the party
    was found within an hour."""
    parties = list(dict.fromkeys(layer.party for layer in layers))
    ends = [layer.ended for layer in layers if layer.ended is not None]
    steps = (
        *((layer, layer.placed) for layer in layers),
        *((layer, layer.moved) for layer in layers if layer.moved is not None),
        *((layer, layer.ended) for layer in layers if layer.ended is not None),
    )
    seen = {step.id: step.witness(layer.order_id, event.provider) for layer, step in steps}
    seen.update((one.witness.id, one.witness) for one in trades)
    witnesses = tuple(sorted(seen.values(), key=lambda one: one.timestamp))
    unsure = any(layer.unsure for layer in layers)
    pulled = float_sum(layer.quantity for layer in layers)
    prices = {layer.price for layer in layers}
    return Finding(
        entities=tuple(dict.fromkeys(name for party in parties for name in party.names)),
        reason=_sentence(event, parties, layers, trades),
        witnesses=witnesses,
        confidence=_confidence(len(prices), pulled, against, again, unsure=unsure),
        metrics={
            "levels": float(len(prices)),
            "orders": float(len(layers)),
            "layered_quantity": pulled,
            "depth_share": share,
            "moves": float(sum(layer.moves for layer in layers)),
            "filled_quantity": float_sum(layer.filled for layer in layers),
            "traded_quantity": float_sum(one.quantity for one in trades),
            "placed_within_seconds": _span([layer.placed.timestamp for layer in layers]),
            "pulled_within_seconds": _span([end.timestamp for end in ends]) if ends else 0.0,
            "times_in_an_hour": float(again),
        },
        tags=("unsure",) if unsure else (),
    )


def _confidence(levels: int, pulled: float, against: Against, again: int, *, unsure: bool) -> float:
    more = min(1.0, (levels - against.levels) / against.levels)
    sure = _FULL_SIZE * against.imbalance * against.quantity
    size = min(1.0, pulled / sure) if sure else 1.0
    whole = _BASE + _LEVELS * more + _SIZE * size + _REPEATED * repeated(again)
    return whole * (_UNSURE if unsure else 1.0)


def _span(times: Sequence[int]) -> float:
    return (max(times) - min(times)) / SECOND


def _sentence(
    event: MarketEvent,
    parties: Sequence[Party],
    layers: Sequence[Layer],
    trades: Sequence[Execution],
) -> str:
    """What the party did, with its numbers."""
    orders, did = ("bids", "sold") if layers[0].buy else ("offers", "bought")
    prices = sorted({layer.price for layer in layers})
    begun = min(layer.placed.timestamp for layer in layers)
    within = max(layer.placed.timestamp for layer in layers) - begun
    off = [layer.ended.timestamp for layer in layers if layer.ended is not None]
    traded = float_sum(one.quantity for one in trades)
    value = float_sum(one.quantity * one.price for one in trades)
    filled = amount(float_sum(layer.filled for layer in layers))
    moves = sum(layer.moves for layer in layers)
    who = ", ".join(str(party) for party in parties[:_MOST_NAMED])
    if len(parties) > _MOST_NAMED:
        who += f" and {len(parties) - _MOST_NAMED} more accounts of theirs"
    placed = (
        f"{who} placed {orders} of {amount(float_sum(layer.quantity for layer in layers))} "
        f"{event.instrument} at {len(prices)} prices from {amount(prices[0])} to "
        f"{amount(prices[-1])} within {lapse(within)}, "
    )
    moved = f"moved them {moves:,} times, " if moves else ""
    sold = (
        f"{did} {amount(traded)} at "
        f"{amount(round(value / traded, 8) if traded else trades[0].price)}"
    )
    if not off:
        during = f"moved them {moves:,} times in {lapse(event.timestamp - begun)} so far"
        return f"{placed}{during} with {filled} filled, and {sold} meanwhile"
    return (
        f"{placed}{moved}{sold}, and cancelled them within {lapse(max(off) - min(off))} with "
        f"{filled} filled"
    )
