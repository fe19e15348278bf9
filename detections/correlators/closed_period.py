"""Persons on a list who trade when they may not: restricted lists, closed periods, before news.

Three patterns, one per rule:

- `restricted_list`: somebody on a restricted list (`labels`) trades the token at all. The list says
  who and of which token, and its records from when to when.
- `closed_period`: somebody who discharges managerial responsibilities, or is an insider otherwise,
  trades within `closed` (30 calendar days by MAR Article 19(11)) before financial results that are
  announced for a day; or while the reference data has inside information on the token that isn't
  public yet (MAR Article 14; MiCA Article 89).
- `before_news`: such a person traded within `before` before news of the token that was not known
  beforehand: a corporate event, or what the token tells on chain (a halt, new terms or documents,
  an issue of `issue_from` tokens or more). The trades are older. A list of insiders (MAR Article
  18) says itself from when somebody knew, so trades of those on one count for longer.

None of them asks for a profit or a move of the price: a breach is one without them. Whether the
trade paid is what `insider_dealing` asks, so both may name the same person. A series of a person
and token lasts 24 hours and alerts at the first trade, at multiples of it and at each doubling.

Without accounts on the feed nobody can be on a list. Lists are as good as who keeps them: whom the
issuer's list lacks isn't found. Trading plans (Rule 10b5-1(c); MAR 19(12)) are `exempt_labels`.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field
from msgspec.structs import replace

from detections.alerting.findings import Finding, Witness, witness
from detections.alerting.wording import amount, lapse
from detections.correlators.base import TRADES, Correlator, correlator
from detections.float_sum import float_sum
from detections.idlest import drop_idlest
from detections.parties import Party, acting, buyer, is_exempt, seller
from detections.windows import Group, Key, SlidingGroups
from normalizer.events.chain import PoolSwap, TokenTransfer
from normalizer.events.market import Trade
from normalizer.events.reference import CorporateEvent
from pipeline.units import DAY, Duration

_SERIES = DAY
#: So long ahead a calendar of results is usually published.
_CALENDAR = 366 * DAY
_MOST_TOKENS = 10_000
_MOST_NEWS = 100
_MOST_PERSONS = 10_000
_MOST_TRADES = 50
_RESULTS = "financial-results"
_ON_CHAIN = ("token-paused", "token-information-updated", "document-updated", "document-removed")
_BEFORE_NEWS = 0.6


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on listed persons sets."""

    pattern: Literal["restricted_list", "closed_period", "before_news"]
    #: Lists, as labels of the persons on them.
    labels: tuple[str, ...] = ("insider", "pdmr", "issuer_affiliate", "restricted")
    #: `closed_period`: how long before financial results they may not trade.
    closed: Annotated[Duration, Meta(ge=DAY, le=90 * DAY)] = 30 * DAY
    #: `before_news`: how long before news their trades count.
    before: Annotated[Duration, Meta(ge=DAY, le=60 * DAY)] = 7 * DAY
    #: `before_news`: lists that say themselves from when to when somebody knew (MAR Article 18).
    knowing_labels: tuple[str, ...] = ("insider",)
    #: `before_news`: how long before news trades of those on them count.
    knowing_before: Annotated[Duration, Meta(ge=DAY, le=366 * DAY)] = 30 * DAY
    #: `before_news`: whole tokens from which on an issue is news.
    issue_from: Annotated[float, Meta(gt=0)] = 1_000_000.0
    #: `before_news`: corporate events that are no news.
    routine_types: tuple[str, ...] = ("nav", "split", "capital-call", "redemption")
    #: Who has one of these labels as well is left out.
    exempt_labels: tuple[str, ...] = ("trading_plan", "market_maker", "custodian")


class Deal(Struct, frozen=True, array_like=True):
    """A trade of a listed person."""

    timestamp: int
    quantity: float
    """Positive where the person bought."""
    notional: float
    currency: str
    person: Party
    labels: tuple[str, ...]
    witness: Witness


class News(Struct, frozen=True, array_like=True):
    """What is known of a token, and isn't public before `announced`."""

    id: str
    what: str
    begin: int
    """From when on nobody on a list may trade."""
    announced: int
    witness: Witness


class State(Struct):
    """What is coming, by token; the series; and trades that news may follow."""

    coming: dict[str, list[News]] = field(default_factory=dict[str, list[News]])
    groups: dict[Key, Group[Deal]] = field(default_factory=dict[Key, Group[Deal]])
    trades: dict[str, dict[str, list[Deal]]] = field(
        default_factory=dict[str, dict[str, list[Deal]]]
    )
    persons: int = 0


@correlator("closed_period")
class ClosedPeriod(Correlator[State]):
    """See the module. Memory: 10,000 persons with 50 trades each."""

    parameters_type = Parameters
    partition_by = "asset"
    uses_trades = True
    state_type = State
    typology = "insider_dealing"

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._labels = frozenset(parameters.labels)
        self._exempt = frozenset(parameters.exempt_labels)
        self._routine = frozenset(parameters.routine_types)
        self._knowing = frozenset(parameters.knowing_labels)
        self._longest = max(parameters.before, parameters.knowing_before)
        self._series = SlidingGroups[Deal](_SERIES, most_items=200)
        more: tuple[str, ...] = ()
        if parameters.pattern == "closed_period":
            more = ("corporate-event",)
        elif parameters.pattern == "before_news":
            more = ("corporate-event", "token-transfer", *_ON_CHAIN)
        acts = TRADES | {"pool-swap"}
        self.actions = acts | frozenset(more)
        self.needs = (frozenset(more),) if more else ()
        self.needs_named = acts

    @property
    def horizon(self) -> int:
        """Trades count for so long; what is coming may have been known for long by then."""
        if self._p.pattern == "closed_period":
            return max(_SERIES, self._p.closed, _CALENDAR)
        return max(_SERIES, self._longest)

    def observe(self, event: Any) -> Iterable[Finding]:
        """Take a trade, a swap, or news."""
        kind = event.__class__
        if kind is Trade:
            if not (event.buyer_labels or event.seller_labels):
                return ()
            found: list[Finding] = []
            for person, labels, sign in self._persons(event):
                found += self._dealt(event, person, labels, sign * event.quantity)
            return found
        if kind is PoolSwap:
            labels = event.investor_labels
            if not labels or not self._listed(labels) or event.side is None:
                return ()
            quantity = event.quantity or 0.0
            who = acting(event)
            person = who if who.known else Party(event.transaction_from, None, None)
            return self._dealt(
                event, person, labels, quantity if event.side == "buy" else -quantity
            )
        if kind is CorporateEvent:
            return self._corporate(event)
        return self._on_chain(event)

    def revised(self, was: Trade, now: Trade | None) -> None:
        """A trade was taken back or corrected: it counts no more, or as corrected."""
        name = was.token_id or f"{was.venue}/{was.instrument}"
        for person, _, sign in self._persons(was):
            if self._p.pattern == "before_news":
                self._revise_kept(name, person.key, was, now, sign)
                continue
            group = self.state.groups.get((name, person.key))
            if group is not None:
                _revise(group.items, was, now, sign)
                if not group.items:
                    del self.state.groups[(name, person.key)]

    def _revise_kept(
        self, token: str, key: str, was: Trade, now: Trade | None, sign: float
    ) -> None:
        persons = self.state.trades.get(token, {})
        deals = persons.get(key)
        if deals is None:
            return
        _revise(deals, was, now, sign)
        if not deals:
            del persons[key]
            self.state.persons -= 1
            if not persons:
                del self.state.trades[token]

    def _persons(self, trade: Trade) -> Iterator[tuple[Party, tuple[str, ...], float]]:
        """Who of a trade's two is on a list, and 1 who bought, -1 who sold."""
        if self._listed(trade.buyer_labels):
            yield buyer(trade), trade.buyer_labels, 1.0
        if self._listed(trade.seller_labels):
            yield seller(trade), trade.seller_labels, -1.0

    def _listed(self, labels: tuple[str, ...]) -> bool:
        return is_exempt(labels, self._labels) and not is_exempt(labels, self._exempt)

    def _dealt(
        self, event: Trade | PoolSwap, person: Party, labels: tuple[str, ...], quantity: float
    ) -> Iterable[Finding]:
        token = event.token_id
        if (
            not quantity
            or not person.known
            or (token is None and self._p.pattern != "restricted_list")
        ):
            return ()
        notional = event.notional
        if notional is None:
            notional = (event.price or 0.0) * abs(quantity)
        lists = tuple(one for one in labels if one in self._labels)
        deal = Deal(
            event.timestamp, quantity, notional, event.currency or "", person, lists, witness(event)
        )
        name = token or f"{event.venue}/{event.instrument}"
        if self._p.pattern == "before_news":
            self._keep(name, deal)
            return ()
        news: News | None = None
        if self._p.pattern == "closed_period":
            time = event.timestamp
            coming = self.state.coming.get(name, ())
            news = next((one for one in coming if one.begin <= time < one.announced), None)
            if news is None:
                return ()
        group = self._series.add(self.state.groups, (name, person.key), deal)
        if not self._series.due(group, 1):
            return ()
        self._series.alerted(group, 1)
        return [self._finding(name, list(group.items), news)]

    def _keep(self, token: str, deal: Deal) -> None:
        state, key = self.state, deal.person.key
        persons = state.trades.get(token)
        if persons is None:
            persons = state.trades[token] = {}
        deals = persons.pop(key, None)
        if deals is None:
            deals = list[Deal]()
            state.persons += 1
        persons[key] = deals
        deals.append(deal)
        oldest = deal.timestamp - self._longest
        while deals[0].timestamp < oldest:
            del deals[0]
        del deals[:-_MOST_TRADES]
        if state.persons > _MOST_PERSONS:
            first = next(iter(state.trades))
            del state.trades[first][next(iter(state.trades[first]))]
            state.persons -= 1
            if not state.trades[first]:
                del state.trades[first]

    def _corporate(self, event: CorporateEvent) -> Iterable[Finding]:
        token, what = event.token_id, event.title or event.corporate_type
        if token is None:
            return ()
        if self._p.pattern == "before_news":
            if event.corporate_type in self._routine or event.change != "added":
                return ()
            return self._news(token, what, event.announced, event)
        coming = [
            one
            for one in self.state.coming.pop(token, ())
            if one.id != event.corporate_id and one.announced > event.timestamp
        ]
        if event.change != "withdrawn" and event.announced > event.timestamp:
            begin = event.announced
            if event.inside:
                begin = event.timestamp
            if event.corporate_type == _RESULTS:
                begin = min(begin, event.announced - self._p.closed)
            if begin < event.announced:
                one = News(event.corporate_id, what, begin, event.announced, witness(event))
                coming.append(one)
        if coming:
            self.state.coming[token] = coming[-_MOST_NEWS:]
        if len(self.state.coming) > _MOST_TOKENS:
            drop_idlest(self.state.coming, _MOST_TOKENS)
        return ()

    def _on_chain(self, event: Any) -> Iterable[Finding]:
        token = event.token_id
        if token is None or token not in self.state.trades:
            return ()
        if event.__class__ is TokenTransfer:
            if event.transfer_type != "mint" or (event.amount or 0.0) < self._p.issue_from:
                return ()
            what = f"an issue of {amount(event.amount or 0.0)}"
        else:
            what = f"a {event.__struct_config__.tag} event"
        return self._news(token, what, event.timestamp, event)

    def _news(self, token: str, what: str, announced: int, event: Any) -> Iterable[Finding]:
        told = News(event.id, what, announced - self._longest, announced, witness(event))
        for key, deals in list(self.state.trades.get(token, {}).items()):
            touched = [
                one for one in deals if announced - self._before(one) <= one.timestamp < announced
            ]
            if not touched:
                continue
            kept = [one for one in deals if one.timestamp >= announced]
            self.state.trades[token][key] = kept
            if not kept:
                del self.state.trades[token][key]
                self.state.persons -= 1
            yield self._finding(token, touched, told)
        if token in self.state.trades and not self.state.trades[token]:
            del self.state.trades[token]

    def _before(self, deal: Deal) -> int:
        """How long before news a person's trade counts."""
        knew = not self._knowing.isdisjoint(deal.labels)
        return max(self._p.before, self._p.knowing_before) if knew else self._p.before

    def _finding(self, token: str, deals: list[Deal], news: News | None) -> Finding:
        last = deals[-1]
        bought = float_sum(one.quantity for one in deals if one.quantity > 0)
        sold = -float_sum(one.quantity for one in deals if one.quantity < 0)
        did = " and ".join(
            f"{verb} {amount(quantity)}"
            for verb, quantity in (("bought", bought), ("sold", sold))
            if quantity
        )
        notional = float_sum(one.notional for one in deals)
        worth = f", worth {amount(notional)} {last.currency}".rstrip() if notional else ""
        trades = "1 trade" if len(deals) == 1 else f"{len(deals)} trades"
        lists = ", ".join(dict.fromkeys(label for one in deals for label in one.labels))
        said = f"{last.person} ({lists}) {did} {token} in {trades}{worth}"
        metrics = {
            "trades": float(len(deals)),
            "bought": bought,
            "sold": sold,
            "notional": notional,
        }
        witnesses = [one.witness for one in deals]
        confidence = 1.0
        if news is not None:
            ahead = news.announced - last.timestamp
            metrics["hours_before"] = ahead / (DAY / 24)
            witnesses.append(news.witness)
            if self._p.pattern == "before_news":
                said += f", the last {lapse(ahead)} before {news.what}"
                confidence = _BEFORE_NEWS
            else:
                said += f', {lapse(ahead)} before "{news.what}" is to be announced'
        return Finding(
            entities=tuple(dict.fromkeys((last.person.key, *last.person.names, token))),
            reason=said,
            witnesses=tuple(sorted(witnesses, key=lambda one: (one.timestamp, one.id))),
            confidence=confidence,
            metrics=metrics,
            tags=("retrospective",) if self._p.pattern == "before_news" else (),
        )


def _revise(deals: list[Deal], was: Trade, now: Trade | None, sign: float) -> None:
    """Take one side of a trade out of these, or correct it."""
    for place, one in enumerate(deals):
        if one.witness.id == was.id and one.quantity * sign > 0:
            if now is None or not now.quantity:
                del deals[place]
            else:
                worth = now.price * now.quantity if now.notional is None else now.notional
                deals[place] = replace(one, quantity=sign * now.quantity, notional=worth)
            return
