"""The alert on a large order that was taken off: what it says, and how sure it is."""

from typing import NamedTuple

from detections.alerting.findings import Finding
from detections.alerting.repetition import repeated
from detections.alerting.wording import amount, lapse, part
from detections.books.spoofing_candidate import Candidate
from detections.parties import Sameness
from normalizer.events.market import MarketEvent
from pipeline.units import SECOND

# Confidence before it is calibrated on labelled data. What the other side's execution proves,
_EXECUTION: dict[Sameness | None, float] = {
    "account": 1.0,
    "investor": 1.0,
    "cluster": 0.9,
}
_NO_EXECUTION = 0.3
# ... times a base and what size, speed and repetition add to it,
_BASE, _SIZE, _SPEED, _REPEATED = 0.55, 0.2, 0.15, 0.1
_FULL_SIZE = 5.0  # at five times the minimum share size adds all it can
# ... less for what the feed doesn't say for sure.
_UNSURE, _INFERRED = 0.6, 0.8


class Judged(NamedTuple):
    """An order that was found to be a spoof, and what was found of it."""

    candidate: Candidate
    lifetime: int
    """In nanoseconds."""
    share: float
    """Of the depth of its side."""
    against: float
    """What its party showed on the other side."""
    chance: float
    """Of as many trades on the other side by chance alone."""
    again: int
    """How often the party was found within an hour."""


def spoofing_finding(
    judged: Judged, event: MarketEvent, minimum_depth_share: float, maximum_lifetime: int
) -> Finding:
    """The alert, which is surer the larger and faster the order is against what was asked for."""
    candidate, lifetime, share, against, chance, again = judged
    assert candidate.ended is not None
    seen = {
        one.id: one
        for one in (
            candidate.placed.witness(candidate.order_id, event.provider),
            *candidate.moved,
            candidate.ended,
            *(e.witness for e in candidate.executions),
        )
    }
    tags = (("unsure", candidate.unsure), ("inferred", candidate.inferred))
    return Finding(
        entities=candidate.party.names,
        reason=_sentence(candidate, event, lifetime, share),
        witnesses=tuple(sorted(seen.values(), key=lambda w: w.timestamp)),
        confidence=_confidence(judged, minimum_depth_share, maximum_lifetime),
        metrics={
            "order_quantity": candidate.quantity,
            "order_price": candidate.price,
            "depth_before": candidate.depth,
            "depth_share": share,
            "lifetime_seconds": lifetime / SECOND,
            "moves": float(candidate.moves),
            "filled_quantity": candidate.filled,
            "executed_quantity": candidate.executed,
            "shown_on_other_side": against,
            "chance": chance,
            "times_in_an_hour": float(again),
        },
        tags=tuple(name for name, on in tags if on),
    )


def _confidence(judged: Judged, minimum_depth_share: float, maximum_lifetime: int) -> float:
    candidate = judged.candidate
    evidence = max((_EXECUTION[e.same] for e in candidate.executions), default=_NO_EXECUTION)
    size = min(1.0, judged.share / (_FULL_SIZE * minimum_depth_share))
    speed = max(0.0, 1.0 - max(0, judged.lifetime) / maximum_lifetime)
    more = _SIZE * size + _SPEED * speed + _REPEATED * repeated(judged.again)
    whole = evidence * (_BASE + more)
    return (
        whole * (_UNSURE if candidate.unsure else 1.0) * (_INFERRED if candidate.inferred else 1.0)
    )


def _sentence(candidate: Candidate, event: MarketEvent, lifetime: int, share: float) -> str:
    """What the order did, with its numbers."""
    side, depth_side, doing = (
        ("buy", "bid", "selling") if candidate.buy else ("sell", "ask", "buying")
    )
    weight = part(share, f"the {depth_side} depth")
    moved = ""
    if candidate.moves:
        moved = f"moved it {'once' if candidate.moves == 1 else f'{candidate.moves:,} times'}, "
    text = (
        f"{candidate.party} {candidate.began} a {side} of {amount(candidate.quantity)} "
        f"{event.instrument} at {amount(candidate.price)} ({weight}), {moved}{candidate.ending} "
        f"after {lapse(lifetime)} with {amount(candidate.filled)} filled"
    )
    if not candidate.executions:
        return text
    executed = amount(candidate.executed)
    at = amount(round(candidate.value / candidate.executed, 8)) if candidate.executed else "0"
    whose = "its cluster was " if any(e.same == "cluster" for e in candidate.executions) else ""
    return f"{text}, while {whose}{doing} {executed} at {at}"
