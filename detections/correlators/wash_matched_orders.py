"""Matched orders: two parties whose orders keep meeting as if by arrangement.

Exchange Act 9(a)(1)(C) and FINRA Rule 2020 (orders entered with the knowledge that orders of the
same size, at the same time and price, were or will be entered by others); MAR Annex I A(c) and
Commission Delegated Regulation (EU) 2016/522, Annex II, Section 1, point 3 (improper matched
orders). A trade looks arranged if the order that rested had been entered no more than `apart`
before the other one came in, and one trade filled it whole: so price and size were the same. An
order that comes in and takes several of the same party's has met him once: a sweep through quotes
that a maker has just renewed is no arrangement, however many they are. All of this must hold of two
parties, by the widest names known:

1. **They match**: within `window`, `minimum_matches` trades between them or more look arranged, and
   these are `minimum_matched` of all trades between them.
2. **Far more than chance**: each has `minimum_share` of his trades or more with the other,
   `minimum_lift` times as often as others in the market do, which chance gives one time in ten to
   the power of `minimum_surprise` at most. That every fast maker's young orders are hit by somebody
   makes no pair of him and that somebody. Two who make up more than half of their market can't be
   held against others: of them it takes four times as many matches.

What becomes of the position doesn't matter: it may be parked, or passed on with money, or a price
or a volume painted; or it comes back by the next ones. If it does so often enough, `wash_circular`
tells of the circle as well, which needs no orders but takes longer to be sure.

**Without accounts, or without orders** (a feed by level, a tape of trades) nothing can be said.
That a trade hides a size that the other order had left over isn't seen until it rests.

The figures are choices: a second is long for machines and short for two people who don't speak;
five matches are what a chance of 10^-6 takes at the least of parties who have little else.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, witness
from detections.alerting.wording import amount, lapse, percent
from detections.books.order_book import Resting
from detections.correlators.base import ORDERS, TRADES, Correlator, correlator
from detections.float_sum import float_sum
from detections.idlest import Room, drop_idlest
from detections.markets.counterparties import (
    Closeness,
    Counterparties,
    Deal,
    Meetings,
    keep,
    make_room,
)
from detections.markets.revised_trades import REVISIONS, revise
from detections.markets.trading_circles import net_share
from detections.money import too_little
from detections.parties import is_exempt
from detections.rounding import reaches
from normalizer.events.market import OrderPlaced, Trade, TradeBusted, TradeCorrected
from pipeline.units import DAY, HOUR, MILLISECOND, MINUTE, SECOND, WEEK, Duration, Ratio

_MOST_MARKETS = 10_000
#: Pairs that one order makes meet.
_MOST_MET = 1_000
#: Two who are most of their market need so many times as many matches.
_ALONE = 4
#: A series alerts at so many multiples of the minimum, then each time that it has a quarter more.
_MULTIPLES = 5
_SERIES = DAY
# Confidence before it is calibrated on labelled data: a base, and what more matches than needed, a
# larger lift, and that nothing between them was other than matched, add to it.
_BASE, _MORE, _CLOSER, _ONLY = 0.6, 0.15, 0.1, 0.1
_UNSURE = 0.6


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on matched orders sets."""

    #: How far apart two orders may have been entered.
    apart: Annotated[Duration, Meta(ge=MILLISECOND, le=MINUTE)] = SECOND
    #: Matches within this time count together.
    window: Annotated[Duration, Meta(ge=MINUTE, le=4 * WEEK)] = DAY
    #: Who trades with whom is counted for so long, and up to twice as long.
    memory: Annotated[Duration, Meta(ge=HOUR, le=8 * WEEK)] = WEEK
    #: Matches of a pair.
    minimum_matches: Annotated[int, Meta(ge=1, le=200)] = 5
    #: Part of the pair's trades with each other that are matches.
    minimum_matched: Annotated[Ratio, Meta(ge=0, le=1)] = 0.5
    #: Value of the matches, in dollars or what is about as much (see `detections.money`).
    minimum_gross: Annotated[float, Meta(ge=0)] = 0.0
    #: Part of each one's trades that is with the other.
    minimum_share: Annotated[Ratio, Meta(gt=0, le=1)] = 0.1
    #: How many times as often as others in the market.
    minimum_lift: Annotated[float, Meta(ge=1, le=1_000)] = 3.0
    #: How unlikely that must be by chance: 6 is one in 10^6.
    minimum_surprise: Annotated[float, Meta(ge=0, le=100)] = 6.0
    #: Who has one of these labels is left out.
    exempt_labels: tuple[str, ...] = ("market_maker",)


class Series(Struct, array_like=True):
    """Alerts about a pair."""

    until: int
    alerts: int = 0
    told: int = 0
    """Matches of which they told."""


class Market(Struct):
    """An instrument at a venue."""

    last: int = 0
    counterparties: Counterparties = field(default_factory=Counterparties)
    series: dict[tuple[str, str], Series] = {}
    incoming: str = ""
    """The order that came in with the newest trade."""
    met: dict[tuple[str, str], bool] = {}
    """Sellers and buyers that it made meet, and whether that looked arranged."""

    def met_by(self, event: Trade) -> dict[tuple[str, str], bool]:
        """Who has met by the order that came in. Where no feed says which it was, it is all that
        came in at that moment on that side."""
        incoming = event.taker_order_id or f"{event.timestamp} {event.side}"
        if incoming != self.incoming:
            self.incoming, self.met = incoming, {}
        return self.met


class State(Struct):
    """Who trades with whom, by market."""

    markets: dict[tuple[str, str, str], Market] = {}
    room: Room = field(default_factory=Room)
    """For parties, pairs and kept trades."""


@correlator("wash_matched_orders")
class WashMatchedOrders(Correlator[State]):
    """See the module. Memory: 10,000 markets; of each 100,000 parties, 20,000 pairs of those that
    can matter to each other, and 500 matches of each that does; 1,000,000 of all these
    together."""

    parameters_type = Parameters
    partition_by = "asset"
    state_type = State
    state_version = 3
    uses_books = True
    typology = "wash_trading"
    needs = (ORDERS, TRADES)
    needs_named = TRADES
    actions = frozenset({"order-placed", "trade"}) | REVISIONS

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._memory = parameters.memory
        self._chance = 10.0**-parameters.minimum_surprise
        self._exempt = frozenset(parameters.exempt_labels)

    @property
    def horizon(self) -> int:
        """Two generations of counts, and the matches of the window."""
        return max(2 * self._memory, self._p.window)

    def observer(
        self, record: type[Any]
    ) -> Callable[[Trade | TradeBusted | TradeCorrected], Iterable[Finding]] | None:
        """Orders are in the books."""
        return None if record is OrderPlaced else self.observe

    def observe(
        self, event: Trade | OrderPlaced | TradeBusted | TradeCorrected
    ) -> Iterable[Finding]:
        """Take a trade, or what became of one."""
        if event.__class__ is OrderPlaced:
            return ()
        if not isinstance(event, Trade):
            self._revised(event)  # pyright: ignore[reportArgumentType]
            return ()
        order = self.books.change.order
        if order is None:
            return ()
        seller = event.seller_cluster or event.seller_id or event.seller_account
        buyer = event.buyer_cluster or event.buyer_id or event.buyer_account
        if seller is None or buyer is None or seller == buyer:
            return ()
        if is_exempt(event.buyer_labels, self._exempt) or is_exempt(
            event.seller_labels, self._exempt
        ):
            return ()
        market = self._market((event.provider, event.venue, event.instrument), event.timestamp)
        met, pair, counterparties = market.met_by(event), (seller, buyer), market.counterparties
        arranged = met.get(pair)
        if arranged is None:
            meetings = counterparties.met(seller, buyer, event.timestamp // self._memory)
        else:
            meetings = counterparties.between(seller, buyer)  # it is counted already
        is_match = meetings is not None and meetings.close and self._is_match(event, order)
        if arranged is not None or len(met) < _MOST_MET:
            met[pair] = is_match or bool(arranged)
        if meetings is None or arranged or not is_match:
            return ()
        unsure = "unsure" in event.tags or self.books.change.book.unsure
        took = None if event.side is None else event.side == "buy"
        seen = witness(event)
        price, quantity = event.price, event.quantity
        keep(meetings, Deal(event.timestamp, seller, buyer, quantity, price, took, unsure, seen))
        meetings.fresh += 1
        if meetings.fresh < max(meetings.wait, self._p.minimum_matches):
            return ()
        return self._judge(event, market, meetings, seller, buyer)

    def _revised(self, event: TradeBusted | TradeCorrected) -> None:
        market = self.state.markets.get((event.provider, event.venue, event.instrument))
        for meetings in () if market is None else market.counterparties.pairs.values():
            if revise(meetings.deals, event):
                return

    def _is_match(self, event: Trade, order: Resting) -> bool:
        """Whether it filled a young order whole, and nothing did before."""
        return (
            event.timestamp - order.placed_at <= self._p.apart
            and self.books.change.quantity_after <= 0
            and reaches(event.quantity, order.most)
        )

    def _market(self, key: tuple[str, str, str], now: int) -> Market:
        markets = self.state.markets
        make_room(self.state.room, markets)
        market = markets.get(key)
        if market is None:
            if len(markets) >= _MOST_MARKETS:
                idlest = sorted(markets, key=lambda one: markets[one].last)
                for gone in idlest[: _MOST_MARKETS // 10]:
                    del markets[gone]
            market = markets[key] = Market()
        if now > market.last:
            market.last = now
        return market

    # -- judging -----------------------------------------------------------------------------------

    def _judge(
        self, event: Trade, market: Market, meetings: Meetings, seller: str, buyer: str
    ) -> Iterable[Finding]:
        p = self._p
        floor = market.last - p.window
        meetings.deals = [deal for deal in meetings.deals if deal.timestamp > floor]
        meetings.deals.sort(key=_place)
        deals, needed = meetings.deals, p.minimum_matches
        meetings.wait = meetings.fresh + max(1, len(deals) // 4)
        pair = (seller, buyer) if seller < buyer else (buyer, seller)
        series = market.series.get(pair)
        told = 0 if series is None or event.timestamp >= series.until else series.told
        matched = (len(deals) + told) / max(1, meetings.count)
        if len(deals) < needed or matched < p.minimum_matched:
            return ()
        closeness = market.counterparties.closeness(pair)
        if not self._is_close(closeness, len(deals) + told):
            return ()
        net = net_share(deals)
        value = float_sum(deal.quantity * (deal.price or 0.0) for deal in deals)
        if too_little(value, p.minimum_gross, event.currency):
            return ()
        if series is None or event.timestamp >= series.until:
            series = market.series[pair] = Series(event.timestamp + _SERIES)
            if len(market.series) > _MOST_MARKETS:
                drop_idlest(market.series, _MOST_MARKETS)
        series.alerts += 1
        series.told += len(deals)
        meetings.deals = []
        meetings.fresh = 0
        meetings.wait = needed if series.alerts < _MULTIPLES else max(needed, series.told // 4)
        return [self._finding(event, deals, closeness, series, min(1.0, matched), net, value)]

    def _is_close(self, closeness: Closeness, matches: int) -> bool:
        p = self._p
        if closeness.share < p.minimum_share:
            return False
        if closeness.within > closeness.outside:
            return matches >= _ALONE * p.minimum_matches
        return closeness.lift >= p.minimum_lift and closeness.chance <= self._chance

    def _finding(
        self,
        event: Trade,
        deals: Sequence[Deal],
        closeness: Closeness,
        series: Series,
        matched: float,
        net: float,
        value: float,
    ) -> Finding:
        p = self._p
        sold: dict[str, float] = {}
        for deal in deals:
            sold[deal.seller] = sold.get(deal.seller, 0.0) + deal.quantity
        giver = max(sold, key=lambda name: (sold[name], name))
        last = deals[-1]
        taker = last.buyer if last.seller == giver else last.seller
        money = f" {event.currency}" if event.currency else ""
        span = deals[-1].timestamp - deals[0].timestamp
        times = amount(round(closeness.lift, 1))
        unsure = any(deal.unsure for deal in deals)
        confidence = (
            _BASE
            + _MORE * min(1.0, (series.told / p.minimum_matches - 1) / _MULTIPLES)
            + _CLOSER * min(1.0, closeness.lift / p.minimum_lift / 10)
            + _ONLY * (matched > 0.99)
        )
        return Finding(
            entities=tuple(
                dict.fromkeys((giver, taker, *(u for d in deals for u in d.witness.related_user)))
            ),
            reason=(
                f"orders of {giver} and {taker} in {event.instrument} on {event.venue} met "
                f"{len(deals)} times within {lapse(span)}, each entered within {lapse(p.apart)} of "
                f"the other and filled whole, worth {amount(value)}{money}: {percent(matched)} of "
                f"all that they traded with each other, {times} times as often as chance gives; "
                f"{percent(net)} of it is left with {taker}"
            ),
            witnesses=tuple(deal.witness for deal in deals),
            confidence=confidence * (_UNSURE if unsure else 1.0),
            metrics={
                "matches": float(len(deals)),
                "matched_share": matched,
                "quantity": float_sum(deal.quantity for deal in deals),
                "notional": value,
                "net_share": net,
                "share_within": closeness.share,
                "lift": closeness.lift,
                "chance": closeness.chance,
                "span_seconds": span / 1e9,
                "alert_of_series": float(series.alerts),
                "matches_of_series": float(series.told),
            },
            tags=("unsure",) if unsure else (),
        )


def _place(deal: Deal) -> tuple[int, str]:
    return (deal.timestamp, deal.witness.id)
