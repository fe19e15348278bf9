"""Swaps that were placed by others' pending ones: copied ahead of them, or put right behind.

MAR Annex I A(b), FINRA Rule 5270 for the idea; MiCA Articles 91 and 92, whose technical standards
have the ordering of transactions among what is to be watched. Two patterns, one per rule, each of
swaps in one pool and block, whose transactions call for different parties:

- `copy_ahead` (displacement): somebody's swap was public; `reaction` or less after it had been seen
  another party sent one the same way, of an amount that differs by `maximum_difference` at most,
  paid a higher fee, and came before it.
- `behind` (back-running): a swap was public, and another party's swap the other way stands in the
  very next place of the block, sent after the first was seen or never seen at all. That takes what
  the first one left on the table; most of it is arbitrage, which isn't forbidden everywhere.

One of either may be chance, since fees and amounts are often round: a party must do it to
`minimum_times` different transactions within `window`, and with `minimum_share` of all its swaps
then: who trades all day stands behind others by chance, who watches the mempool does little else.
When a transaction was seen is by the collector's clock, to which it came from one node: sent before
and seen later is possible within a second or so. What goes to block builders directly is never
seen, so who copies that way goes unseen here; if they also sell behind, it is a sandwich, which
needs no pending transactions.

Needs `pending: true` of the source. Without it the first can't be told at all, and the second not
from chance.
"""

from collections.abc import Iterable
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, Witness, witness
from detections.alerting.wording import amount, lapse
from detections.correlators.base import Correlator, correlator
from detections.engine.correlator_state import Whole
from detections.float_sum import float_sum
from detections.idlest import drop_idlest
from detections.money import too_little
from detections.pools.party_swaps import PartySwaps, note_swap
from detections.pools.swaps import Leg, PoolKey, differs, is_own_contract, leg, pool_key
from normalizer.events.chain import PoolSwap
from normalizer.events.pending import (
    TransactionIncluded,
    TransactionPending,
    TransactionReplaced,
)
from pipeline.units import DAY, HOUR, MILLISECOND, MINUTE, SECOND, WEEK, Duration, Ratio

_MOST_PENDING = 50_000
_MOST_POOLS = 10_000
_MOST_LEGS = 256
_MOST_PARTIES = 10_000
_MOST_CASES = 128
_MOST_SWAPS = 512
# Confidence before it is calibrated on labelled data: a base, and what each further time adds.
_COPY, _BEHIND, _EACH, _MOST = 0.6, 0.5, 0.05, 0.9

TransactionKey = tuple[int, str]


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on front-running by pending transactions sets."""

    pattern: Literal["copy_ahead", "behind"]
    #: `copy_ahead`: by how much the amounts that are paid may differ.
    maximum_difference: Annotated[Ratio, Meta(ge=0, le=0.5)] = 0.01
    #: `copy_ahead`: how long after the first was seen the other one may be seen.
    reaction: Annotated[Duration, Meta(ge=MILLISECOND, le=HOUR)] = 30 * SECOND
    #: Transactions of others that a party must do it to.
    minimum_times: Annotated[int, Meta(ge=1, le=_MOST_CASES // 2)] = 3
    #: The time within which they count together, by event time.
    window: Annotated[Duration, Meta(ge=MINUTE, le=WEEK)] = DAY
    #: The part of the party's swaps within it that are such.
    minimum_share: Annotated[Ratio, Meta(ge=0, le=1)] = 0.0
    #: Worth of the other's swap, where known, below which it doesn't count,
    #: in dollars or what is about as much (see `detections.money`).
    minimum_notional: Annotated[float, Meta(ge=0)] = 0.0
    #: Who has one of these labels is left out.
    exempt_labels: tuple[str, ...] = ("router", "pool")


class Seen(Struct, frozen=True, array_like=True):
    """A transaction that was public: when it was first seen, and the most that it pays."""

    first: int
    fee: Whole
    witness: Witness


class Case(Struct, frozen=True, array_like=True):
    """That a party did it once."""

    timestamp: int
    other: str
    """The other one's transaction."""
    pool: str
    seconds: float
    notional: float
    witnesses: tuple[Witness, ...]
    who: Leg


class Recent(Struct, array_like=True):
    """Swaps of a pool's newest block, in its order."""

    block: int = -1
    name: str = ""
    legs: list[Leg] = field(default_factory=list[Leg])
    currency: str | None = None


class Party(Struct, array_like=True):
    """What one party did within the window."""

    cases: list[Case] = field(default_factory=list[Case])
    next_alert: int = 0


class State(Struct):
    """Pending transactions, pools and parties, the oldest first."""

    pending: dict[TransactionKey, Seen] = field(default_factory=dict[TransactionKey, Seen])
    pools: dict[PoolKey, Recent] = field(default_factory=dict[PoolKey, Recent])
    where: dict[TransactionKey, list[PoolKey]] = field(
        default_factory=dict[TransactionKey, list[PoolKey]]
    )
    """The pools that transactions swapped in, of the newest ones."""
    parties: dict[str, Party] = field(default_factory=dict[str, Party])
    swaps: PartySwaps = field(default_factory=dict[str, dict[str, int]])
    """When parties swapped, where a share of these is asked for."""


@correlator("pool_front_running")
class PoolFrontRunning(Correlator[State]):
    """See the module. Memory: at most 50,000 pending transactions, 10,000 pools with 256 swaps of
    their newest block, and 10,000 parties with 128 cases and 512 swaps each."""

    parameters_type = Parameters
    state_type = State
    state_version = 2
    typology = "front_running"
    needs = (frozenset({"pool-swap"}), frozenset({"transaction-pending"}))
    actions = frozenset(
        {"transaction-pending", "transaction-replaced", "transaction-included", "pool-swap"}
    )

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._copies = parameters.pattern == "copy_ahead"
        self._exempt = frozenset(parameters.exempt_labels)

    @property
    def horizon(self) -> int:
        """Cases count together for a window."""
        return self._p.window

    def observe(
        self, event: PoolSwap | TransactionPending | TransactionReplaced | TransactionIncluded
    ) -> Iterable[Finding]:
        """Take a swap, or what is said of a pending transaction."""
        match event:
            case PoolSwap():
                return self._swapped(event)
            case TransactionPending():
                self._saw((event.chain_id, event.transaction_hash), event)
            case TransactionReplaced():
                self._saw((event.chain_id, event.by_hash), event, event.by_max_fee_raw)
            case TransactionIncluded():
                # A block may be told before what it has was told to be pending.
                return self._included(event)
        return ()

    def _saw(
        self,
        key: TransactionKey,
        event: TransactionPending | TransactionReplaced,
        fee: str | None = None,
    ) -> None:
        """A transaction was public; one that replaces another was from that one's first time on."""
        pending = self.state.pending
        if key in pending:
            return
        pending[key] = Seen(
            event.first_seen, Whole(int(fee or event.max_fee_raw or 0)), witness(event)
        )
        if len(pending) > _MOST_PENDING:
            drop_idlest(pending, _MOST_PENDING)

    def _swapped(self, event: PoolSwap) -> Iterable[Finding]:
        one = leg(event)
        if one is None or one.index < 0 or not self._exempt.isdisjoint(event.investor_labels):
            return ()
        key = pool_key(event)
        # Taken out and put back at the end, so that the first pool is always the idlest.
        pools = self.state.pools
        recent = pools.pop(key, None)
        if recent is None or recent.block != one.block:
            recent = Recent(one.block, event.instrument, currency=event.currency)
            if len(pools) >= _MOST_POOLS:
                drop_idlest(pools, _MOST_POOLS - 1)
        pools[key] = recent
        where, name = self.state.where, (event.chain_id, one.transaction)
        where[name] = [*where.get(name, ()), key]
        if len(where) > _MOST_PENDING:
            drop_idlest(where, _MOST_PENDING)
        if self._p.minimum_share:
            note_swap(self.state.swaps, _name(one, key[1]), one, self._p.window, _MOST_SWAPS)
        before = list(recent.legs)
        if len(recent.legs) < _MOST_LEGS:
            recent.legs.append(one)
        if not before or not self.state.pending:
            return ()
        return self._pairs(key, recent, ((other, one) for other in before))

    def _included(self, event: TransactionIncluded) -> Iterable[Finding]:
        findings: list[Finding] = []
        for key in self.state.where.pop((event.chain_id, event.transaction_hash), ()):
            recent = self.state.pools.get(key)
            if recent is None or recent.block != event.block_number:
                continue
            legs = recent.legs
            pairs = (
                (first, second)
                for at, first in enumerate(legs)
                for second in legs[at + 1 :]
                if event.transaction_hash in (first.transaction, second.transaction)
            )
            findings += self._pairs(key, recent, pairs)
        return findings

    def _pairs(
        self, key: PoolKey, recent: Recent, pairs: Iterable[tuple[Leg, Leg]]
    ) -> list[Finding]:
        findings: list[Finding] = []
        for first, second in pairs:
            if first.transaction == second.transaction or first.owner == second.owner:
                continue
            case = (
                self._copied(key, recent, first, second)
                if self._copies
                else self._behind(key, recent, first, second)
            )
            if case is not None:
                findings += self._counted(key[1], case)
        return findings

    def _copied(self, key: PoolKey, pool: Recent, ahead: Leg, other: Leg) -> Case | None:
        """The first of two swaps the same way is a copy of the second, which had been public."""
        if (
            ahead.paid0 != other.paid0
            or differs(ahead.paid, other.paid) > self._p.maximum_difference
        ):
            return None
        copy = self.state.pending.get((key[0], ahead.transaction))
        public = self.state.pending.get((key[0], other.transaction))
        if copy is None or public is None or copy.fee <= public.fee:
            return None
        if not 0 < copy.first - public.first <= self._p.reaction:
            return None
        seconds = (copy.first - public.first) / SECOND
        witnesses = (public.witness, copy.witness, ahead.witness, other.witness)
        return self._case(pool, ahead, other, seconds, witnesses)

    def _behind(self, key: PoolKey, pool: Recent, other: Leg, behind: Leg) -> Case | None:
        """The second of two swaps stands right behind the first, which had been public."""
        if other.paid0 == behind.paid0 or behind.index != other.index + 1:
            return None
        public = self.state.pending.get((key[0], other.transaction))
        own = self.state.pending.get((key[0], behind.transaction))
        if public is None or (own is not None and own.first <= public.first):
            return None
        seconds = 0.0 if own is None else (own.first - public.first) / SECOND
        witnesses = (public.witness, *(() if own is None else (own.witness,)))
        return self._case(pool, behind, other, seconds, (*witnesses, other.witness, behind.witness))

    def _case(
        self, pool: Recent, who: Leg, other: Leg, seconds: float, witnesses: tuple[Witness, ...]
    ) -> Case | None:
        worth = other.notional
        if other.side and too_little(worth, self._p.minimum_notional, pool.currency):
            return None
        return Case(who.timestamp, other.transaction, pool.name, seconds, worth, witnesses, who)

    def _counted(self, pool: str, case: Case) -> list[Finding]:
        """Count a case of its party."""
        name = _name(case.who, pool)
        if not name:
            return []
        parties = self.state.parties
        party = parties.pop(name, None) or Party()
        parties[name] = party
        if len(parties) > _MOST_PARTIES:
            drop_idlest(parties, _MOST_PARTIES)
        oldest = case.timestamp - self._p.window
        kept = [one for one in party.cases if one.timestamp >= oldest]
        if len(kept) < self._p.minimum_times:
            party.next_alert = 0
        if any(one.other == case.other for one in kept):
            party.cases = kept
            return []
        party.cases = [*kept, case][-_MOST_CASES:]
        if len(party.cases) < (party.next_alert or self._p.minimum_times):
            return []
        if self._share(name, party.cases, oldest) < self._p.minimum_share:
            return []
        party.next_alert = 2 * len(party.cases)
        return [self._finding(name, party.cases)]

    def _share(self, name: str, cases: list[Case], oldest: int) -> float:
        """Which part of a party's swaps its cases are; of more than are kept, no more is known."""
        swaps = sum(time >= oldest for time in self.state.swaps.get(name, {}).values())
        own = len({one.who.transaction for one in cases})
        return min(1.0, own / swaps) if swaps else 1.0

    def _finding(self, name: str, cases: list[Case]) -> Finding:
        who, count = cases[-1].who, len(cases)
        pools = list(dict.fromkeys(case.pool for case in cases))
        where = f"the pool {pools[0]}" if len(pools) == 1 else f"{len(pools)} pools"
        span = cases[-1].timestamp - cases[0].timestamp
        within = f" within {lapse(span)}" if span else ""
        times = "once" if count == 1 else f"{count} times"
        shortest = min(case.seconds for case in cases)
        by = f"{name}, called by {who.who}," if name == who.called else str(who.who)
        if self._copies:
            what = (
                f"{by} copied others' pending swaps in {where} and came before them at a higher "
                f"fee, {times}{within}, at the soonest {amount(shortest)} s after they were seen"
            )
        else:
            what = f"{by} swapped right behind others' pending swaps in {where}, {times}{within}"
        base = _COPY if self._copies else _BEHIND
        known = who.who.cluster or who.who.investor
        names = list(who.who.names) if known else [name, *who.who.names]
        found: dict[str, Witness] = {one.id: one for case in cases for one in case.witnesses}
        return Finding(
            entities=tuple(dict.fromkeys(names)),
            reason=what,
            witnesses=tuple(sorted(found.values(), key=_when)),
            confidence=min(_MOST, base + _EACH * count),
            metrics={
                "times": float(count),
                "pools": float(len(pools)),
                "others_notional": float_sum(case.notional for case in cases),
                "shortest_seconds": shortest,
            },
        )


def _name(one: Leg, pool: str) -> str:
    """Whose swap it is: an owner's who is known, or of a contract that may be somebody's own.

    Of a contract that is called for several who are known, nobody did what others did by it.
    """
    if one.who.cluster or one.who.investor:
        return one.owner
    return one.called if is_own_contract(one.called, pool) else one.owner


def _when(one: Witness) -> int:
    return one.timestamp
