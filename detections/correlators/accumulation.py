"""Rapid accumulation: a party that gathers a notable part of a token, over wallets and accounts.

A party is a cluster, an investor, or a wallet or account, by the widest name known: persons who act
together count as one (17 CFR 240.13d-5; Directive 2004/109/EC Article 10). Two patterns, one per
rule, both net of what the party gave away or sold within `window`:

- `supply`: it gathered `minimum_share` or more of what is outstanding, on chain and at venues
  together. 5% is where beneficial owners must report (17 CFR 240.13d-1; Directive 2004/109/EC
  Article 9, with 10%, 15%, 20% and more after it): it alerts again at each multiple. What is
  outstanding is what was issued and not redeemed, where that was seen from the first issue on, or
  `outstanding`. Else nothing is known of shares, and nothing is said.
- `volume`: on one venue it bought `minimum_share` or more of all that was traded, net and
  one-sidedly (four fifths of what it traded), while `minimum_trades` of the market and
  `minimum_others` other buyers show that it is no market of one. A share of the window's volume is
  what vendors ask for (RedDeer: HighVolume, PercentageThresholdWindowVolume); a third is a choice.

To gather is to have it of several. What a single holder gave is left out where that is more than
half of it: whoever passes a holding on, by a sale over the counter, a gift or a loan, concentrates
nothing. Transfers of that size are for the rules on large transfers, and what an owner then holds
for `ownership_cap`. What he had got within `window` himself, and hands on, is of those who gave it
to him: a wallet in between hides nobody. In a transaction with a flash loan nothing is said either:
what is there in the midst of it is paid back at its end. What stays is looked at with the token's
next transfer or trade of a later time.

Whoever gets tokens from an exchange or a custodian takes out what it bought there: that counts
unless its account's own trades were seen to say so, or it had brought as much there within
`window`; the same holds of what comes back out of a pool. What it brought to a custodian that is no
exchange stays its own for as long as it is there: to have it back is no purchase. What is minted to
it, or comes from the issuer's own wallets, is no accumulation but an issue, and within `grace` of
the first one nothing is said: the first holders have everything. Custodians, pools, makers and
funds that track an index hold for others (`exempt_labels`). Of public feeds, which name no account,
`volume` says nothing. A threshold of ownership that is reached slowly is what `ownership_cap` looks
at.
"""

from collections.abc import Iterable
from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from detections.alerting.findings import Finding, about, witness
from detections.alerting.wording import amount, lapse, percent
from detections.cap_table.evidence import names, unit_of
from detections.cap_table.movements import ISSUER_LABELS
from detections.correlators.base import TRADES, Correlator, correlator
from detections.engine.correlator_state import Whole
from detections.float_sum import float_sum
from detections.idlest import drop_idlest, latest
from detections.markets.gathering import MOST_STEPS, Gatherer, Step, sum_up
from detections.parties import is_exempt
from detections.rounding import reaches
from detections.token_kinds import kind_name, kind_of
from normalizer.events.chain import ZERO_ADDRESS, TokenTransfer
from normalizer.events.market import Trade
from pipeline.units import DAY, HOUR, MINUTE, Duration, Ratio

_MOST_TOKENS = 10_000
_MOST_PARTIES = 50_000
_MOST_NAMES = 16
_EXCHANGE, _CUSTODY = frozenset(("exchange",)), frozenset(("custodian",))
_ISSUER = frozenset(ISSUER_LABELS)
_PLACES = _EXCHANGE | _CUSTODY
_SLOTS = 48
_ONE_SIDED = 0.8
_LENT = "flash-loan"
"""Tag of what moves in a transaction in which something is lent and paid back."""
_EXEMPT = (
    "custodian", "issuer", "treasury", "agent", "pool", "router", "exchange", "market_maker",
    "index_fund",
)  # fmt: skip
#: Confidence before it is calibrated on labelled data.
_BASE, _WALLETS, _BEYOND = 0.6, 0.15, 0.25


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on accumulation sets."""

    pattern: Literal["supply", "volume"]
    #: The time within which it was gathered.
    window: Annotated[Duration, Meta(ge=MINUTE, le=31 * DAY)] = 7 * DAY
    #: Part of what is outstanding, or of what was traded.
    minimum_share: Annotated[Ratio, Meta(gt=0, le=1)] = 0.05
    #: `supply`: whole tokens that are outstanding, by the token's id (`acme`, a kind's `acme:7`).
    outstanding: dict[str, float] = {}
    #: `supply`: so long from the first issue on nothing is said.
    grace: Annotated[Duration, Meta(ge=0, le=3_650 * DAY)] = 7 * DAY
    #: `volume`: trades of the market within the window.
    minimum_trades: Annotated[int, Meta(ge=1, le=100_000)] = 100
    #: `volume`: parties other than it that bought.
    minimum_others: Annotated[int, Meta(ge=0, le=8)] = 5
    #: Who has one of these labels holds for others.
    exempt_labels: tuple[str, ...] = _EXEMPT


class Token(Struct):
    """What is outstanding of a token."""

    issued: Whole = Whole(0)
    unit: float = 0.0
    """Smallest units of a whole token."""
    first: int = 0
    whole: bool = True
    """All was seen from the first issue on."""
    lent: dict[str, int] = {}
    """Who got some in transactions with a loan, and when: to be looked at once these are over."""


class Market(Struct):
    """What was traded, by part of the window."""

    slots: dict[int, tuple[int, float]] = {}
    buyers: dict[str, int] = {}
    """The newest few parties that bought, and when."""


class State(Struct):
    """Tokens, markets and parties, the idlest first."""

    tokens: dict[str, Token] = {}
    markets: dict[str, Market] = {}
    parties: dict[tuple[str, str], Gatherer] = {}


@correlator("accumulation")
class Accumulation(Correlator[State]):
    """See the module. Memory: 50,000 parties with 200 steps each."""

    parameters_type = Parameters
    partition_by = "asset"
    uses_trades = True
    state_type = State
    state_version = 4
    typology = "concentration"

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._supply = parameters.pattern == "supply"
        self._exempt = frozenset(parameters.exempt_labels)
        self._slot = max(1, parameters.window // _SLOTS)
        self.actions = TRADES | ({"token-transfer"} if self._supply else set[str]())
        self.needs_named = self.actions

    @property
    def horizon(self) -> int | None:
        """All issues count for what is outstanding; else it is the window."""
        return 100 * 365 * DAY if self._supply else 2 * self._p.window

    def observe(self, event: TokenTransfer | Trade) -> Iterable[Finding]:
        """Take a transfer or a trade."""
        if event.__class__ is Trade:
            return self._traded(event)  # pyright: ignore[reportArgumentType]
        return self._moved(event)  # pyright: ignore[reportArgumentType]

    # -- on chain ----------------------------------------------------------------------------------

    def _moved(self, move: TokenTransfer) -> Iterable[Finding]:
        key = kind_of(move)
        kind = move.transfer_type
        mint = kind == "mint" or move.source_address == ZERO_ADDRESS
        burn = kind == "burn" or move.destination_address == ZERO_ADDRESS
        token = latest(
            self.state.tokens, key, _MOST_TOKENS, lambda: Token(first=move.timestamp, whole=mint)
        )
        raw = int(move.amount_raw)
        if mint or burn:
            token.issued = Whole(token.issued + (raw if mint else -raw))
            token.whole = token.whole and token.issued >= 0
        if move.amount and raw and not token.unit:
            token.unit = float(unit_of(move))
        source = move.source_cluster or move.source_investor or move.source_address
        destination = (
            move.destination_cluster or move.destination_investor or move.destination_address
        )
        placed = mint or is_exempt(move.source_labels, _ISSUER)
        found = self._stayed(key, token, move)
        if source == destination or placed or not move.amount:
            return found
        parked = not burn and is_exempt(move.destination_labels, self._exempt)
        came = move.amount
        if not burn and not parked and _keeps(move.source_labels):
            came -= self._had_back((key, destination), came)
        if not burn and not parked and came > 0:
            out = 1 if is_exempt(move.source_labels, _PLACES) else 0
            other = self._of_whom(key, source, move, came)
            gatherer = self._step(
                (key, destination), move, came, out, move.destination_address, other
            )
            if _LENT in move.tags:
                token.lent[destination] = move.timestamp
            else:
                found += self._held(key, destination, token, gatherer, move)
        # Who gets back what he lent, to a pool or in this transaction, or kept at a custodian, has
        # gathered nothing.
        comes_back = parked or _LENT in move.tags or (key, source) in self.state.parties
        if comes_back and not is_exempt(move.source_labels, self._exempt):
            into = 1 if is_exempt(move.destination_labels, _PLACES) else 0
            to = "" if parked or burn else destination
            went = move.amount
            if _keeps(move.destination_labels):
                went -= self._brought((key, source), went, move.timestamp)
            if went > 0:
                self._step((key, source), move, -went, into, move.source_address, to)
        return found

    def _of_whom(self, key: str, who: str, move: TokenTransfer, came: float) -> str:
        """The holder of whom it is what comes; empty where many are behind it."""
        if is_exempt(move.source_labels, self._exempt):
            return ""
        gatherer = self.state.parties.get((key, who))
        if gatherer is None:
            return who
        gatherer.forget(move.timestamp - self._p.window)
        return gatherer.origin(who, came)

    def _brought(self, key: tuple[str, str], amount: float, now: int) -> float:
        """What of it a custodian keeps for it, beyond what it took out lately."""
        gatherer = self._known(key, now)
        kept = max(0.0, amount - max(0.0, gatherer.sums[1]))
        gatherer.kept += kept
        return kept

    def _had_back(self, key: tuple[str, str], amount: float) -> float:
        """What of it a custodian had kept for it."""
        gatherer = self.state.parties.get(key)
        if gatherer is None or not gatherer.kept:
            return 0.0
        back = min(amount, gatherer.kept)
        gatherer.kept -= back
        return back

    def _stayed(self, key: str, token: Token, event: TokenTransfer | Trade) -> list[Finding]:
        """What is still there of transactions in which something was lent, once they are over."""
        over = [who for who, time in token.lent.items() if time < event.timestamp]
        found: list[Finding] = []
        for who in over:
            del token.lent[who]
            gatherer = self.state.parties.get((key, who))
            if gatherer is not None:
                gatherer.forget(event.timestamp - self._p.window)
                held = self._held(key, who, token, gatherer, event)
                found += [replace(one, of_event=False, about=about(event)) for one in held]
        return found

    def _held(
        self, key: str, who: str, token: Token, gatherer: Gatherer, event: TokenTransfer | Trade
    ) -> Iterable[Finding]:
        outstanding = self._p.outstanding.get(key, 0.0)
        if not outstanding:
            if not token.whole or not token.unit or event.timestamp - token.first < self._p.grace:
                return ()
            outstanding = token.issued / token.unit
        if outstanding <= 0:
            return ()
        net = gatherer.net()
        if not reaches(net, self._p.minimum_share * outstanding):
            return ()
        handed = gatherer.handed_over()
        share = (net - handed) / outstanding
        if not self._due(gatherer, share):
            return ()
        said = f"{percent(share)} of the {amount(outstanding)} that are outstanding"
        return [self._finding(key, who, gatherer, share, said, event, handed)]

    # -- at venues ---------------------------------------------------------------------------------

    def _traded(self, trade: Trade) -> Iterable[Finding]:
        buyer = trade.buyer_cluster or trade.buyer_id or trade.buyer_account
        seller = trade.seller_cluster or trade.seller_id or trade.seller_account
        if buyer is None and seller is None:
            return ()
        quantity, state = trade.quantity, self.state
        if not 0 < quantity < float("inf"):
            return ()
        found: list[Finding] = []
        if self._supply:
            key = trade.token_id
            if key is None:
                return ()
            if key in state.tokens:
                found = self._stayed(key, state.tokens[key], trade)
        else:
            key = f"{trade.venue}/{trade.instrument}"
            market = state.markets.pop(key, None) or Market()
            state.markets[key] = market
            if len(state.markets) > _MOST_TOKENS:
                drop_idlest(state.markets, _MOST_TOKENS)
            self._count(market, trade, buyer)
        if buyer == seller:
            return found
        if seller is not None and (key, seller) in state.parties:
            self._step((key, seller), trade, -quantity, 2, trade.seller_account or seller)
        if buyer is None or is_exempt(trade.buyer_labels, self._exempt):
            return found
        gatherer = self._step((key, buyer), trade, quantity, 2, trade.buyer_account or buyer)
        if self._supply:
            token = state.tokens.pop(key, None)
            if token is None:
                token = Token(first=trade.timestamp, whole=False)
            else:
                state.tokens[key] = token  # at the end: the first is the idlest
            return [*found, *self._held(key, buyer, token, gatherer, trade)]
        return self._bought(key, buyer, gatherer, trade)

    def revised(self, was: Trade, now: Trade | None) -> None:
        """A trade was taken back or corrected: what was gathered, and traded, without it."""
        key = was.token_id if self._supply else f"{was.venue}/{was.instrument}"
        if key is None:
            return
        quantity = 0.0 if now is None else now.quantity
        market = self.state.markets.get(key)
        slot = None if market is None else market.slots.get(was.timestamp // self._slot)
        if market is not None and slot is not None:
            traded = max(0.0, slot[1] - was.quantity + quantity)
            market.slots[was.timestamp // self._slot] = (slot[0] - (now is None), traded)
        buyer = was.buyer_cluster or was.buyer_id or was.buyer_account
        seller = was.seller_cluster or was.seller_id or was.seller_account
        if buyer == seller:
            return
        for who, before, after in (
            (buyer, was.quantity, quantity),
            (seller, -was.quantity, -quantity),
        ):
            gatherer = None if who is None else self.state.parties.get((key, who))
            if gatherer is not None:
                gatherer.revise(was, before, after)

    def _count(self, market: Market, trade: Trade, buyer: str | None) -> None:
        place = trade.timestamp // self._slot
        trades, quantity = market.slots.get(place, (0, 0.0))
        market.slots[place] = (trades + 1, quantity + trade.quantity)
        if len(market.slots) > _SLOTS + 1:
            floor = place - _SLOTS
            for one in [one for one in market.slots if one < floor]:
                del market.slots[one]
        if buyer is not None:
            market.buyers.pop(buyer, None)
            market.buyers[buyer] = trade.timestamp
            if len(market.buyers) > 16:
                del market.buyers[next(iter(market.buyers))]

    def _bought(self, key: str, who: str, gatherer: Gatherer, trade: Trade) -> Iterable[Finding]:
        p, net = self._p, gatherer.sums[2]
        if net <= 0 or net < _ONE_SIDED * (gatherer.bought + gatherer.sold):
            return ()
        market = self.state.markets[key]
        # All that was traded is no less than what was in this part of the window.
        least = p.minimum_share * market.slots[trade.timestamp // self._slot][1]
        if not gatherer.next_share and not reaches(net, least):
            return ()
        floor = (trade.timestamp - p.window) // self._slot
        slots = [one for place, one in market.slots.items() if place > floor]
        volume = float_sum(quantity for _, quantity in slots)
        if not reaches(net, p.minimum_share * volume):
            if gatherer.next_share and net < p.minimum_share * volume / 2:
                gatherer.next_share = 0.0
            return ()
        trades = sum(count for count, _ in slots)
        since = trade.timestamp - p.window
        others = sum(time >= since and name != who for name, time in market.buyers.items())
        if trades < p.minimum_trades or others < p.minimum_others:
            return ()
        share = min(1.0, net / volume)
        if not self._due(gatherer, share):
            return ()
        said = f"{percent(share)} of the {amount(volume)} that were traded in {trades} trades"
        return [self._finding(key, who, gatherer, share, said, trade)]

    # -- steps and alerts --------------------------------------------------------------------------

    def _step(
        self,
        key: tuple[str, str],
        event: TokenTransfer | Trade,
        quantity: float,
        kind: int,
        place: str,
        other: str = "",
    ) -> Gatherer:
        gatherer = self._known(key, event.timestamp)
        steps = gatherer.steps
        steps.append(Step(event.timestamp, quantity, kind, place, witness(event), other))
        gatherer.count(kind, quantity)
        if len(steps) > MOST_STEPS:
            sum_up(steps)
        return gatherer

    def _known(self, key: tuple[str, str], now: int) -> Gatherer:
        gatherer = latest(self.state.parties, key, _MOST_PARTIES, Gatherer)
        gatherer.forget(now - self._p.window)
        return gatherer

    def _due(self, gatherer: Gatherer, share: float) -> bool:
        least = self._p.minimum_share
        if not reaches(share, max(least, gatherer.next_share)):
            return False
        times = share / least
        gatherer.next_share = (int(times + 1e-9) + 1) * least if times < 6 else 2 * share
        gatherer.alerts += 1
        return True

    def _finding(
        self,
        key: str,
        who: str,
        gatherer: Gatherer,
        share: float,
        said: str,
        event: TokenTransfer | Trade,
        handed: float = 0.0,
    ) -> Finding:
        steps = gatherer.steps
        came = [one for one in steps if one.quantity > 0]
        places = tuple(dict.fromkeys(one.place for one in came))
        over = f" over {len(places)} wallets or accounts" if len(places) > 1 else ""
        name = places[0] if len(places) == 1 else who
        of = f" ({who})" if name != who else ""
        token = event.token_symbol or key
        if isinstance(event, TokenTransfer):
            token += kind_name(event)
        confidence = _BASE + _WALLETS * (len(places) > 1)
        confidence += _BEYOND * min(1.0, (share / self._p.minimum_share - 1) / 2)
        kind = "gathered" if self._supply else "bought"
        span = lapse(steps[-1].timestamp - steps[0].timestamp)
        steps_in = f" in {len(came)} steps within {span}" if len(came) > 1 else " in one step"
        net = gatherer.net() - handed if self._supply else gatherer.sums[2]
        if handed:
            said += f", besides {amount(round(handed, 8))} that a holder had handed over whole"
        return Finding(
            entities=names(who, *places[:_MOST_NAMES], key),
            reason=(
                f"{name}{of} {kind} {amount(round(net, 8))} {token} net{over}{steps_in}: {said}"
            ),
            witnesses=tuple(one.witness for one in steps),
            confidence=min(1.0, confidence),
            metrics={
                "share": share,
                "quantity": net,
                "from_holders": gatherer.sums[0] - handed,
                "from_exchanges": gatherer.sums[1],
                "traded": gatherer.sums[2],
                "wallets": float(len(places)),
                "hours": (steps[-1].timestamp - steps[0].timestamp) / HOUR,
                "alert_of_series": float(gatherer.alerts),
            },
        )


def _keeps(labels: tuple[str, ...]) -> bool:
    """Whether it is a custodian, where nobody buys or sells."""
    return is_exempt(labels, _CUSTODY) and not is_exempt(labels, _EXCHANGE)
