"""The books of all instruments of a lane: one set for all of its correlators.

The engine moves them on once for each event, before any correlator sees it, and tells what the
event did to its book. A correlator that says `uses_books = True` has them as `self.books`:

    def observe(self, event):
        change = self.books.change         # of this event
        book, order = change.book, change.order
        if order is not None and change.quantity_after:           # it rests
            side = book.side(order.buy)
            side.rank(order.price)                                # 0: at the touch
            side.depth_besides(order, levels, width)              # depth without it
            book.ahead(order)                                     # orders and quantity before it
        for level in change.levels:                               # of a feed by level, inferred
            level.traded, level.cancelled, level.added

What a correlator keeps of a book or an order it must copy: both go on. It must not change them.
Books are saved with the engine's state, once; no correlator has them in its own.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from msgspec import Struct

from detections.alerting.findings import Step
from detections.books.crossing import note_trade
from detections.books.level_changes import LevelChange, note, take
from detections.books.order_book import (
    MOST_BOOKS,
    MOST_ORDERS,
    SMALL,
    SMALL_LEVELS,
    SMALL_WIDTH,
    OrderBook,
    Resting,
)
from detections.books.standing import Standing
from detections.engine.correlator_state import decode_state, encode_state
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
from pipeline.frames import WHOLE_SOURCE
from pipeline.units import HOUR

#: To be raised where what is saved of books comes to mean something else with the same fields.
BOOKS_VERSION = 2
#: Books that can't be restored are made again from so much of the past, in nanoseconds. Who needs
#: them exact needs a feed that begins with a snapshot.
BOOKS_HORIZON = HOUR
#: Orders in all books. An order takes some 0.7 KB, and 1 KB if it is known whose it is.
MOST_ORDERS_IN_ALL = 8_000_000
#: Where there are too many books, so large a part of them goes at once: who was idle for longest.
_GONE_AT_ONCE = 16


class BookChange(Struct, frozen=True, gc=False):
    """What one event did to its book."""

    book: OrderBook
    """As it is after the event."""
    order: Resting | None = None
    """The order that the event is about: the resting one, of a trade. As it is now, or was when it
    left. None if no such order was on the book."""
    price_before: float = 0.0
    quantity_before: float = 0.0
    """What was left of the order; 0 if it came with this event."""
    quantity_after: float = 0.0
    """What is left of the order; 0 if it is not on the book any more."""
    traded: float = 0.0
    """Of what the order lost, by trades. The rest was cancelled."""
    inferred: bool = False
    """The feed doesn't say by what; `traded` is what trades of the same moment explain."""
    levels: tuple[LevelChange, ...] = ()
    """Of a feed by level: what changed, and by what, as far as can be inferred."""
    taken_back: float = 0.0
    """Of a trade that names no order: so much was believed to be cancelled at its price, and was
    in fact traded in this trade."""
    besides: float = 0.0
    """Of an order that came and is not `Resting.small`: the depth that told so. 0 of all others."""

    @property
    def cancelled(self) -> float:
        """Of what the order lost, what trades don't explain."""
        return max(0.0, self.quantity_before - self.quantity_after - self.traded)


class OrderBooks(Struct):
    """The books of all instruments of all sources, moved on by events."""

    books: dict[tuple[str, str, str], OrderBook] = {}
    resting: int = 0
    """Orders in all books."""

    def find(self, event: MarketEvent) -> OrderBook | None:
        """The book that the event is about, if anything is known of it."""
        return self.books.get((event.provider, event.venue, event.instrument))

    def of(self, event: MarketEvent) -> OrderBook:
        """The book that the event is about."""
        key = (event.provider, event.venue, event.instrument)
        book = self.books.get(key)
        if book is None:
            if len(self.books) >= MOST_BOOKS:
                self._forget_idlest()
            book = self.books[key] = OrderBook(key, all_named=True)
        return book

    def apply(self, event: MarketEvent, book: OrderBook) -> BookChange | None:
        """Move the book on by one event. None if such events move no book."""
        move = MOVES.get(event.__class__)
        if move is None:
            return None
        book.moved_at = event.timestamp
        return move(self, book, event)

    def _forget_idlest(self) -> None:
        idlest = sorted(self.books.values(), key=lambda book: (book.moved_at, book.key))
        for book in idlest[: max(1, MOST_BOOKS // _GONE_AT_ONCE)]:
            self.resting -= len(book.orders)
            del self.books[book.key]


Move = Callable[[OrderBooks, OrderBook, Any], BookChange]


class SharedBooks:
    """The books that the correlators of an engine share, and what the present event did to them."""

    __slots__ = ("_standing", "change", "state")

    def __init__(self) -> None:
        self.state = OrderBooks()
        self._standing: dict[tuple[str, str, str], Standing] = {}
        self.change = BookChange(OrderBook(("", "", "")))
        """Of the event that is observed. Of events that move no book: of an earlier one."""

    def find(self, event: MarketEvent) -> OrderBook | None:
        """The book that the event is about, if anything is known of it."""
        return self.state.books.get((event.provider, event.venue, event.instrument))

    def standing(self, book: OrderBook) -> Standing:
        """Whose the orders of a book are."""
        known = self._standing
        standing = known.get(book.key)
        if standing is None or not standing.is_of(book):
            if len(known) > len(self.state.books):  # books were let go
                known.clear()
            standing = known[book.key] = Standing(book)
        return standing

    def move(self, event: Any) -> None:
        """Move the event's book on, if it moves one."""
        kind = event.__class__
        move = MOVES.get(kind)
        if move is None:
            return
        state, key = self.state, (event.provider, event.venue, event.instrument)
        book = state.books.get(key)
        if book is None:
            book = state.of(event)
        book.moved_at = event.timestamp
        standing = self._standing.get(key)
        if standing is None:
            self.change = move(state, book, event)
            return
        # Keep up whose the orders are.
        orders = book.orders
        before = len(orders)
        self.change = change = move(state, book, event)
        if kind is OrderPlaced:
            if len(orders) > before and change.order is not None:
                standing.came(change.order)
            elif event.order_id in orders:
                del self._standing[key]  # it is told again: from now on it is another one
        elif kind is BookSnapshot:
            del self._standing[key]
        elif len(orders) < before and change.order is not None:
            standing.left(change.order)

    def lose(self, event: Any) -> None:
        """The event's book could not be moved on: nothing is known of what it did."""
        book = self.state.of(event)
        book.unsure = True
        self._standing.pop(book.key, None)
        self.change = BookChange(book)


def parts_of_books(books: OrderBooks) -> Iterator[bytes]:
    """The books as bytes, one by one: the same books give the same bytes."""
    for book in books.books.values():
        yield encode_state(book)


def read_books(parts: Iterable[bytes]) -> OrderBooks:
    """Books from their bytes. Raises msgspec.MsgspecError."""
    found = [decode_state(part, OrderBook) for part in parts]
    return OrderBooks({book.key: book for book in found}, sum(len(book.orders) for book in found))


def _best_bid(book: OrderBook) -> float | None:
    bids = (book.bids if book.orders else book.level_bids).keys
    return bids[-1] if bids else None


def _placed(books: OrderBooks, book: OrderBook, event: OrderPlaced) -> BookChange:
    quantity = event.quantity if event.remaining is None else event.remaining
    price = event.price
    if price is None or quantity is None or quantity <= 0:
        return BookChange(book)
    if books.resting >= MOST_ORDERS_IN_ALL:
        book.unsure = True
        return BookChange(book)
    account, investor, cluster = event.investor_account, event.investor_id, event.investor_cluster
    at = event.timestamp
    order = Resting(event.side == "buy", price, quantity, account, investor, cluster, at)
    if account or investor or cluster:
        order.placed = Step(event.id, at, event.original, event.related_hash, event.related_user)
        if event.investor_labels:
            order.labels = event.investor_labels
    else:
        book.all_named = False
    if event.tags and "unsure" in event.tags:
        order.unsure = True
    orders, order_id, besides = book.orders, event.order_id, 0.0
    if order_id in orders or len(orders) >= MOST_ORDERS:
        resting = len(orders)
        book.place(order_id, order)
        books.resting += len(orders) - resting
    else:  # `OrderBook.place`, without a call for most of all events
        orders[order_id] = order
        book.arrivals = order.place = place = book.arrivals + 1
        side = book.bids if order.buy else book.asks
        side.add(price, quantity, place)
        books.resting += 1
        limit = quantity / SMALL
        besides = side.depth_besides(order, SMALL_LEVELS, SMALL_WIDTH, limit)
        if besides > limit:
            order.small, besides = True, 0.0
    return BookChange(book, order, price, 0.0, quantity, besides=besides)


def _cancelled(books: OrderBooks, book: OrderBook, event: OrderCancelled) -> BookChange:
    order = book.orders.pop(event.order_id, None)
    if order is None:
        return BookChange(book)
    price, left = order.price, order.quantity
    (book.bids if order.buy else book.asks).take(price, left, order.place)
    books.resting -= 1
    return BookChange(book, order, price, left)


def _filled(books: OrderBooks, book: OrderBook, event: OrderFilled) -> BookChange:
    order = book.remove(event.order_id)
    if order is None:
        return BookChange(book)
    books.resting -= 1
    left = order.quantity
    return BookChange(book, order, order.price, left, 0.0, left)


def _removed(books: OrderBooks, book: OrderBook, event: OrderRemoved) -> BookChange:
    order = book.remove(event.order_id)
    if order is None:
        return BookChange(book)
    books.resting -= 1
    price, left = order.price, order.quantity
    traded = _explained(book, order, price, left, event.timestamp)
    return BookChange(book, order, price, left, 0.0, traded, True)


def _changed(books: OrderBooks, book: OrderBook, event: OrderChanged) -> BookChange:
    quantity = event.quantity if event.remaining is None else event.remaining
    order = book.orders.get(event.order_id)
    if order is None or quantity is None:
        return BookChange(book)
    price, before = order.price, order.quantity
    book.change(event.order_id, event.price, quantity, event.timestamp)
    if quantity <= 0:
        books.resting -= 1
        quantity = 0.0
    if not book.trades_unnamed or quantity >= before or order.price != price:
        return BookChange(book, order, price, before, quantity)
    traded = _explained(book, order, price, before - quantity, event.timestamp)
    return BookChange(book, order, price, before, quantity, traded, True)


def _traded(books: OrderBooks, book: OrderBook, event: Trade) -> BookChange:
    change = _dealt(books, book, event)
    note_trade(book, event)
    return change


def _dealt(books: OrderBooks, book: OrderBook, event: Trade) -> BookChange:
    maker = event.maker_order_id
    if maker is None or not book.orders:
        return BookChange(book, taken_back=_unnamed(book, event))
    order = book.orders.get(maker)
    if order is None:
        return BookChange(book)
    before = order.quantity
    book.fill(maker, event.quantity)
    if maker in book.orders:
        left = order.quantity
    else:
        left = 0.0
        books.resting -= 1
    return BookChange(book, order, order.price, before, left, before - left)


def _explained(book: OrderBook, order: Resting, price: float, gone: float, at: int) -> float:
    """How much of what an order lost is explained by trades that name no order."""
    key = price if order.buy else -price
    traded = take(book.traded, key, gone, at) if book.traded else 0.0
    order.filled += traded
    if traded < gone:
        note(book.cancelled, key, gone - traded, at)
    return traded


def _unnamed(book: OrderBook, event: Trade) -> float:
    """A trade that names no order that we know. Returns how much of it was believed to be
    cancelled."""
    if not (book.orders or book.level_bids.keys or book.level_asks.keys):
        return 0.0
    book.trades_unnamed = True
    price, quantity, at = event.price, event.quantity, event.timestamp
    bid = _best_bid(book)
    hits_bid = bid is not None and price <= bid
    sold = hits_bid if event.side is None else event.side == "sell"
    key = price if sold else -price
    back = take(book.cancelled, key, quantity, at) if book.cancelled else 0.0
    if back < quantity:
        note(book.traded, key, quantity - back, at)
    return back


def _updated(books: OrderBooks, book: OrderBook, event: BookUpdate) -> BookChange:
    changes: list[LevelChange] = []
    at = event.timestamp
    for side, buy, prices, quantities in (
        (book.level_bids, True, event.bid_prices, event.bid_quantities),
        (book.level_asks, False, event.ask_prices, event.ask_quantities),
    ):
        for price, after in zip(prices, quantities, strict=False):
            before = side.set_level(price, after)
            if before == after:
                continue
            traded = 0.0
            if after < before:
                key, gone = price if buy else -price, before - after
                if book.traded:
                    traded = take(book.traded, key, gone, at)
                if traded < gone:
                    note(book.cancelled, key, gone - traded, at)
            changes.append(LevelChange(buy, price, before, after, traded))
    book.keep_told()
    return BookChange(book, levels=tuple(changes))


def _renewed(books: OrderBooks, book: OrderBook, event: BookSnapshot) -> BookChange:
    resting = len(book.orders)
    book.snapshot(event)
    books.resting += len(book.orders) - resting
    book.traded.clear()
    book.cancelled.clear()
    return BookChange(book)


def _missed(books: OrderBooks, book: OrderBook, event: FeedGap) -> BookChange:
    if event.instrument != WHOLE_SOURCE:
        book.miss()
    else:
        for one in books.books.values():
            if one.key[0] == event.provider:
                one.miss()
    return BookChange(book)


#: How each kind of event moves a book on.
MOVES: dict[type[MarketEvent], Move] = {
    OrderPlaced: _placed,
    OrderCancelled: _cancelled,
    OrderFilled: _filled,
    OrderRemoved: _removed,
    Trade: _traded,
    OrderChanged: _changed,
    BookUpdate: _updated,
    BookSnapshot: _renewed,
    FeedGap: _missed,
}
