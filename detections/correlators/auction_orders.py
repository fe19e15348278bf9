"""Orders put into an auction to move its price, and pulled just before it is made.

MAR Annex I A(g) and 12(2)(b); Commission Delegated Regulation (EU) 2016/522, Annex II: large orders
entered a few minutes before the price is determined, and cancelled a few seconds before the order
book is frozen for it, so that the theoretical price is higher or lower than it would be. Phases and
the time of the auction come with the events, from the venue's calendar or its own word. All of this
must hold of a party, a cluster, an investor or an account, by the widest name known; where the feed
names nobody, of a single order:

1. Its orders were put into the auction for `minimum_resting` or longer.
2. They were cancelled within `pull_window` before a reference time of one of `purposes`.
3. Together they are `minimum_share` or more of all that waits on that side, of orders that came in
   the auction, and `minimum_orders` or more have come from anybody.
4. They would have traded: at the market, or at the last price or a better one for the other side.

That the party has orders on the other side that stay makes it surer. Without accounts nobody knows
that, or whether several orders were one party's. What waited before the auction isn't counted.
Calibrated by: the regulation's words. Our choice: all numbers.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, Witness, witness
from detections.alerting.wording import amount, lapse, percent
from detections.books.order_book import MOST_BOOKS
from detections.correlators.base import Correlator, correlator
from detections.idlest import drop_idlest
from detections.markets.linked_markets import MarketKey
from detections.parties import acting, is_exempt
from detections.rounding import reaches
from normalizer.events.market import MarketEvent, OrderCancelled, OrderPlaced, Trade
from pipeline.units import HOUR, MINUTE, SECOND, Duration, Ratio
from pipeline.venue_sessions import ReferencePurpose

_AUCTIONS = ("pre-open", "opening-auction", "closing-auction", "intraday-auction")
#: Orders of one auction that are known; others count in the sums only.
_MOST_ORDERS = 20_000
_MOST_WITNESSES = 100


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on orders pulled from auctions sets."""

    #: Auctions that end at reference times of these purposes.
    purposes: tuple[ReferencePurpose, ...] = ("open", "close", "settlement", "fixing")
    #: How long the orders waited.
    minimum_resting: Annotated[Duration, Meta(ge=SECOND, le=HOUR)] = 30 * SECOND
    #: How shortly before the time they are cancelled.
    pull_window: Annotated[Duration, Meta(ge=SECOND, le=10 * MINUTE)] = 15 * SECOND
    #: Their part of all that waits on that side.
    minimum_share: Annotated[Ratio, Meta(gt=0, le=1)] = 0.25
    #: Orders that came into the auction on that side.
    minimum_orders: Annotated[int, Meta(ge=1, le=100_000)] = 5
    #: Who has one of these labels is left out.
    exempt_labels: tuple[str, ...] = ()


class Waiting(Struct, frozen=True, array_like=True):
    """An order in the auction."""

    time: int
    buy: bool
    quantity: float
    price: float | None
    name: str
    seen: Witness


class Pulled(Struct):
    """What a party cancelled on one side shortly before the time."""

    quantity: float = 0.0
    orders: int = 0
    first: int = 0
    """When the first of them was placed."""
    seen: list[Witness] = field(default_factory=list[Witness])
    alerted: bool = False


class Auction(Struct):
    """One auction of one market."""

    at: int
    """When its price is made."""
    bids: float = 0.0
    asks: float = 0.0
    """What waits on each side, of orders that came in it."""
    bid_orders: int = 0
    ask_orders: int = 0
    waiting: dict[str, Waiting] = field(default_factory=dict[str, Waiting])
    """By order id."""
    pulled: dict[str, Pulled] = field(default_factory=dict[str, Pulled])
    """By party and side."""
    before: tuple[float, float] | None = None
    """What waited on each side when the first order was pulled."""


class State(Struct):
    """The auctions, and the last price of each market."""

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
    typology = "marking_the_close"
    uses_trades = True
    actions = frozenset({"order-placed", "order-cancelled", "trade"})

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
        if event.__class__ is Trade:
            if event.phase is not None:
                self._traded(event)  # pyright: ignore[reportArgumentType]
            return ()
        phase, offset = event.phase, event.reference_offset
        if phase is None or phase == "continuous" or phase not in _AUCTIONS:
            return ()
        if offset is None or offset >= 0 or event.reference_purpose not in self._purposes:
            return ()
        key = (event.provider, event.venue, event.instrument)
        auction = self._auction(key, event.timestamp - offset)
        if isinstance(event, OrderPlaced):
            self._placed(auction, event)
            return ()
        assert isinstance(event, OrderCancelled)
        return self._cancelled(auction, event, -offset, self.state.prices.get(key))

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
        if auction is None or auction.at != at:
            auctions.pop(key, None)
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
            auction.bids += quantity
            auction.bid_orders += 1
        else:
            auction.asks += quantity
            auction.ask_orders += 1
        if len(auction.waiting) < _MOST_ORDERS and not is_exempt(
            event.investor_labels, self._exempt
        ):
            name = event.investor_cluster or event.investor_id or event.investor_account
            auction.waiting[event.order_id] = Waiting(
                event.timestamp, buy, quantity, event.price, name or event.order_id, witness(event)
            )

    def _cancelled(
        self, auction: Auction, event: OrderCancelled, before: int, last: float | None
    ) -> Iterable[Finding]:
        order = auction.waiting.pop(event.order_id, None)
        if order is None:
            return ()
        p = self._p
        if before <= p.pull_window and auction.before is None:
            auction.before = (auction.bids, auction.asks)
        if order.buy:
            auction.bids = max(0.0, auction.bids - order.quantity)
        else:
            auction.asks = max(0.0, auction.asks - order.quantity)
        if before > p.pull_window or event.timestamp - order.time < p.minimum_resting:
            return ()
        if order.price is not None and last is not None and (
            order.price < last if order.buy else order.price > last
        ):  # fmt: skip
            return ()
        pulled = auction.pulled.setdefault(f"{order.name}\0{order.buy:d}", Pulled())
        pulled.first = min(pulled.first, order.time) if pulled.orders else order.time
        pulled.quantity += order.quantity
        pulled.orders += 1
        if len(pulled.seen) < _MOST_WITNESSES:
            pulled.seen += (order.seen, witness(event))
        assert auction.before is not None
        waited = auction.before[0 if order.buy else 1]
        orders = auction.bid_orders if order.buy else auction.ask_orders
        share = pulled.quantity / waited if waited else 0.0
        if pulled.alerted or orders < p.minimum_orders or not reaches(share, p.minimum_share):
            return ()
        pulled.alerted = True
        return [self._finding(auction, event, order, pulled, before, min(1.0, share))]

    def _finding(
        self,
        auction: Auction,
        event: Any,
        order: Waiting,
        pulled: Pulled,
        before: int,
        share: float,
    ) -> Finding:
        p, party = self._p, acting(event)
        opposite = sum(
            other.quantity
            for other in auction.waiting.values()
            if other.name == order.name and other.buy is not order.buy
        )
        side = "bids" if order.buy else "offers"
        who = str(party) if party.known else "Somebody"
        over = min(1.0, (share - p.minimum_share) / (1 - p.minimum_share + 1e-9))
        return Finding(
            entities=party.names or (event.instrument,),
            reason=(
                f"{who} put {amount(pulled.quantity)} {event.instrument} as {side} into the "
                f"{event.phase} on {event.venue} in {pulled.orders} "
                f"{'order' if pulled.orders == 1 else 'orders'}, {percent(share)} of all {side} in "
                f"it, and cancelled them {lapse(before)} before {event.reference}, after "
                f"{lapse(event.timestamp - pulled.first)}"
            ),
            witnesses=tuple(sorted(pulled.seen, key=lambda one: one.timestamp)),
            confidence=(
                (0.5 if party.known else 0.3) + 0.25 * max(0.0, over) + (0.2 if opposite else 0.0)
            ),
            metrics={
                "quantity": pulled.quantity,
                "orders": float(pulled.orders),
                "share": share,
                "seconds_before": before / SECOND,
                "seconds_resting": (event.timestamp - pulled.first) / SECOND,
                "opposite_quantity": opposite,
            },
            tags=("unsure",) if "unsure" in event.tags else (),
        )
