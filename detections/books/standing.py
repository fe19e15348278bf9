"""Which orders of a book are whose, found without a look at all of them.

Made when it is asked for the first time, kept up with the book from then on, and not saved: all of
it is in the book.
"""

from collections.abc import Iterable

from detections.books.order_book import OrderBook, Resting
from detections.parties import Party

#: Of each name, its orders by their ids.
Named = dict[str, dict[str, Resting]]


class Standing:
    """The orders of one book by their side and by each name of those behind them, each name's in
    the book's order."""

    __slots__ = ("_asks", "_bids", "_orders")

    def __init__(self, book: OrderBook) -> None:
        self._orders = book.orders
        # By account, by investor and by cluster: the same word may be a name of either.
        self._bids: tuple[Named, Named, Named] = ({}, {}, {})
        self._asks: tuple[Named, Named, Named] = ({}, {}, {})
        for order_id, order in book.orders.items():
            self.came(order_id, order)

    def is_of(self, book: OrderBook) -> bool:
        """Whether it is this book's, and not that of one which had its key before."""
        return self._orders is book.orders

    def came(self, order_id: str, order: Resting) -> None:
        """An order is on the book that wasn't."""
        accounts, investors, clusters = self._bids if order.buy else self._asks
        if (name := order.account) is not None:
            _add(accounts, name, order_id, order)
        if (name := order.investor) is not None:
            _add(investors, name, order_id, order)
        if (name := order.cluster) is not None:
            _add(clusters, name, order_id, order)

    def left(self, order_id: str, order: Resting) -> None:
        """An order is off the book."""
        accounts, investors, clusters = self._bids if order.buy else self._asks
        if (name := order.account) is not None:
            _drop(accounts, name, order_id)
        if (name := order.investor) is not None:
            _drop(investors, name, order_id)
        if (name := order.cluster) is not None:
            _drop(clusters, name, order_id)

    def of(self, party: Party, buy: bool) -> Iterable[Resting]:
        """The orders of one side that have a name of the party, each once: those of its widest name
        in the order of the book, then what others of its names have besides."""
        account, investor, cluster = party
        accounts, investors, clusters = self._bids if buy else self._asks
        found: list[dict[str, Resting]] = []
        if cluster is not None and cluster in clusters:
            found.append(clusters[cluster])
        if investor is not None and investor in investors:
            found.append(investors[investor])
        if account is not None and account in accounts:
            found.append(accounts[account])
        if len(found) <= 1:
            return found[0].values() if found else ()
        mine = dict(found[0])
        for one in found[1:]:
            mine.update(one)
        return mine.values()


def _add(names: Named, name: str, order_id: str, order: Resting) -> None:
    mine = names.get(name)
    if mine is None:
        names[name] = {order_id: order}
    else:
        mine[order_id] = order


def _drop(names: Named, name: str, order_id: str) -> None:
    mine = names.get(name)
    if mine is not None:
        mine.pop(order_id, None)
        if not mine:
            del names[name]
