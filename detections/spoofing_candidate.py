"""A large order while it is watched for spoofing, and what is said of it in the end."""

from msgspec import Struct, field

from detections.findings import Witness, witness
from detections.order_book import Resting
from detections.parties import Party, Sameness
from detections.wording import amount, lapse, part
from normalizer.events.market import (
    MarketEvent,
    OrderCancelled,
    OrderChanged,
    OrderRemoved,
    Trade,
)

_MOST_EXECUTIONS = 20


class Execution(Struct, frozen=True):
    """A trade on the other side."""

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
    began: str = "placed"
    """How it came to be large: `placed`, or `amended an order into`."""
    filled: float = 0.0
    reduced: float = 0.0
    traded_at_price: float = 0.0
    """By trades that name no order: perhaps its own fills."""
    executions: list[Execution] = field(default_factory=list[Execution])
    """The first trades on the other side, as evidence."""
    executed: float = 0.0
    """Of all trades on the other side: their quantity, and their value below."""
    value: float = 0.0
    shown: float = 0.0
    """What the orders on the other side that traded showed; what traded, where none rested."""
    counter_orders: dict[str, None] = field(default_factory=dict[str, None])
    ended: Witness | None = None
    ending: str = "cancelled it"
    inferred: bool = False
    """The feed doesn't say whether it was cancelled."""

    def execute(self, trade: Trade, same: Sameness | None, resting: Resting | None) -> None:
        """Note a trade on the other side; `resting` is the order there that it took from, if any.

        An order counts with all that it showed: who shows as much as the candidate deceives nobody.
        """
        if len(self.executions) < _MOST_EXECUTIONS:
            self.executions.append(Execution(same, witness(trade)))
        self.executed += trade.quantity
        self.value += trade.quantity * trade.price
        order_id = trade.maker_order_id
        if resting is None or order_id is None or len(self.counter_orders) >= _MOST_EXECUTIONS:
            self.shown += trade.quantity
        elif order_id not in self.counter_orders:
            self.counter_orders[order_id] = None
            self.shown += max(resting.quantity, trade.quantity)


class Watch(Struct):
    """The candidates of one book, in the order of their placing and of their end."""

    live: dict[str, Candidate] = field(default_factory=dict[str, Candidate])
    ended: dict[str, Candidate] = field(default_factory=dict[str, Candidate])

    def forget(self, now: int, lifetime: int, window: int) -> None:
        """Let go of what can't become a finding any more: placed or ended too long ago."""
        while self.live:
            order_id, first = next(iter(self.live.items()))
            if now - first.placed.timestamp <= lifetime:
                break
            del self.live[order_id]
        while self.ended:
            order_id, first = next(iter(self.ended.items()))
            assert first.ended is not None
            if now - first.ended.timestamp <= window:
                break
            del self.ended[order_id]


def filled_quantity(
    candidate: Candidate, event: OrderCancelled | OrderRemoved | OrderChanged
) -> float:
    """How much of the order was filled, as far as the feed tells."""
    filled = candidate.filled
    if isinstance(event, OrderCancelled) and event.remaining is not None:
        return max(filled, candidate.quantity - candidate.reduced - event.remaining)
    # What trades at its price took, where they name no orders, may all have been its own.
    return max(filled, min(candidate.quantity, candidate.traded_at_price))


def sentence(candidate: Candidate, event: MarketEvent, lifetime: int, share: float) -> str:
    """What the order did, with its numbers."""
    side, depth_side, doing, done = (
        ("buy", "bid", "selling", "sold") if candidate.buy else ("sell", "ask", "buying", "bought")
    )
    weight = part(share, f"the {depth_side} depth")
    text = (
        f"{candidate.party} {candidate.began} a {side} of {amount(candidate.quantity)} "
        f"{event.instrument} at {amount(candidate.price)} ({weight}), {candidate.ending} after "
        f"{lapse(lifetime)} with {amount(candidate.filled)} filled"
    )
    if not candidate.executions:
        return text
    executed = amount(candidate.executed)
    at = amount(round(candidate.value / candidate.executed, 8)) if candidate.executed else "0"
    if all(e.same is None for e in candidate.executions):
        return f"{text}, while {executed} were {done} at {at} (the feed names no accounts)"
    whose = "its cluster was " if any(e.same == "cluster" for e in candidate.executions) else ""
    return f"{text}, while {whose}{doing} {executed} at {at}"
