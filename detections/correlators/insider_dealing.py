"""Insider dealing: unusual trades before an announcement that moved the price, on the right side.

MAR Articles 7, 8 and 14; MiCA Articles 87 and 89; Exchange Act Rule 10b-5. Announcements are
corporate events of the reference data, and what a token tells of itself on chain. All of this must
hold:

1. **The announcement was price sensitive**: an event study (`detections.markets.event_study`) over
   the `reaction` gives an abnormal return of `minimum_return` or more, and a test statistic of
   `minimum_statistic` or more. It tells which way those who knew would have traded. MAR 7(4) asks
   whether a reasonable investor would have used it, and gives no number: 3% and 3 standard errors
   are a choice, stricter than the 5% level (1.96) of most studies, since many are made.
2. **Direction**: within `window` before it the party bought (of bad news, sold), and at most
   `1 - one_sided` of that was undone. Narrower windows are tried as well, with more asked of each.
3. **Unusual among its peers**: `minimum_deviations` robust deviations (median and MAD) or more from
   what all others who traded the asset did net, in that time and in as long times before; and in at
   most one of twenty of these anybody did as much. Who had never traded the asset is held against
   parties, not times: at most one of twenty, or one alone, did as much in any of these times.
   Those who trade much all the time, and the largest of a hundred in each time, whoever that is,
   don't make a stranger's purchase usual.
4. **Unusual for itself**: it had not traded the asset before, or did 1.5 times the most that it
   ever did in as long a time. Where nothing of that is known, 1.5 times as many deviations are
   asked for; where there are too few peers, it must have been a fifth of all on that side.
5. **Not by chance among so many**: who looks at a hundred parties finds one that is one in a
   hundred. How much it traded, against its peers and its own past, and how one-sidedly, give a
   probability (`detections.markets.improbable_dealing`); times the number of those who traded, it
   is how many honest parties would be as unusual. Over all windows that may be
   `maximum_false_alerts` for each announcement, half of it for newcomers, who are few, and half for
   all others. Of whose past only a few times are known little is improbable: five times the most of
   three is one of 130 by chance.
6. **Profit**, or loss avoided, by the prices after it: `minimum_profit` or more.

Who is on an insider list (a label of `insider_labels`) needs no unusual size, only that it isn't
routine. Who was right before every price-sensitive announcement, of whatever assets, needs half the
deviations: by chance (a coin for each) that must happen once in a hundred times or less. In the
case of Wahi (SEC v. Wahi, 2:22-cv-01009, W.D. Wash.) it was 25 assets, bought in the two days
before and sold right after: so is `window`, and selling afterwards makes it the surer.

**Retrospective**: what was traded is kept, bounded, as runs of
`detections.markets.trading_history`. So an announcement that is learnt weeks after it was made
finds those who traded before it (tag `retrospective`). What was done is judged 1/24 of `reaction`
after the announcement, after 1/6, and at its end; each party is named once.

**Without accounts**, that is on public feeds of venues, nobody is found: only the study is made. In
pools the wallets are known. Market makers, index funds and trading plans (Rule 10b5-1(c)) are to be
labelled; a plan whose sizes are alike is told by point 4, an order that is worked over days by
none: its parts are no decisions of their own, so it seems more one-sided than it is. Calibrated by
nothing yet but these definitions.
"""

import math
from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, witness
from detections.alerting.insider_alert import Announcement, Dealing, Scale, insider_finding
from detections.correlators.base import TRADES, Correlator, correlator
from detections.markets.event_study import Bars, study
from detections.markets.right_guesses import Guesses, chance_of_guesses, note_guesses
from detections.markets.suspect_dealing import BY_CHANCE, deviations_asked, is_suspect, profit
from detections.markets.trading_history import TradingHistory
from detections.markets.unusual_trading import unusual, windows
from detections.money import least
from detections.parties import is_exempt
from detections.rounding import reaches
from normalizer.events.chain import PoolSwap, TokenTransfer
from normalizer.events.market import Trade
from normalizer.events.reference import CorporateEvent
from pipeline.units import DAY, HOUR, MINUTE, Duration, Ratio

_MOST_ASSETS = 10_000
_MOST_PARTIES = 5_000
_MOST_RUNS = 100_000
#: Where there are too many, so large a part of them goes.
_GONE_AT_ONCE = 64
_MOST_PENDING = 32
_NEVER = (1 << 63) - 1
#: What was done before is looked at after these parts of the reaction, and at its end.
_EARLY, _MIDDLE = 24, 6
_NEWS = ("token-paused", "token-information-updated", "document-updated", "document-removed")


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on insider dealing sets."""

    #: How long before an announcement trades count.
    window: Annotated[Duration, Meta(ge=MINUTE, le=30 * DAY)] = 2 * DAY
    #: How long after it the price is held against what was before.
    reaction: Annotated[Duration, Meta(ge=MINUTE, le=10 * DAY)] = DAY
    #: How far back trades are kept, for announcements that are learnt later.
    look_back: Annotated[Duration, Meta(ge=HOUR, le=90 * DAY)] = 30 * DAY
    #: Abnormal return from which on an announcement was price sensitive.
    minimum_return: Annotated[Ratio, Meta(gt=0, le=10)] = 0.03
    #: The same, as a number of standard errors.
    minimum_statistic: Annotated[float, Meta(ge=0, le=100)] = 3.0
    #: Robust deviations of a party's net trading from that of its peers.
    minimum_deviations: Annotated[float, Meta(ge=0, le=100)] = 4.0
    #: How many honest parties it may name before one announcement that moved the price, on average.
    maximum_false_alerts: Annotated[float, Meta(gt=0, le=1_000)] = 0.1
    #: Part of what it traded that must be left over on the right side.
    one_sided: Annotated[Ratio, Meta(gt=0, le=1)] = 0.8
    #: Profit, or loss avoided,
    #: in dollars or what is about as much (see `detections.money`).
    minimum_profit: Annotated[float, Meta(ge=0)] = 100.0
    #: Whether what a token tells on chain (a halt, new terms, documents) counts as well.
    news_on_chain: bool = True
    #: Whether tokens that a wallet gets from another, apart from pools, count as bought.
    count_transfers: bool = False
    #: Kinds of corporate events that are no news: they change prices by themselves, or are known.
    routine_types: tuple[str, ...] = ("nav", "split", "capital-call", "redemption")
    #: Who has one of these labels is on a list.
    insider_labels: tuple[str, ...] = ("insider", "issuer_affiliate", "restricted")
    #: Who has one of these labels is left out.
    exempt_labels: tuple[str, ...] = (
        "market_maker", "custodian", "exchange", "pool", "router", "index_fund", "trading_plan",
        "issuer", "treasury",
    )  # fmt: skip


class Asset(Struct):
    """A token, or an instrument of which the token isn't known."""

    first: int = 0
    """Time from which on it is known."""
    currency: str = ""
    """Of its newest price."""
    bars: Bars = field(default_factory=Bars)
    pending: list[Announcement] = []
    due: int = _NEVER
    parties: dict[str, TradingHistory] = {}
    """By the widest name, the idlest first."""


class State(Struct):
    """The assets, the idlest first; and how often parties were right."""

    assets: dict[str, Asset] = {}
    runs: int = 0
    guesses: Guesses = field(default_factory=Guesses)


@correlator("insider_dealing")
class InsiderDealing(Correlator[State]):
    """See the module. Memory: 10,000 assets with 128 bars each, and 100,000 runs of parties."""

    parameters_type = Parameters
    partition_by = "market"
    uses_trades = True
    state_type = State
    typology = "insider_dealing"

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._exempt = frozenset(parameters.exempt_labels)
        self._insiders = frozenset(parameters.insider_labels)
        self._routine = frozenset(parameters.routine_types)
        self._scale = Scale(parameters.minimum_deviations, parameters.minimum_statistic, BY_CHANCE)
        news = frozenset(("corporate-event", *(_NEWS if parameters.news_on_chain else ())))
        acts = TRADES | {"pool-swap"}
        if parameters.count_transfers:
            acts |= {"token-transfer"}
        self.actions = acts | news
        self.needs = (news,)
        self.needs_named = acts

    @property
    def horizon(self) -> int:
        """What was traded counts for so long, and as long a time before tells what was usual."""
        return self._p.look_back + self._p.reaction

    def observe(self, event: Any) -> Iterable[Finding]:
        """Take a trade, a swap, a transfer, or news."""
        kind = event.__class__
        if kind is Trade:
            return self._trade(event)
        if kind is PoolSwap:
            return self._swap(event)
        if kind is TokenTransfer:
            return self._transfer(event)
        return self._news(event)

    # -- what is traded ----------------------------------------------------------------------------

    def _trade(self, trade: Trade) -> Iterable[Finding]:
        price, quantity = trade.price, trade.quantity
        if not 0 < price < math.inf:
            return ()
        key = trade.token_id or f"{trade.venue}/{trade.instrument}"
        asset = self._priced(key, trade, price)
        buyer = trade.buyer_cluster or trade.buyer_id or trade.buyer_account
        seller = trade.seller_cluster or trade.seller_id or trade.seller_account
        if buyer != seller and 0 < quantity < math.inf:
            value = price * quantity
            if buyer is not None:
                names = (trade.buyer_account, trade.buyer_id, trade.buyer_cluster)
                self._note(asset, trade, buyer, names, trade.buyer_labels, quantity, value)
            if seller is not None:
                names = (trade.seller_account, trade.seller_id, trade.seller_cluster)
                self._note(asset, trade, seller, names, trade.seller_labels, -quantity, value)
        return () if trade.timestamp < asset.due else self._due(key, asset, trade)

    def revised(self, was: Trade, now: Trade | None) -> None:
        """A trade was taken back or corrected: prices and what parties traded, without it."""
        asset = self.state.assets.get(was.token_id or f"{was.venue}/{was.instrument}")
        if asset is None or not 0 < was.price < math.inf or not 0 < was.quantity < math.inf:
            return
        bar, width = was.timestamp // asset.bars.width, asset.bars.width
        others = [
            one.price
            for one in self.trades.left(was, now, bar * width, (bar + 1) * width)
            if 0 < one.price < math.inf
        ]
        asset.bars.take_back(was.timestamp, was.price, others[-1] if others else None)
        buyer = was.buyer_cluster or was.buyer_id or was.buyer_account
        seller = was.seller_cluster or was.seller_id or was.seller_account
        for who, sign in ((buyer, 1.0), (seller, -1.0)):
            history = None if who is None or buyer == seller else asset.parties.get(who)
            if history is None:
                continue
            value = was.price * was.quantity
            history.take_back(was.timestamp, sign * was.quantity, value, was.id)
            if now is not None:
                history.put_back(now.timestamp, sign * now.quantity, now.price * now.quantity)

    def _swap(self, swap: PoolSwap) -> Iterable[Finding]:
        price, quantity = swap.price, swap.quantity
        if price is None or not 0 < price < math.inf:
            return ()
        key = swap.token_id or f"{swap.venue}/{swap.instrument}"
        asset = self._priced(key, swap, price)
        wallet = swap.investor_address or swap.transaction_from
        party = swap.investor_cluster or swap.investor_id or wallet
        if party is not None and swap.side is not None and quantity is not None:
            names = (wallet, swap.investor_id, swap.investor_cluster)
            signed = quantity if swap.side == "buy" else -quantity
            if 0 < quantity < math.inf:
                value = price * quantity
                self._note(asset, swap, party, names, swap.investor_labels, signed, value)
        return () if swap.timestamp < asset.due else self._due(key, asset, swap)

    def _transfer(self, move: TokenTransfer) -> Iterable[Finding]:
        """Tokens that go from one holder to another, at the price of the day."""
        asset = self.state.assets.get(move.token_id or "")
        quantity = move.amount
        if asset is None or not asset.bars.closes or move.transfer_type != "transfer":
            return ()
        if quantity is None or not 0 < quantity < math.inf:
            return ()
        if is_exempt(move.source_labels, self._exempt) or is_exempt(
            move.destination_labels, self._exempt
        ):
            return ()
        source = move.source_cluster or move.source_investor or move.source_address
        destination = (
            move.destination_cluster or move.destination_investor or move.destination_address
        )
        if source != destination:
            value = quantity * asset.bars.closes[-1]
            names = (move.source_address, move.source_investor, move.source_cluster)
            self._note(asset, move, source, names, move.source_labels, -quantity, value)
            names = (
                move.destination_address,
                move.destination_investor,
                move.destination_cluster,
            )
            self._note(asset, move, destination, names, move.destination_labels, quantity, value)
        return ()

    def _priced(self, key: str, event: Trade | PoolSwap, price: float) -> Asset:
        assets, time = self.state.assets, event.timestamp
        # Taken out and put back at the end, so that the first asset is always the idlest.
        asset = assets.pop(key, None)
        if asset is None:
            asset = self._new_asset(time)
        elif not asset.first:
            asset.first = time
        assets[key] = asset
        asset.currency = event.currency or ""
        asset.bars.add(time, price)
        return asset

    def _new_asset(self, first: int) -> Asset:
        """Another one, and room for it."""
        assets = self.state.assets
        if len(assets) >= _MOST_ASSETS:
            gone = assets.pop(next(iter(assets)))
            self.state.runs -= sum(len(one.runs) for one in gone.parties.values())
        return Asset(first=first)

    def _note(
        self,
        asset: Asset,
        event: Any,
        party: str,
        names: tuple[str | None, ...],
        labels: tuple[str, ...],
        quantity: float,
        value: float,
    ) -> None:
        if labels and not self._exempt.isdisjoint(labels):
            return
        state, parties = self.state, asset.parties
        history = parties.pop(party, None)
        if history is None:
            history = TradingHistory(names=tuple([name for name in names if name is not None]))
            if len(parties) >= _MOST_PARTIES:
                state.runs -= len(parties.pop(next(iter(parties))).runs)
        parties[party] = history
        if labels and not self._insiders.isdisjoint(labels):
            history.labels = tuple(one for one in labels if one in self._insiders)
        time = event.timestamp
        if history.runs and history.runs[0].last < time - self._p.look_back:
            self._age(history, time)
        state.runs += history.add(time, quantity, value, witness(event))
        if state.runs > _MOST_RUNS:
            self._forget(asset)

    def _age(self, history: TradingHistory, time: int) -> None:
        old = 0
        floor = time - self._p.look_back
        while old < len(history.runs) and history.runs[old].last < floor:
            old += 1
        del history.runs[:old]
        self.state.runs -= old

    def _forget(self, busy: Asset) -> None:
        """Let the idlest parties of the idlest assets go.

        Some at once: assets without any come first, and must not be looked through each time.
        """
        most = _MOST_RUNS - _MOST_RUNS // _GONE_AT_ONCE
        for asset in self.state.assets.values():
            for party in list(asset.parties):
                if self.state.runs <= most or (asset is busy and len(asset.parties) == 1):
                    break
                self.state.runs -= len(asset.parties.pop(party).runs)
            if self.state.runs <= most:
                return

    # -- announcements -----------------------------------------------------------------------------

    def _news(self, event: Any) -> Iterable[Finding]:
        key = event.token_id
        if key is None:
            return ()
        if event.__class__ is CorporateEvent:
            if event.corporate_type in self._routine:
                return ()
            name, announced = event.corporate_id, event.announced
            what = event.title or event.corporate_type
        else:
            name, announced = event.id, event.timestamp
            what = _tag(event)
        asset = self.state.assets.get(key)
        if asset is None:
            if announced + self._p.reaction <= event.timestamp:
                return ()  # nothing was traded, and it is over
            asset = self.state.assets[key] = self._new_asset(0)
        told = dict[str, None]()
        for one in asset.pending:
            if one.id == name and one.announced == announced:
                told = one.told
        asset.pending = [one for one in asset.pending if one.id != name]
        if event.__class__ is not CorporateEvent or event.change != "withdrawn":
            early = announced + self._p.reaction // _EARLY
            asset.pending.append(
                Announcement(name, what, announced, early, event.timestamp, witness(event), told)
            )
            del asset.pending[:-_MOST_PENDING]
        asset.due = min((one.due for one in asset.pending), default=_NEVER)
        return () if event.timestamp < asset.due else self._due(key, asset, event)

    def _due(self, key: str, asset: Asset, event: Any) -> Iterable[Finding]:
        now = event.timestamp
        findings: list[Finding] = []
        for one in list(asset.pending):
            if one.due > now:
                continue
            end = one.announced + self._p.reaction
            findings += self._judge(key, asset, one, min(now, end), event, last=now >= end)
            if now >= end:
                asset.pending.remove(one)
            else:
                middle = one.announced + self._p.reaction // _MIDDLE
                one.due = end if now >= middle else middle
        asset.due = min((one.due for one in asset.pending), default=_NEVER)
        return findings

    def _judge(
        self, key: str, asset: Asset, news: Announcement, until: int, event: Any, *, last: bool
    ) -> Iterable[Finding]:
        p = self._p
        others = (one.bars for one in self.state.assets.values())
        found = study(asset.bars, news.announced, until, p.window, others)
        if found is None or not reaches(abs(found.abnormal_return), p.minimum_return):
            return
        if not reaches(abs(found.statistic), p.minimum_statistic):
            return
        rising = found.abnormal_return > 0
        least_profit = least(p.minimum_profit, asset.currency)
        for window, step in windows(p.window, news.announced - asset.first):
            some = unusual(
                asset.parties,
                news.announced,
                window,
                step,
                asset.first,
                rising=rising,
                one_sided=p.one_sided,
                deviations=deviations_asked(p.minimum_deviations, step),
            )
            if step == 0 and last:
                note_guesses(
                    self.state.guesses,
                    asset.parties,
                    news.announced,
                    window,
                    rising=rising,
                    one_sided=p.one_sided,
                )
            for one in some:
                if one.party in news.told:
                    continue
                chance = chance_of_guesses(self.state.guesses, one.party)
                if not is_suspect(one, chance, p.minimum_deviations, p.maximum_false_alerts):
                    continue
                gained = profit(one, found, rising=rising)
                if gained <= 0 or not reaches(gained, least_profit):
                    continue
                news.told[one.party] = None
                yield insider_finding(
                    Dealing(key, news, found, one, gained, chance),
                    until,
                    _money(event),
                    self._scale,
                )


def _money(event: Any) -> str:
    """The currency of a trade's prices; nothing where news completes the alert."""
    if event.__class__ is CorporateEvent or not getattr(event, "currency", None):
        return ""
    return f" {event.currency}"


def _tag(event: msgspec.Struct) -> str:
    return str(event.__struct_config__.tag)
