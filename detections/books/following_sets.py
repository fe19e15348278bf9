"""From the events of a feed without accounts to the sets of orders that it shows.

Of a feed by order, an order is what it is; of a feed by level, what comes to a level at once is
taken for one. See :mod:`detections.books.pulled_sets`.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from msgspec import Struct, structs

from detections.alerting.findings import witness
from detections.books.level_changes import LevelChange
from detections.books.order_book import MOST_BOOKS, Resting
from detections.books.order_books import BookChange
from detections.books.order_weight import (
    depth_if_large,
    depth_left,
    levels_to_look_at,
    passes_small,
)
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
    passes_small: bool = False
    """Whether an order that `Resting.small` tells of is none of them."""

    def __post_init__(self) -> None:
        levels, width, minimum = self.depth_levels, self.depth_range, self.minimum_order_share
        known = passes_small(OrderPlaced, levels, width, minimum)
        structs.force_setattr(self, "passes_small", known)


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
    known: W | None,
    event: MarketEvent,
    change: BookChange,
    scope: Scope,
    begin: Callable[[int], W],
) -> None:
    """Take an event of a book of which so much is `known`, and what it did to it.

    Nothing is known of a book before something large came, of nobody who is named: `begin` makes
    it, at that time. The first book is the one to which nothing large came for longest.
    """
    kind = event.__class__
    if kind is OrderPlaced:
        order = change.order
        # Others look at those that are named.
        if order is not None and not (order.small and scope.passes_small) and order.owner is None:
            _placed(books, event, order, change, scope, begin)  # pyright: ignore[reportArgumentType]
    elif kind is BookUpdate:
        _updated(books, known, event, change, scope, begin)
    elif known is None:
        pass
    elif kind is OrderCancelled or kind is OrderRemoved:
        _ended(event, change, known.shown, scope)  # pyright: ignore[reportArgumentType]
    elif kind is Trade:
        _traded(event, change, known.shown)  # pyright: ignore[reportArgumentType]


def miss(books: dict[MarketKey, W], gap: FeedGap) -> None:
    """Something of a feed was not seen: of what is there nothing is known."""
    for key, watched in books.items():
        if is_of(gap, key):
            watched.shown.miss()


def _sets(books: dict[MarketKey, W], event: MarketEvent, begin: Callable[[int], W]) -> ShownSets:
    """Of a book to which something large comes."""
    key = event.provider, event.venue, event.instrument
    return latest(books, key, MOST_BOOKS, lambda: begin(event.timestamp)).shown


def _placed(
    books: dict[MarketKey, W],
    event: OrderPlaced,
    order: Resting,
    change: BookChange,
    scope: Scope,
    begin: Callable[[int], W],
) -> None:
    levels, width = scope.depth_levels, scope.depth_range
    if depth_if_large(change, levels, width, scope.minimum_order_share):
        large = Shown(order.price, order.quantity, witness(event))
        sets = _sets(books, event, begin)
        sets.come(event.order_id, order.buy, large, scope.criteria.maximum_lifetime)


def _ended(
    event: OrderCancelled | OrderRemoved, change: BookChange, shown: ShownSets, scope: Scope
) -> None:
    order = change.order
    if order is None:
        return
    large = shown.side(order.buy).live.get(event.order_id)
    if large is not None:
        large.filled = max(large.filled, order.filled, change.traded)
        _go(event, change, shown, event.order_id, order.buy, scope)


def _updated(
    books: dict[MarketKey, W],
    known: W | None,
    event: MarketEvent,
    change: BookChange,
    scope: Scope,
    begin: Callable[[int], W],
) -> None:
    shown = None if known is None else known.shown
    corrects = shown is not None and shown.partly_filled
    levels, width, minimum = scope.depth_levels, scope.depth_range, scope.minimum_order_share
    for level in levels_to_look_at(change, levels, width, minimum):
        if level.after > level.before:
            shown = _sets(books, event, begin)
            large = Shown(level.price, level.added, witness(event))
            shown.come_to_level(level.buy, large, scope.criteria.maximum_lifetime)
        elif shown is not None:
            if level.price in (shown.bids if level.buy else shown.offers).levels:
                _fell(event, change, shown, level, scope)
                corrects = True
            elif corrects:
                shown.correct(level.buy, level.price, -level.cancelled)


def _fell(
    event: MarketEvent, change: BookChange, shown: ShownSets, level: LevelChange, scope: Scope
) -> None:
    """Something went from a level."""
    share = scope.criteria.maximum_fill_share
    gone = shown.went_from(level.buy, level.price, level.before - level.after, share)
    for key in gone:
        shown.side(level.buy).live[key].filled += level.traded / len(gone)
        _go(event, change, shown, key, level.buy, scope)
    if not gone and level.cancelled:
        # What a trade seemed to have taken before is explained by this.
        shown.correct(level.buy, level.price, -level.cancelled)


def _go(
    event: MarketEvent, change: BookChange, shown: ShownSets, key: str, buy: bool, scope: Scope
) -> None:
    depth = depth_left(change, buy, scope.depth_levels, scope.depth_range)
    shown.go(key, buy, witness(event), change.book.side(buy), depth, scope.criteria)


def _traded(trade: Trade, change: BookChange, shown: ShownSets) -> None:
    if trade.side is not None:
        shown.trade(trade.side == "buy", trade.price, change.taken_back, witness(trade))
