"""What a party shows in a book."""

from collections.abc import Collection

from detections.books.order_book import OrderBook
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
    account, investor, cluster = party
    side = book.bids if buy else book.asks
    shown = 0.0
    for order_id, order in book.orders.items():
        if order.buy is not buy or order_id in without:
            continue
        if (
            (cluster is not None and order.cluster == cluster)
            or (investor is not None and order.investor == investor)
            or (account is not None and order.account == account)
        ) and side.is_near(order.price, levels, width):
            shown += order.quantity
    return shown
