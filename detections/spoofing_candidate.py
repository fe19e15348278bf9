"""A large order while it is watched for spoofing, and what is said of it in the end."""

from msgspec import Struct, field

from detections.findings import Witness
from detections.parties import Party, Sameness
from detections.wording import amount, lapse, percent
from normalizer.events.market import MarketEvent, OrderCancelled, OrderRemoved


class Execution(Struct, frozen=True):
    """A trade on the other side."""

    quantity: float
    price: float
    same: Sameness | None
    witness: Witness


class Candidate(Struct):
    """A large order that may turn out to be a spoof."""

    order_id: str
    buy: bool
    party: Party
    price: float
    quantity: float
    depth: float
    """Of its side, before it."""
    placed: Witness
    unsure: bool
    filled: float = 0.0
    reduced: float = 0.0
    traded_at_price: float = 0.0
    """By trades that name no order: perhaps its own fills."""
    executions: list[Execution] = field(default_factory=list[Execution])
    ended: Witness | None = None
    inferred: bool = False
    """The feed doesn't say whether it was cancelled."""


def filled_quantity(candidate: Candidate, event: OrderCancelled | OrderRemoved) -> float:
    """How much of the order was filled, as far as the feed tells."""
    filled = candidate.filled
    if isinstance(event, OrderCancelled) and event.remaining is not None:
        return max(filled, candidate.quantity - candidate.reduced - event.remaining)
    # What trades at its price took, where they name no orders, may all have been its own.
    return max(filled, min(candidate.quantity, candidate.traded_at_price))


def sentence(
    candidate: Candidate,
    event: MarketEvent,
    lifetime: int,
    share: float,
    executed: float,
    by_cluster: bool,
) -> str:
    """What the order did, with its numbers."""
    side, depth_side, doing, done = (
        ("buy", "bid", "selling", "sold") if candidate.buy else ("sell", "ask", "buying", "bought")
    )
    ended = "took it off the book" if candidate.inferred else "cancelled it"
    text = (
        f"{candidate.party} placed a {side} of {amount(candidate.quantity)} {event.instrument} at "
        f"{amount(candidate.price)} ({percent(share)} of the {depth_side} depth), {ended} after "
        f"{lapse(lifetime)} with {amount(candidate.filled)} filled"
    )
    if not candidate.executions:
        return text
    value = sum(e.quantity * e.price for e in candidate.executions)
    at = amount(round(value / executed, 8)) if executed else "0"
    if all(e.same is None for e in candidate.executions):
        return f"{text}, while {amount(executed)} were {done} at {at} (the feed names no accounts)"
    if by_cluster:
        return f"{text}, while its cluster was {doing} {amount(executed)} at {at}"
    return f"{text}, while {doing} {amount(executed)} at {at}"
