"""A large order while it is watched for spoofing, and all that are watched in its book."""

from msgspec import Struct, field, structs

from detections.alerting.findings import Witness, witness
from detections.books.order_book import Resting
from detections.books.order_books import BookChange
from detections.parties import Party, Sameness, sameness
from normalizer.events.market import (
    OrderCancelled,
    OrderChanged,
    OrderRemoved,
    Trade,
)

_MOST_EXECUTIONS = 20
_MOST_GAPS = 64
#: Of an order that is moved again and again, the newest moves that are kept as evidence.
_MOST_MOVES = 8
#: An order that came in another's stead is so many times younger, when that one is taken off.
_NEWER = 4


class Execution(Struct, frozen=True):
    """A trade on the other side."""

    same: Sameness
    witness: Witness
    quantity: float
    price: float
    gap: int
    """Of the party, the time since its trade before."""
    order_id: str | None
    """Of the other side, if it rested."""
    shown: float
    """What it added to what the candidate's executions showed."""


class Candidate(Struct, gc=False):
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
    moves: int = 0
    """How often it was moved to another price."""
    moved: list[Witness] = field(default_factory=list[Witness])
    """The newest of these."""
    executions: list[Execution] = field(default_factory=list[Execution])
    """The first trades on the other side, and the newest, as evidence."""
    executed: float = 0.0
    """Of all trades on the other side: their quantity, and their value below."""
    value: float = 0.0
    gaps: list[int] = field(default_factory=list[int])
    """Of each of them, the time since the party's trade before (see
    `detections.books.coincidence`)."""
    executed_at: int = 0
    """Time of the newest."""
    shown: float = 0.0
    """What the orders on the other side that traded showed; what traded, where none rested."""
    counter_orders: dict[str, None] = field(default_factory=dict[str, None])
    same_side: float = 0.0
    """What its party traded on the order's own side, by other orders."""
    ended: Witness | None = None
    ending: str = "cancelled it"
    inferred: bool = False
    """The feed doesn't say whether it was cancelled."""

    def completed_by(
        self, trade: Trade, change: BookChange, party: Party, gap: int, *, bought: bool
    ) -> bool:
        """Note a trade in which a party of the same names bought, or sold, so long after its trade
        before; whether it completes an order that has ended."""
        if self.order_id in (trade.maker_order_id, trade.taker_order_id):
            self.filled += trade.quantity
            return False
        if trade.timestamp < self.placed.timestamp:
            return False
        if self.buy is bought:
            self.same_side += trade.quantity
            return False
        if self.ended is not None and trade.side == ("buy" if bought else "sell"):
            return False  # it takes what others placed: see `detections.correlators.spoofing`
        same = sameness(self.party, party)
        if same is None:
            return False
        maker = change.order
        rested = maker is not None and maker.buy is bought
        self.execute(
            trade,
            same,
            trade.maker_order_id if rested else None,
            max(change.quantity_before, maker.most) if rested and maker is not None else 0.0,
            gap,
        )
        return self.ended is not None

    def execute(
        self, trade: Trade, same: Sameness, order_id: str | None, shown: float, gap: int
    ) -> None:
        """Note a trade on the other side; `order_id` rested there, and showed so much.

        An order counts with all that it showed: who shows as much as the candidate deceives nobody.
        """
        if len(self.executions) >= _MOST_EXECUTIONS:
            del self.executions[_MOST_EXECUTIONS // 2]
        added = 0.0
        if order_id is None or len(self.counter_orders) >= _MOST_EXECUTIONS:
            added = trade.quantity
        elif order_id not in self.counter_orders:
            self.counter_orders[order_id] = None
            added = max(shown, trade.quantity)
        self.executions.append(
            Execution(same, witness(trade), trade.quantity, trade.price, gap, order_id, added)
        )
        self.shown += added
        self.executed += trade.quantity
        self.value += trade.quantity * trade.price
        if gap and len(self.gaps) < _MOST_GAPS:
            self.gaps.append(gap)
        self.executed_at = trade.timestamp

    def revise(self, was: Trade, now: Trade | None) -> None:
        """A trade on the other side was taken back or corrected, if it is one of those kept. The
        order that rested for it has shown what it showed: as far as another trade of it counts."""
        place = next((n for n, one in enumerate(self.executions) if one.witness.id == was.id), None)
        if place is None:
            return
        one = self.executions[place]
        price, quantity = (0.0, 0.0) if now is None else (now.price, now.quantity)
        self.executed = max(0.0, self.executed + quantity - one.quantity)
        self.value = max(0.0, self.value + quantity * price - one.quantity * one.price)
        if now is not None:
            self.executions[place] = structs.replace(one, quantity=quantity, price=price)
            return
        del self.executions[place]
        if one.gap in self.gaps:
            self.gaps.remove(one.gap)
        self.executed_at = max((each.witness.timestamp for each in self.executions), default=0)
        for other, each in enumerate(self.executions):
            if one.order_id is not None and each.order_id == one.order_id:
                self.executions[other] = structs.replace(each, shown=each.shown + one.shown)
                return
        self.shown = max(0.0, self.shown - one.shown)
        if one.order_id is not None:
            self.counter_orders.pop(one.order_id, None)

    def move(self, price: float, event: OrderChanged) -> None:
        """It stands at another price from now on."""
        self.price = price
        self.moves += 1
        self.moved.append(witness(event))
        if len(self.moved) > _MOST_MOVES:
            del self.moved[0]


class Watch(Struct):
    """The candidates of one book, in the order of their placing and of their end."""

    live: dict[str, Candidate] = field(default_factory=dict[str, Candidate])
    ended: dict[str, Candidate] = field(default_factory=dict[str, Candidate])
    names: dict[str, dict[str, None]] = field(default_factory=dict[str, dict[str, None]])
    """Of each name of a party, its candidates, whether live or ended."""

    def add(self, candidate: Candidate, most: int) -> None:
        """Watch an order; at most so many."""
        while candidate.order_id in self.live or candidate.order_id in self.ended:
            self.drop(candidate.order_id)
        if len(self.live) >= most:
            self.drop(next(iter(self.live)))
        self.live[candidate.order_id] = candidate
        for name in candidate.party.names:
            self.names.setdefault(name, {})[candidate.order_id] = None

    def end(self, candidate: Candidate, most: int) -> None:
        """The order has ended; an execution may still come."""
        if len(self.ended) >= most:
            self.drop(next(iter(self.ended)))
        self.ended[candidate.order_id] = self.live.pop(candidate.order_id)

    def drop(self, order_id: str) -> None:
        """Nothing can become of the order any more."""
        candidate = self.live.pop(order_id, None) or self.ended.pop(order_id, None)
        if candidate is None:
            return
        for name in candidate.party.names:
            known = self.names.get(name)
            if known is not None:
                known.pop(order_id, None)
                if not known:
                    del self.names[name]

    def of(self, party: Party) -> list[Candidate]:
        """The candidates of a party, by any of its names."""
        names = self.names
        found: dict[str, None] = {}
        for name in party:
            if name is not None and name in names:
                found |= names[name]
        return [self.live.get(one) or self.ended[one] for one in found]

    def replaces(self, candidate: Candidate, now: int, lifetime: int) -> bool:
        """Whether another large order of the party has just come in the candidate's stead."""
        return any(
            other is not candidate
            and other.ended is None
            and other.buy is candidate.buy
            and _NEWER * (now - other.placed.timestamp) < lifetime
            for other in self.of(candidate.party)
        )

    def forget(self, now: int, lifetime: int, window: int) -> None:
        """Let go of what can't become a finding any more: placed or ended too long ago."""
        while self.live:
            order_id, first = next(iter(self.live.items()))
            if now - first.placed.timestamp <= lifetime:
                break
            self.drop(order_id)
        while self.ended:
            order_id, first = next(iter(self.ended.items()))
            assert first.ended is not None
            if now - first.ended.timestamp <= window:
                break
            self.drop(order_id)


def filled_quantity(
    candidate: Candidate, event: OrderCancelled | OrderRemoved | OrderChanged, order: Resting | None
) -> float:
    """How much of the order was filled, as far as the feed tells."""
    filled = max(candidate.filled, 0.0 if order is None else order.filled)
    if isinstance(event, OrderCancelled) and event.remaining is not None:
        return max(filled, candidate.quantity - candidate.reduced - event.remaining)
    return filled
