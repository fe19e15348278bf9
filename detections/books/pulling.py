"""Orders that are taken off, and at once a trade that takes what others have on their side.

What the correlators `flipping` and `vacuuming` have in common; what a set of orders must be like is
theirs to say. See there for the sources.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, Protocol

from msgspec import Struct, field

from detections.alerting.findings import Finding, Witness, step, witness
from detections.alerting.repetition import REPETITION_WINDOW, Occurrences, times
from detections.books.both_sides import TradeSide, sides_of
from detections.books.order_book import OrderBook
from detections.books.order_books import BookChange
from detections.books.order_weight import depth_if_large, passes_small
from detections.books.pulled_orders import Flip, Key, Large, Pulls, Took, Trader, quantity_of
from detections.books.shown_orders import shown_by
from detections.correlators.base import ORDERS, TRADES, Correlator
from detections.float_sum import float_sum
from detections.money import too_little
from detections.parties import Party, acting, buyer, is_exempt, seller
from detections.rounding import reaches
from normalizer.events.market import (
    FeedGap,
    MarketEvent,
    OrderCancelled,
    OrderChanged,
    OrderFilled,
    OrderPlaced,
    Trade,
)
from pipeline.units import SECOND

#: So long before, a party may have been hit on the side that it pulls: who then trades the other
#: way gets rid of what he had to take.
_HIT_BEFORE = 30 * SECOND
#: And that may be so large a part of what it trades the other way.
_OFFLOADED = 0.25
#: What a finding is worth whose orders may have been filled while something was missed.
_UNSURE = 0.6


class PullParameters(Protocol):
    """What rules on pulled orders have in common."""

    @property
    def minimum_depth_share(self) -> float: ...
    @property
    def depth_levels(self) -> int: ...
    @property
    def depth_range(self) -> float: ...
    @property
    def maximum_lifetime(self) -> int: ...
    @property
    def maximum_fill_share(self) -> float: ...
    @property
    def pull_window(self) -> int: ...
    @property
    def trade_window(self) -> int: ...
    @property
    def minimum_traded_share(self) -> float: ...
    @property
    def minimum_imbalance(self) -> float: ...
    @property
    def minimum_significance(self) -> float: ...
    @property
    def minimum_notional(self) -> float: ...
    @property
    def exempt_labels(self) -> tuple[str, ...]: ...


class State(Struct):
    """Large orders and their owners, and who was found before."""

    pulls: Pulls = field(default_factory=Pulls)
    found: Occurrences = field(default_factory=Occurrences)


class Told(Struct, frozen=True):
    """A flip that is told of."""

    flip: Flip
    earlier: Sequence[Flip]
    """Others before it that nothing was told of."""
    again: int
    """Which time within an hour it is."""


class Pulling(Correlator[State]):
    """See the module. Memory: 100,000 large orders, and 100,000 parties in a book each, with 64
    orders and 64 trades on each side, 1,000,000 in all."""

    partition_by = "asset"
    state_type = State
    state_version = 5
    uses_books = True
    uses_trades = True
    at_the_touch: ClassVar[bool] = False
    """Whether the orders that it looks for stand where one of them is always hit: then that much of
    them is no reason to trade the other way as may be filled of an order."""
    typology = "spoofing"
    needs = (ORDERS, TRADES)
    needs_named = ORDERS
    actions = frozenset(
        {
            *("order-placed", "order-changed", "order-cancelled", "order-filled"),
            *("trade", "feed-gap"),
        }
    )

    def __init__(self, parameters: PullParameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._exempt = frozenset(parameters.exempt_labels)
        # Whatever is judged of a trade, what came so long before it says nothing of it.
        self._pulled_before = parameters.pull_window + parameters.trade_window
        self._traded_before = self._pulled_before + _HIT_BEFORE

    @property
    def horizon(self) -> int:
        """Of the orders, of what their owners usually do, and of who was found before."""
        return REPETITION_WINDOW

    def passes_small(self, record: type[MarketEvent]) -> bool:
        """Only large orders are kept."""
        p = self._p
        return passes_small(record, p.depth_levels, p.depth_range, p.minimum_depth_share)

    def observer(self, record: type[MarketEvent]) -> Callable[[Any], Iterable[Finding] | None]:
        """Most events place or cancel an order, or are trades: taken without a look at what they
        are."""
        if record is OrderPlaced:
            return self._placed
        if record is OrderCancelled:
            return self._cancelled
        return self._traded if record is Trade else self.observe

    def observe(self, event: MarketEvent) -> Iterable[Finding]:
        """Take one event of a venue's feed."""
        kind = event.__class__
        if kind is OrderPlaced:
            self._placed(event)  # pyright: ignore[reportArgumentType]
        elif kind is OrderCancelled:
            self._cancelled(event)  # pyright: ignore[reportArgumentType]
        elif kind is Trade:
            return self._traded(event)  # pyright: ignore[reportArgumentType]
        elif kind is OrderChanged:
            self._changed(event)  # pyright: ignore[reportArgumentType]
        elif kind is OrderFilled:
            large = self.state.pulls.large
            if large:
                large.pop(_key(event, event.order_id), None)  # pyright: ignore
        elif kind is FeedGap:
            self.state.pulls.missed(event)  # pyright: ignore[reportArgumentType]
        return ()

    # -- large orders ------------------------------------------------------------------------------

    def _placed(self, order: OrderPlaced) -> None:
        if order.investor_account or order.investor_id or order.investor_cluster:
            change, p = self.books.change, self._p
            if depth_if_large(change, p.depth_levels, p.depth_range, p.minimum_depth_share):
                self._keep(order, change, acting(order))

    def _keep(self, event: OrderPlaced | OrderChanged, change: BookChange, party: Party) -> None:
        order = change.order
        assert order is not None
        if event.investor_labels and is_exempt(event.investor_labels, self._exempt):
            return
        pulls, now, placed = self.state.pulls, event.timestamp, order.placed
        if placed is None or event.__class__ is not OrderPlaced:
            placed = step(event)
        trader = pulls.traders.get(_key(event, party.key))
        if trader is not None:
            trader.habits.of(order.buy).note_placed(now)
        pulls.place(
            _key(event, event.order_id),
            Large(
                event.order_id,
                party,
                order.buy,
                order.price,
                order.quantity,
                max(0.0, change.book.side(order.buy).at(order.price) - order.quantity),
                placed,
                change.book.unsure or "unsure" in event.tags,
            ),
        )

    def _changed(self, event: OrderChanged) -> None:
        change = self.books.change
        order = change.order
        if order is None:
            return
        p, pulls, key = self._p, self.state.pulls, _key(event, event.order_id)
        large = pulls.large.get(key)
        if large is None:
            grown = change.quantity_after > change.quantity_before
            if (grown or order.price != change.price_before) and depth_if_large(
                change, p.depth_levels, p.depth_range, p.minimum_depth_share
            ):
                party = acting(event)
                if not party.known:
                    party = Party(order.account, order.investor, order.cluster)
                if party.known:
                    self._keep(event, change, party)
            return
        left = change.quantity_after
        side = change.book.side(order.buy)
        if left <= p.maximum_fill_share * large.quantity or not side.is_near(
            order.price, p.depth_levels, p.depth_range
        ):
            del pulls.large[key]
            self._pulled(event, large, change.book, order.filled)
            return
        large.price = order.price
        large.quantity = max(large.quantity, left)

    def _cancelled(self, event: OrderCancelled) -> None:
        pulls = self.state.pulls
        if not pulls.large:
            return
        large = pulls.large.pop(_key(event, event.order_id), None)
        if large is None:
            return
        change = self.books.change
        filled = 0.0 if change.order is None else change.order.filled
        if event.remaining is not None and change.order is not None:
            filled = max(filled, change.quantity_before - event.remaining)
        self._pulled(event, large, change.book, filled)

    def _pulled(
        self, event: OrderCancelled | OrderChanged, large: Large, book: OrderBook, filled: float
    ) -> None:
        """An order makes no impression any more."""
        p, now = self._p, event.timestamp
        if (
            filled > p.maximum_fill_share * large.quantity
            or now - large.placed.timestamp > p.maximum_lifetime
        ):
            return
        side = book.side(large.buy)
        large.filled = filled
        large.ended = witness(event)
        large.left_at_price = side.at(large.price)
        large.rank = side.rank(large.price)
        large.unsure = large.unsure or "unsure" in event.tags
        trader = self.state.pulls.trader(_key(event, large.party.key), now)
        trader.pull(large, now - self._pulled_before)
        trader.habits.of(large.buy).note_pulled(now, p.trade_window)

    # -- trades ------------------------------------------------------------------------------------

    def _traded(self, trade: Trade) -> Iterable[Finding]:
        bought, sold = sides_of(trade, self.books.change)
        if bought.name == sold.name:
            return ()  # nobody whom we know, or with itself, which is another abuse
        seen = witness(trade)
        findings: list[Finding] = []
        for side in (bought, sold):
            if side.key is not None:
                findings += self._acted(trade, side, side.key, seen)
        return findings

    def _acted(self, trade: Trade, side: TradeSide, key: Key, seen: Witness) -> Iterable[Finding]:
        """A party took what another had placed, or was hit."""
        now, buy, price, quantity = trade.timestamp, side.buys, trade.price, trade.quantity
        trader = self.state.pulls.trader(key, now)
        since = now - self._traded_before
        if not side.takes:
            hit = Took(now, price, quantity, False, trade.maker_order_id, 0, seen)
            trader.trade(hit, buy, since)
            return ()
        habits = trader.habits
        gap = (habits.offers if buy else habits.bids).note_trade(now)
        took = Took(now, price, quantity, True, trade.taker_order_id, gap, seen)
        trader.trade(took, buy, since)
        pulled = trader.offers_pulled if buy else trader.bids_pulled
        if not pulled or now - pulled[-1].ended_at > self._p.trade_window:
            return ()
        return self._judge(trade, side.party, trader, buy=buy)

    def revised(self, was: Trade, now: Trade | None) -> None:
        """A trade was taken back or corrected: nobody took it, nor was hit by it."""
        for party, buy in ((buyer(was), True), (seller(was), False)):
            traders = self.state.pulls.traders
            trader = traders.get(_key(was, party.key)) if party.known else None
            if trader is not None:
                trader.revise(was, now, buy)

    # -- judging -----------------------------------------------------------------------------------

    def _judge(self, trade: Trade, party: Party, trader: Trader, *, buy: bool) -> Iterable[Finding]:
        p, now, book = self._p, trade.timestamp, self.books.change.book
        pulled = trader.pulled(not buy)
        last = pulled[-1].ended_at
        orders = tuple(one for one in pulled if last - one.ended_at <= p.pull_window)
        first = orders[0].ended_at
        taken = tuple(
            one for one in trader.trades(buy) if one.aggressive and one.timestamp >= first
        )
        quantity, traded = quantity_of(orders), quantity_of(taken)
        if (
            not reaches(traded, p.minimum_traded_share * quantity)
            or too_little(
                float_sum(one.quantity * one.price for one in orders),
                p.minimum_notional,
                trade.currency,
            )
            or not self._fits(orders, book, traded)
        ):
            return ()
        hit = float_sum(
            one.quantity
            for one in trader.trades(not buy)
            if not one.aggressive and one.timestamp >= first - _HIT_BEFORE
        )
        habit = trader.habits.of(not buy)
        habit.note_met(last)
        chance = trader.habits.chance(not buy, now, [one.gap for one in taken])
        reason = _OFFLOADED * traded
        if self.at_the_touch:
            reason = max(reason, p.maximum_fill_share * quantity)
        if hit > reason or 1.0 - chance < p.minimum_significance or habit.quotes:
            return ()
        own = [one.order_id for one in taken if one.order_id is not None]
        standing, levels, width = self.books.standing(book), p.depth_levels, p.depth_range
        shown = shown_by(standing, book, party, buy, levels, width, own)
        shown += quantity_of(
            [one for one in trader.pulled(buy) if one.ended_at >= first - p.pull_window]
        )
        if not reaches(quantity, p.minimum_imbalance * shown):
            return ()
        flip = Flip(party, orders, taken, shown, chance)
        earlier = self._earlier(trader, flip)
        if earlier is None:
            return ()
        for one in (*earlier, flip):
            trader.forget(one.orders)
            trader.habits.of(one.orders[0].buy).set_aside([took.gap for took in one.trades])
        # Those that nothing was told of are times as well.
        for _ in earlier:
            times(self.state.found, party, trade)
        again = times(self.state.found, party, trade)
        return [self._finding(trade, Told(flip, earlier, again), book)]

    def _earlier(self, trader: Trader, flip: Flip) -> Sequence[Flip] | None:
        """Earlier ones that are told of with it; None where it is too early to tell."""
        return ()

    @abstractmethod
    def _fits(self, orders: Sequence[Large], book: OrderBook, traded: float) -> bool:
        """Whether orders that were taken off together are what the correlator looks for.

        The book is as it is after the trade that followed, in which so much traded.
        """

    def share_of_side(self, orders: Sequence[Large], book: OrderBook, traded: float) -> float:
        """The orders, of all that stood on their side before they went."""
        p, quantity = self._p, quantity_of(orders)
        left = book.side(orders[0].buy).depth(p.depth_levels, p.depth_range)
        return quantity / (quantity + left + traded)

    @abstractmethod
    def _finding(self, trade: Trade, told: Told, book: OrderBook) -> Finding:
        """What is said of it."""


def finding(told: Told, reason: str, confidence: float, metrics: dict[str, float]) -> Finding:
    """What was found, with all the orders and trades that it rests on."""
    flip, flips = told.flip, (*told.earlier, told.flip)
    all_orders = [order for one in flips for order in one.orders]
    seen = {
        one.id: one
        for one in (
            *(order.witness for order in all_orders),
            *(order.ended for order in all_orders if order.ended is not None),
            *(took.witness for one in flips for took in one.trades),
        )
    }
    unsure = any(order.unsure for order in all_orders)
    parties = dict.fromkeys(order.party for order in flip.orders)
    ended, begun = flip.orders[-1].ended_at, flip.orders[0].placed.timestamp
    return Finding(
        entities=tuple(dict.fromkeys(name for party in parties for name in party.names)),
        reason=reason,
        witnesses=tuple(sorted(seen.values(), key=lambda one: one.timestamp)),
        confidence=confidence * (_UNSURE if unsure else 1.0),
        metrics={
            "orders": float(len(flip.orders)),
            "levels": float(len({one.price for one in flip.orders})),
            "pulled_quantity": quantity_of(flip.orders),
            "filled_quantity": float_sum(one.filled for one in flip.orders),
            "lifetime_seconds": (ended - begun) / SECOND,
            "traded_quantity": quantity_of(flip.trades),
            "traded_after_seconds": (flip.trades[0].timestamp - ended) / SECOND,
            "shown_on_other_side": flip.shown,
            "chance": flip.chance,
            "times_in_an_hour": float(told.again),
            **metrics,
        },
        tags=("unsure",) if unsure else (),
    )


def _key(event: MarketEvent, name: str) -> Key:
    return event.provider, event.venue, event.instrument, name
