"""Order books as a venue's feed tells them: order by order, and by price level.

A level is found by binary search; levels near the touch, where most happens, stand at the end of
their lists, so that inserting there moves little.
"""

from bisect import bisect_left, insort
from collections.abc import Callable
from typing import Any

from msgspec import Struct, field

from normalizer.events import MarketEvent
from normalizer.events.market import (
    BookSnapshot,
    BookUpdate,
    FeedGap,
    OrderCancelled,
    OrderChanged,
    OrderFilled,
    OrderPlaced,
    OrderRemoved,
    Trade,
)

#: Orders per book. Real books have some 10^5; beyond this a feed is broken or hostile.
MOST_ORDERS = 1_000_000
MOST_BOOKS = 20_000
_DUST = 1e-12


class Resting(Struct, frozen=True, gc=False, array_like=True):
    """An order on the book. Without cycles, so the garbage collector need not look at it."""

    buy: bool
    price: float
    quantity: float
    account: str | None = None
    investor: str | None = None
    cluster: str | None = None


def _changed(order: Resting, price: float, quantity: float) -> Resting:
    return Resting(order.buy, price, quantity, order.account, order.investor, order.cluster)


class BookSide(Struct):
    """One side of a book, by level. `sign` is 1 for bids and -1 for asks."""

    sign: int
    keys: list[float] = field(default_factory=list[float])
    """Price times sign, ascending: the best price is the last."""
    quantities: dict[float, float] = field(default_factory=dict[float, float])
    counts: dict[float, int] = field(default_factory=dict[float, int])
    """Orders at the level; empty where the feed gives levels only."""

    def add(self, price: float, quantity: float) -> None:
        """An order of this quantity joins."""
        key = price * self.sign
        count = self.counts.get(key, 0)
        if count:
            self.quantities[key] += quantity
        else:
            insort(self.keys, key)
            self.quantities[key] = quantity
        self.counts[key] = count + 1

    def take(self, price: float, quantity: float, *, leaves: bool) -> None:
        """A part of an order goes, or, if it `leaves`, all that was left of it."""
        key = price * self.sign
        count = self.counts.get(key, 0)
        if not count:
            return
        if leaves:
            if count == 1:  # rather than subtracting: sums of floats don't come back to zero
                del self.counts[key], self.quantities[key]
                del self.keys[bisect_left(self.keys, key)]
                return
            self.counts[key] = count - 1
        self.quantities[key] = max(0.0, self.quantities[key] - quantity)

    def set_level(self, price: float, quantity: float) -> None:
        """The level has this quantity now; 0 removes it. For feeds by level."""
        key = price * self.sign
        if quantity > 0:
            if key not in self.quantities:
                insort(self.keys, key)
            self.quantities[key] = quantity
        elif self.quantities.pop(key, None) is not None:
            del self.keys[bisect_left(self.keys, key)]

    def clear(self) -> None:
        self.keys.clear()
        self.quantities.clear()
        self.counts.clear()

    @property
    def best(self) -> float | None:
        """The best price."""
        return self.keys[-1] * self.sign if self.keys else None

    def is_near(self, price: float, levels: int, width: float) -> bool:
        """Whether an order at `price` is, or would be, among the visible levels (see `depth`)."""
        keys, key = self.keys, price * self.sign
        if not keys:
            return True
        best = keys[-1]
        return key >= best - abs(best) * width and (len(keys) < levels or key >= keys[-levels])

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


class OrderBook(Struct):
    """What is known of one instrument's book at one source.

    Orders and levels are kept apart, since a source may send both; depth is by orders where there
    are any.
    """

    key: tuple[str, str, str]
    """Source, venue, instrument."""
    orders: dict[str, Resting] = field(default_factory=dict[str, Resting])
    bids: BookSide = field(default_factory=lambda: BookSide(1))
    asks: BookSide = field(default_factory=lambda: BookSide(-1))
    level_bids: BookSide = field(default_factory=lambda: BookSide(1))
    level_asks: BookSide = field(default_factory=lambda: BookSide(-1))
    unsure: bool = False
    """Something was missed since the last snapshot."""

    def side(self, buy: bool) -> BookSide:
        """The side to measure depth by."""
        if self.orders:
            return self.bids if buy else self.asks
        return self.level_bids if buy else self.level_asks

    def place(self, order_id: str, order: Resting) -> None:
        orders = self.orders
        if order_id in orders:
            self.remove(order_id)
        if len(orders) >= MOST_ORDERS:
            self.unsure = True
            return
        orders[order_id] = order
        (self.bids if order.buy else self.asks).add(order.price, order.quantity)

    def remove(self, order_id: str) -> Resting | None:
        order = self.orders.pop(order_id, None)
        if order is not None:
            side = self.bids if order.buy else self.asks
            side.take(order.price, order.quantity, leaves=True)
        return order

    def change(self, order_id: str, price: float | None, quantity: float) -> None:
        order = self.orders.get(order_id)
        if order is None:
            return
        self.remove(order_id)
        if quantity > 0:
            new_price = order.price if price is None else price
            self.place(order_id, _changed(order, new_price, quantity))

    def fill(self, order_id: str, quantity: float) -> None:
        """A trade took this quantity of a resting order."""
        order = self.orders.get(order_id)
        if order is None:
            return
        left = order.quantity - quantity
        if left <= _DUST * order.quantity:
            self.remove(order_id)
            return
        side = self.bids if order.buy else self.asks
        side.take(order.price, quantity, leaves=False)
        self.orders[order_id] = _changed(order, order.price, left)

    def snapshot(self, event: BookSnapshot) -> None:
        """The whole book anew; what was known of the accounts behind orders is kept."""
        if event.bid_order_ids or event.ask_order_ids:
            known = dict(self.orders)
            self.orders.clear()
            self.bids.clear()
            self.asks.clear()
            for buy, ids, prices, quantities in (
                (True, event.bid_order_ids, event.bid_prices, event.bid_quantities),
                (False, event.ask_order_ids, event.ask_prices, event.ask_quantities),
            ):
                for order_id, price, quantity in zip(ids, prices, quantities, strict=False):
                    before = known.get(order_id)
                    order = Resting(buy, price, quantity)
                    if before is not None:
                        order = Resting(
                            buy, price, quantity, before.account, before.investor, before.cluster
                        )
                    self.place(order_id, order)
        else:
            self.level_bids.clear()
            self.level_asks.clear()
            self.update(event)
            if self.orders:
                return  # levels say nothing of orders that may be gone
        self.unsure = False

    def update(self, event: BookSnapshot | BookUpdate) -> None:
        """Levels that have another quantity now."""
        for price, quantity in zip(event.bid_prices, event.bid_quantities, strict=False):
            self.level_bids.set_level(price, quantity)
        for price, quantity in zip(event.ask_prices, event.ask_quantities, strict=False):
            self.level_asks.set_level(price, quantity)


class OrderBooks(Struct):
    """The books of all instruments of all sources, moved on by events."""

    books: dict[tuple[str, str, str], OrderBook] = field(
        default_factory=dict[tuple[str, str, str], OrderBook]
    )

    def of(self, event: MarketEvent) -> OrderBook:
        """The book that the event is about."""
        key = (event.provider, event.venue, event.instrument)
        book = self.books.get(key)
        if book is None:
            if len(self.books) >= MOST_BOOKS:
                del self.books[next(iter(self.books))]
            book = self.books[key] = OrderBook(key)
        return book

    def apply(self, event: MarketEvent, book: OrderBook) -> None:
        """Move the book on by one event."""
        move = _MOVES.get(type(event))
        if move is not None:
            move(book, event)
        elif type(event) is FeedGap:
            self._gap(event)

    def _gap(self, event: MarketEvent) -> None:
        if event.instrument != "*":
            self.of(event).unsure = True
            return
        for book in self.books.values():
            if book.key[0] == event.provider:
                book.unsure = True


def _place(book: OrderBook, event: OrderPlaced) -> None:
    quantity = event.quantity if event.remaining is None else event.remaining
    price = event.price
    if price is not None and quantity is not None and quantity > 0:
        book.place(
            event.order_id,
            Resting(
                event.side == "buy",
                price,
                quantity,
                event.investor_account,
                event.investor_id,
                event.investor_cluster,
            ),
        )


def _remove(book: OrderBook, event: OrderCancelled | OrderFilled | OrderRemoved) -> None:
    book.remove(event.order_id)


def _fill(book: OrderBook, event: Trade) -> None:
    if event.maker_order_id is not None:
        book.fill(event.maker_order_id, event.quantity)


def _change(book: OrderBook, event: OrderChanged) -> None:
    quantity = event.quantity if event.remaining is None else event.remaining
    if quantity is not None:
        book.change(event.order_id, event.price, quantity)


_MOVES: dict[type[MarketEvent], Callable[[OrderBook, Any], None]] = {
    OrderPlaced: _place,
    OrderCancelled: _remove,
    OrderFilled: _remove,
    OrderRemoved: _remove,
    Trade: _fill,
    OrderChanged: _change,
    BookUpdate: OrderBook.update,
    BookSnapshot: OrderBook.snapshot,
}
