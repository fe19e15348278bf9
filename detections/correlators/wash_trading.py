"""Wash trading: trades that change no beneficial owner, by who is known to be one.

MAR 12(1)(a) and Annex I A(c), specified in Commission Delegated Regulation (EU) 2016/522, Annex II,
Section 1, point 3; MiCA 91(2)(a); FINRA Rule 5210. Two patterns, one per rule:

- `self_trade`: buyer and seller are the same account or the same investor.
- `same_cluster`: buyer and seller are different, but of one cluster: the reference data says so, or
  what they do on a chain does, such as first money from one source (docs/clusters.md).

Each looks at a sliding window per owner and instrument, and alerts when the window has enough. What
follows within a day of the first trade belongs to the same series: it alerts again at multiples of
the minimum, then each time that it has a quarter more, with the evidence of the whole series. What
is over when it ends is in the first alert of the next series, if there is one within a day.

**Incidental.** FINRA 5210.02 takes self-trades for bona fide that come of orders which meet without
anybody's intent, as those of a firm's algorithms or desks do that don't know of each other; a
pattern of them is not. So an account that trades twenty times or more in a window or two, with
`incidental_share` of it at most with itself, is left alone until there are `incidental_trades` of
these in the window; then the confidence is half. Two accounts of an owner, which two programs may
have, may meet in three times that share of its trades, however often that is: an alert needs more
meetings than that would make one time in a hundred, or two and no other trade: that its first trade
is such a meeting happens to a firm as well, and a single one is no pattern.

Needs accounts. What nobody knows to be one owner is for `wash_circular`, `wash_matched_orders` and
`wash_turnover`, which leave out what is in here; swaps in pools are for `pool_round_trips`.
"""

from collections.abc import Iterable
from typing import Annotated, Literal

from msgspec import Meta, Struct, field
from msgspec.structs import replace

from detections.alerting.findings import Finding, Witness, witness
from detections.alerting.wording import amount, lapse, percent
from detections.books.coincidence import binomial_tail
from detections.correlators.base import TRADES, Correlator, correlator
from detections.float_sum import float_sum
from detections.idlest import Room
from detections.markets.revised_trades import REVISIONS, revise
from detections.money import too_little
from detections.parties import Party, buyer, is_exempt, sameness, seller
from detections.windows import Group, Key, SlidingGroups
from normalizer.events.market import Trade, TradeBusted, TradeCorrected
from pipeline.units import DAY, HOUR, MINUTE, WEEK, Duration, Ratio

# Confidence before it is calibrated on labelled data: an account is a fact, a cluster an inference.
_SAME_ACCOUNT = 1.0
_SAME_INVESTOR = 0.95
_SAME_CLUSTER = (0.75, 0.95)
_INCIDENTAL = 0.5
_UNSURE = 0.6
#: Of whom trades less nobody can say that it is incidental.
_BUSY = 20
#: Between two accounts, which two programs may have, so many times the share may be incidental;
#: more is shown where chance would have it so seldom.
_TWO_ACCOUNTS, _SELDOM = 3.0, 0.01
#: A series of alerts lasts so long from its first trade.
_SERIES = DAY
_MOST_MARKETS = 10_000
_MOST_OWNERS = 50_000
#: In both windows of all markets.
_MOST_OWNERS_IN_ALL = 1_000_000


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a wash trading rule sets."""

    pattern: Literal["self_trade", "same_cluster"]
    #: The sliding window, by event time.
    window: Annotated[Duration, Meta(ge=MINUTE, le=WEEK)] = HOUR
    #: Trades within the window that make an alert.
    minimum_trades: Annotated[int, Meta(ge=1, le=1_000)] = 3
    #: Value traded within the window below which nothing is said,
    #: in dollars or what is about as much (see `detections.money`).
    minimum_gross: Annotated[float, Meta(ge=0)] = 0.0
    #: Part of an owner's trades that may be with himself without anybody's intent. 0: none.
    incidental_share: Annotated[Ratio, Meta(ge=0, le=1)] = 0.05
    #: So many within the window are a pattern all the same.
    incidental_trades: Annotated[int, Meta(ge=1, le=1_000)] = 10
    #: Who has one of these labels is left out.
    exempt_labels: tuple[str, ...] = ("market_maker",)


class Deal(Struct, frozen=True, array_like=True):
    """What is kept of a trade."""

    timestamp: int
    quantity: float
    """Whole units."""
    notional: float
    price: float | None
    who: tuple[Party, ...]
    witness: Witness
    unsure: bool

    def corrected(self, price: float | None, quantity: float | None) -> "Deal":
        """The venue corrected it."""
        quantity = self.quantity if quantity is None else quantity
        price = self.price if price is None else price
        notional = self.notional if price is None else price * quantity
        return replace(self, price=price, quantity=quantity, notional=notional)


class Trades(Struct, array_like=True, gc=False):
    """How often owners traded in a market, in this window by the clock and in the one before."""

    window: int
    now: dict[str, int] = field(default_factory=dict[str, int])
    before: dict[str, int] = field(default_factory=dict[str, int])

    def clear(self) -> None:
        """Forget how often anybody traded."""
        self.now, self.before = {}, {}


class State(Struct):
    """The trades of each owner's window, and how many he had in all."""

    groups: dict[Key, Group[Deal]] = field(default_factory=dict[Key, Group[Deal]])
    markets: dict[tuple[str, str, str], Trades] = field(
        default_factory=dict[tuple[str, str, str], Trades]
    )
    room: Room = field(default_factory=Room)
    """For the owners of all markets."""


@correlator("wash_trading")
class WashTrading(Correlator[State]):
    """See the module. Memory: at most 50,000 owners with 1,000 trades of their window each, and the
    number of trades of 50,000 owners in each of 10,000 markets, of 1,000,000 in all."""

    parameters_type = Parameters
    partition_by = "asset"
    uses_trades = True
    state_type = State
    state_version = 4
    typology = "wash_trading"
    needs_named = TRADES
    actions = frozenset({"trade"}) | REVISIONS

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._clustered = parameters.pattern == "same_cluster"
        self._window = parameters.window
        self._exempt = frozenset(parameters.exempt_labels)
        self._windows = SlidingGroups[Deal](parameters.window, series=_SERIES)

    @property
    def horizon(self) -> int:
        """Trades that no alert of a series has told of wait for as long as it lasted."""
        return max(2 * self._window, 3 * _SERIES)

    def observe(self, event: Trade | TradeBusted | TradeCorrected) -> Iterable[Finding]:
        """Take a trade, or what became of one."""
        if event.__class__ is not Trade:
            self._revised(event)  # pyright: ignore[reportArgumentType]
            return ()
        return self._traded(event)  # pyright: ignore[reportArgumentType]

    def _revised(self, event: TradeBusted | TradeCorrected) -> None:
        market = (event.provider, event.venue, event.instrument)
        if market not in self.state.markets:
            return
        was = self.trades.find(event)
        if was is not None:
            bought, sold = buyer(was), seller(was)
            same = sameness(bought, sold)
            if same is not None:
                self._revise((*market, same, getattr(bought, same)), event)
            return
        # It was a while ago, and whose it was isn't known any more.
        for key, group in reversed(self.state.groups.items()):
            if key[:3] == market and _revise(group, event):
                if not group.items:
                    del self.state.groups[key]
                return

    def _revise(self, key: Key, event: TradeBusted | TradeCorrected) -> None:
        group = self.state.groups.get(key)
        if group is not None and _revise(group, event) and not group.items:
            del self.state.groups[key]

    def _traded(self, event: Trade) -> Iterable[Finding]:
        if self._clustered:
            bought_by, sold_by = event.buyer_cluster, event.seller_cluster
        else:
            bought_by = event.buyer_id or event.buyer_account
            sold_by = event.seller_id or event.seller_account
        if bought_by is None and sold_by is None:
            return ()
        counts = self._count(event, bought_by, sold_by)
        if bought_by != sold_by and event.buyer_account != event.seller_account:
            return ()
        return self._one(event, counts)

    def _count(self, event: Trade, bought_by: str | None, sold_by: str | None) -> Trades:
        markets = self.state.markets
        key = (event.provider, event.venue, event.instrument)
        counts, window = markets.get(key), event.timestamp // self._window
        if counts is None:
            if len(markets) >= _MOST_MARKETS:
                idlest = sorted(markets, key=lambda one: markets[one].window)
                for gone in idlest[: _MOST_MARKETS // 10]:
                    del markets[gone]
            counts = markets[key] = Trades(window)
        elif window > counts.window:
            counts.before = counts.now if window == counts.window + 1 else {}
            counts.now, counts.window = {}, window
        if self.state.room.take(_MOST_OWNERS_IN_ALL, 2):
            self._make_room(window)
        now = counts.now
        if bought_by is not None:
            now[bought_by] = now.get(bought_by, 0) + 1
        if sold_by is not None and sold_by != bought_by:
            now[sold_by] = now.get(sold_by, 0) + 1
        if len(now) > _MOST_OWNERS:
            for name in list(now)[: _MOST_OWNERS // 4]:
                del now[name]
        return counts

    def _make_room(self, window: int) -> None:
        """There may be too many owners: forget past windows, then markets with the fewest."""
        markets = self.state.markets.values()
        for one in markets:
            if one.window < window:
                one.before = {}
            if one.window < window - 1:
                one.now = {}
        known = ((len(one.now), len(one.now) + len(one.before), one) for one in markets)
        self.state.room.make(_MOST_OWNERS_IN_ALL, known, Trades.clear)

    def _one(self, trade: Trade, counts: Trades) -> Iterable[Finding]:
        """A trade whose two sides may be one owner's."""
        bought, sold = buyer(trade), seller(trade)
        same = sameness(bought, sold)
        if same is None or (same == "cluster") is not self._clustered:
            return ()
        if is_exempt(trade.buyer_labels, self._exempt) or is_exempt(
            trade.seller_labels, self._exempt
        ):
            return ()
        owner = getattr(bought, same)
        deal = Deal(
            trade.timestamp,
            trade.quantity,
            trade.price * trade.quantity if trade.notional is None else trade.notional,
            trade.price,
            (bought, sold),
            witness(trade),
            "unsure" in trade.tags,
        )
        key = (trade.provider, trade.venue, trade.instrument, same, owner)
        group = self._windows.add(self.state.groups, key, deal)
        if not self._windows.due(group, self._p.minimum_trades):
            return ()
        if too_little(
            float_sum(d.notional for d in group.items), self._p.minimum_gross, trade.currency
        ):
            return ()
        name = owner if self._clustered else bought.investor or owner
        trades = counts.now.get(name, 0) + counts.before.get(name, 0)
        meetings = sum(d.timestamp >= trade.timestamp - self._window for d in group.items)
        share = min(1.0, meetings / max(1, trades))
        incidental = self._is_incidental(same, meetings, trades, share)
        if incidental and (same != "account" or meetings < self._p.incidental_trades):
            return ()
        return [self._finding(trade, same, owner, group, share, incidental)]

    def _is_incidental(self, same: str, meetings: int, trades: int, share: float) -> bool:
        """Whether it may have come about without anybody's intent."""
        allowed = self._p.incidental_share
        if same == "account":
            return trades >= _BUSY and share <= allowed
        if not allowed or meetings >= trades > 1:
            return False
        by_chance = min(1.0, _TWO_ACCOUNTS * allowed)
        return share <= by_chance or binomial_tail(meetings, trades, by_chance) > _SELDOM

    def _finding(
        self,
        trade: Trade,
        same: str,
        owner: str,
        group: Group[Deal],
        share: float,
        incidental: bool,
    ) -> Finding:
        deals, minimum = list(group.items), self._p.minimum_trades
        number = self._windows.alerted(group, minimum)
        quantity, notional = (
            float_sum(d.quantity for d in deals),
            float_sum(d.notional for d in deals),
        )
        money = f" {trade.currency}" if trade.currency else ""
        where = f"{trade.instrument} on {trade.venue}"
        last = deals[-1]
        if same == "cluster":
            names = sorted({str(party) for d in deals for party in d.who})
            what = f"{_listed(names)} of one cluster ({owner}) traded with each other"
        else:
            what = f"{last.who[0]} bought from {_itself(last, same)}"
        times = "" if len(deals) == 1 else f" {len(deals)} times within {lapse(_span(deals))}"
        price = f" at {amount(trade.price)}" if len(deals) == 1 else ""
        of_all = f", {percent(share)} of all its trades" if incidental else ""
        unsure = any(d.unsure for d in deals)
        confidence = _confidence(same, len(deals), minimum)
        names = (name for d in deals for party in d.who for name in party.names)
        return Finding(
            entities=tuple(dict.fromkeys((owner, *names))),
            reason=(
                f"{what}{times}: {amount(quantity)} {where}{price}, worth "
                f"{amount(notional)}{money}{of_all}"
            ),
            witnesses=tuple(d.witness for d in deals),
            confidence=confidence
            * (_UNSURE if unsure else 1.0)
            * (_INCIDENTAL if incidental else 1.0),
            metrics={
                "trades": float(len(deals)),
                "quantity": quantity,
                "notional": notional,
                "share_of_trades": share,
                "alert_of_series": float(number),
            },
            tags=("unsure",) if unsure else (),
        )


def _revise(group: Group[Deal], event: TradeBusted | TradeCorrected) -> bool:
    """A trade was taken back or corrected; whether it was one of these."""
    told, rest = group.items[: group.told], group.items[group.told :]
    if not revise(told, event) and not revise(rest, event):
        return False
    group.items, group.told = told + rest, len(told)
    return True


def _confidence(same: str, trades: int, minimum: int) -> float:
    if same == "account":
        return _SAME_ACCOUNT
    if same == "investor":
        return _SAME_INVESTOR
    low, high = _SAME_CLUSTER
    return low + (high - low) * min(1.0, trades / (minimum + 3))


def _span(deals: list[Deal]) -> int:
    return deals[-1].timestamp - deals[0].timestamp


def _itself(deal: Deal, same: str) -> str:
    bought, sold = deal.who
    if same == "account":
        return "itself"
    return f"{sold}, which is the same investor" if bought.account != sold.account else "itself"


def _listed(names: list[str]) -> str:
    if len(names) > 4:
        return f"{', '.join(names[:4])} and {len(names) - 4} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
