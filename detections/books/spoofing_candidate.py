"""A large order while it is watched for spoofing, and all that are watched in its book."""

from msgspec import Struct, structs

from detections.alerting.findings import Step, Witness, witness
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
#: No time is so late.
_EVER = 2**63 - 1
#: An order that came in another's stead is so many times younger, when that one is taken off.
_NEWER = 4
#: And at least so large a part of it: else a sliver would hide any spoof.
_AS_LARGE = 0.5


class Execution(Struct, frozen=True, gc=False):
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


class Dealing(Struct, gc=False):
    """What one side of a trade did in it. All candidates of that party hear of it: so what is the
    same for all of them is found once."""

    trade: Trade
    party: Party
    bought: bool
    gap: int
    """Of the party, the time since its trade before."""
    order_id: str | None
    """Of its order, if that rested,"""
    shown: float
    """which showed so much."""
    newest: Execution | None = None

    @property
    def takes(self) -> bool:
        """It takes what others placed."""
        return self.trade.side == ("buy" if self.bought else "sell")

    def execution(self, same: Sameness, added: float) -> Execution:
        """As that of a candidate: mostly the same as that of the candidate before."""
        known = self.newest
        if known is None or known.same != same or known.shown != added:
            trade = self.trade
            known = self.newest = Execution(
                same, witness(trade), trade.quantity, trade.price, self.gap, self.order_id, added
            )
        return known


def dealing(trade: Trade, change: BookChange, party: Party, gap: int, *, bought: bool) -> Dealing:
    """Of a party that bought, or sold, so long after its trade before.

    An order counts with all that it showed: who shows as much as the candidate deceives nobody.
    """
    maker, quantity = change.order, trade.quantity
    if maker is None or maker.buy is not bought:
        return Dealing(trade, party, bought, gap, None, quantity)
    shown = max(change.quantity_before, maker.most, quantity)
    return Dealing(trade, party, bought, gap, trade.maker_order_id, shown)


class Candidate(Struct, gc=False):
    """A large order that may turn out to be a spoof."""

    order_id: str
    buy: bool
    party: Party
    price: float
    quantity: float
    depth: float
    """Of its side, before it."""
    placed: Step
    unsure: bool
    began: str = "placed"
    """How it came to be large: `placed`, or `amended an order into`."""
    filled: float = 0.0
    reduced: float = 0.0
    moves: int = 0
    """How often it was moved to another price."""
    moved: list[Witness] = []
    """The newest of these."""
    executions: list[Execution] = []
    """The first trades on the other side, and the newest, as evidence."""
    executed: float = 0.0
    """Of all trades on the other side: their quantity, and their value below."""
    value: float = 0.0
    gaps: list[int] = []
    """Of each of them, the time since the party's trade before (see
    `detections.books.coincidence`)."""
    executed_at: int = 0
    """Time of the newest."""
    shown: float = 0.0
    """What the orders on the other side that traded showed; what traded, where none rested."""
    counter_orders: dict[str, None] = {}
    same_side: float = 0.0
    """What its party traded on the order's own side, by other orders."""
    ended: Witness | None = None
    ending: str = "cancelled it"
    inferred: bool = False
    """The feed doesn't say whether it was cancelled."""

    def completed_by(self, deal: Dealing) -> bool:
        """Note a trade of a party of the same names; whether it completes an order that has
        ended."""
        trade, order_id = deal.trade, self.order_id
        if order_id == trade.maker_order_id or order_id == trade.taker_order_id:
            self.filled += trade.quantity
            return False
        if trade.timestamp < self.placed.timestamp:
            return False
        if self.buy is deal.bought:
            self.same_side += trade.quantity
            return False
        if self.ended is not None and deal.takes:
            return False  # see `detections.correlators.spoofing`
        same = sameness(self.party, deal.party)
        if same is None:
            return False
        self._execute(deal, same)
        return self.ended is not None

    def _execute(self, deal: Dealing, same: Sameness) -> None:
        """Note a trade on the other side."""
        trade, order_id = deal.trade, deal.order_id
        executions, counter_orders = self.executions, self.counter_orders
        if len(executions) >= _MOST_EXECUTIONS:
            del executions[_MOST_EXECUTIONS // 2]
        quantity, added = trade.quantity, 0.0
        if order_id is None or len(counter_orders) >= _MOST_EXECUTIONS:
            added = quantity
        elif order_id not in counter_orders:
            counter_orders[order_id] = None
            added = deal.shown
        executions.append(deal.execution(same, added))
        self.shown += added
        self.executed += quantity
        self.value += quantity * trade.price
        if deal.gap and len(self.gaps) < _MOST_GAPS:
            self.gaps.append(deal.gap)
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

    live: dict[str, Candidate] = {}
    ended: dict[str, Candidate] = {}
    names: dict[str, dict[str, None]] = {}
    """Of each name of a party, its candidates, whether live or ended."""
    forget_after: int = 0
    """Until then there is nothing to forget; 0 where that must be looked at."""

    def add(self, candidate: Candidate, most: int) -> None:
        """Watch an order; at most so many."""
        while candidate.order_id in self.live or candidate.order_id in self.ended:
            self.drop(candidate.order_id)
        if len(self.live) >= most:
            self.drop(next(iter(self.live)))
        if not self.live:
            self.forget_after = 0
        self.live[candidate.order_id] = candidate
        for name in candidate.party.names:
            self.names.setdefault(name, {})[candidate.order_id] = None

    def end(self, candidate: Candidate, most: int) -> None:
        """The order has ended; an execution may still come."""
        if len(self.ended) >= most:
            self.drop(next(iter(self.ended)))
        self.forget_after = 0  # another is the first of these, or of those; see `drop`
        self.ended[candidate.order_id] = self.live.pop(candidate.order_id)

    def drop(self, order_id: str) -> None:
        """Nothing can become of the order any more."""
        candidate = self.live.pop(order_id, None) or self.ended.pop(order_id, None)
        if candidate is None:
            return
        self.forget_after = 0  # the next one may be from an earlier time, where it came late
        for name in candidate.party.names:
            known = self.names.get(name)
            if known is not None:
                known.pop(order_id, None)
                if not known:
                    del self.names[name]

    def of(self, party: Party) -> list[Candidate]:
        """The candidates of a party, by any of its names."""
        names, found = self.names, None
        for name in party:
            if name is not None and (mine := names.get(name)) is not None:
                found = found | mine if found else mine
        if found is None:
            return []
        live, ended = self.live, self.ended
        return [live.get(one) or ended[one] for one in found]

    def replaces(self, candidate: Candidate, now: int, lifetime: int) -> bool:
        """Whether another order as large of the party has just come in the candidate's stead."""
        live, buy, least = self.live, candidate.buy, _AS_LARGE * candidate.quantity
        for name in candidate.party.names:
            for order_id in self.names.get(name, ()):
                other = live.get(order_id)
                if (
                    other is not None
                    and other.buy is buy
                    and _NEWER * (now - other.placed.timestamp) < lifetime
                    and other.ended is None
                    and other.quantity >= least
                    and other is not candidate
                ):
                    return True
        return False

    def forget(self, now: int, lifetime: int, window: int) -> None:
        """Let go of what can't become a finding any more: placed or ended too long ago."""
        if now <= self.forget_after:
            return
        after = _EVER
        while self.live:
            order_id, first = next(iter(self.live.items()))
            until = first.placed.timestamp + lifetime
            if now <= until:
                after = until
                break
            self.drop(order_id)
        while self.ended:
            order_id, first = next(iter(self.ended.items()))
            assert first.ended is not None
            until = first.ended.timestamp + window
            if now <= until:
                after = min(after, until)
                break
            self.drop(order_id)
        self.forget_after = after


def filled_quantity(
    candidate: Candidate, event: OrderCancelled | OrderRemoved | OrderChanged, order: Resting | None
) -> float:
    """How much of the order was filled, as far as the feed tells."""
    filled = max(candidate.filled, 0.0 if order is None else order.filled)
    if isinstance(event, OrderCancelled) and event.remaining is not None:
        return max(filled, candidate.quantity - candidate.reduced - event.remaining)
    return filled
