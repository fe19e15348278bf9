"""How large an order is: against the depth of its side without it.

Several correlators ask it of the same event, so the newest answer is kept.
"""

from detections.books.order_books import BookChange

_Asked = tuple[int, float, float]
_newest: tuple[BookChange | None, _Asked, float] = (None, (0, 0.0, 0.0), 0.0)


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
    asked = (levels, width, minimum)
    if _newest[0] is change and _newest[1] == asked:
        return _newest[2]
    book = change.book
    side, by_level = (book.bids, book.level_bids) if order.buy else (book.asks, book.level_asks)
    depth = 0.0
    if side.is_near(order.price, levels, width):
        limit = order.quantity / minimum
        depth = side.depth_besides(order, levels, width, limit)
        if not depth and by_level.keys and by_level.is_near(order.price, levels, width):
            depth = by_level.depth(levels, width, limit)  # others' orders come by level only
        if depth > limit:
            depth = 0.0
    _newest = (change, asked, depth)
    return depth
