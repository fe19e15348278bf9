"""Large orders of parties that they take off, and their trades.

What `flipping` and `vacuuming` remember. Only large orders of named accounts are kept; of all
others nothing is.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from detections.alerting.findings import Step, Witness
from detections.books.coincidence import Habits, habits
from detections.engine.feed_gaps import is_of
from detections.float_sum import float_sum
from detections.idlest import PARTS, Room, drop_idlest
from detections.parties import Party
from normalizer.events.market import FeedGap, Trade

#: Large orders that rest, in all books; the oldest go first.
_MOST_LARGE = 100_000
#: Parties of all books; who was idle for longest goes first.
_MOST_TRADERS = 100_000
#: Of a party in a book, the newest on each side.
_MOST_PULLED = 64
_MOST_TRADES = 64
#: Parties, orders that they took off, and their trades, of all books; so many come at once.
_MOST_KEPT, _AT_ONCE = 1_000_000, 2

#: A book, and an order's id or the widest name of a party.
Key = tuple[str, str, str, str]


class Large(Struct, gc=False):
    """A large order, while it rests and after it was taken off."""

    order_id: str
    party: Party
    buy: bool
    price: float
    quantity: float
    """The most that it showed."""
    stood: float
    """What others had at its price when it was placed."""
    placed: Step
    unsure: bool
    ended: Witness | None = None
    filled: float = 0.0
    left_at_price: float = 0.0
    """What others had at its price when it was taken off."""
    rank: int = 0
    """Price levels that were better than its own then."""

    @property
    def ended_at(self) -> int:
        assert self.ended is not None
        return self.ended.timestamp

    @property
    def witness(self) -> Witness:
        """How it was placed, of one that was taken off."""
        assert self.ended is not None
        return self.placed.witness(self.order_id, self.ended.source)


class Took(Struct, frozen=True, gc=False):
    """A trade of a party."""

    timestamp: int
    price: float
    quantity: float
    aggressive: bool
    """It took what another had placed."""
    order_id: str | None
    """The party's own order."""
    gap: int
    """Time since its trade before (see `detections.books.coincidence`)."""
    witness: Witness


class Flip(Struct, frozen=True, gc=False):
    """Orders that a party took off, and the trades that followed."""

    party: Party
    orders: tuple[Large, ...]
    trades: tuple[Took, ...]
    shown: float
    """What it showed on the other side, or took off there at the same time."""
    chance: float


class Trader(Struct, gc=False):
    """What one party does in one book. Most do one of four things, and have a list of that only."""

    habits: Habits
    bids_pulled: list[Large] | None = None
    offers_pulled: list[Large] | None = None
    purchases: list[Took] | None = None
    sales: list[Took] | None = None
    alone: list[Flip] | None = None
    """Flips of one order each that nothing was told of."""

    def pulled(self, buy: bool) -> Sequence[Large]:
        """Large orders of a side that it took off lately, in that order."""
        return (self.bids_pulled if buy else self.offers_pulled) or ()

    def trades(self, buy: bool) -> Sequence[Took]:
        """Purchases or sales, the newest."""
        return (self.purchases if buy else self.sales) or ()

    @property
    def size(self) -> int:
        """How much is known of it: itself, orders and trades."""
        pulled = len(self.pulled(True)) + len(self.pulled(False))
        traded = len(self.trades(True)) + len(self.trades(False))
        return 1 + pulled + traded + len(self.alone or ())

    def pull(self, order: Large, since: int) -> None:
        """It took an order off; what it took off before `since` is forgotten."""
        if order.buy:
            pulled = self.bids_pulled
            if pulled is None:
                pulled = self.bids_pulled = list[Large]()
        else:
            pulled = self.offers_pulled
            if pulled is None:
                pulled = self.offers_pulled = list[Large]()
        pulled.append(order)
        stale = 0
        while stale < len(pulled) and pulled[stale].ended_at < since:
            stale += 1
        if stale or len(pulled) > _MOST_PULLED:
            del pulled[: max(stale, len(pulled) - _MOST_PULLED)]

    def trade(self, took: Took, buy: bool, since: int) -> None:
        """It bought or sold; what it did before `since` is forgotten."""
        if buy:
            trades = self.purchases
            if trades is None:
                trades = self.purchases = list[Took]()
        else:
            trades = self.sales
            if trades is None:
                trades = self.sales = list[Took]()
        trades.append(took)
        if trades[0].timestamp >= since and len(trades) <= _MOST_TRADES:
            return  # most often
        stale = 0
        while stale < len(trades) and trades[stale].timestamp < since:
            stale += 1
        del trades[: max(stale, len(trades) - _MOST_TRADES)]

    def revise(self, was: Trade, now: Trade | None, buy: bool) -> None:
        """A trade was taken back or corrected, if it is one of those kept."""
        if self.alone is not None:  # what is left of it may be no flip
            flips = [one for one in self.alone if was.id not in {t.witness.id for t in one.trades}]
            self.alone = flips or None
        trades = (self.purchases if buy else self.sales) or []
        for place, one in enumerate(trades):
            if one.witness.id == was.id:
                if now is None:
                    del trades[place]
                else:
                    trades[place] = replace(one, price=now.price, quantity=now.quantity)
                return

    def flip_alone(self, flip: Flip, since: int) -> Sequence[Flip]:
        """It took off one order, and traded. Returns all such flips since a time that nothing was
        told of, this one as the last."""
        order = flip.orders[0].order_id
        flips = [
            one
            for one in self.alone or ()
            if one.orders[0].order_id != order and one.orders[0].ended_at >= since
        ]
        flips.append(flip)
        self.alone = flips[-_MOST_PULLED:]
        return flips

    def forget(self, orders: Iterable[Large]) -> None:
        """Let go of orders that were told of."""
        gone = {order.order_id for order in orders}
        if self.alone is not None:
            flips = [one for one in self.alone if one.orders[0].order_id not in gone]
            self.alone = flips or None
        self.bids_pulled = [one for one in self.pulled(True) if one.order_id not in gone] or None
        self.offers_pulled = [one for one in self.pulled(False) if one.order_id not in gone] or None


class Pulls(Struct):
    """The large orders and the parties of all books."""

    large: dict[Key, Large] = {}
    """In the order of their placing."""
    traders: dict[Key, Trader] = {}
    """The idlest first."""
    room: Room = field(default_factory=Room)
    """For parties, with orders that they took off and trades."""

    def place(self, key: Key, order: Large) -> None:
        """A large order rests."""
        self.large.pop(key, None)
        if len(self.large) >= _MOST_LARGE:
            drop_idlest(self.large, _MOST_LARGE - 1)
        self.large[key] = order

    def trader(self, key: Key, now: int) -> Trader:
        """What a party does in a book: it does something more now."""
        room = self.room
        room.added += _AT_ONCE
        if room.added >= _MOST_KEPT // PARTS:  # `Room.take`, without a call
            known = ((0, trader.size, key) for key, trader in self.traders.items())
            self.room.make(_MOST_KEPT, known, self.traders.pop)
        found = self.traders.pop(key, None)
        if found is None:
            found = Trader(habits(now))
            if len(self.traders) >= _MOST_TRADERS:
                drop_idlest(self.traders, _MOST_TRADERS - 1)
        self.traders[key] = found
        return found

    def missed(self, gap: FeedGap) -> None:
        """What was missed may have been a fill of any order."""
        for key, order in self.large.items():
            if is_of(gap, key):
                order.unsure = True


def quantity_of(orders: Sequence[Large] | Sequence[Took]) -> float:
    """Of orders or trades together."""
    return float_sum([one.quantity for one in orders])


def average_price(trades: Sequence[Took]) -> float:
    """What was paid, on average."""
    quantity = quantity_of(trades)
    if not quantity:
        return trades[0].price
    return round(float_sum(one.price * one.quantity for one in trades) / quantity, 8)
