"""Which orders of a book are whose, found without a look at all of them.

Made when it is asked for the first time, kept up with the book from then on, and not saved: all of
it is in the book.
"""

from collections.abc import Iterable

from detections.books.order_book import OrderBook, Resting
from detections.parties import Party

#: Of each name, its order; of most there is one. Of several, by their identity: places change.
Named = dict[str, Resting | dict[int, Resting]]


class Standing:
    """The orders of one book by their side and by each name of those behind them, each name's in
    the book's order."""

    __slots__ = ("_asks", "_bids", "_orders")

    def __init__(self, book: OrderBook) -> None:
        self._orders = book.orders
        # By account, by investor and by cluster: the same word may be a name of either.
        self._bids: tuple[Named, Named, Named] = ({}, {}, {})
        self._asks: tuple[Named, Named, Named] = ({}, {}, {})
        for order in book.orders.values():
            self.came(order)

    def is_of(self, book: OrderBook) -> bool:
        """Whether it is this book's, and not that of one which had its key before."""
        return self._orders is book.orders

    def came(self, order: Resting) -> None:
        """An order is on the book that wasn't."""
        accounts, investors, clusters = self._bids if order.buy else self._asks
        if (name := order.account) is not None:
            if name in accounts:
                _add(accounts, name, order)
            else:
                accounts[name] = order
        if (name := order.investor) is not None:
            _add(investors, name, order)
        if (name := order.cluster) is not None:
            _add(clusters, name, order)

    def left(self, order: Resting) -> None:
        """An order is off the book."""
        accounts, investors, clusters = self._bids if order.buy else self._asks
        if (name := order.account) is not None:
            if accounts.get(name) is order:
                del accounts[name]
            else:
                _drop(accounts, name, order)
        if (name := order.investor) is not None:
            _drop(investors, name, order)
        if (name := order.cluster) is not None:
            _drop(clusters, name, order)

    def of(self, party: Party, buy: bool) -> Iterable[Resting]:
        """The orders of one side that have a name of the party, each once: those of its widest name
        in the order of the book, then what others of its names have besides."""
        account, investor, cluster = party
        accounts, investors, clusters = self._bids if buy else self._asks
        found: list[Resting | dict[int, Resting]] = []
        if cluster is not None and cluster in clusters:
            found.append(clusters[cluster])
        if investor is not None and investor in investors:
            found.append(investors[investor])
        if account is not None and account in accounts:
            found.append(accounts[account])
        if len(found) == 1:
            (one,) = found
            return (one,) if isinstance(one, Resting) else one.values()
        mine: dict[int, Resting] = {}
        for one in found:
            mine.update({id(one): one} if isinstance(one, Resting) else one)
        return mine.values()

    def has_only(self, party: Party, order: Resting) -> bool:
        """Whether the party has this order on its side, by each of its names, and no other."""
        account, investor, cluster = party
        accounts, investors, clusters = self._bids if order.buy else self._asks
        return (
            (account is None or accounts.get(account) is order)
            and (investor is None or investors.get(investor) is order)
            and (cluster is None or clusters.get(cluster) is order)
        )

    def has(self, name: str) -> bool:
        """Whether it is a name of somebody who has an order."""
        for accounts, investors, clusters in (self._bids, self._asks):
            if name in accounts or name in investors or name in clusters:
                return True
        return False

    def owned_by(self, owner: str, buy: bool) -> list[Resting]:
        """The orders of one side whose widest name it is, in the order of the book."""
        found: dict[int, Resting] = {}  # it may be an account's name and an investor's
        for names in self._bids if buy else self._asks:
            mine = names.get(owner)
            if mine is not None:
                some = (mine,) if isinstance(mine, Resting) else mine.values()
                found.update({id(one): one for one in some if one.owner == owner})
        return list(found.values())


def _add(names: Named, name: str, order: Resting) -> None:
    mine = names.get(name)
    if mine is None:
        names[name] = order
    elif isinstance(mine, Resting):
        names[name] = {id(mine): mine, id(order): order}
    else:
        mine[id(order)] = order


def _drop(names: Named, name: str, order: Resting) -> None:
    mine = names.get(name)
    if mine is order:
        del names[name]
    elif isinstance(mine, dict):
        mine.pop(id(order), None)
        if not mine:
            del names[name]
