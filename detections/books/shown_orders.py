"""What a party shows in a book."""

from collections.abc import Collection

from detections.books.order_book import OrderBook, Resting
from detections.books.standing import Standing
from detections.parties import Party


def shown_by(
    book: OrderBook,
    party: Party,
    buy: bool,
    levels: int,
    width: float,
    without: Collection[str] = (),
) -> float:
    """Quantity of a party's orders on a side, within the visible levels (see `BookSide.is_near`).

    Accounts of one investor, and investors of one cluster, are one. It goes through all orders of
    the book, so ask only where all else holds.
    """
    side = book.bids if buy else book.asks
    return sum(
        order.quantity
        for order_id, order in book.orders.items()
        if order.buy is buy
        and order_id not in without
        and _is_of(party, order)
        and side.is_near(order.price, levels, width)
    )


def shown_of(
    standing: Standing, book: OrderBook, party: Party, buy: bool, levels: int, width: float
) -> float:
    """The same where it is known whose the orders of the book are: it goes through these only."""
    # Asked of each large order: so without a call for each one that the party has.
    if buy:
        worst = book.bids.furthest(levels, width)
        return sum([one.quantity for one in standing.of(party, True) if one.price >= worst])
    worst = -book.asks.furthest(levels, width)
    return sum([one.quantity for one in standing.of(party, False) if one.price <= worst])


def _is_of(party: Party, order: Resting) -> bool:
    account, investor, cluster = party
    return (
        (cluster is not None and order.cluster == cluster)
        or (investor is not None and order.investor == investor)
        or (account is not None and order.account == account)
    )
