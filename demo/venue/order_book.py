"""One side of a limit order book: price levels, each a queue in order of arrival."""

from bisect import bisect_left, insort
from collections.abc import Iterator

import msgspec

from demo.venue.messages import Side


class Owner(msgspec.Struct, frozen=True):
    """Who an order belongs to: Coinbase's user and one of the user's profiles."""

    user_id: str
    profile_id: str


class Order(msgspec.Struct):
    """A live order. `price` in ticks, `remaining` in lots."""

    id: str
    owner: Owner
    side: Side
    price: int
    remaining: int


def opposite(side: Side) -> Side:
    """The other side of the market."""
    return "sell" if side == "buy" else "buy"


class BookSide:
    """All resting orders of one side; price first, then time."""

    def __init__(self, side: Side) -> None:
        self.side: Side = side
        self.depth = 0
        self._sign = 1 if side == "buy" else -1
        self._keys: list[int] = []  # sign * price, ascending: the best price is the last
        self._levels: dict[int, dict[str, Order]] = {}
        self._totals: dict[int, int] = {}

    def best(self) -> int | None:
        """Best price in ticks, None if the side is empty."""
        return self._sign * self._keys[-1] if self._keys else None

    def first(self) -> Order | None:
        """The order that the next taker meets."""
        return next(iter(self._levels[self._keys[-1]].values())) if self._keys else None

    def crosses(self, limit: int) -> bool:
        """Whether an opposite order with this limit would trade at once."""
        return bool(self._keys) and self._keys[-1] >= self._sign * limit

    def total(self, price: int) -> int:
        """Lots at one price."""
        return self._totals.get(self._sign * price, 0)

    def add(self, order: Order) -> None:
        """Put an order behind all others at its price."""
        key = self._sign * order.price
        if key not in self._levels:
            insort(self._keys, key)
            self._levels[key] = {}
            self._totals[key] = 0
        self._levels[key][order.id] = order
        self._totals[key] += order.remaining
        self.depth += order.remaining

    def reduce(self, order: Order, lots: int) -> None:
        """Take `lots` from a resting order; it leaves the book at zero, else keeps its place."""
        key = self._sign * order.price
        order.remaining -= lots
        self._totals[key] -= lots
        self.depth -= lots
        if order.remaining == 0:
            level = self._levels[key]
            del level[order.id]
            if not level:
                del self._levels[key], self._totals[key]
                del self._keys[bisect_left(self._keys, key)]

    def levels(self) -> Iterator[tuple[int, int, int]]:
        """(price in ticks, lots, number of orders), best first."""
        for key in reversed(self._keys):
            yield self._sign * key, self._totals[key], len(self._levels[key])

    def orders(self) -> Iterator[Order]:
        """All orders, best price first and oldest first in a level."""
        for key in reversed(self._keys):
            yield from self._levels[key].values()
