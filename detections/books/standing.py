"""Which orders of a book are whose, found without a look at all of them.

Made when it is asked for the first time, kept up with the book from then on, and not saved: all of
it is in the book.
"""

from collections.abc import Iterable

from detections.books.order_book import OrderBook, Resting
from detections.parties import Party


class Standing:
    """The orders of one book by the names of those behind them, each name's in the book's order."""

    __slots__ = ("_names", "_orders")

    def __init__(self, book: OrderBook) -> None:
        self._orders = book.orders
        self._names: dict[str, dict[str, Resting]] = {}
        for order_id, order in book.orders.items():
            self.came(order_id, order)

    def is_of(self, book: OrderBook) -> bool:
        """Whether it is this book's, and not that of one which had its key before."""
        return self._orders is book.orders

    def came(self, order_id: str, order: Resting) -> None:
        """An order is on the book that wasn't."""
        for name in (order.account, order.investor, order.cluster):
            if name is not None:
                mine = self._names.get(name)
                if mine is None:
                    self._names[name] = {order_id: order}
                else:
                    mine[order_id] = order

    def left(self, order_id: str, order: Resting) -> None:
        """An order is off the book."""
        for name in (order.account, order.investor, order.cluster):
            mine = self._names.get(name) if name is not None else None
            if name is not None and mine is not None:
                mine.pop(order_id, None)
                if not mine:
                    del self._names[name]

    def of(self, party: Party) -> Iterable[Resting]:
        """All orders that have a name of the party, in the order of the book; perhaps others."""
        names = self._names
        found = [names[name] for name in party if name is not None and name in names]
        if not found:
            return ()
        widest = found.pop()
        if all(one.keys() <= widest.keys() for one in found):
            return widest.values()
        return self._orders.values()
