"""Turnover for nothing: one party buys and sells much of a market's volume, from and to its own
circle.

MAR Annex I A(c) and Commission Delegated Regulation (EU) 2016/522, Annex II, Section 1, point 3;
MiCA 91(2)(a); FINRA Rule 5210. What a cluster trades with itself is `wash_trading`'s, and what goes
round among a few who sell to each other `wash_circular`'s. Here one party, by the widest name
known, buys from some and sells to others, and they have little to do with anybody else: accounts
filled and emptied by another way, so that no circle shows, or so many that no two of them trade
often. In a `window` (by the clock, UTC) all of this holds:

1. **The largest buyer is the largest seller**: it has `minimum_volume_share` or more of what was
   bought, and of what was sold, in `minimum_trades` trades or more.
2. **Its position is where it was**: bought and sold differ by `maximum_net_share` of both at most.
3. **Few stand on the other side**: `most_counterparties` of them have `minimum_concentration` of
   its volume or more, and they have `minimum_exclusive` of all their trades with it, which are
   `minimum_each` for each of them or more: of who came once it is all that he did.
4. **Others don't trade with it so**: of the market's trades outside of this circle, its part is
   `minimum_lift` times smaller than theirs. There must be `minimum_outside` of them.
5. **Nobody lives on it**: what it earned is `maximum_earned` of its volume at most.
6. **It isn't to and fro among few**: less than half of its volume went to those from whom it came,
   or these are three or more.

How it tells an **honest market maker**: he is the largest buyer and the largest seller, with
nothing left at the end, as well. But he has many counterparties, each of whom trades with other
makers or is replaced by somebody else (3); and who doesn't belong to his best customers trades with
him, too (4). He earns the spread (5), though that alone proves nothing: on a day of losses he
doesn't. A broker between two clients earns his commission in the price.

**Without accounts** nothing can be said; with those of one side only, the third can't be told, and
nothing is said.

The figures are choices: no source has any. What is kept of a party are its trades from the ninth in
the window on, if it has a twentieth of the market's trades by then.
"""

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, Witness, witness
from detections.alerting.wording import amount, lapse, percent
from detections.correlators.base import TRADES, Correlator, correlator
from detections.float_sum import float_sum
from detections.idlest import Room
from detections.money import least
from detections.parties import is_exempt
from detections.rounding import reaches
from normalizer.events.market import Trade
from pipeline.units import DAY, HOUR, WEEK, Duration, Ratio

_MOST_MARKETS = 10_000
_MOST_PARTIES = 50_000
_MOST_DEALS = 500
#: Parties, their counterparties and kept trades, of all markets; so many come with one trade.
_MOST_IN_ALL, _OF_A_TRADE = 1_000_000, 6
#: So many are left, at least, once some were too many.
_LEAST_CUT = _MOST_DEALS - _MOST_DEALS // 10
#: With more, somebody has many counterparties.
_MANY = 64
#: From so many trades on, and so large a part of the market's, a party's trades are kept.
_NOTABLE_TRADES, _NOTABLE_SHARE = 8, 0.05
_RETURNED = 0.5
#: With fewer than so many it goes to and fro, which other rules tell of.
_LEAST_CIRCLE = 3
# Confidence before it is calibrated on labelled data: a base, and what a larger part of the market,
# more exclusive counterparties and an exacter balance add to it.
_BASE, _LARGER, _EXCLUSIVE, _EXACT = 0.5, 0.15, 0.15, 0.1
_UNSURE = 0.6


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on turnover sets."""

    #: The time that is looked at, by the clock.
    window: Annotated[Duration, Meta(ge=HOUR, le=4 * WEEK)] = DAY
    #: Trades of the party in the window.
    minimum_trades: Annotated[int, Meta(ge=2, le=400)] = 20
    #: Part of the market's volume that it bought, and that it sold.
    minimum_volume_share: Annotated[Ratio, Meta(ge=0, le=1)] = 0.2
    #: Difference of bought and sold, as a part of both.
    maximum_net_share: Annotated[Ratio, Meta(ge=0, le=1)] = 0.05
    #: How many counterparties are its circle.
    most_counterparties: Annotated[int, Meta(ge=1, le=32)] = 16
    #: Part of its volume that is with these.
    minimum_concentration: Annotated[Ratio, Meta(ge=0, le=1)] = 0.9
    #: Part of these counterparties' trades that is with it.
    minimum_exclusive: Annotated[Ratio, Meta(ge=0, le=1)] = 0.8
    #: Trades of each counterparty with it, on average.
    minimum_each: Annotated[float, Meta(ge=1, le=100)] = 2.0
    #: How many times more often they trade with it than others do.
    minimum_lift: Annotated[float, Meta(ge=1, le=1_000)] = 3.0
    #: Trades outside of the circle that it takes to know what is usual.
    minimum_outside: Annotated[int, Meta(ge=0, le=10_000)] = 20
    #: What it may have earned, as a part of its volume.
    maximum_earned: Annotated[Ratio, Meta(ge=0, le=1)] = 0.005
    #: Value that it bought and sold,
    #: in dollars or what is about as much (see `detections.money`).
    minimum_gross: Annotated[float, Meta(ge=0)] = 0.0
    #: Who has one of these labels is left out.
    exempt_labels: tuple[str, ...] = ("market_maker",)


class Side(Struct, array_like=True, gc=False):
    """What a party had with one counterparty."""

    trades: int = 0
    bought: float = 0.0
    sold: float = 0.0


class Tally(Struct, array_like=True, gc=False):
    """What a party did in the window."""

    trades: int = 0
    bought: float = 0.0
    sold: float = 0.0
    cash: float = 0.0
    """Sales less purchases, in the quote currency."""
    many: bool = False
    """It has too many counterparties to be kept."""
    due: int = 0
    """With how many trades it is looked at again."""
    alerts: int = 0
    sides: dict[str, Side] = {}
    witnesses: list[Witness] = []
    """Of its newest trades that no alert has told of."""
    unsure: bool = False

    def revise(
        self, trade: str, other: str, trades: int, quantity: float, value: float, *, buys: bool
    ) -> None:
        """There are so many trades more (-1: it was taken back), of so much more."""
        self.trades += trades
        if buys:
            self.bought, self.cash = max(0.0, self.bought + quantity), self.cash - value
        else:
            self.sold, self.cash = max(0.0, self.sold + quantity), self.cash + value
        side, kept = self.sides.get(other), any(one.id == trade for one in self.witnesses)
        # One that an alert has told of, or that is too old to be among them, was kept.
        if side is None or not (kept or self.alerts or len(self.witnesses) >= _LEAST_CUT):
            return
        if trades and kept:
            self.witnesses = [one for one in self.witnesses if one.id != trade]
        side.trades += trades
        if buys:
            side.bought = max(0.0, side.bought + quantity)
        else:
            side.sold = max(0.0, side.sold + quantity)
        if side.trades <= 0:
            del self.sides[other]


class Market(Struct):
    """An instrument at a venue, in one window."""

    window: int = -1
    trades: int = 0
    quantity: float = 0.0
    notional: float = 0.0
    parties: dict[str, Tally] = {}

    @property
    def size(self) -> int:
        """Parties, their counterparties and kept trades."""
        tallies = self.parties.values()
        kept = sum([len(one.sides) + len(one.witnesses) for one in tallies if one.sides])
        return len(tallies) + kept


class State(Struct):
    """What was traded, by market."""

    markets: dict[tuple[str, str, str], Market] = {}
    room: Room = field(default_factory=Room)
    """For parties, their counterparties and kept trades."""


@correlator("wash_turnover")
class WashTurnover(Correlator[State]):
    """See the module. Memory: 10,000 markets; of each, the sums of 50,000 parties, and 500 trades
    of those (20 at most) who have a twentieth of its trades; 1,000,000 of all these together."""

    parameters_type = Parameters
    partition_by = "asset"
    uses_trades = True
    state_type = State
    state_version = 2
    typology = "wash_trading"
    needs_named = TRADES
    actions = frozenset({"trade"})

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._window = parameters.window
        self._unnoted = min(_NOTABLE_TRADES, parameters.minimum_trades // 2)
        self._exempt = frozenset(parameters.exempt_labels)

    @property
    def horizon(self) -> int:
        """A window is counted whole."""
        return self._window

    def observe(self, event: Trade) -> Iterable[Finding]:
        """Take a trade."""
        names = _parties(event, self._exempt)
        if names is None:
            return ()
        seller, buyer = names
        quantity, price = event.quantity, event.price
        market = self._market(event)
        parties = market.parties
        sold, bought = parties.get(seller), parties.get(buyer)
        if sold is None or bought is None:
            if len(parties) >= _MOST_PARTIES:
                _drop_smallest(parties)
            sold = parties.setdefault(seller, Tally())
            bought = parties.setdefault(buyer, Tally())
        value = quantity * price
        market.trades += 1
        market.quantity += quantity
        market.notional += value
        sold.trades += 1
        sold.sold += quantity
        sold.cash += value
        bought.trades += 1
        bought.bought += quantity
        bought.cash -= value
        least = max(self._unnoted, _NOTABLE_SHARE * market.trades)
        findings: list[Finding] = []
        if sold.trades > least and not sold.many:
            findings += self._notable(event, market, seller, sold, buyer, -quantity)
        if bought.trades > least and not bought.many:
            findings += self._notable(event, market, buyer, bought, seller, quantity)
        return findings

    def _market(self, event: Trade) -> Market:
        markets = self.state.markets
        key = (event.provider, event.venue, event.instrument)
        market = markets.get(key)
        window = event.timestamp // self._window
        if self.state.room.take(_MOST_IN_ALL, _OF_A_TRADE):
            self._make_room(window)
            market = markets.get(key)
        if market is None:
            if len(markets) >= _MOST_MARKETS:
                idlest = sorted(markets, key=lambda one: markets[one].window)
                for gone in idlest[: _MOST_MARKETS // 10]:
                    del markets[gone]
            market = markets[key] = Market(window)
        elif window > market.window:
            market.window, market.trades, market.parties = window, 0, {}
            market.quantity = market.notional = 0.0
        return market

    def _make_room(self, window: int) -> None:
        """There may be too much in all: let go of past windows, then of markets with few trades."""
        markets = self.state.markets
        for key in [key for key, market in markets.items() if market.window < window]:
            del markets[key]
        known = ((market.trades, market.size, key) for key, market in markets.items())
        self.state.room.make(_MOST_IN_ALL, known, markets.pop)

    def _notable(
        self, event: Trade, market: Market, name: str, tally: Tally, other: str, bought: float
    ) -> Iterable[Finding]:
        """Keep a trade of a party that has many. `bought` is negative where it sold."""
        side = tally.sides.get(other)
        if side is None:
            if len(tally.sides) >= _MANY:
                tally.many, tally.sides, tally.witnesses = True, {}, []
                return ()
            side = tally.sides[other] = Side()
        side.trades += 1
        if bought > 0:
            side.bought += bought
        else:
            side.sold -= bought
        tally.witnesses.append(witness(event))
        if len(tally.witnesses) > _MOST_DEALS:
            del tally.witnesses[: _MOST_DEALS // 10]
        tally.unsure = tally.unsure or "unsure" in event.tags
        if tally.trades < max(tally.due, self._p.minimum_trades):
            return ()
        tally.due = tally.trades + max(1, tally.trades // 4)
        return self._judge(event, market, name, tally)

    def revised(self, was: Trade, now: Trade | None) -> None:
        """A trade was taken back or corrected: the window's sums, without it."""
        market = self.state.markets.get((was.provider, was.venue, was.instrument))
        if market is None or was.timestamp // self._window != market.window:
            return
        names = _parties(was, self._exempt)
        if names is None:
            return
        seller, buyer = names
        less, more = -1, 0.0
        value, worth = -was.quantity * was.price, 0.0
        if now is not None and _parties(now, self._exempt) is not None:
            less, more, worth = 0, now.quantity, now.quantity * now.price
        quantity, value = more - was.quantity, worth + value
        market.trades += less
        market.quantity = max(0.0, market.quantity + quantity)
        market.notional = max(0.0, market.notional + value)
        for name, other, buys in ((seller, buyer, False), (buyer, seller, True)):
            tally = market.parties.get(name)
            if tally is not None:
                tally.revise(was.id, other, less, quantity, value, buys=buys)
                if not tally.trades:
                    del market.parties[name]
        if not market.trades:
            del self.state.markets[(was.provider, was.venue, was.instrument)]

    # -- judging -----------------------------------------------------------------------------------

    def _judge(self, event: Trade, market: Market, name: str, tally: Tally) -> Iterable[Finding]:
        p = self._p
        share = min(tally.bought, tally.sold) / market.quantity
        gross = tally.bought + tally.sold
        net = abs(tally.bought - tally.sold) / gross
        mean = market.notional / market.quantity
        worth = gross * mean
        if not worth:  # too little for floats
            return ()
        earned = (tally.cash + (tally.bought - tally.sold) * mean) / worth
        # Sums that are beyond floats are in no order, so each condition must hold.
        if not (
            reaches(share, p.minimum_volume_share)
            and net <= p.maximum_net_share
            and abs(earned) <= p.maximum_earned
            and worth >= least(p.minimum_gross, event.currency)
        ):
            return ()
        ranked = sorted(
            tally.sides.items(), key=lambda one: (-(one[1].bought + one[1].sold), one[0])
        )
        circle = dict(ranked[: p.most_counterparties])
        kept = float_sum(side.bought + side.sold for side in tally.sides.values())
        inside = float_sum(side.bought + side.sold for side in circle.values())
        returned = (
            float_sum(2 * min(side.bought, side.sold) for side in tally.sides.values()) / kept
        )
        concentration = inside / kept
        if not reaches(concentration, p.minimum_concentration) or (
            returned >= _RETURNED and _to_and_fro(circle) < _LEAST_CIRCLE
        ):
            return ()
        within = sum(side.trades for side in circle.values())
        if within < p.minimum_each * len(circle):
            return ()
        others = sum(market.parties[one].trades for one in circle if one in market.parties)
        seen = sum(side.trades for side in tally.sides.values())
        # Its first trades weren't kept: they are taken for some of its circle's.
        exclusive = within / max(within, others - (tally.trades - seen))
        outside = market.trades - tally.trades
        usual = (seen - within + 1) / (outside + 2)
        lift = exclusive / usual
        if (
            outside < p.minimum_outside
            or not reaches(exclusive, p.minimum_exclusive)
            or lift < p.minimum_lift
        ):
            return ()
        tally.alerts += 1
        witnesses, tally.witnesses = tuple(tally.witnesses), []
        metrics = {
            "trades": float(tally.trades),
            "bought": tally.bought,
            "sold": tally.sold,
            "notional": worth,
            "volume_share": share,
            "net_share": net,
            "counterparties": float(len(tally.sides)),
            "concentration": concentration,
            "exclusive": exclusive,
            "lift": lift,
            "earned_share": earned,
            "returned_share": returned,
            "alert_of_series": float(tally.alerts),
        }
        money = f" {event.currency}" if event.currency else ""
        confidence = (
            _BASE
            + _LARGER * min(1.0, share / 0.5)
            + _EXCLUSIVE * exclusive
            + _EXACT * (net < p.maximum_net_share / 5)
        )
        return [
            Finding(
                entities=(name, *circle),
                reason=(
                    f"{name} bought {amount(tally.bought)} and sold {amount(tally.sold)} "
                    f"{event.instrument} on {event.venue} in the window of {lapse(self._window)}, "
                    f"{percent(share)} of the volume each way, worth {amount(worth)}{money} "
                    f"in {tally.trades} trades, {percent(concentration)} of it with {len(circle)} "
                    f"others who had {percent(exclusive)} of all their trades with it"
                ),
                witnesses=witnesses,
                confidence=confidence * (_UNSURE if tally.unsure else 1.0),
                metrics=metrics,
                tags=("unsure",) if tally.unsure else (),
            )
        ]


_INFINITE = float("inf")


def _parties(event: Trade, exempt: frozenset[str]) -> tuple[str, str] | None:
    """Seller and buyer; None where it doesn't count."""
    seller = event.seller_cluster or event.seller_id or event.seller_account
    buyer = event.buyer_cluster or event.buyer_id or event.buyer_account
    if seller is None or buyer is None or seller == buyer:
        return None
    if not (0 < event.quantity < _INFINITE and 0 < event.price < _INFINITE):
        return None
    if is_exempt(event.buyer_labels, exempt) or is_exempt(event.seller_labels, exempt):
        return None
    return seller, buyer


def _to_and_fro(circle: dict[str, Side]) -> int:
    """How many both bought and sold."""
    return sum(side.bought > 0 and side.sold > 0 for side in circle.values())


def _drop_smallest(parties: dict[str, Tally]) -> None:
    """A quarter goes: those with the fewest trades, of these the oldest."""
    for name in sorted(parties, key=lambda one: parties[one].trades)[: len(parties) // 4]:
        del parties[name]
