"""A venue's order log for benchmarks: honest trading, order by order, with accounts.

Books have a touch that wanders; most orders are placed near it and cancelled before they trade, as
on real venues; trades take the first order of the best level. Some books and accounts are far more
active than others (by a power law). Now and then an account spoofs, so that there is something to
find. The same numbers give the same tape. Of a public feed (`named=False`) it is told what
happened, and not who did it.
"""

import random
from bisect import insort
from collections.abc import Iterator
from typing import Any, Literal

from msgspec import Struct, field

from normalizer.events import Record
from normalizer.events.market import (
    OrderCancelled,
    OrderChanged,
    OrderFilled,
    OrderPlaced,
    Trade,
)

START = 1_767_225_600_000_000_000
#: Event time from one event to the next: 20,000 events a second over all books.
STEP = 50_000
_TICK = 0.01
_MOST_RESTING = 400
#: Quantities are lognormal: half of them below 12, one in a hundred above 200.
_SIZE, _SPREAD = 2.5, 1.2
#: The part of all that happens that is a trade, where nothing else is said.
_TRADES = 0.06
#: One event in so many begins a spoof.
_SPOOFS = 10_000
Side = Literal["buy", "sell"]
_OPPOSITE: dict[Side, Side] = {"buy": "sell", "sell": "buy"}


class Order(Struct):
    """An order that rests."""

    id: str
    side: Side
    tick: int
    quantity: float
    account: str


class Book(Struct):
    """An instrument's orders."""

    name: str
    middle: int
    orders: list[Order] = field(default_factory=list[Order])
    levels: dict[Side, dict[int, list[Order]]] = field(
        default_factory=lambda: {"buy": {}, "sell": {}}
    )
    best_last: dict[Side, list[int]] = field(default_factory=lambda: {"buy": [], "sell": []})
    """Ticks of a side, by how good they are (of bids the tick, of offers its negative)."""

    def add(self, order: Order) -> None:
        level = self.levels[order.side].get(order.tick)
        if level is None:
            self.levels[order.side][order.tick] = [order]
            insort(self.best_last[order.side], order.tick if order.side == "buy" else -order.tick)
        else:
            level.append(order)
        self.orders.append(order)

    def drop(self, place: int) -> Order:
        """Take out the order at a place of `orders`."""
        order = self.orders[place]
        self.orders[place] = self.orders[-1]
        self.orders.pop()
        level = self.levels[order.side][order.tick]
        level.remove(order)
        if not level:
            del self.levels[order.side][order.tick]
            self.best_last[order.side].remove(order.tick if order.side == "buy" else -order.tick)
        return order

    def first(self, side: Side) -> Order | None:
        """The order that trades next on a side."""
        ticks = self.best_last[side]
        return self.levels[side][abs(ticks[-1])][0] if ticks else None


class MarketTape:
    """Makes the events, one after the other."""

    def __init__(
        self,
        *,
        books: int,
        accounts: int,
        resting: int = 0,
        seed: int = 7,
        trades: float = _TRADES,
        named: bool = True,
    ) -> None:
        """`resting`: so many orders of each book are placed before anything else happens;
        `trades`: the part of all that happens after that."""
        self._chance = random.Random(seed)
        self._books = [Book(f"TOKEN{number}-USD", 10_000) for number in range(books)]
        self._accounts = accounts
        self._named = named
        self._orders = (1 - trades) / (1 - _TRADES)
        self._number = 0
        self._first = [book for book in self._books for _ in range(resting)]

    def events(self, count: int) -> Iterator[Record]:
        """So many more."""
        until = self._number + count
        while self._number < until:
            for event in self._step():
                yield event
                if self._number >= until:
                    return

    def _step(self) -> Iterator[Record]:
        chance = self._chance
        if self._first:
            yield self._placed(self._first.pop())
            return
        book = self._books[self._ranked(len(self._books))]
        if self._number % _SPOOFS == _SPOOFS - 1 and len(book.orders) > _MOST_RESTING // 4:
            yield from self._spoofed(book)
            return
        dice = chance.random() / self._orders
        if not book.orders or (dice < 0.47 and len(book.orders) < _MOST_RESTING):
            yield self._placed(book)
        elif dice < 0.91:
            # New orders are cancelled more often than old ones.
            place = len(book.orders) - 1 - self._ranked(len(book.orders))
            order = book.drop(place)
            yield self._cancelled(book, order)
        elif dice < 1 - _TRADES:
            order = book.orders[chance.randrange(len(book.orders))]
            order.quantity = round(order.quantity / 2, 6)
            yield OrderChanged(
                **self._common(book),
                order_id=order.id,
                side=order.side,
                price=order.tick * _TICK,
                quantity=order.quantity,
                remaining=order.quantity,
                investor_account=self._told(order.account),
            )
        else:
            side: Side = "buy" if chance.random() < 0.5 else "sell"
            taken = chance.lognormvariate(_SIZE, _SPREAD)
            yield from self._traded(book, side, self._account(), taken)

    def _ranked(self, count: int) -> int:
        """A number below `count`, small ones more often."""
        return int(count * self._chance.random() ** 3)

    def _account(self) -> str:
        return f"acct-{self._ranked(self._accounts)}"

    def _told(self, account: str) -> str | None:
        return account if self._named else None

    def _common(self, book: Book) -> dict[str, Any]:
        number = self._number
        self._number += 1
        at = START + number * STEP
        return {
            "id": f"venue/{book.name}/{number}",
            "timestamp": at,
            "ingested": at + 2_000_000,
            "original": f"RAW/{number // 256}/{number % 256}",
            "provider": "venue",
            "venue": "venue",
            "instrument": book.name,
            "currency": "USD",
        }

    def _placed(self, book: Book, order: Order | None = None) -> OrderPlaced:
        chance = self._chance
        if order is None:
            side: Side = "buy" if chance.random() < 0.5 else "sell"
            opposite = book.first(_OPPOSITE[side])
            away = 1 + int(chance.expovariate(0.25))
            tick = book.middle - away if side == "buy" else book.middle + away
            if opposite is not None:  # it rests, so it doesn't cross
                if side == "buy":
                    tick = min(tick, opposite.tick - 1)
                else:
                    tick = max(tick, opposite.tick + 1)
            quantity = round(chance.lognormvariate(_SIZE, _SPREAD) + 0.01, 2)
            order = Order(f"order-{self._number}", side, tick, quantity, self._account())
        book.add(order)
        return OrderPlaced(
            **self._common(book),
            order_id=order.id,
            side=order.side,
            price=order.tick * _TICK,
            quantity=order.quantity,
            remaining=order.quantity,
            investor_account=self._told(order.account),
        )

    def _cancelled(self, book: Book, order: Order) -> OrderCancelled:
        return OrderCancelled(
            **self._common(book),
            order_id=order.id,
            side=order.side,
            price=order.tick * _TICK,
            remaining=order.quantity,
            investor_account=self._told(order.account),
        )

    def _traded(self, book: Book, side: Side, taker: str, quantity: float) -> Iterator[Record]:
        """A taker of this side takes from the first order of the other one."""
        maker = book.first(_OPPOSITE[side])
        if maker is None:
            yield self._placed(book)
            return
        quantity = min(quantity, maker.quantity)
        maker.quantity = round(maker.quantity - quantity, 6)
        book.middle += (1 if side == "buy" else -1) if self._chance.random() < 0.2 else 0
        book.middle = max(1_000, book.middle)
        buyer, seller = (taker, maker.account) if side == "buy" else (maker.account, taker)
        price = maker.tick * _TICK
        yield Trade(
            **self._common(book),
            trade_id=f"trade-{self._number}",
            price=price,
            quantity=quantity,
            notional=price * quantity,
            side=side,
            maker_order_id=maker.id,
            taker_order_id=f"taker-{self._number}",
            buyer_account=self._told(buyer),
            seller_account=self._told(seller),
        )
        if maker.quantity <= 0:
            book.drop(book.orders.index(maker))
            yield OrderFilled(
                **self._common(book),
                order_id=maker.id,
                side=maker.side,
                price=price,
                remaining=0.0,
                investor_account=self._told(maker.account),
            )

    def _spoofed(self, book: Book) -> Iterator[Record]:
        """A large bid, a sale by the same account, and the bid is gone."""
        best, offer = book.first("buy"), book.first("sell")
        if best is None or offer is None:
            return
        account = f"spoofer-{self._number}"
        large = Order(f"order-{self._number}", "buy", best.tick, 4_000.0, account)
        yield self._placed(book, large)
        small = Order(f"order-{self._number}", "sell", offer.tick, 20.0, account)
        yield self._placed(book, small)
        while small in book.orders:
            yield from self._traded(book, "buy", self._account(), 1_000.0)
        yield self._cancelled(book, book.drop(book.orders.index(large)))
