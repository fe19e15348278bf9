"""Orders put into an auction to move its price, and pulled just before it is made.

MAR Annex I A(g) and 12(2)(b); Commission Delegated Regulation (EU) 2016/522, Annex II: large orders
entered a few minutes before the price is determined, and cancelled a few seconds before the order
book is frozen for it, so that the theoretical price is higher or lower than it would be. Phases and
the time of the auction come with the events, from the venue's calendar or its own word. All of this
must hold of a party, a cluster, an investor or an account, by the widest name known; where the feed
names nobody, of a single order:

1. Its orders were put into the auction for `minimum_resting` or longer.
2. They were cancelled within `pull_window` before a reference time of one of `purposes`, or made
   smaller or moved to another price, which is the same with what is left put in again.
3. They would have traded: at the market, or at the auction's price or a better one for the other
   side; at the last price, where no trade came within `_PRICED`.
4. Together they are `minimum_share` or more of all on that side of which 3. holds, of orders that
   came in the auction, or `minimum_share_opposite` where the party has orders on the other side
   that stay, for which a false price would be good; and `minimum_orders` or more have come on that
   side from anybody. What it
   puts in again on that side within `pull_window`, no further than `again_within` from where 3.
   holds, is taken off, and if it is `maximum_again` of them it is nothing: who moves an order to
   another price, or splits it, still means to trade.

It is told at the auction's price, since only then is it known what is put in again. Orders on the
other side make it surer. Without accounts nobody knows of these, or whether several orders were one
party's; then what anybody puts in again in the same quantity is taken for the same order. What
waited before the auction isn't counted.
Calibrated by: the regulation's words. Our choice: all numbers.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated

from msgspec import Meta, Struct, field
from msgspec.structs import replace

from detections.alerting.findings import Finding, witness
from detections.alerting.wording import amount, lapse, percent
from detections.books.order_book import MOST_BOOKS
from detections.correlators.base import ORDERS, Correlator, correlator
from detections.float_sum import float_sum
from detections.idlest import drop_idlest
from detections.markets.auction_call import (
    Auction,
    Pulled,
    Standing,
    Waiting,
    standing_at,
    would_trade,
)
from detections.markets.linked_markets import MarketKey
from detections.parties import acting, is_exempt
from detections.rounding import reaches
from normalizer.events.market import (
    MarketEvent,
    OrderCancelled,
    OrderChanged,
    OrderPlaced,
    Trade,
)
from pipeline.units import HOUR, MINUTE, SECOND, Duration, Ratio
from pipeline.venue_sessions import ReferencePurpose

_AUCTIONS = ("pre-open", "opening-auction", "closing-auction", "intraday-auction")
#: Orders of one auction that are known.
_MOST_ORDERS = 20_000
#: How long after its time an auction may have its price: venues end calls at random.
_PRICED = MINUTE
#: Of one party that are pulled.
_MOST_PULLED = 1_000


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on orders pulled from auctions sets."""

    #: Auctions that end at reference times of these purposes.
    purposes: tuple[ReferencePurpose, ...] = ("open", "close", "settlement", "fixing")
    #: How long the orders waited.
    minimum_resting: Annotated[Duration, Meta(ge=SECOND, le=HOUR)] = 30 * SECOND
    #: How shortly before the time they are cancelled.
    pull_window: Annotated[Duration, Meta(ge=SECOND, le=10 * MINUTE)] = 15 * SECOND
    #: Their part of all that would trade on that side.
    minimum_share: Annotated[Ratio, Meta(gt=0, le=1)] = 0.25
    #: The same, of who has orders on the other side that stay.
    minimum_share_opposite: Annotated[Ratio, Meta(gt=0, le=1)] = 0.125
    #: The part of them that is put in again, from which on it is nothing.
    maximum_again: Annotated[Ratio, Meta(gt=0, le=1)] = 0.4
    #: How far from the auction's price what is put in again may be, as a part of it.
    again_within: Annotated[Ratio, Meta(ge=0, le=0.1)] = 0.005
    #: Orders that came into the auction on that side.
    minimum_orders: Annotated[int, Meta(ge=1, le=100_000)] = 5
    #: Who has one of these labels is left out.
    exempt_labels: tuple[str, ...] = ()


class State(Struct):
    """The auctions that go on, and the last price of each market."""

    auctions: dict[tuple[str, str, str], Auction] = field(
        default_factory=dict[tuple[str, str, str], Auction]
    )
    prices: dict[tuple[str, str, str], float] = field(
        default_factory=dict[tuple[str, str, str], float]
    )
    """The one without a trade for longest first."""


@correlator("auction_orders")
class AuctionOrders(Correlator[State]):
    """See the module. Memory: 20,000 orders of each auction that goes on; a price by market."""

    parameters_type = Parameters
    partition_by = "asset"
    state_type = State
    state_version = 2
    typology = "marking_the_close"
    needs = (ORDERS,)
    uses_trades = True
    actions = frozenset({"order-placed", "order-changed", "order-cancelled", "trade"})

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._purposes = frozenset(parameters.purposes)
        self._exempt = frozenset(parameters.exempt_labels)

    @property
    def horizon(self) -> int:
        """An auction, and the last price before it."""
        return 2 * HOUR

    def observe(self, event: MarketEvent) -> Iterable[Finding]:
        """Take one event of a venue's feed."""
        findings = self._over(event) if self.state.auctions else ()
        if event.__class__ is Trade:
            if event.phase is not None:
                self._traded(event)  # pyright: ignore[reportArgumentType]
            return findings
        phase, offset = event.phase, event.reference_offset
        if phase is None or phase == "continuous" or phase not in _AUCTIONS:
            return findings
        if offset is None or offset >= 0 or event.reference_purpose not in self._purposes:
            return findings
        key, at = (event.provider, event.venue, event.instrument), event.timestamp - offset
        known = self.state.auctions.get(key)
        if known is not None and known.at != at:  # the next one begins before this had a price
            findings = [*findings, *self._end(key, event, self.state.prices.get(key))]
        auction = self._auction(key, at)
        if isinstance(event, OrderPlaced):
            self._placed(auction, event)
        elif isinstance(event, OrderChanged):
            self._changed(auction, event, -offset)
        else:
            assert isinstance(event, OrderCancelled)
            self._cancelled(auction, event, -offset)
        return findings

    def _over(self, event: MarketEvent) -> Iterable[Finding]:
        """Where an auction has its price, what was pulled from it can be judged."""
        key = (event.provider, event.venue, event.instrument)
        auction = self.state.auctions.get(key)
        if auction is None or event.timestamp < auction.at:
            return ()
        price = event.price if isinstance(event, Trade) else None
        if price is None and auction.pulled and event.timestamp < auction.at + _PRICED:
            return ()
        if price is None or event.timestamp >= auction.at + _PRICED:
            price = self.state.prices.get(key)
        return self._end(key, event, price)

    def _end(
        self, key: tuple[str, str, str], event: MarketEvent, price: float | None
    ) -> list[Finding]:
        auction = self.state.auctions.pop(key)
        if not auction.pulled:
            return []
        p = self._p
        standing = standing_at(auction, price, auction.at - p.pull_window, p.again_within)
        found = [self._judged(auction, one, event, standing) for one in auction.pulled.values()]
        return [one for one in found if one is not None]

    def _traded(self, trade: Trade) -> None:
        prices, key = self.state.prices, (trade.provider, trade.venue, trade.instrument)
        prices.pop(key, None)  # and last from now on
        drop_idlest(prices, MOST_BOOKS - 1)
        prices[key] = trade.price

    def renewed(self, market: MarketKey, revisions: Sequence[tuple[Trade, Trade | None]]) -> None:
        """Trades were taken back or corrected: the last price of their market, without them."""
        if market not in self.state.prices:
            return
        newest = (one.price for one in self.trades.newest(market) if one.phase is not None)
        price = next(newest, None)
        if price is not None:
            self.state.prices[market] = price
        elif self.trades.reach(1):  # all that there ever were are known
            del self.state.prices[market]

    def _auction(self, key: tuple[str, str, str], at: int) -> Auction:
        auctions = self.state.auctions
        auction = auctions.get(key)
        if auction is None:
            if len(auctions) >= MOST_BOOKS:
                drop_idlest(auctions, MOST_BOOKS - 1)
            auction = auctions[key] = Auction(at)
        return auction

    def _placed(self, auction: Auction, event: OrderPlaced) -> None:
        quantity = event.quantity or 0.0
        if event.side is None or quantity <= 0:
            return
        buy = event.side == "buy"
        if buy:
            auction.bid_orders += 1
        else:
            auction.ask_orders += 1
        if len(auction.waiting) < _MOST_ORDERS:
            name = event.investor_cluster or event.investor_id or event.investor_account
            if is_exempt(event.investor_labels, self._exempt):
                name = ""
            elif name is None:
                name = event.order_id
            auction.waiting[event.order_id] = Waiting(
                event.timestamp, buy, quantity, event.price, name, witness(event)
            )

    def _cancelled(self, auction: Auction, event: OrderCancelled, before: int) -> None:
        order = auction.waiting.get(event.order_id)
        if order is not None:
            self._pulled(auction, order, event, before)
            del auction.waiting[event.order_id]

    def _changed(self, auction: Auction, event: OrderChanged, before: int) -> None:
        """What is made smaller or moved was pulled, and what is left of it put in again."""
        order = auction.waiting.get(event.order_id)
        left = event.quantity if event.remaining is None else event.remaining
        if order is None or left is None:
            return
        price, since = order.price if event.price is None else event.price, order.time
        if (left < order.quantity or price != order.price) and self._pulled(
            auction, order, event, before
        ):
            since = event.timestamp
        if left > 0:
            auction.waiting[event.order_id] = replace(
                order, time=since, quantity=left, price=price, seen=witness(event)
            )
        else:
            del auction.waiting[event.order_id]

    def _pulled(
        self, auction: Auction, order: Waiting, event: OrderCancelled | OrderChanged, before: int
    ) -> bool:
        """Note an order that goes, where it is one that was meant to be seen."""
        p = self._p
        if (
            not order.name
            or before > p.pull_window
            or event.timestamp - order.time < p.minimum_resting
        ):
            return False
        if not auction.stood:
            auction.stood = [(o.buy, o.price, o.quantity) for o in auction.waiting.values()]
        key = f"{order.name}\0{order.buy:d}"
        pulled = auction.pulled.get(key)
        if pulled is None:
            pulled = auction.pulled[key] = Pulled(
                order.buy, order.name, acting(event), event.reference or "", event.phase or ""
            )
        pulled.last = event.timestamp
        pulled.changed = pulled.changed or isinstance(event, OrderChanged)
        pulled.unsure = pulled.unsure or "unsure" in event.tags
        if len(pulled.orders) < _MOST_PULLED:
            pulled.orders.append(order)
            pulled.seen.append(witness(event))
        return True

    def _judged(
        self, auction: Auction, pulled: Pulled, event: MarketEvent, standing: Standing
    ) -> Finding | None:
        """What a party pulled and didn't put in again, if it is a large part."""
        p, buy = self._p, pulled.buy
        gone = [
            (order, seen)
            for order, seen in zip(pulled.orders, pulled.seen, strict=True)
            if would_trade(buy, order.price, standing.price)
        ]
        whole = float_sum(order.quantity for order, _ in gone)
        again = standing.again.get((pulled.name, buy), 0.0)
        if not pulled.who.known:
            again = max(again, standing.alike.get((whole, buy), 0.0))
        opposite = standing.of_party.get((pulled.name, not buy), 0.0)
        if not gone or reaches(again, p.maximum_again * whole):
            return None
        quantity = whole - again
        waited = standing.waited[buy]
        orders = auction.bid_orders if buy else auction.ask_orders
        least = p.minimum_share_opposite if opposite else p.minimum_share
        if orders < p.minimum_orders or not reaches(quantity, least * waited):
            return None
        share = min(1.0, quantity / waited) if waited else 1.0
        side, before = "bids" if buy else "offers", auction.at - pulled.last
        rested = pulled.last - min(order.time for order, _ in gone)
        who = str(pulled.who) if pulled.who.known else "Somebody"
        went = "cancelled or changed" if pulled.changed else "cancelled"
        over = (share - least) / (1 - least + 1e-9)
        witnesses = (one for order, seen in gone for one in (order.seen, seen))
        return Finding(
            entities=pulled.who.names or (event.instrument,),
            reason=(
                f"{who} put {amount(quantity)} {event.instrument} as {side} into the "
                f"{pulled.phase} on {event.venue} in {len(gone)} "
                f"{'order' if len(gone) == 1 else 'orders'}, {percent(share)} of all {side} in "
                f"it that would have traded, and {went} them {lapse(before)} before "
                f"{pulled.reference}, after {lapse(rested)}"
            ),
            witnesses=tuple(sorted(witnesses, key=lambda one: one.timestamp)),
            confidence=(
                (0.5 if pulled.who.known else 0.3)
                + 0.25 * min(1.0, max(0.0, over))
                + (0.2 if opposite else 0.0)
            ),
            metrics={
                "quantity": quantity,
                "orders": float(len(gone)),
                "share": share,
                "seconds_before": before / SECOND,
                "seconds_resting": rested / SECOND,
                "opposite_quantity": opposite,
            },
            tags=("unsure",) if pulled.unsure else (),
        )
