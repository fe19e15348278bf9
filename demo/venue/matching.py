"""The matching engine of one product: price-time priority, integers only, no I/O.

It behaves as Coinbase documents its engine: trades execute at the resting order's price, every
public message has a `sequence` that is exactly one higher than the one before, and an order's life
is received, match..., open or done, (change...), done. Two differences, both on purpose: there is
no self-trade prevention, because the surveillance under test must see self-trades, and no stop
orders. Source: https://docs.cdp.coinbase.com/exchange/matching-engine/overview
"""

from collections import deque
from collections.abc import Callable, Iterable

import msgspec
from msgspec import UNSET

from demo.venue.clock import Clock, iso_time
from demo.venue.messages import (
    Change,
    Done,
    Event,
    LevelBook,
    Match,
    Open,
    OrderBook,
    Received,
    Side,
)
from demo.venue.order_book import BookSide, Order, Owner, opposite
from demo.venue.product import OrderRejected, Product

KEPT_TRADES = 10_000
INSUFFICIENT_LIQUIDITY = "106:Insufficient Liquidity"


class Execution(msgspec.Struct, frozen=True):
    """All that one instruction caused, in order.

    `events` have dense sequences and the private fields filled in; `levels` are the changed price
    levels as (side, price, new size); `filled` is what the instruction's own order traded, in lots.
    """

    order_id: str
    events: tuple[Event, ...]
    levels: tuple[tuple[Side, str, str], ...]
    filled: int

    @property
    def matches(self) -> tuple[Match, ...]:
        """The trades among the events."""
        return tuple(event for event in self.events if isinstance(event, Match))


class MatchingEngine:
    """One product's book. Every public method is one atomic instruction or a question."""

    def __init__(
        self,
        product: Product,
        *,
        clock: Clock,
        order_ids: Callable[[], str],
        first_sequence: int = 1,
        first_trade_id: int = 1,
    ) -> None:
        self.product = product
        self.sequence = first_sequence - 1
        self.last_trade_id = first_trade_id - 1
        self.matches: deque[Match] = deque(maxlen=KEPT_TRADES)
        self._clock = clock
        self._order_ids = order_ids
        self._sides: dict[Side, BookSide] = {"buy": BookSide("buy"), "sell": BookSide("sell")}
        self._orders: dict[str, Order] = {}
        self._time_ns = 0
        self._time = ""
        self._events: list[Event] = []
        self._touched: dict[tuple[Side, int], None] = {}

    # --- instructions ---------------------------------------------------------------------------

    def limit(
        self,
        owner: Owner,
        side: Side,
        lots: int,
        price: int,
        *,
        post_only: bool = False,
        client_oid: str | None = None,
    ) -> Execution:
        """Good-till-cancelled limit order of `lots` at `price` ticks.

        Raises OrderRejected for a size or price that is not positive, and for a post-only order
        that would trade at once.
        """
        if lots <= 0 or price <= 0:
            raise OrderRejected(f"Invalid order: {lots} lots at {price} ticks must be positive")
        if post_only and self._sides[opposite(side)].crosses(price):
            raise OrderRejected("Post only mode: the order would take liquidity")
        order = Order(self._order_ids(), owner, side, price, lots)
        self._begin()
        self._received(order, "limit", client_oid)
        filled = self._take(order, price)
        if order.remaining:
            self._sides[side].add(order)
            self._orders[order.id] = order
            self._touched[side, price] = None
            self._events.append(
                Open(
                    order_id=order.id,
                    side=side,
                    product_id=self.product.id,
                    sequence=self._next(),
                    time=self._time,
                    user_id=owner.user_id,
                    profile_id=owner.profile_id,
                    price=self.product.price_text(price),
                    remaining_size=self.product.size_text(order.remaining),
                )
            )
        else:
            self._done(order, "filled")
        return self._end(order.id, filled)

    def market(
        self, owner: Owner, side: Side, lots: int, *, client_oid: str | None = None
    ) -> Execution:
        """Market order of `lots`; what finds no counterparty is cancelled."""
        if lots <= 0:
            raise OrderRejected(f"Invalid order: {lots} lots must be positive")
        order = Order(self._order_ids(), owner, side, 0, lots)
        self._begin()
        self._received(order, "market", client_oid)
        filled = self._take(order, None)
        if order.remaining:
            self._done(order, "canceled", INSUFFICIENT_LIQUIDITY)
        else:
            self._done(order, "filled")
        return self._end(order.id, filled)

    def cancel(self, order_id: str) -> Execution:
        """Take a resting order off the book; raises OrderRejected if it does not rest there."""
        order = self._resting(order_id)
        self._begin()
        remaining = order.remaining
        self._shrink(order, remaining)
        order.remaining = remaining  # `done` tells what went unfilled
        self._done(order, "canceled")
        return self._end(order_id, 0)

    def reduce(self, order_id: str, lots: int) -> Execution:
        """Make a resting order smaller, to `lots`; it keeps its place in the queue.

        Raises OrderRejected if the order does not rest on the book or would not become smaller.
        """
        order = self._resting(order_id)
        if not 0 < lots < order.remaining:
            raise OrderRejected(
                f"Invalid size: {lots} lots must be above 0 and below {order.remaining}"
            )
        self._begin()
        old = order.remaining
        self._shrink(order, old - lots)
        price = self.product.price_text(order.price)
        self._events.append(
            Change(
                order_id=order.id,
                side=order.side,
                product_id=self.product.id,
                sequence=self._next(),
                time=self._time,
                user_id=order.owner.user_id,
                profile_id=order.owner.profile_id,
                reason="modify_order",
                old_size=self.product.size_text(old),
                new_size=self.product.size_text(lots),
                old_price=price,
                new_price=price,
            )
        )
        return self._end(order_id, 0)

    # --- questions ------------------------------------------------------------------------------

    def best(self, side: Side) -> int | None:
        """Best price in ticks, None if the side is empty."""
        return self._sides[side].best()

    def depth(self, side: Side) -> int:
        """Lots on one side, all prices."""
        return self._sides[side].depth

    def levels(self, side: Side) -> Iterable[tuple[int, int, int]]:
        """(price in ticks, lots, number of orders), best first."""
        return self._sides[side].levels()

    def resting(self, order_id: str) -> Order | None:
        """The order if it rests on the book. Not to be changed by the caller."""
        return self._orders.get(order_id)

    def orders(self, side: Side) -> Iterable[Order]:
        """All resting orders, in the order in which they would trade."""
        return self._sides[side].orders()

    def order_book(self) -> OrderBook:
        """The book at level 3, as of `sequence`."""
        price, size = self.product.price_text, self.product.size_text
        rows = {
            side: [(price(o.price), size(o.remaining), o.id) for o in self._sides[side].orders()]
            for side in self._sides
        }
        return OrderBook(
            bids=rows["buy"],
            asks=rows["sell"],
            sequence=self.sequence,
            time=iso_time(self._now()),
        )

    def level_book(self, limit: int | None = None) -> LevelBook:
        """The aggregated book as of `sequence`; `limit` levels a side, None for all."""
        price, size = self.product.price_text, self.product.size_text
        rows = {
            side: [(price(p), size(s), n) for p, s, n in book.levels()][:limit]
            for side, book in self._sides.items()
        }
        return LevelBook(
            bids=rows["buy"],
            asks=rows["sell"],
            sequence=self.sequence,
            time=iso_time(self._now()),
        )

    # --- matching -------------------------------------------------------------------------------

    def _take(self, taker: Order, limit: int | None) -> int:
        """Trade against the other side while prices allow; returns the lots traded."""
        book = self._sides[opposite(taker.side)]
        filled = 0
        while taker.remaining and (maker := book.first()) is not None:
            if limit is not None and not book.crosses(limit):
                break
            lots = min(taker.remaining, maker.remaining)
            taker.remaining -= lots
            filled += lots
            self._shrink(maker, lots)
            self._match(maker, taker, lots, maker.price)
            if not maker.remaining:
                self._done(maker, "filled")
        return filled

    def _shrink(self, order: Order, lots: int) -> None:
        self._sides[order.side].reduce(order, lots)
        self._touched[order.side, order.price] = None
        if not order.remaining:
            del self._orders[order.id]

    def _resting(self, order_id: str) -> Order:
        order = self._orders.get(order_id)
        if order is None:
            raise OrderRejected(f"order not found: {order_id[:64]}")
        return order

    # --- publishing -----------------------------------------------------------------------------

    def _now(self) -> int:
        # A venue's own time never runs backwards, whatever its clock does.
        self._time_ns = max(self._time_ns, self._clock())
        return self._time_ns

    def _begin(self) -> None:
        self._time = iso_time(self._now())
        self._events = []
        self._touched = {}

    def _end(self, order_id: str, filled: int) -> Execution:
        price, size = self.product.price_text, self.product.size_text
        levels: tuple[tuple[Side, str, str], ...] = tuple(
            (side, price(ticks), size(self._sides[side].total(ticks)))
            for side, ticks in self._touched
        )
        return Execution(order_id, tuple(self._events), levels, filled)

    def _next(self) -> int:
        self.sequence += 1
        return self.sequence

    def _received(self, order: Order, order_type: str, client_oid: str | None) -> None:
        limit = order_type == "limit"
        self._events.append(
            Received(
                order_id=order.id,
                side=order.side,
                product_id=self.product.id,
                sequence=self._next(),
                time=self._time,
                user_id=order.owner.user_id,
                profile_id=order.owner.profile_id,
                order_type="limit" if limit else "market",
                size=self.product.size_text(order.remaining),
                price=self.product.price_text(order.price) if limit else UNSET,
                client_oid=UNSET if client_oid is None else client_oid,
            )
        )

    def _match(self, maker: Order, taker: Order, lots: int, price: int) -> None:
        self.last_trade_id += 1
        match = Match(
            trade_id=self.last_trade_id,
            maker_order_id=maker.id,
            taker_order_id=taker.id,
            side=maker.side,
            size=self.product.size_text(lots),
            price=self.product.price_text(price),
            product_id=self.product.id,
            sequence=self._next(),
            time=self._time,
            maker_user_id=maker.owner.user_id,
            maker_profile_id=maker.owner.profile_id,
            taker_user_id=taker.owner.user_id,
            taker_profile_id=taker.owner.profile_id,
        )
        self._events.append(match)
        self.matches.append(match)

    def _done(self, order: Order, reason: str, cancel_reason: str | None = None) -> None:
        limit = order.price > 0
        self._events.append(
            Done(
                order_id=order.id,
                side=order.side,
                product_id=self.product.id,
                sequence=self._next(),
                time=self._time,
                user_id=order.owner.user_id,
                profile_id=order.owner.profile_id,
                reason="filled" if reason == "filled" else "canceled",
                price=self.product.price_text(order.price) if limit else UNSET,
                remaining_size=self.product.size_text(order.remaining) if limit else UNSET,
                cancel_reason=UNSET if cancel_reason is None else cancel_reason,
            )
        )
