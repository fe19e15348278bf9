"""From the events of a feed without accounts to the sets of orders that it shows.

Of a feed by order, an order is what it is; of a feed by level, what comes to a level at once is
taken for one. See :mod:`detections.books.pulled_sets`.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from msgspec import Struct

from detections.alerting.findings import witness
from detections.books.level_changes import LevelChange
from detections.books.order_book import MOST_BOOKS, OrderBook
from detections.books.order_books import BookChange
from detections.books.order_weight import depth_if_large
from detections.books.pulled_sets import Criteria, PulledSet, Shown, ShownSets
from detections.engine.feed_gaps import is_of
from detections.idlest import latest
from detections.markets.linked_markets import MarketKey
from normalizer.events.market import (
    BookUpdate,
    FeedGap,
    MarketEvent,
    OrderCancelled,
    OrderPlaced,
    OrderRemoved,
    Trade,
)


class Scope(Struct, frozen=True, kw_only=True):
    """Which orders are looked at."""

    criteria: Criteria
    minimum_order_share: float
    """Of the depth of its side without it."""
    depth_levels: int
    depth_range: float


class Watched(Protocol):
    """What a correlator knows of one book."""

    shown: ShownSets


W = TypeVar("W", bound=Watched)


class Time(Struct):
    """A set that was found once, and whether an alert told of it."""

    pulled: PulledSet
    told: bool = False


def untold(times: Sequence[Time], minimum: int) -> list[PulledSet]:
    """What no alert told of, if that is `minimum` sets, and as many as were told of; else nothing.

    So who goes on and on is told of when it has doubled.
    """
    new = [one.pulled for one in times if not one.told]
    return new if len(new) >= max(minimum, len(times) - len(new)) else []


def watch(
    books: dict[MarketKey, W],
    event: MarketEvent,
    change: BookChange,
    scope: Scope,
    begin: Callable[[ShownSets], W],
) -> W | None:
    """Take an event; what is known of its book, if that is worth it. The first book is the idlest.

    `begin` makes what is known of a book whose first large order came.
    """
    key = event.provider, event.venue, event.instrument
    known = books.get(key)
    shown = follow(event, change, None if known is None else known.shown, scope)
    return None if shown is None else latest(books, key, MOST_BOOKS, lambda: begin(shown))


def miss(books: dict[MarketKey, W], gap: FeedGap) -> None:
    """Something of a feed was not seen: of what is there nothing is known."""
    for key, watched in books.items():
        if is_of(gap, key):
            watched.shown.miss()


def follow(
    event: MarketEvent, change: BookChange, shown: ShownSets | None, scope: Scope
) -> ShownSets | None:
    """Take an event, and what it did to its book.

    Nothing is watched of a book (None) before something large came, of nobody who is named.
    """
    kind = event.__class__
    if kind is OrderPlaced:
        return _placed(event, change, shown, scope)  # pyright: ignore[reportArgumentType]
    if kind is BookUpdate:
        return _updated(event, change, shown, scope)
    if shown is None:
        return None
    if kind is OrderCancelled or kind is OrderRemoved:
        _ended(event, change, shown, scope)  # pyright: ignore[reportArgumentType]
    elif kind is Trade:
        _traded(event, change, shown)  # pyright: ignore[reportArgumentType]
    return shown


def _placed(
    event: OrderPlaced, change: BookChange, shown: ShownSets | None, scope: Scope
) -> ShownSets | None:
    if event.investor_account or event.investor_id or event.investor_cluster:
        return shown  # other correlators look at these
    levels, width = scope.depth_levels, scope.depth_range
    if depth_if_large(change, levels, width, scope.minimum_order_share):
        order = change.order
        assert order is not None
        shown = shown or ShownSets()
        large = Shown(order.price, order.quantity, witness(event))
        shown.come(event.order_id, order.buy, large, scope.criteria.maximum_lifetime)
    return shown


def _ended(
    event: OrderCancelled | OrderRemoved, change: BookChange, shown: ShownSets, scope: Scope
) -> None:
    order = change.order
    if order is None:
        return
    large = shown.side(order.buy).live.get(event.order_id)
    if large is not None:
        large.filled = max(large.filled, order.filled, change.traded)
        _go(event, change.book, shown, event.order_id, order.buy, scope)


def _updated(
    event: MarketEvent, change: BookChange, shown: ShownSets | None, scope: Scope
) -> ShownSets | None:
    book = change.book
    for level in change.levels:
        if (book.bids if level.buy else book.asks).at(level.price):
            continue  # the orders there say more
        if level.after > level.before:
            if _is_large(level, book, scope):
                shown = shown or ShownSets()
                large = Shown(level.price, level.added, witness(event))
                key = shown.free_key(level.buy, level.price)
                shown.come(key, level.buy, large, scope.criteria.maximum_lifetime)
        elif shown is not None:
            _fell(event, book, shown, level, scope)
    return shown


def _fell(
    event: MarketEvent, book: OrderBook, shown: ShownSets, level: LevelChange, scope: Scope
) -> None:
    """Something went from a level."""
    share = scope.criteria.maximum_fill_share
    gone = shown.went_from(level.buy, level.price, level.before - level.after, share)
    for key in gone:
        shown.side(level.buy).live[key].filled += level.traded / len(gone)
        _go(event, book, shown, key, level.buy, scope)
    if not gone and level.cancelled:
        # What a trade seemed to have taken before is explained by this.
        shown.correct(level.buy, level.price, -level.cancelled)


def _is_large(level: LevelChange, book: OrderBook, scope: Scope) -> bool:
    side = book.level_bids if level.buy else book.level_asks
    limit = level.added / scope.minimum_order_share
    if not side.keys or side.quantities[side.keys[-1]] > limit + level.added:
        return False  # the best level alone is more, and there is no need to look at others
    levels, width = scope.depth_levels, scope.depth_range
    if not side.is_near(level.price, levels, width):
        return False
    depth = side.depth(levels, width, limit + level.added) - level.added
    return 0 < depth <= limit


def _go(
    event: MarketEvent, book: OrderBook, shown: ShownSets, key: str, buy: bool, scope: Scope
) -> None:
    side = book.side(buy)
    depth = side.depth(scope.depth_levels, scope.depth_range)
    shown.go(key, buy, witness(event), side, depth, scope.criteria)


def _traded(trade: Trade, change: BookChange, shown: ShownSets) -> None:
    if trade.side is not None:
        shown.trade(trade.side == "buy", trade.price, change.taken_back, witness(trade))
