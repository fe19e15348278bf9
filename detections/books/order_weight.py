"""How large an order is: against the depth of its side without it.

Several correlators ask it of the same event, so the newest answer is kept. Those to which only
large orders matter are not shown the small ones that come and go (`passes_small`).
"""

from detections.books.order_book import SMALL, SMALL_LEVELS, SMALL_WIDTH
from detections.books.order_books import BookChange
from normalizer.events.market import MarketEvent, OrderCancelled, OrderPlaced

#: Of a change, within so many levels and such a width: the depth, if it is at most so much; else 0.
_newest: tuple[BookChange | None, int, float, float, float] = (None, 0, 0.0, 0.0, 0.0)


def passes_small(record: type[MarketEvent], levels: int, width: float, minimum: float) -> bool:
    """Whether no order that `Resting.small` tells of is large, so that neither its coming nor its
    going matters to who asks `depth_if_large` with these numbers when orders come or change."""
    alike = levels == SMALL_LEVELS and width == SMALL_WIDTH and minimum >= SMALL
    return alike and record in (OrderPlaced, OrderCancelled)


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


def measured(change: BookChange, levels: int, width: float) -> float:
    """The depth beside the order that an event is about, if its book has measured that; else 0."""
    return change.besides if levels == SMALL_LEVELS and width == SMALL_WIDTH else 0.0
