"""Trades between wallets that have their first money from one source, or one from the other.

MAR Annex I A(c), MiCA 91(2)(a): the same source of funds is a hint at the same beneficial owner. It
is Dune's fourth filter for wash trades of NFTs (spellbook `nft.wash_trades`): the buyer and the
seller were first funded by the same wallet, or one of them by the other, but for bridges, exchanges
and mixers.

A wallet's **first funder** is who sent it the chain's own currency when it was first seen. Who sent
or traded something before had money before, so nobody knows who funded it. A source counts for
nothing if it has one of `hub_labels`, or if it was the first funder of more than `most_funded`
wallets: then it pays out to strangers. Trades of two such wallets within `window` count together,
from `minimum_trades` on, if they are `minimum_share` of what the one of them who trades less traded
in that market in about that time: on an order book one meets anybody by chance, and those whom one
employer pays too. A single item's market has few trades, so there a sale is enough, as for Dune.

How it goes with the others: where the clusters of wallets are on (docs/clusters.md), two wallets
that were new and funded together are one cluster, and their trades are `wash_trading`'s and none of
this. What remains are old wallets, those funded far apart, and a wallet that trades with its own
funder, which doesn't make a cluster. So this is a weaker hint, and no rule of it should be above
`medium`.

Accounts of trades must be wallets, as on a venue that settles on the chain; the wallets' own
transfers must be watched, from before they were funded. What contracts pass on isn't seen."""

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct, field
from msgspec.structs import replace

from detections.alerting.findings import Finding, Witness, witness
from detections.alerting.wording import amount, lapse
from detections.correlators.base import TRADES, Correlator, correlator
from detections.float_sum import float_sum
from detections.idlest import drop_idlest
from detections.parties import buyer, is_exempt, sameness, seller
from detections.windows import Group, Key, SlidingGroups
from normalizer.events.chain import NativeTransfer
from normalizer.events.market import Trade
from pipeline.units import DAY, HOUR, WEEK, Duration, Ratio

_MOST_WALLETS = 300_000
_MOST_SOURCES = 100_000
# Confidence before it is calibrated on labelled data: a base, and what it adds that they were
# funded within a day, and that they traded more often.
_BASE, _TOGETHER, _MORE = 0.5, 0.15, 0.15
_UNSURE = 0.6


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on the funding of traders sets."""

    #: Trades of two wallets within this time count together.
    window: Annotated[Duration, Meta(ge=HOUR, le=520 * WEEK)] = WEEK
    #: Trades that make an alert.
    minimum_trades: Annotated[int, Meta(ge=1, le=1_000)] = 1
    #: What part these are of the trades in the market of whoever of the two trades less.
    minimum_share: Annotated[Ratio, Meta(ge=0, le=1)] = 1 / 3
    #: Who was the first funder of more wallets pays strangers.
    most_funded: Annotated[int, Meta(ge=1, le=1_000)] = 20
    #: Sources that pay anybody.
    hub_labels: tuple[str, ...] = (
        *("exchange", "custodian", "pool", "router", "bridge", "mixer", "market_maker"),
        *("issuer", "treasury", "agent", "paymaster", "service"),
    )
    #: Traders with one of these labels are left out.
    exempt_labels: tuple[str, ...] = ("market_maker", "exchange", "router", "pool")


class Funding(Struct, frozen=True, array_like=True, gc=False):
    """A wallet's first money."""

    source: str
    witness: Witness


class Deal(Struct, frozen=True, array_like=True, gc=False):
    """What is kept of a trade."""

    timestamp: int
    quantity: float
    notional: float
    unsure: bool
    witness: Witness


class Trading(Struct, array_like=True, gc=False):
    """How much a wallet trades in a market: in the newest window that it traded in, and in the one
    before. Windows are by the clock, so that a trade that is taken back leaves nothing behind."""

    window: int
    """Its number."""
    now: int = 0
    before: int = 0

    def add(self, window: int, count: int) -> None:
        """So many more trades were of that window; fewer where it is negative."""
        if window > self.window:
            self.before = self.now if window == self.window + 1 else 0
            self.window, self.now = window, 0
        if window == self.window:
            self.now += count
        elif window == self.window - 1:
            self.before += count


class State(Struct):
    """Who funded whom, and the trades of those who are linked by it."""

    wallets: dict[str, Funding | None] = field(default_factory=dict[str, Funding | None])
    """All that were seen, the idlest first; None where nobody knows who funded them, or it says
    nothing."""
    funded: dict[str, int] = field(default_factory=dict[str, int])
    """How many wallets each source was the first funder of; first who funded none for longest."""
    groups: dict[Key, Group[Deal]] = field(default_factory=dict[Key, Group[Deal]])
    trading: dict[tuple[str, str, str], Trading] = field(
        default_factory=dict[tuple[str, str, str], Trading]
    )
    """By venue, instrument and wallet; only of those of whom it is known who funded them."""


@correlator("wash_funding")
class WashFunding(Correlator[State]):
    """See the module. Memory: 300,000 wallets with their first funding and as many in a market,
    100,000 sources, and 50,000 pairs with 1,000 trades each."""

    parameters_type = Parameters
    partition_by = "market"
    uses_trades = True
    state_type = State
    typology = "wash_trading"
    needs = (frozenset({"native-transfer"}), TRADES)
    needs_named = TRADES
    actions = frozenset({"native-transfer", "trade"})

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._hubs = frozenset(parameters.hub_labels)
        self._exempt = frozenset(parameters.exempt_labels)
        self._windows = SlidingGroups[Deal](parameters.window)

    @property
    def horizon(self) -> None:
        """A wallet's first money may be as old as the wallet."""
        return None

    def observe(self, event: NativeTransfer | Trade) -> Iterable[Finding]:
        """Take a transfer of the chain's currency, or a trade."""
        if isinstance(event, Trade):
            return self._trade(event)
        self._transfer(event)
        return ()

    def revised(self, was: Trade, now: Trade | None) -> None:
        """A trade was taken back or corrected: it counts no more, or as corrected."""
        if was.buyer_account is None or was.seller_account is None:
            return
        pair = was.buyer_account.lower(), was.seller_account.lower()
        if now is None:
            for wallet in dict.fromkeys(pair):
                self._count_less(was, wallet)
        key = _key(was, *pair)
        group = self.state.groups.get(key)
        if group is None:
            return
        for place, one in enumerate(group.items):
            if one.witness.id == was.id:
                if now is None:
                    del group.items[place]
                else:
                    worth = now.price * now.quantity if now.notional is None else now.notional
                    group.items[place] = replace(one, quantity=now.quantity, notional=worth)
                break
        if not group.items:
            del self.state.groups[key]

    def _transfer(self, event: NativeTransfer) -> None:
        source, to = event.source_address.lower(), event.destination_address.lower()
        wallets = self.state.wallets
        self._heard_of(source)
        if to in wallets:
            self._heard_of(to)
            return
        if is_exempt(event.source_labels, self._hubs) or is_exempt(
            event.destination_labels, self._hubs
        ):
            self._note(to, None)
            return
        funded = self.state.funded
        funded[source] = funded.pop(source, 0) + 1
        drop_idlest(funded, _MOST_SOURCES)
        self._note(to, Funding(source, witness(event)))

    def _heard_of(self, wallet: str) -> Funding | None:
        """Its first money, if anybody knows. Without any so far it had some before it was seen."""
        funding = self.state.wallets.pop(wallet, None)
        self._note(wallet, funding)
        return funding

    def _note(self, wallet: str, funding: Funding | None) -> None:
        wallets = self.state.wallets
        wallets[wallet] = funding
        drop_idlest(wallets, _MOST_WALLETS)

    def _trade(self, trade: Trade) -> Iterable[Finding]:
        if trade.buyer_account is None or trade.seller_account is None or not self.state.funded:
            return ()
        buying, selling = trade.buyer_account.lower(), trade.seller_account.lower()
        ours, theirs = self._heard_of(buying), self._heard_of(selling)
        if ours is None and theirs is None:
            return ()
        funded = [wallet for wallet, one in ((buying, ours), (selling, theirs)) if one is not None]
        fewest = min(self._count(trade, wallet) for wallet in dict.fromkeys(funded))
        source = self._link(buying, selling, ours, theirs)
        if source is None or sameness(buyer(trade), seller(trade)) is not None:
            return ()
        if is_exempt(trade.buyer_labels, self._exempt) or is_exempt(
            trade.seller_labels, self._exempt
        ):
            return ()
        value = trade.price * trade.quantity if trade.notional is None else trade.notional
        unsure = "unsure" in trade.tags
        deal = Deal(trade.timestamp, trade.quantity, value, unsure, witness(trade))
        group = self._windows.add(self.state.groups, _key(trade, buying, selling), deal)
        if group.gone + len(group.items) < self._p.minimum_share * fewest:
            return ()  # they meet as often as they meet anybody
        if not self._windows.due(group, self._p.minimum_trades):
            return ()
        fundings = [funding for funding in (ours, theirs) if funding is not None]
        return [self._finding(trade, source, group, fundings, (buying, selling))]

    def _count(self, trade: Trade, wallet: str) -> int:
        """How often it has traded in this market lately, with this trade."""
        key = (trade.venue, trade.instrument, wallet)
        window = trade.timestamp // self._p.window
        trading = self.state.trading.pop(key, None) or Trading(window)
        trading.add(window, 1)
        self.state.trading[key] = trading
        drop_idlest(self.state.trading, _MOST_WALLETS)
        return trading.now + trading.before

    def _count_less(self, was: Trade, wallet: str) -> None:
        """A trade was taken back."""
        key = (was.venue, was.instrument, wallet)
        trading = self.state.trading.get(key)
        if trading is None:
            return
        trading.add(was.timestamp // self._p.window, -1)
        if not trading.now and not trading.before:
            del self.state.trading[key]

    def _link(
        self, buying: str, selling: str, ours: Funding | None, theirs: Funding | None
    ) -> str | None:
        """Who funded both, or one of them if he is the other one; None if nobody did."""
        if ours is not None and theirs is not None and ours.source == theirs.source:
            source = ours.source
        elif ours is not None and ours.source == selling:
            source = selling
        elif theirs is not None and theirs.source == buying:
            source = buying
        else:
            return None
        # Of one that was forgotten nobody knows whether it pays strangers.
        count = self.state.funded.get(source)
        return source if count is not None and count <= self._p.most_funded else None

    def _finding(
        self,
        trade: Trade,
        source: str,
        group: Group[Deal],
        fundings: list[Funding],
        parties: tuple[str, str],
    ) -> Finding:
        deals = list(group.items)
        number = self._windows.alerted(group, self._p.minimum_trades)
        value = float_sum(deal.notional for deal in deals)
        shown = [funding.witness for funding in fundings if funding.source == source]
        shown.sort(key=lambda one: (one.timestamp, one.id))
        apart = shown[-1].timestamp - shown[0].timestamp
        both = len(shown) > 1
        money = f" {trade.currency}" if trade.currency else ""
        times = "once" if len(deals) == 1 else f"{len(deals)} times"
        buying, selling = parties
        if both:
            how = f"who both had their first money from {source}, {lapse(apart)} apart"
        else:
            other = buying if source == selling else selling
            how = f"of whom {source} gave {other} its first money"
        unsure = any(deal.unsure for deal in deals)
        confidence = _BASE + _TOGETHER * (apart <= DAY) + _MORE * min(1.0, (len(deals) - 1) / 4)
        return Finding(
            entities=tuple(dict.fromkeys((*parties, source))),
            reason=(
                f"{buying} bought from {selling}, {how}: {times} "
                f"{trade.instrument} on {trade.venue}, worth {amount(value)}{money}"
            ),
            witnesses=(*shown, *(deal.witness for deal in deals)),
            confidence=confidence * (_UNSURE if unsure else 1.0),
            metrics={
                "trades": float(len(deals)),
                "quantity": float_sum(deal.quantity for deal in deals),
                "notional": value,
                "funded_by_source": float(self.state.funded.get(source, 0)),
                "funded_seconds_apart": apart / 1e9,
                "alert_of_series": float(number),
            },
            tags=("unsure",) if unsure else (),
        )


def _key(trade: Trade, buying: str, selling: str) -> Key:
    """Of the trades of two wallets in a market, whoever of them buys."""
    pair = (buying, selling) if buying < selling else (selling, buying)
    return trade.venue, trade.instrument, *pair
