"""How large an order is together with the others of its party on that side.

The law speaks of "multiple or large orders" (Regulation 2016/522, Annex II, section 1, point 5(e)),
and what they seem to say is said against what others show: three orders of one party don't make
each other small.
"""

from detections.books.order_books import SharedBooks
from detections.books.order_weight import depth_if_large, measured
from detections.books.shown_orders import shown_by
from detections.parties import Party

_DUST = 1e-9


def weigh_together(
    books: SharedBooks, party: Party, levels: int, width: float, minimum: float
) -> tuple[float, float]:
    """What others show on the side of the order that came, or changed, if it and what its party has
    there besides are at least `minimum` (a ratio) of that; else 0. And what the party has there.

    An order that is small alone (see `detections.books.order_book.Resting.small`) is not weighed.
    Where nobody else shows anything, what stands there besides the order counts as others'.
    """
    change = books.change
    order, book, left = change.order, change.book, change.quantity_after
    if order is None or order.small or left <= 0.0:
        return depth_if_large(change, levels, width, minimum), 0.0
    standing = books.standing(book)
    if standing.has_only(party, order):  # most have
        return depth_if_large(change, levels, width, minimum), 0.0
    side = book.bids if order.buy else book.asks
    if not side.is_near(order.price, levels, width):
        return 0.0, 0.0
    own = shown_by(standing, book, party, order.buy, levels, width) - left
    depth = depth_if_large(change, levels, width, minimum)
    if own <= 0.0:
        return depth, 0.0
    if not depth:
        most = (own + left) / minimum + own
        depth = measured(change, levels, width) or side.depth_besides(order, levels, width, most)
        if depth > most:
            return 0.0, own
        return besides(own, depth), own
    return besides(own, depth) or depth, own


def besides(own: float, depth: float) -> float:
    """What others show of a depth of which so much is a party's own: no less than what a sum of
    floats may be wrong by."""
    others = depth - own
    return others if others > _DUST * depth else 0.0
