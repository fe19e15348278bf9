"""What a party shows in a book."""

from collections.abc import Collection

from detections.books.order_book import OrderBook
from detections.books.standing import Standing
from detections.float_sum import float_sum
from detections.parties import Party


def shown_by(
    standing: Standing,
    book: OrderBook,
    party: Party,
    buy: bool,
    levels: int,
    width: float,
    without: Collection[str] = (),
) -> float:
    """Quantity of a party's orders on a side, within the visible levels (see `BookSide.is_near`),
    but for some that are named by their ids.

    Accounts of one investor, and investors of one cluster, are one.
    """
    orders = standing.of(party, buy)
    if without:
        places = {one.place for name in without if (one := book.orders.get(name)) is not None}
        orders = [one for one in orders if one.place not in places]
    # Asked of each large order: so without a call for each one that the party has.
    if buy:
        worst = book.bids.furthest(levels, width)
        return float_sum([one.quantity for one in orders if one.price >= worst])
    worst = -book.asks.furthest(levels, width)
    return float_sum([one.quantity for one in orders if one.price <= worst])
