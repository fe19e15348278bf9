"""One instrument's order book at one source, as its feed tells it: order by order, and by level.

A level is found by binary search; levels near the touch, where most happens, stand at the end of
their lists, so that inserting there moves little.

Each order of a feed by order has its place in the queue of its level. An order joins at the end.
One whose quantity is cut keeps its place; one that is enlarged, or moved to another price, goes to
the end, as the rule books of venues have it (price, then time). See `OrderBook.ahead`.
"""

from bisect import bisect_left, bisect_right, insort
from typing import NamedTuple

from msgspec import Struct, field

from detections.alerting.findings import Step
from detections.books.level_changes import Lately
from normalizer.events.market import BookSnapshot, BookUpdate

#: Orders per book. Real books have some 10^5; beyond this a feed is broken or hostile.
MOST_ORDERS = 1_000_000
MOST_BOOKS = 20_000
#: Levels per side of a book that comes by level.
MOST_LEVELS = 100_000
#: What is small, which most orders are: less than `SMALL` of the depth that there is besides it,
#: within the best `SMALL_LEVELS` levels and `SMALL_WIDTH` (a ratio) of the best price.
SMALL, SMALL_LEVELS, SMALL_WIDTH = 0.02, 10, 0.05
_DUST = 1e-12


class Resting(Struct, gc=False, array_like=True):
    """An order on the book. Without cycles, so the garbage collector need not look at it.

    It changes as the order does: what is kept of it must be copied. One that has left the book
    stays as it was then.
    """

    buy: bool
    price: float
    quantity: float
    """What is left of it."""
    account: str | None = None
    investor: str | None = None
    cluster: str | None = None
    placed_at: int = 0
    """Event time; of an order that a snapshot told first, the snapshot's."""
    shown: float = 0.0
    """The most that it showed at once; 0 where it never changed."""
    filled: float = 0.0
    """What trades that name it took."""
    place: int = 0
    """Its place in the book's one row of arrivals: in a level, the least is first."""
    queued_at: int = 0
    """When it took this place; 0 where that is when it was placed."""
    small: bool = False
    """It was small when it came, and was not enlarged or moved since; false if that isn't known."""
    placed: Step | None = None
    """How it came, if it is known whose it is."""
    labels: tuple[str, ...] = ()
    """Of whose it is, when it came."""
    unsure: bool = False
    """It came unsure, or something was missed while it rested."""

    @property
    def most(self) -> float:
        """The most that it showed at once."""
        shown, quantity = self.shown, self.quantity
        return shown if shown > quantity else quantity  # asked of most orders: so without a call

    @property
    def owner(self) -> str | None:
        """The widest name of whose it is (see `detections.parties.Party.key`)."""
        return self.cluster or self.investor or self.account


class Ahead(NamedTuple):
    """What is executed before an order, at its price."""

    orders: int
    quantity: float


class BookSide(Struct, array_like=True):
    """One side of a book, by level. `sign` is 1 for bids and -1 for asks."""

    sign: int
    keys: list[float] = []
    """Price times sign, ascending: the best price is the last."""
    quantities: dict[float, float] = {}
    queues: dict[float, dict[int, float]] = {}
    """Of a level, what is left of each order by its place, in that order; empty where the feed
    gives levels only."""

    def add(self, price: float, quantity: float, place: int) -> None:
        """An order of this quantity joins, behind all others."""
        key = price * self.sign
        queue = self.queues.get(key)
        if queue is not None:
            self.quantities[key] += quantity
            queue[place] = quantity
            return
        keys = self.keys
        if not keys or key > keys[-1]:
            keys.append(key)
        else:
            insort(keys, key)
        self.quantities[key] = quantity
        self.queues[key] = {place: quantity}

    def take(self, price: float, quantity: float, place: int) -> None:
        """An order leaves, with all that was left of it."""
        key = price * self.sign
        queue = self.queues[key]
        if len(queue) == 1:  # rather than subtracting: sums of floats don't come back to zero
            del self.queues[key], self.quantities[key]
            keys = self.keys
            if keys[-1] == key:
                keys.pop()
            else:
                del keys[bisect_left(keys, key)]
            return
        del queue[place]
        left = self.quantities[key] - quantity
        self.quantities[key] = left if left > 0.0 else 0.0

    def cut(self, price: float, quantity: float, place: int, left: float) -> None:
        """A part of an order goes, and so much of it is left: it keeps its place."""
        key = price * self.sign
        queue = self.queues[key]
        queue[place] = left
        rest = left if len(queue) == 1 else self.quantities[key] - quantity
        self.quantities[key] = rest if rest > left else left

    def set_level(self, price: float, quantity: float) -> float:
        """The level has this quantity now; 0 removes it. Returns what it had before."""
        key = price * self.sign
        quantities = self.quantities
        if quantity > 0:
            before = quantities.get(key, 0.0)
            if not before:
                insort(self.keys, key)
            quantities[key] = quantity
            return before
        before = quantities.pop(key, 0.0)
        if before:
            del self.keys[bisect_left(self.keys, key)]
        return before

    def keep(self, levels: int) -> None:
        """Let go of all but the best levels."""
        gone = self.keys[:-levels]
        if gone:
            for key in gone:
                del self.quantities[key]
            del self.keys[: len(gone)]

    def clear(self) -> None:
        self.keys.clear()
        self.quantities.clear()
        self.queues.clear()

    @property
    def best(self) -> float | None:
        """The best price."""
        return self.keys[-1] * self.sign if self.keys else None

    def at(self, price: float) -> float:
        """The quantity at a price."""
        return self.quantities.get(price * self.sign, 0.0)

    def rank(self, price: float) -> int:
        """How many levels have a better price: 0 at the touch, and before it."""
        return len(self.keys) - bisect_right(self.keys, price * self.sign)

    def is_near(self, price: float, levels: int, width: float) -> bool:
        """Whether an order at `price` is, or would be, among the visible levels (see `depth`)."""
        keys, key = self.keys, price * self.sign
        if not keys:
            return True
        best = keys[-1]
        return key >= best - abs(best) * width and (len(keys) < levels or key >= keys[-levels])

    def furthest(self, levels: int, width: float) -> float:
        """The key of the worst price that is among the visible levels (see `is_near`)."""
        keys = self.keys
        if not keys:
            return float("-inf")
        best = keys[-1]
        least = best - abs(best) * width
        return least if len(keys) < levels else max(least, keys[-levels])

    def depth(self, levels: int, width: float, most: float = float("inf")) -> float:
        """Quantity in the best `levels` levels that are within `width` (a ratio) of the best price.

        Counting stops as soon as the sum is more than `most`: for the question "is this order
        large?" one or two levels mostly are enough.
        """
        keys, quantities = self.keys, self.quantities
        if not keys:
            return 0.0
        best = keys[-1]
        limit = best - abs(best) * width
        total = 0.0
        for at in range(len(keys) - 1, max(-1, len(keys) - 1 - levels), -1):
            key = keys[at]
            if key < limit:
                break
            total += quantities[key]
            if total > most:
                break
        return total

    def depth_besides(
        self, order: Resting, levels: int, width: float, most: float = float("inf")
    ) -> float:
        """The depth that there is without an order of this side, whether or not it rests there.

        Of an order that has just come it is the depth before it.
        """
        own = order.price * self.sign
        queue = self.queues.get(own)
        if queue is None or order.place not in queue:
            return self.depth(levels, width, most)
        keys, quantities = self.keys, self.quantities
        alone = len(queue) == 1
        at = len(keys) - 1
        if alone and keys[at] == own:
            at -= 1
        if at < 0:
            return 0.0
        best = keys[at]
        limit = best - abs(best) * width
        total = 0.0
        while at >= 0 and levels > 0:
            key = keys[at]
            if key < limit:
                break
            at -= 1
            if key != own:
                total += quantities[key]
            elif alone:
                continue
            else:
                total += quantities[key] - order.quantity
            if total > most:
                break
            levels -= 1
        return total if total > 0.0 else 0.0


class OrderBook(Struct, array_like=True):
    """What is known of one instrument's book at one source.

    Orders and levels are kept apart, since a source may send both; depth is by orders where there
    are any.
    """

    key: tuple[str, str, str]
    """Source, venue, instrument."""
    orders: dict[str, Resting] = {}
    bids: BookSide = field(default_factory=lambda: BookSide(1))
    asks: BookSide = field(default_factory=lambda: BookSide(-1))
    level_bids: BookSide = field(default_factory=lambda: BookSide(1))
    level_asks: BookSide = field(default_factory=lambda: BookSide(-1))
    unsure: bool = False
    """Something was missed since the last snapshot."""
    arrivals: int = 0
    """Places in the row that were taken so far."""
    depth_told: int | None = None
    """Levels per side that the feed carries, where it is by level and says so."""
    moved_at: int = 0
    """Time of the newest event."""
    traded: Lately = {}
    """By trades that name no order, and not seen at their level yet."""
    trades_unnamed: bool = False
    """Its trades name no resting order."""
    cancelled: Lately = {}
    """What is believed to have been cancelled, as no trade explains it."""
    all_named: bool = False
    """Of all that ever came it is known whose it is; false where that can't be told."""
    crossed_trades: int = 0
    """So many trades in a row found it crossed (see `detections.books.crossing`)."""
    crossed_at: int = 0
    """Time of the first of these."""

    def side(self, buy: bool) -> BookSide:
        """The side to measure depth by."""
        if self.orders:
            return self.bids if buy else self.asks
        return self.level_bids if buy else self.level_asks

    @property
    def bid(self) -> float | None:
        """The best bid."""
        return self.side(True).best

    @property
    def ask(self) -> float | None:
        """The best offer."""
        return self.side(False).best

    @property
    def middle(self) -> float | None:
        """Between the best bid and the best offer; None where one is missing."""
        bid, ask = self.bid, self.ask
        return None if bid is None or ask is None else (bid + ask) / 2

    @property
    def is_locked(self) -> bool:
        """Whether the best bid is the best offer."""
        bid = self.bid
        return bid is not None and bid == self.ask

    @property
    def is_crossed(self) -> bool:
        """Whether the best bid is above the best offer: in an auction, or if the feed is wrong."""
        bid, ask = self.bid, self.ask
        return bid is not None and ask is not None and bid > ask

    def ahead(self, order: Resting) -> Ahead:
        """What stands before an order in the queue of its level.

        Also of an order that has just left: what stood before it, as far as it is still there.
        """
        side = self.bids if order.buy else self.asks
        place, orders, quantity = order.place, 0, 0.0
        for other, left in side.queues.get(order.price * side.sign, _NO_QUEUE).items():
            if other >= place:
                break
            orders += 1
            quantity += left
        return Ahead(orders, quantity)

    def miss(self) -> None:
        """Something was missed."""
        self.unsure = True
        for order in self.orders.values():
            order.unsure = True

    # -- orders ------------------------------------------------------------------------------------

    def place(self, order_id: str, order: Resting) -> None:
        """An order joins the queue of its price."""
        orders = self.orders
        if order_id in orders:
            self.remove(order_id)
        if len(orders) >= MOST_ORDERS:
            self.unsure = True
            return
        orders[order_id] = order
        self.arrivals = order.place = self.arrivals + 1
        (self.bids if order.buy else self.asks).add(order.price, order.quantity, order.place)

    def remove(self, order_id: str) -> Resting | None:
        order = self.orders.pop(order_id, None)
        if order is not None:
            side = self.bids if order.buy else self.asks
            side.take(order.price, order.quantity, order.place)
        return order

    def change(self, order_id: str, price: float | None, quantity: float, at: int = 0) -> None:
        """An order has this price (None: as before) and quantity from a time on."""
        order = self.orders.get(order_id)
        if order is None:
            return
        if quantity <= 0:
            self.remove(order_id)
            return
        side = self.bids if order.buy else self.asks
        before = order.quantity
        if before > order.shown:
            order.shown = before
        if quantity <= before and (price is None or price == order.price):
            side.cut(order.price, before - quantity, order.place, quantity)
            order.quantity = quantity
            return
        side.take(order.price, before, order.place)
        if price is not None:
            order.price = price
        order.quantity = quantity
        order.queued_at = at
        order.small = False
        self.arrivals = order.place = self.arrivals + 1
        side.add(order.price, quantity, order.place)

    def fill(self, order_id: str, quantity: float) -> Resting | None:
        """A trade took this quantity of a resting order. Returns the order."""
        order = self.orders.get(order_id)
        if order is None:
            return None
        before = order.quantity
        if before > order.shown:
            order.shown = before
        order.filled += quantity
        left = before - quantity
        if left <= _DUST * before:
            return self.remove(order_id)
        side = self.bids if order.buy else self.asks
        side.cut(order.price, quantity, order.place, left)
        order.quantity = left
        return order

    def renew(self, event: BookSnapshot) -> None:
        """All orders anew, in the order of their queues.

        What was known of those that are still there is kept.
        """
        known = dict(self.orders)
        self.orders.clear()
        self.bids.clear()
        self.asks.clear()
        self.arrivals = 0
        for buy, ids, prices, quantities in (
            (True, event.bid_order_ids, event.bid_prices, event.bid_quantities),
            (False, event.ask_order_ids, event.ask_prices, event.ask_quantities),
        ):
            for order_id, price, quantity in zip(ids, prices, quantities, strict=False):
                order = known.pop(order_id, None)  # a snapshot may tell one twice
                if order is None or order.buy is not buy:
                    self.all_named = False
                    order = Resting(buy, price, quantity, placed_at=event.timestamp)
                else:
                    order.shown = max(order.shown, order.quantity)
                    order.price, order.quantity, order.small = price, quantity, False
                self.place(order_id, order)

    # -- both --------------------------------------------------------------------------------------

    def snapshot(self, event: BookSnapshot) -> None:
        """The whole book anew; what was known of the accounts behind orders is kept."""
        if event.bid_order_ids or event.ask_order_ids:
            self.renew(event)
        else:
            self.level_bids.clear()
            self.level_asks.clear()
            self.depth_told = event.depth
            self.update(event)
            if self.orders:
                return  # levels say nothing of orders that may be gone
        self.unsure = False
        self.crossed_trades = self.crossed_at = 0

    def update(self, event: BookSnapshot | BookUpdate) -> None:
        """Levels that have another quantity now."""
        self.all_named = False
        bids, asks = self.level_bids, self.level_asks
        for price, quantity in zip(event.bid_prices, event.bid_quantities, strict=False):
            bids.set_level(price, quantity)
        for price, quantity in zip(event.ask_prices, event.ask_quantities, strict=False):
            asks.set_level(price, quantity)
        self.keep_told()

    def keep_told(self) -> None:
        """Let go of levels beyond the depth that the feed carries: it says no more of them."""
        told = self.depth_told or MOST_LEVELS
        for side in (self.level_bids, self.level_asks):
            if len(side.keys) > told:
                side.keep(told)


_NO_QUEUE: dict[int, float] = {}
