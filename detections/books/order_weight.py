"""How large an order is: against the depth of its side without it.

Several correlators ask it of the same event, so the newest answer is kept. Those to which only
large orders matter are not shown the small ones that come and go (`passes_small`).
"""

from detections.books.level_changes import LevelChange
from detections.books.order_book import SMALL, SMALL_LEVELS, SMALL_WIDTH
from detections.books.order_books import BookChange
from normalizer.events.market import MarketEvent, OrderCancelled, OrderPlaced

#: Of a change, within so many levels and such a width: the depth, if it is at most so much; else 0.
_newest: tuple[BookChange | None, int, float, float, float] = (None, 0, 0.0, 0.0, 0.0)
#: Of a change, what is left of a side (bids, or not), within so many levels and such a width.
_left: tuple[BookChange | None, dict[tuple[bool, int, float], float]] = (None, {})
#: The same of `levels_to_look_at`, by what it is asked with.
_levels: tuple[BookChange | None, dict[tuple[int, float, float], list[LevelChange]]] = (None, {})


def passes_small(record: type[MarketEvent], levels: int, width: float, minimum: float) -> bool:
    """Whether no order that `Resting.small` tells of is large, so that neither its coming nor its
    going matters to who asks `depth_if_large` with these numbers when orders come or change.

    Within more levels, and further from the best price, there is no less depth.
    """
    no_less = levels >= SMALL_LEVELS and width >= SMALL_WIDTH and minimum >= SMALL
    return no_less and record in (OrderPlaced, OrderCancelled)


def depth_if_large(change: BookChange, levels: int, width: float, minimum: float) -> float:
    """The depth beside the order that an event is about, if the order is large; else 0.

    Large is one that rests within the best `levels` levels and within `width` (a ratio) of the
    best price, with at least `minimum` (a ratio) of the depth that there is without it within these
    bounds. Where nothing else stands there is no depth to deceive with, and nothing is large.
    """
    global _newest
    order = change.order
    if order is None or change.quantity_after <= 0:
        return 0.0
    limit, book = order.quantity / minimum, change.book
    side, by_level = (book.bids, book.level_bids) if order.buy else (book.asks, book.level_asks)
    if depth := measured(change, levels, width):
        return depth if depth <= limit and side.is_near(order.price, levels, width) else 0.0
    known, known_levels, known_width, known_limit, depth = _newest
    if known is change and known_levels == levels and known_width == width:
        if known_limit >= limit:
            return depth if depth <= limit else 0.0
        if depth:
            return depth
    depth = 0.0
    if side.is_near(order.price, levels, width):
        depth = side.depth_besides(order, levels, width, limit)
        if not depth and by_level.keys and by_level.is_near(order.price, levels, width):
            depth = by_level.depth(levels, width, limit)  # others' orders come by level only
        if depth > limit:
            depth = 0.0
    _newest = (change, levels, width, limit, depth)
    return depth


def depth_left(change: BookChange, buy: bool, levels: int, width: float) -> float:
    """The depth of a side, as the event left it."""
    global _left
    if _left[0] is not change:
        _left = (change, {})
    known, key = _left[1], (buy, levels, width)
    depth = known.get(key)
    if depth is None:
        depth = known[key] = change.book.side(buy).depth(levels, width)
    return depth


def levels_to_look_at(
    change: BookChange, levels: int, width: float, minimum: float
) -> list[LevelChange]:
    """Of what happened to the levels of a book, in its order: what became less, and where what came
    is large (see `depth_if_large`). Not where orders stand, which say more.
    """
    global _levels
    if _levels[0] is not change:
        _levels = (change, {})
    known, asked = _levels[1], (levels, width, minimum)
    found = known.get(asked)
    if found is None:
        found = known[asked] = _levels_to_look_at(change, levels, width, minimum)
    return found


def _levels_to_look_at(
    change: BookChange, levels: int, width: float, minimum: float
) -> list[LevelChange]:
    book, found = change.book, list[LevelChange]()
    # Of bids and of asks: the quantity at the best price, and the worst that is near.
    bids, asks = book.level_bids, book.level_asks
    best_bid = bids.quantities[bids.keys[-1]] if bids.keys else 0.0
    best_ask = asks.quantities[asks.keys[-1]] if asks.keys else 0.0
    worst_bid, worst_ask = bids.furthest(levels, width), asks.furthest(levels, width)
    for level in change.levels:
        more = level.after - level.before
        if more > 0.0:
            best, worst, key = (
                (best_bid, worst_bid, level.price)
                if level.buy
                else (best_ask, worst_ask, -level.price)
            )
            limit = more / minimum
            if key < worst or best > limit + more:
                continue  # most are far away; and if the best level alone is more, so are all
            side = bids if level.buy else asks
            depth = side.depth(levels, width, limit + more) - more
            if not 0 < depth <= limit:
                continue
        if not book.orders or not (book.bids if level.buy else book.asks).at(level.price):
            found.append(level)
    return found


def measured(change: BookChange, levels: int, width: float) -> float:
    """The depth beside the order that an event is about, if its book has measured that; else 0."""
    return change.besides if levels == SMALL_LEVELS and width == SMALL_WIDTH else 0.0
