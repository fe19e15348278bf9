"""Circular trading: a few parties trade among each other, and all end where they began.

MAR 12(1)(a) and Annex I A(c) (no change in beneficial ownership), specified in Commission Delegated
Regulation (EU) 2016/522, Annex II, Section 1, point 3; MiCA 91(2)(a); FINRA Rule 5210. The method
is that of Victor and Weintraud (see `detections.markets.trading_circles`), made to run along. All
of this must hold of a set of parties, each by the widest name that is known:

1. **They go round.** By the trades of the last one to two times `memory` the set is a strongly
   connected component, at some layer, of the graph of sellers and buyers.
2. **They keep to themselves.** Each member has `minimum_share` of his trades or more within the
   set, `minimum_lift` times the part that the set has of all other trades of the market, or more;
   and that comes about by chance one time in ten to the power of `minimum_surprise` at most
   (binomial, by Chernoff's bound). Who trades with a maker alone does no more than all others do,
   and who quotes for many has little with each: that is how a maker and its customers are told from
   a circle.
3. **It cancels out.** Within one of `windows`, ending now, `minimum_trades` trades or more leave
   everybody where he was. Exactly: the change of each position is at most `maximum_change` of the
   mean trade, trades at the end being left out until that holds; and it came about so often that
   random trades of these sizes would hardly do so (5%). Or nearly: by all trades together, what is
   left over is at most `maximum_net_share` of the volume, since on an order book others get in
   between; then they must go round, or all trade with all, or take turns in resting and taking: a
   maker's customers do none of these.
4. **Nobody lives on it.** No member earned more than `maximum_earned` of his volume from the
   others, as a maker does from its customers; or all of them both rest and take, which no customer
   does; or else the set is a component in `minimum_occurrences` layers or more.

Parties with more than half of their market's trades can't be held against fewer than 50 of others,
and who has as much to do with all others as with each other isn't told apart by that. Of both, the
second and the fourth can't be told. Then the trades must cancel out in a way that random ones would
not with that probability at most: they come back exactly so often, or the positions never get far
from where they were (`detections.markets.positions_kept`). And nobody may have had anything to gain
or lose: what goes and comes back does so at one price, to a tenth of what may be earned else. Where
each both rests and takes, which no maker and customer do, it may be all of that, and any price
where all come back exactly. What was earned in all doesn't do here: of a maker and its only
customer it is nothing now and then. With `alone` only these count, and prices always do.

Trades of which an alert has told are not looked at again: so no trade is in two alerts. A set
alerts again within a day at up to five multiples of the minimum, then each time that it has a
quarter more.

`flows: transfers` does the same with what holders of a token send each other, on a chain.

**Without accounts** nothing can be said. Trades of two accounts of one investor or cluster are
`wash_trading`'s, and none of this: known owners are one party here. What two parties arrange and
do not reverse is `wash_matched_orders`'; what one party turns over with others, who don't give it
back, is `wash_turnover`'s.

The figures of 1%, and of an hour, a day and a week, are the paper's. It asks for 100 occurrences
over three years of two exchanges, so as to find a lower bound. `minimum_share`, `minimum_lift`,
`minimum_surprise` and 20 occurrences are choices: they ask for the same closeness within days.
`maximum_earned` is one as well: less than half the spread of any market in which two parties would
be left alone.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from detections.alerting.circle_alert import Asked, Told, circle_finding
from detections.alerting.findings import Finding, witness
from detections.correlators.base import Correlator, correlator
from detections.idlest import Room
from detections.markets.cancelling import Cancelled, Limits, cancelled_out
from detections.markets.counterparties import (
    Closeness,
    Counterparties,
    Deal,
    Meetings,
    keep,
    make_room,
)
from detections.markets.revised_trades import REVISIONS, revise
from detections.markets.trading_circles import Circle, circles_around
from detections.money import least
from detections.parties import is_exempt
from normalizer.events.chain import TokenTransfer
from normalizer.events.market import Trade, TradeBusted, TradeCorrected
from pipeline.structured import FieldError
from pipeline.units import DAY, HOUR, MINUTE, WEEK, Duration, Ratio

_MOST_MARKETS = 10_000
_MOST_SERIES = 1_000
#: Of those around the two who just traded, so many are looked at.
_MOST_AROUND = 64
#: So many trades of others tell what is usual, also of parties that have more.
_ENOUGH = 50
#: With less than so many times the minimum nothing is unlikely enough where others tell nothing.
_FEW = 2
#: A series lasts so long from its first alert.
_SERIES = DAY
#: It alerts at so many multiples of the minimum, then each time that it has a quarter more.
_MULTIPLES = 5
#: No alert waits for more: of a pair twice as many trades are kept, so that all of these are there.
_MOST_DUE = 250
#: So many steps of work are done for each trade that is kept, in the long run, and so many at once.
_EFFORT, _MOST_EFFORT = 16, 100_000


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on circular trading sets."""

    #: What goes round: `trades` of a venue, or `transfers` of a token.
    flows: Literal["trades", "transfers"] = "trades"
    #: Within which times trades must cancel out, each by event time.
    windows: tuple[Annotated[Duration, Meta(ge=MINUTE, le=4 * WEEK)], ...] = (HOUR, DAY, WEEK)
    #: Who trades with whom is counted for so long, and up to twice as long.
    memory: Annotated[Duration, Meta(ge=HOUR, le=8 * WEEK)] = WEEK
    #: Members of a set, at least.
    minimum_parties: Annotated[int, Meta(ge=2, le=32)] = 2
    #: Members of a set, at most.
    maximum_parties: Annotated[int, Meta(ge=2, le=32)] = 12
    #: Trades that cancel out.
    minimum_trades: Annotated[int, Meta(ge=2, le=500)] = 6
    #: Value of these, in dollars or what is about as much (see `detections.money`);
    #: of transfers: tokens.
    minimum_gross: Annotated[float, Meta(ge=0)] = 0.0
    #: By which part of the mean trade a position may have changed, where it cancels out exactly.
    maximum_change: Annotated[Ratio, Meta(ge=0, le=1)] = 0.01
    #: What may be left over of the volume, where it cancels out nearly.
    maximum_net_share: Annotated[Ratio, Meta(ge=0, le=1)] = 0.1
    #: Part of each member's trades that is within the set.
    minimum_share: Annotated[Ratio, Meta(gt=0, le=1)] = 0.33
    #: How many times the part that the set has of others' trades.
    minimum_lift: Annotated[float, Meta(ge=1, le=1_000)] = 3.0
    #: How unlikely that must be by chance: 6 is one in 10^6.
    minimum_surprise: Annotated[float, Meta(ge=0, le=100)] = 6.0
    #: Layers, of a set of which one member lives.
    minimum_occurrences: Annotated[int, Meta(ge=1, le=1_000)] = 20
    #: What a member may have earned from the others, as a part of his volume.
    maximum_earned: Annotated[Ratio, Meta(ge=0, le=1)] = 0.005
    #: Whether only such sets count as the others in the market say nothing about.
    alone: bool = False
    #: Who has one of these labels is left out.
    exempt_labels: tuple[str, ...] = ("market_maker",)

    def __post_init__(self) -> None:
        if self.minimum_parties > self.maximum_parties:
            raise FieldError("minimum_parties", "can't be above maximum_parties")


class Series(Struct, array_like=True):
    """Alerts about one set of parties."""

    until: int
    alerts: int = 0
    told: int = 0
    """Trades of which they told."""
    due: int = 0
    """Trades that the next one needs."""


class Market(Struct):
    """An instrument at a venue, or a token."""

    last: int = 0
    """Event time of its newest trade."""
    counterparties: Counterparties = field(default_factory=Counterparties)
    effort: int = 0
    """Steps of work that were done, and aren't made up for by trades since."""
    series: dict[tuple[str, ...], Series] = {}


class State(Struct):
    """Who trades with whom, by market."""

    markets: dict[tuple[str, str, str], Market] = {}
    room: Room = field(default_factory=Room)
    """For parties, pairs and kept trades."""


@correlator("wash_circular")
class WashCircular(Correlator[State]):
    """See the module. Memory: 10,000 markets; of each 100,000 parties, 20,000 pairs of those that
    can matter to each other, and 500 trades of each that does, 1,000,000 of all
    these together (`detections.markets.counterparties`)."""

    parameters_type = Parameters
    partition_by = "asset"
    state_type = State
    state_version = 3
    typology = "wash_trading"

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._memory = parameters.memory
        self._chance = 10.0**-parameters.minimum_surprise
        self._windows = sorted(parameters.windows)
        self._limits = Limits(
            windows=self._windows,
            maximum_change=parameters.maximum_change,
            maximum_net_share=parameters.maximum_net_share,
            maximum_earned=parameters.maximum_earned,
            minimum_occurrences=parameters.minimum_occurrences,
            chance=self._chance,
            riskless=parameters.alone,
        )
        self._exempt = frozenset(parameters.exempt_labels)
        trades = frozenset({"trade"}) | REVISIONS
        self.actions = trades if parameters.flows == "trades" else frozenset({"token-transfer"})
        self.needs_named = self.actions

    @property
    def horizon(self) -> int:
        """Two generations of counts, and trades of the longest window."""
        return max(2 * self._memory, self._windows[-1] if self._windows else 0)

    def observe(
        self, event: Trade | TradeBusted | TradeCorrected | TokenTransfer
    ) -> Iterable[Finding]:
        """Take a trade or a transfer; other records are none of its business."""
        kind = event.__class__
        if kind is Trade:
            return self._trade(event)  # pyright: ignore[reportArgumentType]
        if kind is TokenTransfer:
            return self._transfer(event)  # pyright: ignore[reportArgumentType]
        if kind is TradeBusted or kind is TradeCorrected:
            self._revised(event)  # pyright: ignore[reportArgumentType]
        return ()

    def _trade(self, trade: Trade) -> Iterable[Finding]:
        seller = trade.seller_cluster or trade.seller_id or trade.seller_account
        buyer = trade.buyer_cluster or trade.buyer_id or trade.buyer_account
        if seller is None or buyer is None or seller == buyer:
            return ()
        if is_exempt(trade.buyer_labels, self._exempt) or is_exempt(
            trade.seller_labels, self._exempt
        ):
            return ()
        market = self._market((trade.provider, trade.venue, trade.instrument), trade.timestamp)
        meetings = market.counterparties.met(seller, buyer, trade.timestamp // self._memory)
        if meetings is None or not 0 < trade.quantity < _INFINITE:
            return ()
        took = None if trade.side is None else trade.side == "buy"
        return self._kept(trade, market, meetings, seller, buyer, trade.quantity, trade.price, took)

    def _transfer(self, transfer: TokenTransfer) -> Iterable[Finding]:
        seller = transfer.source_cluster or transfer.source_investor or transfer.source_address
        buyer = (
            transfer.destination_cluster
            or transfer.destination_investor
            or transfer.destination_address
        )
        if transfer.transfer_type != "transfer" or seller == buyer or transfer.amount is None:
            return ()
        if is_exempt(transfer.source_labels, self._exempt) or is_exempt(
            transfer.destination_labels, self._exempt
        ):
            return ()
        token = transfer.contract or ""
        if transfer.item_id is not None:  # each kind or item is a thing of its own
            token = f"{token}:{transfer.item_id}"
        key = (transfer.provider, str(transfer.chain_id), token)
        market = self._market(key, transfer.timestamp)
        meetings = market.counterparties.met(seller, buyer, transfer.timestamp // self._memory)
        if meetings is None or not 0 < transfer.amount < _INFINITE:
            return ()
        return self._kept(transfer, market, meetings, seller, buyer, transfer.amount, None, None)

    def _kept(
        self,
        event: Trade | TokenTransfer,
        market: Market,
        meetings: Meetings,
        seller: str,
        buyer: str,
        quantity: float,
        price: float | None,
        took: bool | None,
    ) -> Iterable[Finding]:
        unsure = "unsure" in event.tags
        keep(
            meetings,
            Deal(event.timestamp, seller, buyer, quantity, price, took, unsure, witness(event)),
        )
        meetings.fresh += 1
        market.effort = max(0, market.effort - _EFFORT)
        if meetings.fresh < meetings.wait or market.effort > _MOST_EFFORT:
            return ()
        if seller not in market.counterparties.near:  # most are close to nobody
            meetings.fresh = meetings.wait = 0
            return ()
        found, effort = self._look(event, market, seller, buyer)
        market.effort += effort
        meetings.fresh, meetings.wait = 0, effort // _EFFORT
        return () if found is None else (found,)

    def _revised(self, event: TradeBusted | TradeCorrected) -> None:
        market = self.state.markets.get((event.provider, event.venue, event.instrument))
        for meetings in () if market is None else market.counterparties.pairs.values():
            if revise(meetings.deals, event):
                return

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

    def _look(
        self, event: Trade | TokenTransfer, market: Market, seller: str, buyer: str
    ) -> tuple[Finding | None, int]:
        """Look at the sets that both who just traded are in, the smallest first.

        Returns what is found, and how many steps of work that was.
        """
        p, counterparties = self._p, market.counterparties
        gross = p.minimum_gross
        if isinstance(event, Trade):
            gross = least(gross, event.currency)
        around = counterparties.surroundings(seller, _MOST_AROUND)
        if not counterparties.is_bound(seller, buyer, around):  # as most aren't: no set has both
            return None, counterparties.ways(around)
        weights = counterparties.weights(around)
        circles, effort = circles_around(seller, buyer, weights)
        found: Finding | None = None
        for circle in reversed(circles):
            members = circle.members
            if not p.minimum_parties <= len(members) <= p.maximum_parties:
                continue
            effort += len(members) ** 2
            closeness = counterparties.closeness(members)
            apart = self._is_apart(closeness)
            if p.alone if apart else self._says_nothing(closeness):
                continue
            deals = self._deals(counterparties, members, market.last)
            effort += len(deals) * (2 + len(self._windows))
            series = self._series(market, members, event.timestamp)
            if len(deals) < series.due:
                continue
            cancelled = cancelled_out(
                deals,
                market.last,
                self._limits,
                minimum=series.due,
                gross=gross,
                occurrences=circle.occurrences,
                apart=apart,
                known=series.alerts > 0,
            )
            if cancelled is not None:
                found = self._finding(event, market, circle, closeness, cancelled, series, apart)
                break
        return found, effort

    def _is_apart(self, closeness: Closeness) -> bool:
        p = self._p
        return (
            closeness.outside >= min(closeness.within, _ENOUGH)
            and closeness.share >= p.minimum_share
            and closeness.lift >= p.minimum_lift
            and closeness.chance <= self._chance
        )

    def _says_nothing(self, closeness: Closeness) -> bool:
        p = self._p
        few = 1 if p.alone else _FEW
        # What is sent has no price, so that nobody knows what was risked.
        priced = p.flows == "trades" or closeness.within > closeness.outside
        return (
            closeness.share < p.minimum_share
            or closeness.within < few * p.minimum_trades
            or not priced
        )

    def _deals(
        self, counterparties: Counterparties, members: Sequence[str], now: int
    ) -> list[Deal]:
        """The members' trades that no alert has told of, within the longest window."""
        floor = now - self._windows[-1]
        found: list[Deal] = []
        for meetings in counterparties.within(members):
            deals = meetings.deals
            if deals and deals[0].timestamp < floor:
                deals = meetings.deals = [deal for deal in deals if deal.timestamp >= floor]
            found += deals
        found.sort(key=_place)
        return found

    def _series(self, market: Market, members: tuple[str, ...], now: int) -> Series:
        series = market.series.get(members)
        if series is None or now >= series.until:
            if len(market.series) >= _MOST_SERIES:
                del market.series[next(iter(market.series))]
            market.series.pop(members, None)
            series = market.series[members] = Series(now + _SERIES, due=self._p.minimum_trades)
        return series

    # -- telling -----------------------------------------------------------------------------------

    def _finding(
        self,
        event: Trade | TokenTransfer,
        market: Market,
        circle: Circle,
        closeness: Closeness,
        cancelled: Cancelled,
        series: Series,
        apart: bool,
    ) -> Finding:
        p, deals = self._p, cancelled.deals
        gone = {deal.witness.id for deal in deals}
        for meetings in market.counterparties.within(circle.members):
            meetings.deals = [d for d in meetings.deals if d.witness.id not in gone]
        series.alerts += 1
        series.told += len(deals)
        series.due = (
            p.minimum_trades
            if series.alerts < _MULTIPLES
            else max(p.minimum_trades, min(series.told // 4, _MOST_DUE))
        )
        asked = Asked(p.minimum_trades, p.minimum_lift, p.maximum_earned)
        count = Told(series.alerts, series.told)
        return circle_finding(event, circle, closeness, cancelled, count, asked, apart=apart)


_INFINITE = float("inf")


def _place(deal: Deal) -> tuple[int, str]:
    return (deal.timestamp, deal.witness.id)
