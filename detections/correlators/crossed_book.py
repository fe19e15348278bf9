"""A crossed book: for minutes of trades the best bid has stood above the best offer.

In continuous trading orders that could trade with each other do so (Commission Delegated Regulation
(EU) 2017/587, Annex I, table 1: a system that "matches sell orders with buy orders on the basis of
the best available price on a continuous basis"). So a book that stays crossed is not the venue's:
ends of orders or changes of levels were lost without the feed saying so, two books came under one
name, or it is only part of one. Whatever weighs an order against the depth there (spoofing,
layering, flipping, ...) is wrong meanwhile: what these find after ten trades and a minute has less
confidence and the tags `unsure` and `crossed-book`. All of this must hold:

1. At `minimum_trades` trades in a row, and for `minimum_time`, the best bid was above the best
   offer. In auctions that is so by right, and what happens there counts neither way.
2. In a book by order a bid and an offer that cross have both rested for `minimum_time`. Some venues
   tell of an order that comes in to trade as if it rested first: it crosses for a moment only.

Told once, and again after `pause` if it is so still. Nobody is accused: it is about the feed. The
numbers are our choice: a minute is far longer than any feed takes to tell of a trade's two sides.
"""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, NamedTuple

from msgspec import Meta, Struct

from detections.alerting.findings import Finding, Witness, witness
from detections.alerting.wording import amount, lapse
from detections.books.crossing import NOT_CONTINUOUS, STAYS_AT_TRADES, STAYS_FOR
from detections.books.order_book import MOST_BOOKS, OrderBook, Resting
from detections.correlators.base import LEVELS, ORDERS, TRADES, Correlator, correlator
from detections.idlest import drop_idlest
from normalizer.events.market import MarketEvent, Trade
from pipeline.units import DAY, HOUR, SECOND, Duration

# A book by order shows which orders are wrong; of one by level only the levels are known.
_BY_ORDER, _BY_LEVEL = 0.95, 0.8


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on crossed books sets."""

    #: Trades in a row that find the book crossed.
    minimum_trades: Annotated[int, Meta(ge=2, le=100_000)] = STAYS_AT_TRADES
    #: For so long it is.
    minimum_time: Annotated[Duration, Meta(ge=SECOND, le=DAY)] = STAYS_FOR
    #: Having told of it, it is told again after this.
    pause: Annotated[Duration, Meta(gt=0, le=30 * DAY)] = 4 * HOUR


class Crossed(Struct):
    """What is known of a book that is crossed, or of which was told lately."""

    first: Witness | None = None
    """The first trade in a row that found it so."""
    trades: int = 0
    """How many did."""
    told_at: int = 0
    """0: never."""


class Pair(NamedTuple):
    """A bid, and an offer that is below it."""

    bid: float
    offer: float
    orders: tuple[tuple[str, Resting], tuple[str, Resting]] | tuple[()] = ()
    """Of a book by order: the bid, and the offer."""


class State(Struct):
    """Of books that are crossed, by source, venue and instrument; the idlest first."""

    books: dict[tuple[str, str, str], Crossed] = {}


@correlator("crossed_book")
class CrossedBook(Correlator[State]):
    """See the module. Memory: some numbers for each book that is crossed."""

    parameters_type = Parameters
    partition_by = "asset"
    state_type = State
    uses_books = True
    highest_level = "medium"
    typology = "data_quality"
    needs = (ORDERS | LEVELS | {"book-snapshot"}, TRADES)
    # All but trades are for the books' sake.
    actions = frozenset(
        {
            *("order-placed", "order-changed", "order-cancelled", "order-filled", "order-removed"),
            *("trade", "book-snapshot", "book-update", "feed-gap"),
        }
    )

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters

    @property
    def horizon(self) -> int:
        """It must have seen the book crossed for so long, and know when it told of it."""
        return max(self._p.minimum_time, self._p.pause)

    def observer(self, record: type[MarketEvent]) -> Callable[[Any], Iterable[Finding]] | None:
        """Only trades are looked at."""
        return self.observe if record is Trade else None

    def observe(self, event: MarketEvent) -> Iterable[Finding]:
        """Take one event of a venue's feed."""
        if event.__class__ is not Trade or event.phase in NOT_CONTINUOUS:
            return ()
        book, books = self.books.change.book, self.state.books
        crossed = book.is_crossed
        if not crossed and not books:
            return ()
        key = (event.provider, event.venue, event.instrument)
        known = books.pop(key, None)
        if not crossed:
            if known is not None and self._is_told(known, event):
                known.first, known.trades = None, 0
                books[key] = known
            return ()
        if known is None:
            drop_idlest(books, MOST_BOOKS - 1)
            known = Crossed()
        books[key] = known
        if known.first is None:
            known.first = witness(event)
        known.trades += 1
        p, since = self._p, known.first.timestamp
        if (
            known.trades < p.minimum_trades
            or event.timestamp - since < p.minimum_time
            or self._is_told(known, event)
        ):
            return ()
        pair = _crossing(book, event.timestamp - p.minimum_time)
        if pair is None:
            known.first, known.trades = None, 0
            return ()
        known.told_at = event.timestamp
        return [self._finding(event, known, since, pair)]

    def _is_told(self, known: Crossed, event: MarketEvent) -> bool:
        return bool(known.told_at) and event.timestamp - known.told_at < self._p.pause

    def _finding(self, event: MarketEvent, known: Crossed, since: int, pair: Pair) -> Finding:
        lasted = event.timestamp - since
        own = pair.orders or (None, None)
        bid = _said(pair.bid, own[0], event.timestamp)
        offer = _said(pair.offer, own[1], event.timestamp)
        first = () if known.first is None else (known.first,)
        placed = [
            order.placed.witness(name, event.provider)
            for name, order in pair.orders
            if order.placed is not None
        ]
        return Finding(
            entities=(f"{event.venue} {event.instrument}",),
            reason=(
                f"the book of {event.instrument} on {event.venue} is crossed, for {lapse(lasted)} "
                f"and {known.trades:,} trades: a bid of {bid} stands above an offer of {offer}; "
                "ends of orders were lost, or another book's came among them, and whatever weighs "
                "orders against the book is wrong there"
            ),
            witnesses=tuple(
                sorted((*placed, *first, witness(event)), key=lambda one: one.timestamp)
            ),
            confidence=_BY_ORDER if pair.orders else _BY_LEVEL,
            metrics={
                "trades": float(known.trades),
                "crossed_seconds": lasted / SECOND,
                "bid": pair.bid,
                "offer": pair.offer,
            },
        )


def _crossing(book: OrderBook, before: int) -> Pair | None:
    """The best bid and the best offer that were there by then, if they cross."""
    if not book.orders:
        bid, offer = book.bid, book.ask
        return None if bid is None or offer is None else Pair(bid, offer)
    there = [one for one in book.orders.items() if one[1].placed_at <= before]
    bids = [one for one in there if one[1].buy]
    offers = [one for one in there if not one[1].buy]
    if not bids or not offers:
        return None
    bid, offer = max(bids, key=_price), min(offers, key=_price)  # the first of equals
    pair = Pair(_price(bid), _price(offer), (bid, offer))
    return pair if pair.bid > pair.offer else None


def _price(one: tuple[str, Resting]) -> float:
    return one[1].price


def _said(price: float, order: tuple[str, Resting] | None, now: int) -> str:
    """A price, and by which order it is."""
    if order is None:
        return amount(price)
    return f"{amount(price)} (order {order[0]}, there for {lapse(now - order[1].placed_at)})"
