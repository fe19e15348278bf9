"""Primary market against secondary market: subscriptions and redemptions at a NAV that is not true.

Whoever subscribes or redeems at a stale net asset value does so at the cost of the other holders:
late trading and market timing (SEC, Disclosure Regarding Market Timing, Release IC-26418 (2004);
17 CFR 270.22c-1, forward pricing; ESMA and Directive 2009/65/EC Article 84 ff. on dilution). Two
patterns, one per rule:

- `round_trip`: a party subscribes (tokens are minted to it, or come from the issuer) while the
  market is `minimum_gap` or more above the NAV in force, and sells within `unwind`; or it buys in
  the market while that is as much below the NAV, and redeems within `unwind`. `minimum_gain` or
  more is left. It alerts again whenever the gain of the series has doubled.
- `ahead_of_nav`: within `before` of a new NAV that is `minimum_change` or more away, it redeemed
  ahead of a fall or subscribed ahead of a rise, at the old one; and it was right so often that of
  those who know nothing one in `1 / maximum_chance` or fewer ever comes to be told of, however long
  they deal (`detections.baselines.coin`). Who knows is right the more surely the more the NAV went:
  two to one at `minimum_change`, with odds that double with each further one. Both ways are judged
  together and each by itself, as one may know when to get in, and leave when one must. It alerts
  again whenever what it won, less what it lost, has doubled. A dealing of less than a quarter of
  its largest of late weighs by so much less, so that small wrong ones hide nothing. The more NAVs
  went one way, the less it says to go with them: who saves in a fund that rises month by month
  knows nothing. Rounds in which the NAV hardly moved, or had another currency, do not count.
  Whoever is right once is not found. Four days are from a Friday's NAV over a long weekend: the one
  in force is no fresher for the weekend, and who was late on Friday was late.

The market is the newest trade, or the price at which the newest swap left its pool: what that swap
itself paid lies between the price before it and after. The NAV is the newest corporate event of
type `nav` that was public then, with its value; for a token without one the newest answer of its
oracle. It must be in the market's currency.
Subscriptions are taken to be dealt at the NAV in force, as the chain doesn't tell the price: where
a fund deals forward, at the next NAV, `round_trip` overstates the gain, and `ahead_of_nav` is no
abuse.

Authorised participants and makers are to do just that, within their agreements: `exempt_labels`.
Sales are found where the wallet swaps in a pool, or its investor's or cluster's account trades; an
account without an investor is another party. A change of the NAV counts from half a percent on: by
less one may, as a rule, be wrong before holders are made good (usual in the United States; in
Luxembourg for funds of bonds). The other numbers have no source: they are choices.
"""

import math
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, witness
from detections.alerting.wording import amount, percent
from detections.baselines.coin import chance_of_a_coin, chance_to_be_right
from detections.cap_table.evidence import names
from detections.correlators.base import TRADES, Correlator, correlator
from detections.float_sum import float_sum
from detections.markets.primary_dealing import Deal, Investor, Nav, Token
from detections.markets.primary_lots import Lot, Round, put, take
from detections.money import least
from detections.parties import is_exempt
from detections.rounding import reaches
from normalizer.events.chain import OracleUpdate, PoolSwap, TokenTransfer
from normalizer.events.market import Trade
from normalizer.events.reference import CorporateEvent
from pipeline.units import DAY, HOUR, Duration, Ratio

_MOST_TOKENS = 2_000
_ISSUER = frozenset(("issuer", "treasury"))
#: What is less than a quarter of a party's largest dealing is a smaller guess.
_SMALL = 4
#: What is left of the largest with each further dealing: one large one hides nothing for long.
_FORGETS = 0.9
#: Confidence before it is calibrated on labelled data.
_BASE, _BEYOND, _REPEATED = 0.6, 0.25, 0.15


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on the primary market sets."""

    pattern: Literal["round_trip", "ahead_of_nav"]
    #: `round_trip`: difference of market and NAV when the party paid.
    minimum_gap: Annotated[Ratio, Meta(gt=0, le=10)] = 0.02
    #: `round_trip`: within how long it goes out the other way.
    unwind: Annotated[Duration, Meta(ge=HOUR, le=31 * DAY)] = DAY
    #: Gain, in dollars or what is about as much (see `detections.money`).
    minimum_gain: Annotated[float, Meta(ge=0)] = 100.0
    #: `ahead_of_nav`: how long before the new NAV dealings count, at most back to the last one.
    before: Annotated[Duration, Meta(ge=HOUR, le=31 * DAY)] = 4 * DAY
    #: `ahead_of_nav`: change of the NAV.
    minimum_change: Annotated[Ratio, Meta(gt=0, le=10)] = 0.005
    #: `ahead_of_nav`: how probable it may be that who knows nothing is ever so often right.
    maximum_chance: Annotated[Ratio, Meta(gt=0, le=1)] = 0.05
    #: Who has one of these labels deals in the primary market by its task.
    exempt_labels: tuple[str, ...] = (
        "authorised_participant", "market_maker", "custodian", "issuer", "treasury", "pool",
        "router", "exchange",
    )  # fmt: skip


class State(Struct):
    """Tokens that have a NAV, the idlest first."""

    tokens: dict[str, Token] = field(default_factory=dict[str, Token])


@correlator("primary_market_timing")
class PrimaryMarketTiming(Correlator[State]):
    """See the module. Memory: 2,000 tokens with 5,000 parties each."""

    parameters_type = Parameters
    partition_by = "asset"
    uses_trades = True
    state_type = State
    state_version = 3
    typology = "cross_market"

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._trips = parameters.pattern == "round_trip"
        self._exempt = frozenset(parameters.exempt_labels)
        primary = ("corporate-event", "oracle-update", "token-transfer")
        sold = TRADES | {"pool-swap"} if self._trips else frozenset[str]()
        self.actions = sold | frozenset(primary)
        values = frozenset({"corporate-event", "oracle-update"})
        self.needs = (values, frozenset({"token-transfer"}), *((sold,) if sold else ()))
        self.needs_named = sold

    @property
    def horizon(self) -> int:
        """A NAV holds until the next one; who was right is learnt over months."""
        return 90 * DAY if not self._trips else 31 * DAY + self._p.unwind

    def observe(self, event: Any) -> Iterable[Finding]:
        """Take a NAV, a transfer, a trade or a swap."""
        kind = event.__class__
        if kind is CorporateEvent:
            return self._corporate(event)
        if kind is OracleUpdate:
            return self._oracle(event)
        token = self.state.tokens.get(event.token_id or "")
        if token is None:
            return ()
        if kind is Trade:
            return self._traded(event, token)
        if kind is PoolSwap:
            return self._swapped(event, token)
        return self._moved(event, token)

    def revised(self, was: Trade, now: Trade | None) -> None:
        """A trade was taken back or corrected: its price is none, and what was bought by it and not
        given away yet, wasn't. What was sold stays sold."""
        token = self.state.tokens.get(was.token_id or "")
        if token is None or not self._trips:
            return
        token.market.revise(was, now)
        buyer = was.buyer_cluster or was.buyer_id or was.buyer_account
        investor = token.parties.get(buyer or "")
        if investor is None:
            return
        for place, lot in enumerate(investor.bought):
            if lot.witness.id == was.id:
                if now is None or not self._corrected(lot, was, now):
                    del investor.bought[place]
                return

    def _corrected(self, lot: Lot, was: Trade, now: Trade) -> bool:
        """What is left of a purchase, as corrected; whether it is anything, and below the NAV."""
        lot.quantity += now.quantity - was.quantity
        lot.gap = (1 + lot.gap) * now.price / was.price - 1
        lot.paid = now.price
        return lot.quantity > 0 and lot.paid > 0 and reaches(-lot.gap, self._p.minimum_gap)

    # -- the NAV -----------------------------------------------------------------------------------

    def _corporate(self, event: CorporateEvent) -> Iterable[Finding]:
        if event.corporate_type != "nav" or event.token_id is None:
            return ()
        token = self._token(event.token_id)
        if token.by_oracle:
            token.navs.clear()
            token.by_oracle = False
        token.navs = [one for one in token.navs if one.id != event.corporate_id]
        try:
            value = float(event.value or "")
        except ValueError:
            return ()
        if event.change == "withdrawn" or not 0 < value < math.inf:
            return ()
        nav = Nav(event.announced, value, event.currency or "", witness(event), event.corporate_id)
        return self._known(token, event.token_id, nav, event.timestamp)

    def _oracle(self, event: OracleUpdate) -> Iterable[Finding]:
        price, id_ = event.price, event.token_id
        if id_ is None or price is None or not 0 < price < math.inf:
            return ()
        token = self._token(id_)
        if not token.by_oracle:
            return ()
        if token.navs and token.navs[-1].value == price:
            return ()
        nav = Nav(event.timestamp, price, event.currency or "", witness(event))
        return self._known(token, id_, nav, event.timestamp)

    def _token(self, id_: str) -> Token:
        tokens = self.state.tokens
        token = tokens.pop(id_, None)
        if token is None:
            token = Token()
            if len(tokens) >= _MOST_TOKENS:
                del tokens[next(iter(tokens))]
        tokens[id_] = token
        return token

    def _known(self, token: Token, id_: str, nav: Nav, now: int) -> Iterable[Finding]:
        token.learn(nav)
        return () if self._trips else self._judge(token, id_, now)

    # -- dealings ----------------------------------------------------------------------------------

    def _moved(self, move: TokenTransfer, token: Token) -> Iterable[Finding]:
        quantity = move.amount
        if not quantity or not 0 < quantity < math.inf:
            return ()
        kind, now = move.transfer_type, move.timestamp
        found = list(() if self._trips else self._judge(token, move.token_id or "", now))
        subscribes = kind == "mint" or is_exempt(move.source_labels, _ISSUER)
        redeems = kind == "burn" or is_exempt(move.destination_labels, _ISSUER)
        if subscribes is redeems or kind not in ("mint", "burn", "transfer"):
            return found
        labels = move.destination_labels if subscribes else move.source_labels
        nav = token.nav_at(now)
        if nav is None or is_exempt(labels, self._exempt):
            return found
        party = (
            (move.destination_cluster or move.destination_investor or move.destination_address)
            if subscribes
            else (move.source_cluster or move.source_investor or move.source_address)
        )
        investor = token.investor(party)
        seen = witness(move)
        if not self._trips:
            deal = Deal(now, quantity if subscribes else -quantity, seen)
            # Twice as far back as dealings count, as a NAV may come late.
            investor.dealt(deal, now - 2 * self._p.before)
            return found
        if subscribes:
            gap = token.gap(nav, token.market.price)
            if gap is not None and reaches(gap, self._p.minimum_gap):
                put(investor.subscribed, Lot(now, quantity, nav.value, gap, seen))
            return ()
        self._begin(investor, now)
        for some, lot in take(investor.bought, quantity, now - self._p.unwind):
            if reaches(1 - lot.paid / nav.value, self._p.minimum_gap):
                investor.round.add(
                    some, lot.paid, nav.value, lot.gap, nav.witness, lot.witness, seen
                )
        return self._told(move, party, investor, nav, "bought", "redeemed")

    # -- round trips -------------------------------------------------------------------------------

    def _traded(self, trade: Trade, token: Token) -> Iterable[Finding]:
        price, quantity = trade.price, trade.quantity
        if not (0 < price < math.inf and 0 < quantity < math.inf):
            return ()
        token.market.note(trade.id, price, trade.currency or "")
        buyer = trade.buyer_cluster or trade.buyer_id or trade.buyer_account
        seller = trade.seller_cluster or trade.seller_id or trade.seller_account
        if buyer == seller:
            return ()
        if buyer is not None:
            self._bought(token, buyer, trade.buyer_labels, trade, price, quantity)
        return () if seller is None else self._sold(token, seller, trade, price, quantity)

    def _swapped(self, swap: PoolSwap, token: Token) -> Iterable[Finding]:
        price, quantity = swap.price, swap.quantity
        if price is None or quantity is None:
            return ()
        if not (0 < price < math.inf and 0 < quantity < math.inf):
            return ()
        token.market.note(swap.id, swap.pool_price or price, swap.currency or "")
        party = (
            swap.investor_cluster
            or swap.investor_id
            or swap.investor_address
            or swap.transaction_from
        )
        if party is None:
            return ()
        if swap.side == "buy":
            self._bought(token, party, swap.investor_labels, swap, price, quantity)
        elif swap.side == "sell":
            return self._sold(token, party, swap, price, quantity)
        return ()

    def _bought(
        self,
        token: Token,
        party: str,
        labels: tuple[str, ...],
        event: Trade | PoolSwap,
        price: float,
        quantity: float,
    ) -> None:
        nav = token.nav_at(event.timestamp)
        gap = None if nav is None else token.gap(nav, price)
        if gap is None or not reaches(-gap, self._p.minimum_gap):
            return
        if not is_exempt(labels, self._exempt):
            lot = Lot(event.timestamp, quantity, price, gap, witness(event))
            put(token.investor(party).bought, lot)

    def _sold(
        self, token: Token, party: str, event: Trade | PoolSwap, price: float, quantity: float
    ) -> Iterable[Finding]:
        investor = token.parties.get(party)
        if investor is None or not investor.subscribed:
            return ()
        nav = token.nav_at(event.timestamp)
        if nav is None:
            return ()
        seen = witness(event)
        self._begin(investor, event.timestamp)
        for some, lot in take(investor.subscribed, quantity, event.timestamp - self._p.unwind):
            if price > lot.paid:
                investor.round.add(some, lot.paid, price, lot.gap, nav.witness, lot.witness, seen)
        return self._told(event, party, investor, nav, "subscribed for", "sold")

    def _begin(self, investor: Investor, now: int) -> None:
        """What comes longer than `unwind` after the last is another series."""
        if now - investor.round.last > self._p.unwind:
            investor.round = Round()
        investor.round.last = now

    def _told(
        self, event: Any, party: str, investor: Investor, nav: Nav, did: str, undid: str
    ) -> Iterable[Finding]:
        trip = investor.round
        gain = least(self._p.minimum_gain, nav.currency)
        if trip.gain <= 0 or not reaches(trip.gain, max(gain, 2 * trip.told)):
            return ()
        trip.told = trip.gain
        investor.alerts += 1
        quantity = trip.quantity
        money = f" {nav.currency}" if nav.currency else ""
        side = "above" if trip.gap > 0 else "below"
        beyond = min(1.0, (abs(trip.gap) / self._p.minimum_gap - 1) / 4)
        confidence = _BASE + _BEYOND * beyond + _REPEATED * min(1.0, (investor.alerts - 1) / 3)
        token = event.token_symbol or event.token_id
        return [
            Finding(
                entities=names(party, event.token_id),
                reason=(
                    f"{party} {did} {amount(round(quantity, 8))} {token} at "
                    f"{amount(round(trip.paid / quantity, 8))} while the market was "
                    f"{percent(abs(trip.gap))} {side} the NAV, and {undid} them at "
                    f"{amount(round(trip.got / quantity, 8))}: a gain of "
                    f"{amount(round(trip.gain, 2))}{money} at the cost of the other holders"
                ),
                witnesses=tuple(sorted(trip.witnesses, key=lambda one: (one.timestamp, one.id))),
                confidence=min(1.0, confidence),
                metrics={
                    "quantity": quantity,
                    "gain": trip.gain,
                    "gap": trip.gap,
                    "nav": nav.value,
                    "alert_of_series": float(investor.alerts),
                },
            )
        ]

    # -- ahead of a NAV ----------------------------------------------------------------------------

    def _judge(self, token: Token, id_: str, now: int) -> Iterable[Finding]:
        """Hold dealings against each NAV that has become public since."""
        for place in range(1, len(token.navs)):
            nav, old = token.navs[place], token.navs[place - 1]
            if nav.announced > now or nav.announced <= token.judged:
                continue
            judged, token.judged = token.judged, nav.announced
            change = nav.value / old.value - 1
            if nav.currency != old.currency or not reaches(abs(change), self._p.minimum_change):
                continue
            # What was held against a NAV that was told again later, or taken back, counted then.
            begin = max(nav.announced - self._p.before, old.announced, judged)
            for party, investor in list(token.parties.items()):
                yield from self._ahead(id_, party, investor, token, old, nav, begin)
            token.changed(rise=change > 0)

    def _ahead(
        self,
        id_: str,
        party: str,
        investor: Investor,
        token: Token,
        old: Nav,
        nav: Nav,
        begin: int,
    ) -> Iterable[Finding]:
        deals = [one for one in investor.deals if begin <= one.timestamp < nav.announced]
        net = float_sum(one.quantity for one in deals)
        if not net:
            return
        gain = net * (nav.value - old.value)
        investor.won += gain
        coin = token.coin(rise=net > 0)
        likely = chance_to_be_right(abs(nav.value / old.value - 1) / self._p.minimum_change, coin)
        investor.largest = max(_FORGETS * investor.largest, abs(net))
        part = min(1.0, _SMALL * abs(net) / investor.largest)
        for wager in (investor.both, investor.subscribing if net > 0 else investor.redeeming):
            wager.guessed(likely, right=gain > 0, coin=coin, part=part)
        if gain < 0:
            investor.wrong += 1
            return
        p = self._p
        investor.right += 1
        investor.evidence += [*(one.witness for one in deals), nav.witness]
        del investor.evidence[:-200]
        if not reaches(investor.won, max(least(p.minimum_gain, nav.currency), 2 * investor.told)):
            return
        chance = chance_of_a_coin(investor.both, investor.subscribing, investor.redeeming)
        if chance > p.maximum_chance:
            return
        investor.told = investor.won
        investor.alerts += 1
        count = investor.right + investor.wrong
        won = f"{amount(round(investor.won, 2))}{f' {nav.currency}' if nav.currency else ''}"
        did = "subscribed ahead of a rise" if net > 0 else "redeemed ahead of a fall"
        confidence = _BASE + _BEYOND * min(1.0, max(0.0, 1 - chance / p.maximum_chance))
        yield Finding(
            entities=names(party, id_),
            reason=(
                f"{party} {did} of the NAV of {id_} by "
                f"{percent(abs(nav.value / old.value - 1))}, with {amount(round(abs(net), 8))} "
                f"tokens at the old one; it was right {investor.right} of {count} times (by chance "
                f"{percent(chance)} or less), and won {won} in all"
            ),
            witnesses=tuple({one.id: one for one in investor.evidence}.values()),
            confidence=confidence,
            metrics={
                "quantity": net,
                "change": nav.value / old.value - 1,
                "gain": gain,
                "gain_in_all": investor.won,
                "right": float(investor.right),
                "wrong": float(investor.wrong),
                "chance": chance,
            },
        )
