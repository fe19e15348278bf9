"""Spoofing: a large order meant to be cancelled, while the other side is executed.

MAR Annex I A(f); FINRA Rule 5210; CEA section 4c(a)(5). All of this must hold:

1. The order is at least `minimum_depth_share` of the depth that its side had when it was placed:
   within the best `depth_levels` levels and within `depth_range` of the best price, the order
   itself not counted. It stands within the same bounds. An empty side has no depth to deceive
   with, so a first order there is never a candidate.
2. It is cancelled within `maximum_lifetime`, with at most `maximum_fill_share` of it filled.
3. Between placing it and `execution_window` after its end, the same account, investor or cluster
   trades on the other side. What its orders there showed is at most a
   `minimum_execution_multiple`-th of the order's quantity: who quotes alike on both sides, as
   market makers do, gives no false impression.
   Cancelling fast alone is what market makers do all day, so this is required unless the rule says
   otherwise. Where a feed names no accounts, a resting order of the other side that is executed
   counts instead, with a much lower confidence.

Amending is placing and cancelling in one: an order that is enlarged, or moved, to be large near the
touch counts as placed then, and one that is cut to next to nothing, or moved away, as cancelled.

One alert per order. A book over which something was missed marks its alerts `unsure`.
"""

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct, field

from detections.correlators.base import Correlator, correlator
from detections.findings import Finding, witness
from detections.order_book import MOST_BOOKS, OrderBook, Resting
from detections.order_books import OrderBooks
from detections.parties import Party, Sameness, acting, buyer, is_exempt, sameness, seller
from detections.repetition import REPETITION_WINDOW, Occurrences, repeated, times
from detections.spoofing_candidate import Candidate, Watch, filled_quantity, sentence
from detections.wording import amount
from normalizer.events.market import (
    FeedGap,
    MarketEvent,
    OrderCancelled,
    OrderChanged,
    OrderFilled,
    OrderPlaced,
    OrderRemoved,
    Trade,
)
from pipeline.units import MILLISECOND, MINUTE, SECOND, Duration, Ratio

#: Orders per book that are watched at once; the oldest go first.
MOST_CANDIDATES = 256

# Confidence before it is calibrated on labelled data. What the other side's execution proves,
_EXECUTION: dict[Sameness | None, float] = {
    "account": 1.0,
    "investor": 1.0,
    "cluster": 0.9,
    None: 0.35,
}
_NO_EXECUTION = 0.3
# ... times a base and what size, speed and repetition add to it,
_BASE, _SIZE, _SPEED, _REPEATED = 0.55, 0.2, 0.15, 0.1
_FULL_SIZE = 5.0  # at five times the minimum share size adds all it can
# ... less for what the feed doesn't say for sure.
_UNSURE, _INFERRED = 0.6, 0.8


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a spoofing rule sets."""

    #: The order, as a part of the depth of its side before it.
    minimum_depth_share: Annotated[Ratio, Meta(gt=0, le=100)] = 0.1
    #: Price levels that count as visible depth, from the best.
    depth_levels: Annotated[int, Meta(ge=1, le=1_000)] = 10
    #: How far from the best price levels count and an order is near the touch.
    depth_range: Annotated[Ratio, Meta(gt=0, le=1)] = 0.05
    #: From placing to cancelling.
    maximum_lifetime: Annotated[Duration, Meta(ge=MILLISECOND, le=10 * MINUTE)] = 2 * SECOND
    #: Part of the order that may be filled.
    maximum_fill_share: Annotated[Ratio, Meta(ge=0, le=1)] = 0.1
    #: Whether an execution on the other side is needed.
    require_execution: bool = True
    #: After the order's end, how long an execution on the other side still counts.
    execution_window: Annotated[Duration, Meta(ge=0, le=10 * MINUTE)] = SECOND
    #: The order is at least this many times what the orders that traded on the other side showed.
    minimum_execution_multiple: Annotated[float, Meta(ge=0, le=1_000)] = 2.0
    #: Whether executions count where the feed names no accounts.
    anonymous_executions: bool = True
    #: Value of the order (price times quantity) below which it is not looked at.
    minimum_notional: Annotated[float, Meta(ge=0)] = 0.0
    #: Who has one of these labels is left out.
    exempt_labels: tuple[str, ...] = ()


class State(Struct):
    """What is known of the books, of large orders, and of who was found before."""

    books: OrderBooks = field(default_factory=OrderBooks)
    watches: dict[tuple[str, str, str], Watch] = field(
        default_factory=dict[tuple[str, str, str], Watch]
    )
    found: Occurrences = field(default_factory=Occurrences)


@correlator("spoofing")
class Spoofing(Correlator[State]):
    """See the module. Memory: the books, and at most 256 watched orders per book."""

    parameters_type = Parameters
    partition_by = "asset"
    state_type = State
    typology = "spoofing"
    actions = frozenset(
        {
            *("order-placed", "order-changed", "order-cancelled", "order-filled", "order-removed"),
            *("trade", "book-snapshot", "book-update", "feed-gap"),
        }
    )

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._exempt = frozenset(parameters.exempt_labels)
        self._most_depth = 1.0 / parameters.minimum_depth_share

    @property
    def horizon(self) -> int:
        """Of the orders, and of who was found before; a book begins with its next snapshot."""
        return REPETITION_WINDOW

    def observe(self, event: MarketEvent) -> Iterable[Finding]:
        """Take one event of a venue's feed."""
        books = self.state.books
        book = books.of(event)
        kind = type(event)
        if kind is OrderPlaced:
            self._placed(event, book)  # pyright: ignore[reportArgumentType]
            books.apply(event, book)
            return ()
        if kind is OrderChanged:
            found = self._changed(event, book)  # pyright: ignore[reportArgumentType]
            books.apply(event, book)
            return found
        if kind is FeedGap:
            self._missed(event)
        watch = self.state.watches.get(book.key)
        if watch is None:
            books.apply(event, book)
            return ()
        found: Iterable[Finding] = ()
        if kind is OrderCancelled or kind is OrderRemoved:
            found = self._cancelled(event, watch)  # pyright: ignore[reportArgumentType]
        elif kind is Trade:
            found = self._traded(event, book, watch)  # pyright: ignore[reportArgumentType]
        elif kind is OrderFilled:
            watch.live.pop(event.order_id, None)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownArgumentType]
        books.apply(event, book)
        return found

    def _placed(self, order: OrderPlaced, book: OrderBook) -> None:
        p = self._p
        quantity = order.quantity if order.remaining is None else order.remaining
        price = order.price
        if quantity is None or price is None or quantity <= 0:
            return
        buy = order.side == "buy"
        side = book.side(buy)
        limit = quantity * self._most_depth
        depth = side.depth(p.depth_levels, p.depth_range, limit)
        if depth > limit or depth <= 0 or not side.is_near(price, p.depth_levels, p.depth_range):
            return
        self._watch(order, book, buy, price, quantity, depth, acting(order), "placed")

    def _watch(
        self,
        order: OrderPlaced | OrderChanged,
        book: OrderBook,
        buy: bool,
        price: float,
        quantity: float,
        depth: float,
        party: Party,
        began: str,
    ) -> None:
        """Look at what becomes of an order that is large from now on."""
        if quantity * price < self._p.minimum_notional or is_exempt(
            order.investor_labels, self._exempt
        ):
            return
        watch = self.state.watches.get(book.key)
        if watch is None:
            if len(self.state.watches) >= MOST_BOOKS:
                del self.state.watches[next(iter(self.state.watches))]
            watch = self.state.watches[book.key] = Watch()
        self._forget(watch, order.timestamp)
        if len(watch.live) >= MOST_CANDIDATES:
            del watch.live[next(iter(watch.live))]
        unsure = book.unsure or "unsure" in order.tags
        watch.live[order.order_id] = Candidate(
            order.order_id, buy, party, price, quantity, depth, witness(order), unsure, began
        )

    def _missed(self, gap: MarketEvent) -> None:
        """What was missed may have been a fill of any order that is watched now."""
        for (provider, venue, instrument), watch in self.state.watches.items():
            if provider == gap.provider and (
                gap.instrument == "*" or (venue, instrument) == (gap.venue, gap.instrument)
            ):
                for candidate in (*watch.live.values(), *watch.ended.values()):
                    candidate.unsure = True

    def _forget(self, watch: Watch, now: int) -> None:
        watch.forget(now, self._p.maximum_lifetime, self._p.execution_window)

    def _changed(self, event: OrderChanged, book: OrderBook) -> Iterable[Finding]:
        order = book.orders.get(event.order_id)
        left = event.quantity if event.remaining is None else event.remaining
        if order is None or left is None:
            return ()
        price = order.price if event.price is None else event.price
        p, side, watch = self._p, book.side(order.buy), self.state.watches.get(book.key)
        near = side.is_near(price, p.depth_levels, p.depth_range)
        candidate = None if watch is None else watch.live.get(event.order_id)
        if (
            watch is None
            or candidate is None
            or event.timestamp - candidate.placed.timestamp > p.maximum_lifetime
        ):
            if near and (left > order.quantity or price != order.price):
                self._enlarged(event, book, order, price, left)
            return ()
        if left > candidate.quantity:
            candidate.quantity, candidate.reduced = left, 0.0
        else:
            candidate.reduced = max(candidate.reduced, candidate.quantity - left)
        # Where a feed names nobody, what is cut may as well have been filled.
        if candidate.party.known and left <= p.maximum_fill_share * candidate.quantity:
            return self._ended(event, watch, candidate, f"cut it to {amount(left)}")
        if candidate.party.known and not near:
            return self._ended(event, watch, candidate, f"moved it to {amount(price)}")
        candidate.price = price
        return ()

    def _enlarged(
        self, event: OrderChanged, book: OrderBook, order: Resting, price: float, quantity: float
    ) -> None:
        """An order is larger, or elsewhere, than before: as if it had been placed now."""
        p, side = self._p, book.side(order.buy)
        depth = side.depth(p.depth_levels, p.depth_range)
        if side.is_near(order.price, p.depth_levels, p.depth_range):
            depth -= order.quantity
        # What subtracting leaves of a sum of floats is no depth.
        if depth <= 1e-9 * order.quantity or depth > quantity * self._most_depth:
            return
        named = acting(event)
        party = named if named.known else Party(order.account, order.investor, order.cluster)
        began = "amended an order into"
        self._watch(event, book, order.buy, price, quantity, depth, party, began)

    def _cancelled(self, event: OrderCancelled | OrderRemoved, watch: Watch) -> Iterable[Finding]:
        candidate = watch.live.get(event.order_id)
        if candidate is None:
            return ()
        inferred = isinstance(event, OrderRemoved)
        return self._ended(
            event, watch, candidate, "took it off the book" if inferred else "cancelled it"
        )

    def _ended(
        self,
        event: OrderCancelled | OrderRemoved | OrderChanged,
        watch: Watch,
        candidate: Candidate,
        ending: str,
    ) -> Iterable[Finding]:
        """The order no longer makes an impression."""
        del watch.live[candidate.order_id]
        if event.timestamp - candidate.placed.timestamp > self._p.maximum_lifetime:
            return ()
        filled = filled_quantity(candidate, event)
        if filled > self._p.maximum_fill_share * candidate.quantity:
            return ()
        candidate.filled = filled
        candidate.ended = witness(event)
        candidate.ending = ending
        candidate.inferred = isinstance(event, OrderRemoved)
        candidate.unsure = candidate.unsure or "unsure" in event.tags
        if candidate.executions or not self._p.require_execution:
            return self._conclude(candidate, event)
        self._forget(watch, event.timestamp)
        if len(watch.ended) >= MOST_CANDIDATES:
            del watch.ended[next(iter(watch.ended))]
        watch.ended[candidate.order_id] = candidate
        return ()

    def _traded(self, trade: Trade, book: OrderBook, watch: Watch) -> Iterable[Finding]:
        self._forget(watch, trade.timestamp)
        if not watch.live and not watch.ended:
            return ()
        for order_id in (trade.maker_order_id, trade.taker_order_id):
            if order_id is not None and (own := watch.live.get(order_id)) is not None:
                own.filled += trade.quantity
        resting = None if trade.maker_order_id is None else book.orders.get(trade.maker_order_id)
        bought = _resolved(buyer(trade), resting, buy=True)
        sold = _resolved(seller(trade), resting, buy=False)
        for candidate in watch.live.values():
            if trade.maker_order_id is None and trade.price == candidate.price:
                candidate.traded_at_price += trade.quantity
            self._execute(candidate, trade, sold if candidate.buy else bought, resting)
        if not watch.ended:
            return ()
        findings: list[Finding] = []
        for order_id, candidate in list(watch.ended.items()):
            if self._execute(candidate, trade, sold if candidate.buy else bought, resting):
                del watch.ended[order_id]
                findings.extend(self._conclude(candidate, trade))
        return findings

    def _execute(
        self, candidate: Candidate, trade: Trade, other_side: Party, resting: Resting | None
    ) -> bool:
        """Note the trade if the candidate's party was on the other side of the book in it."""
        if trade.timestamp < candidate.placed.timestamp or candidate.order_id in (
            trade.maker_order_id,
            trade.taker_order_id,
        ):
            return False
        same = sameness(candidate.party, other_side)
        if same is None and not (
            self._p.anonymous_executions
            and not candidate.party.known
            and not other_side.known
            # A resting order of the other side was executed: the taker came on the candidate's.
            and trade.side == ("buy" if candidate.buy else "sell")
        ):
            return False
        there = resting if resting is not None and resting.buy is not candidate.buy else None
        candidate.execute(trade, same, there)
        return True

    def _conclude(self, candidate: Candidate, event: MarketEvent) -> Iterable[Finding]:
        if candidate.quantity < candidate.shown * self._p.minimum_execution_multiple:
            return ()
        again = times(self.state.found, candidate.party, event)
        ended = candidate.ended
        assert ended is not None
        lifetime = ended.timestamp - candidate.placed.timestamp
        share = candidate.quantity / candidate.depth
        tags = [
            name
            for name, on in (
                ("unsure", candidate.unsure),
                ("inferred", candidate.inferred),
                ("anonymous", not candidate.party.known),
            )
            if on
        ]
        witnesses = {
            w.id: w for w in (candidate.placed, ended, *(e.witness for e in candidate.executions))
        }
        entities = candidate.party.names or (f"order {candidate.order_id}",)
        return [
            Finding(
                entities=entities,
                reason=sentence(candidate, event, lifetime, share),
                witnesses=tuple(sorted(witnesses.values(), key=lambda w: w.timestamp)),
                confidence=self._confidence(candidate, share, lifetime, again),
                metrics={
                    "order_quantity": candidate.quantity,
                    "order_price": candidate.price,
                    "depth_before": candidate.depth,
                    "depth_share": share,
                    "lifetime_seconds": lifetime / SECOND,
                    "filled_quantity": candidate.filled,
                    "executed_quantity": candidate.executed,
                    "times_in_an_hour": float(again),
                },
                tags=tuple(tags),
            )
        ]

    def _confidence(self, candidate: Candidate, share: float, lifetime: int, again: int) -> float:
        evidence = max((_EXECUTION[e.same] for e in candidate.executions), default=_NO_EXECUTION)
        size = min(1.0, share / (_FULL_SIZE * self._p.minimum_depth_share))
        speed = 1.0 - max(0, lifetime) / self._p.maximum_lifetime
        more = _SIZE * size + _SPEED * speed + _REPEATED * repeated(again)
        whole = evidence * (_BASE + more)
        return (
            whole
            * (_UNSURE if candidate.unsure else 1.0)
            * (_INFERRED if candidate.inferred else 1.0)
        )


def _resolved(named: Party, resting: Resting | None, *, buy: bool) -> Party:
    """The party of one side, by the account behind its resting order where the trade has none."""
    if named.known or resting is None or resting.buy is not buy:
        return named
    return Party(resting.account, resting.investor, resting.cluster)
