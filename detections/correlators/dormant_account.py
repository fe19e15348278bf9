"""A dormant wallet or account that awakes with more than it ever moved, or most of what it has.

FATF, Virtual Assets Red Flag Indicators of Money Laundering and Terrorist Financing (2020), on
transactions of accounts that had long been inactive. All of this must hold:

1. The wallet (or, at a venue, the account) was seen before and then sent (or traded) nothing for
   `dormant_for`.
2. It now sends (or trades) `minimum_amount` whole units or more,
3. which is `multiple_of_past` times the most that it ever sent at once, or `minimum_part` of what
   it holds and no less than it ever sent. Of an account at a venue only its trades are known.
4. It doesn't send to itself (its cluster or investor), nor into custody: whoever moves an old
   holding to a custodian secures it. An exchange or a pool at the other end makes it the surer.
5. It doesn't go from one known investor to another, but for where it is cashed in: who has it now
   is known, and so does a holder sell who has waited for as long as the terms ask. What little he
   had moved before, such as to a wallet of his own, says nothing of how much he would sell.

It alerts once each time that it awakes, and then tells what goes on within `wake`: again whenever
what was sent has doubled. It awakes by whatever it sends, also by what nothing is said of. A wallet
that only got tokens and never sent any may be of a holder for the long term, who sells: then it is
less sure. No source gives a number: half a year is a choice, as are ten times and a half.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated

from msgspec import Meta, Struct

from detections.alerting.findings import Finding, Witness, witness
from detections.alerting.wording import amount, lapse, percent
from detections.cap_table.evidence import name_of, names, party
from detections.correlators.base import TRADES, Correlator, correlator
from detections.engine.correlator_state import Whole
from detections.idlest import drop_idlest
from detections.parties import is_exempt
from detections.rounding import reaches
from normalizer.events.chain import ZERO_ADDRESS, TokenTransfer
from normalizer.events.market import Trade
from pipeline.units import DAY, HOUR, Duration, Ratio

_MOST_SLEEPERS = 200_000
_MOST_SMALL = 100_000
_MOST_AWAKE = 10_000
_MOST_WITNESSES = 50
#: Entities of an alert; no more of those to whom something was sent are kept.
_MOST_NAMES = 16
_CASHES_OUT = frozenset(("exchange", "pool", "router"))
_EXEMPT = ("custodian", "issuer", "treasury", "pool", "router", "exchange", "market_maker")
#: Confidence before it is calibrated on labelled data.
_BASE, _PART, _PAST, _OUT, _HOLDER = 0.45, 0.2, 0.15, 0.2, -0.2


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on dormant accounts sets."""

    #: How long nothing was sent.
    dormant_for: Annotated[Duration, Meta(ge=HOUR, le=3_650 * DAY)] = 180 * DAY
    #: Whole tokens, or units of an instrument, from which on it matters.
    minimum_amount: Annotated[float, Meta(gt=0)] = 1_000.0
    #: How many times the most that it ever sent at once.
    multiple_of_past: Annotated[float, Meta(ge=1, le=1_000_000)] = 10.0
    #: Part of what it holds.
    minimum_part: Annotated[Ratio, Meta(gt=0, le=1)] = 0.5
    #: So long after it awoke what goes on belongs to the same series.
    wake: Annotated[Duration, Meta(ge=HOUR, le=90 * DAY)] = 7 * DAY
    #: Who has one of these labels is never dormant.
    exempt_labels: tuple[str, ...] = _EXEMPT
    #: Where one of these labels is at the other end, nothing is said.
    safe_labels: tuple[str, ...] = ("custodian", "issuer", "treasury")


class Undo(Struct, frozen=True, array_like=True):
    """What an account had done before a trade that made a difference, and may be taken back."""

    id: str
    """Of the trade."""
    sent: int
    """0: nobody knew it."""
    most: float


class Sleeper(Struct, array_like=True):
    """A wallet or account, and what it did."""

    sent: int
    """When it last sent or traded; when it was first seen, if it never did."""
    most: float = 0.0
    """The most that it sent at once, whole units."""
    balance: Whole = Whole(0)
    """What came less what went, in the smallest units; at least 0."""
    undo: Undo | None = None
    """Of its newest trade that was the largest, or after which it was known or awake."""


class Awake(Struct):
    """What a wallet sends after it awoke."""

    since: int
    slept: int
    before: float
    total: float = 0.0
    part: float = 0.0
    next_total: float = 0.0
    alerts: int = 0
    others: dict[str, None] = {}
    witnesses: list[Witness] = []


class State(Struct):
    """Wallets by token (or instrument) and address, the idlest first; who is awake."""

    sleepers: dict[tuple[str, str], Sleeper] = {}
    small: dict[tuple[str, str], Sleeper] = {}
    """Those that never held or traded enough to matter: let go first."""
    awake: dict[tuple[str, str], Awake] = {}


@correlator("dormant_account")
class DormantAccount(Correlator[State]):
    """See the module. Memory: 300,000 wallets and accounts."""

    parameters_type = Parameters
    partition_by = "asset"
    uses_trades = True
    state_type = State
    typology = "structuring"
    needs_named = TRADES | {"token-transfer"}
    actions = frozenset({"token-transfer", "trade"})

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._exempt = frozenset(parameters.exempt_labels)
        self._safe = frozenset(parameters.safe_labels)

    @property
    def horizon(self) -> int:
        """It must have been seen before it slept."""
        return 3 * self._p.dormant_for

    def observe(self, event: TokenTransfer | Trade) -> Iterable[Finding]:
        """Take a transfer or a trade."""
        if event.__class__ is Trade:
            return self._traded(event)  # pyright: ignore[reportArgumentType]
        return self._moved(event)  # pyright: ignore[reportArgumentType]

    def _moved(self, move: TokenTransfer) -> Iterable[Finding]:
        token = move.token_id or move.contract or move.token_address or ""
        raw = int(move.amount_raw)
        source, destination = move.source_address, move.destination_address
        if not raw or source == destination:
            return ()
        time, whole = move.timestamp, move.amount or 0.0
        if destination != ZERO_ADDRESS and not is_exempt(move.destination_labels, self._exempt):
            key = (token, destination)
            sleeper = self._of(key) or Sleeper(time)
            sleeper.balance = Whole(sleeper.balance + raw)
            self._put(key, sleeper, whole)
        if source == ZERO_ADDRESS or is_exempt(move.source_labels, self._exempt):
            return ()
        key = (token, source)
        sleeper = self._of(key)
        known = sleeper is not None
        if sleeper is None:
            sleeper = Sleeper(time)
        held = sleeper.balance
        slept, before = time - sleeper.sent, sleeper.most
        sleeper.balance = Whole(max(0, held - raw))
        sleeper.most = max(before, whole)
        sleeper.sent = max(time, sleeper.sent)
        self._put(key, sleeper, whole)
        # What nothing is said of ends the sleep as well, and mustn't hide what follows.
        awake = self._awake(key, time, slept, before) if known else None
        if awake is None or move.transfer_type != "transfer":
            return ()
        own = move.source_cluster or move.source_investor
        if own is not None and own in (move.destination_cluster, move.destination_investor):
            return ()
        out = is_exempt(move.destination_labels, _CASHES_OUT)
        between_known = move.source_investor is not None and move.destination_investor is not None
        if is_exempt(move.destination_labels, self._safe) or (between_known and not out):
            return ()
        part = min(1.0, raw / held) if held else 0.0
        awake.part = max(awake.part, part, 1 - (1 - awake.part) * (1 - part))
        if len(awake.others) < _MOST_NAMES:
            awake.others[destination] = None
        found = self._told(awake, whole, move)
        if not found:
            return ()
        who = party(source, move.source_investor)
        where = party(destination, move.destination_investor)
        labels = f" [{', '.join(move.destination_labels)}]" if move.destination_labels else ""
        return [
            self._finding(
                awake,
                names(source, move.source_investor, move.source_cluster, *awake.others),
                f"{who} had sent nothing for {lapse(awake.slept)} and now sends "
                f"{amount(whole)} {name_of(move)} to {where}{labels}",
                out=out,
            )
        ]

    def _traded(self, trade: Trade) -> Iterable[Finding]:
        buyer, seller = trade.buyer_account, trade.seller_account
        if buyer == seller:
            return ()
        market = f"{trade.venue}/{trade.instrument}"
        found: Sequence[Finding] = ()
        if buyer is not None:
            found = self._account(trade, (market, buyer), trade.buyer_labels, "buys")
        if seller is not None:
            sold = self._account(trade, (market, seller), trade.seller_labels, "sells")
            found = [*found, *sold] if sold else found
        return found

    def revised(self, was: Trade, now: Trade | None) -> None:
        """A trade was taken back or corrected: its accounts slept on, or traded something else."""
        if was.buyer_account == was.seller_account:
            return
        for account in (was.buyer_account, was.seller_account):
            if account is not None:
                key = (f"{was.venue}/{was.instrument}", account)
                self._unwake(key, was, now)
                self._undo(key, was, now)

    def _unwake(self, key: tuple[str, str], was: Trade, now: Trade | None) -> None:
        """If it awoke by the trade, or the trade is among what it did since: as it is now."""
        awake = self.state.awake.get(key)
        if awake is None or all(one.id != was.id for one in awake.witnesses):
            return
        awake.total += (0.0 if now is None else now.quantity) - was.quantity
        if now is None:
            awake.witnesses = [one for one in awake.witnesses if one.id != was.id]
            if not awake.witnesses:
                del self.state.awake[key]

    def _undo(self, key: tuple[str, str], was: Trade, now: Trade | None) -> None:
        """What it was before the trade, and by its trades since."""
        known = self.state.sleepers if key in self.state.sleepers else self.state.small
        sleeper = known.get(key)
        if sleeper is None or (undo := sleeper.undo) is None or undo.id != was.id:
            return
        market = (was.provider, was.venue, was.instrument)
        later = [
            one
            for one in self.trades.between(market, was.timestamp)
            if one.id != was.id
            and one.buyer_account != one.seller_account
            and key[1] in (one.buyer_account, one.seller_account)
        ]
        if now is not None:
            later.append(now)
        if not later and not undo.sent and not sleeper.balance:
            del known[key]
            return
        sleeper.undo = None if now is None else undo  # a corrected one may be taken back yet
        sleeper.sent = max([undo.sent, *(one.timestamp for one in later)])
        sleeper.most = max([undo.most, *(one.quantity for one in later)])

    def _account(
        self, trade: Trade, key: tuple[str, str], labels: tuple[str, ...], does: str
    ) -> Sequence[Finding]:
        if labels and is_exempt(labels, self._exempt):
            return ()
        time, quantity = trade.timestamp, trade.quantity
        sleeper = self._of(key)
        if sleeper is None:
            first = Sleeper(time, quantity, undo=Undo(trade.id, 0, 0.0))
            self._put(key, first, quantity)
            return ()
        slept, before = time - sleeper.sent, sleeper.most
        if quantity > before or slept >= self._p.dormant_for:
            sleeper.undo = Undo(trade.id, sleeper.sent, before)
        if time > sleeper.sent:
            sleeper.sent = time
        if quantity > before:
            sleeper.most = quantity
        self._put(key, sleeper, quantity)
        if slept < self._p.dormant_for and key not in self.state.awake:
            return ()
        awake = self._awake(key, time, slept, before)
        if awake is None or not self._told(awake, quantity, trade):
            return ()
        account, investor = key[1], trade.buyer_id if does == "buys" else trade.seller_id
        return [
            self._finding(
                awake,
                names(account, investor),
                f"{party(account, investor)} had traded nothing for {lapse(awake.slept)} and now "
                f"{does} {amount(quantity)} {trade.instrument} on {trade.venue}",
                out=False,
            )
        ]

    def _of(self, key: tuple[str, str]) -> Sleeper | None:
        state = self.state
        return state.sleepers.pop(key, None) or state.small.pop(key, None)

    def _put(self, key: tuple[str, str], sleeper: Sleeper, amount_now: float) -> None:
        """Put it back at the end: the first is the idlest."""
        state = self.state
        least = self._p.minimum_amount / 10
        if sleeper.most >= least or amount_now >= least or sleeper.balance:
            state.sleepers[key] = sleeper
            if len(state.sleepers) > _MOST_SLEEPERS:
                drop_idlest(state.sleepers, _MOST_SLEEPERS)
        else:
            state.small[key] = sleeper
            if len(state.small) > _MOST_SMALL:
                drop_idlest(state.small, _MOST_SMALL)

    def _awake(self, key: tuple[str, str], time: int, slept: int, before: float) -> Awake | None:
        """The series of one that slept long enough, or that awoke lately."""
        awake = self.state.awake.get(key)
        if awake is not None and time - awake.since > self._p.wake:
            del self.state.awake[key]
            awake = None
        if awake is None and slept > self._p.dormant_for:
            if len(self.state.awake) >= _MOST_AWAKE:
                drop_idlest(self.state.awake, _MOST_AWAKE - 1)
            awake = self.state.awake[key] = Awake(time, slept, before)
        return awake

    def _told(self, awake: Awake, quantity: float, event: TokenTransfer | Trade) -> bool:
        """Count what it sends; whether that is worth an alert."""
        p = self._p
        awake.total += quantity
        if len(awake.witnesses) < _MOST_WITNESSES:
            awake.witnesses.append(witness(event))
        if awake.total < p.minimum_amount:
            return False
        if not awake.before or not reaches(awake.total, p.multiple_of_past * awake.before):
            most = reaches(awake.part, p.minimum_part) and awake.total >= awake.before
            if not most:
                return False
        if awake.alerts and awake.total < awake.next_total:
            return False
        awake.alerts += 1
        awake.next_total = 2 * awake.total
        return True

    def _finding(self, awake: Awake, entities: tuple[str, ...], said: str, *, out: bool) -> Finding:
        p, more = self._p, list[str]()
        times = awake.total / awake.before if awake.before else 0.0
        if times:
            more.append(f"{amount(round(times, 1))} times the most that it ever did at once")
        if awake.part:
            more.append(f"{percent(awake.part)} of what it held")
        if awake.alerts > 1:
            more.append(f"{amount(round(awake.total, 8))} since it awoke")
        confidence = _BASE + _PART * (awake.part >= p.minimum_part)
        confidence += _PAST * (times >= p.multiple_of_past) + _OUT * out
        confidence += _HOLDER * (not awake.before)
        return Finding(
            entities=entities[:_MOST_NAMES],
            reason=f"{said}: {', '.join(more)}" if more else said,
            witnesses=tuple(awake.witnesses),
            confidence=min(1.0, confidence),
            metrics={
                "dormant_days": awake.slept / DAY,
                "amount": awake.total,
                "most_before": awake.before,
                "part_of_holding": awake.part,
                "alert_of_series": float(awake.alerts),
            },
        )
