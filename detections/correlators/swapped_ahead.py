"""Swaps ahead of others' larger ones in their blocks, swapped back soon after: front-running.

Trading ahead of an order that is known to come: FINRA Rule 5270 forbids it to brokers (it is theirs
to know of orders), MiCA Article 92 and Commission Delegated Regulation (EU) 2025/885 have maximal
extractable value among what is to be watched. On a chain it is known from the mempool: Eskandari,
Moosavi and Clark, "SoK: Transparent Dishonesty: Front-Running Attacks on Blockchain" (2019), calls
it displacement and insertion. Here only the blocks are looked at, so it is seen also of those who
get their knowledge elsewhere, as from a wallet's operator or a builder. All of this must hold:

1. A party's swap in a pool stands in the same block before another's the same way, with no other
   swap of that pool in between. That one is at least `minimum_victim_ratio` times as large.
2. Within `unwind`, in a later block, the party swaps back what it got, within `maximum_difference`.
   In the same block it is a `sandwich`.
3. It did so `minimum_times` or more within `window` in that pool.
4. Chance alone would have it so often with a probability of `maximum_chance` or less: of all other
   swaps of the pool it is known how many stand ahead of a larger one the same way, and of the party
   how often it swapped there in the window, but for the swaps back.

So who trades all day in a busy pool isn't found, nor are arbitrageurs, who come in the same block
for the same difference of prices: they don't swap the very same amount back minutes later. A gain
isn't asked for: the attempt is the abuse, and others may come in between. The numbers are choices.

All wallets are on the chain, so no accounts are needed. With pending transactions from our own node
`pool_front_running` says what was copied.
"""

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, Witness
from detections.alerting.wording import amount, lapse
from detections.books.coincidence import binomial_tail
from detections.correlators.base import Correlator, correlator
from detections.float_sum import float_sum
from detections.idlest import drop_idlest
from detections.money import too_little
from detections.pools.swaps import Leg, PoolKey, differs, is_own_contract, leg, pool_key
from normalizer.events.chain import PoolSwap
from pipeline.units import DAY, HOUR, MINUTE, SECOND, Duration, Ratio

_MOST_POOLS = 10_000
_MOST_PARTIES = 50_000
#: Of a party in a pool: swaps that wait to be swapped back, and those that were.
_MOST_OPEN, _MOST_CASES, _MOST_SWAPS = 8, 64, 512
#: Of a pool nothing is known before: one swap in ten is taken to stand ahead of a larger one.
_PRIOR_AHEAD, _PRIOR_SWAPS = 1.0, 10.0
#: With so many swaps known of a pool, all counts are halved: what is long ago counts less.
_MANY = 4_096
# Confidence before it is calibrated on labelled data: a base, what more times and a gain add.
_BASE, _TIMES, _GAINED = 0.6, 0.2, 0.15
_UNSURE = 0.6


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on swaps ahead of others sets."""

    #: The other's swap, as a multiple of the party's own.
    minimum_victim_ratio: Annotated[float, Meta(gt=0, le=1_000)] = 1.0
    #: Worth of the other's swap, where known, below which it doesn't count,
    #: in dollars or what is about as much (see `detections.money`).
    minimum_victim_notional: Annotated[float, Meta(ge=0)] = 0.0
    #: From the swap ahead to the swap back.
    unwind: Annotated[Duration, Meta(ge=SECOND, le=DAY)] = 10 * MINUTE
    #: By how much what is given back may differ from what was got.
    maximum_difference: Annotated[Ratio, Meta(ge=0, le=0.5)] = 0.01
    #: So often within the window.
    minimum_times: Annotated[int, Meta(ge=2, le=50)] = 3
    #: The sliding window, by event time.
    window: Annotated[Duration, Meta(ge=HOUR, le=7 * DAY)] = DAY
    #: The probability with which chance would have it so often.
    maximum_chance: Annotated[Ratio, Meta(gt=0, le=1)] = 0.01
    #: Who has one of these labels is left out.
    exempt_labels: tuple[str, ...] = ("router", "pool")


class Pool(Struct, array_like=True):
    """One pool: its newest swap, and how many of all stand ahead of a larger one."""

    newest: Leg | None = None
    swaps: float = 0.0
    ahead: float = 0.0
    halved: int = 0
    """How often both were."""


class Case(Struct, frozen=True, array_like=True):
    """One time that the party did it."""

    front: Leg
    victim: Leg
    back: Leg

    @property
    def gain(self) -> float:
        """In the quote asset, where that is known."""
        bought = self.front.side == "buy"
        gained = self.back.notional - self.front.notional
        return gained if bought else -gained


class Party(Struct, array_like=True):
    """What a party does in one pool."""

    open: list[tuple[Leg, Leg]] = field(default_factory=list[tuple[Leg, Leg]])
    """Swaps ahead of another's, and that one."""
    cases: list[Case] = field(default_factory=list[Case])
    swaps: list[int] = field(default_factory=list[int])
    """When it swapped, but for swaps back."""
    ahead: float = 0.0
    """How often it stood ahead of another, of what the pool counts."""
    seen: float = 0.0
    """How often it swapped, of what the pool counts."""
    next_alert: int = 0
    halved: int = 0
    """How often the pool's counts were when these were told last."""

    def fade(self, pool: Pool) -> None:
        """Halve its counts as often as the pool's were since."""
        if self.halved != pool.halved:
            # A pool that was forgotten begins anew.
            kept = 0.5 ** (pool.halved - self.halved) if pool.halved > self.halved else 0.0
            self.ahead *= kept
            self.seen *= kept
            self.halved = pool.halved


class State(Struct):
    """Pools and parties, the idlest first."""

    pools: dict[PoolKey, Pool] = field(default_factory=dict[PoolKey, Pool])
    parties: dict[tuple[PoolKey, str], Party] = field(
        default_factory=dict[tuple[PoolKey, str], Party]
    )


@correlator("swapped_ahead")
class SwappedAhead(Correlator[State]):
    """See the module. Memory: 10,000 pools, and 50,000 parties in one with 64 cases each."""

    parameters_type = Parameters
    partition_by = "asset"
    state_type = State
    typology = "front_running"
    actions = frozenset({"pool-swap"})

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._exempt = frozenset(parameters.exempt_labels)

    @property
    def horizon(self) -> int:
        """Cases count together for a window."""
        return self._p.window + self._p.unwind

    def observe(self, event: PoolSwap) -> Iterable[Finding]:
        """Take a swap."""
        one = leg(event)
        if one is None or not self._exempt.isdisjoint(event.investor_labels):
            return ()
        key = pool_key(event)
        pools = self.state.pools
        pool = pools.pop(key, None)
        if pool is None:
            pool = Pool()
            if len(pools) >= _MOST_POOLS:
                drop_idlest(pools, _MOST_POOLS)
        pools[key] = pool
        front, pool.newest = pool.newest, one
        if pool.swaps >= _MANY:
            pool.swaps /= 2
            pool.ahead /= 2
            pool.halved += 1
        pool.swaps += 1
        if front and front.block == one.block and self._is_ahead(front, one, event):
            pool.ahead += 1
            before = self._party(key, _name(front, key[1]), pool)
            before.ahead += 1
            before.open.append((front, one))
            del before.open[:-_MOST_OPEN]
        name = _name(one, key[1])
        party = self._party(key, name, pool)
        party.seen += 1
        case = self._back(party, one)
        if case is None:
            party.swaps.append(one.timestamp)
            del party.swaps[:-_MOST_SWAPS]
            return ()
        return self._counted(event, pool, party, case)

    def _party(self, key: PoolKey, name: str, pool: Pool) -> Party:
        parties = self.state.parties
        party = parties.pop((key, name), None)
        if party is None:
            party = Party()
            if len(parties) >= _MOST_PARTIES:
                drop_idlest(parties, _MOST_PARTIES)
        parties[(key, name)] = party
        party.fade(pool)
        return party

    def _is_ahead(self, front: Leg, other: Leg, event: PoolSwap) -> bool:
        """Whether a swap stands right ahead of another's larger one, the same way."""
        if front.paid0 != other.paid0 or front.transaction == other.transaction:
            return False
        if other.paid < self._p.minimum_victim_ratio * front.paid:
            return False
        if other.side and too_little(
            other.notional, self._p.minimum_victim_notional, event.currency
        ):
            return False
        pool = pool_key(event)[1]
        return _name(front, pool) not in (_name(other, pool), "")

    def _back(self, party: Party, back: Leg) -> Case | None:
        """The case that a swap completes, the newest first."""
        if not party.open:
            return None
        since = back.timestamp - self._p.unwind
        party.open = [one for one in party.open if one[0].timestamp >= since]
        for place in range(len(party.open) - 1, -1, -1):
            front, victim = party.open[place]
            if (
                front.paid0 != back.paid0
                and front.block < back.block
                and differs(front.got, back.paid) <= self._p.maximum_difference
            ):
                del party.open[place]
                return Case(front, victim, back)
        return None

    def _counted(self, event: PoolSwap, pool: Pool, party: Party, case: Case) -> Iterable[Finding]:
        p, now = self._p, case.back.timestamp
        oldest = now - p.window
        kept = [one for one in party.cases if one.front.timestamp >= oldest]
        if len(kept) < p.minimum_times:
            party.next_alert = 0
        party.cases = [*kept, case][-_MOST_CASES:]
        party.swaps = [time for time in party.swaps if time >= oldest]
        times = len(party.cases)
        if times < (party.next_alert or p.minimum_times):
            return ()
        # What the party did itself tells nothing of what is usual.
        others = max(0.0, pool.swaps - party.seen) + _PRIOR_SWAPS
        usual = (max(0.0, pool.ahead - party.ahead) + _PRIOR_AHEAD) / others
        tries = max(times, len(party.swaps))
        chance = binomial_tail(times, tries, min(1.0, usual))
        if chance > p.maximum_chance:
            return ()
        party.next_alert = 2 * times
        return [self._finding(event, party.cases, tries, chance)]

    def _finding(self, event: PoolSwap, cases: list[Case], tries: int, chance: float) -> Finding:
        newest, times = cases[-1], len(cases)
        known = all(one.front.side for one in cases)
        gain = float_sum(one.gain for one in cases) if known else 0.0
        names = [name for one in cases for who in (one.front, one.back) for name in who.who.names]
        called = newest.front.called
        if is_own_contract(called, event.pool):
            names.append(called)
        ways = ("bought", "sold") if newest.front.side == "buy" else ("sold", "bought back")
        if not newest.front.side:
            ways = ("swapped", "swapped back")
        longest = max(one.back.timestamp - one.front.timestamp for one in cases)
        money = f" {event.currency}" if event.currency else ""
        worth = f", and gained {amount(round(gain, 2))}{money}" if known and gain > 0 else ""
        legs = [leg for one in cases for leg in (one.front, one.victim, one.back)]
        seen: dict[str, Witness] = {one.witness.id: one.witness for one in legs}
        beyond = min(1.0, (times - self._p.minimum_times) / self._p.minimum_times)
        confidence = _BASE + _TIMES * beyond + (_GAINED if gain > 0 else 0.0)
        unsure = any(one.unsure for one in legs)
        return Finding(
            entities=tuple(dict.fromkeys([*names, event.instrument])),
            reason=(
                f"{newest.front.who} {ways[0]} in the pool {event.instrument} right before others' "
                f"larger swaps of the same block {times} times of {tries} and {ways[1]} the same "
                f"amount within {lapse(longest)}{worth}"
            ),
            witnesses=tuple(sorted(seen.values(), key=_when)),
            confidence=confidence * (_UNSURE if unsure else 1.0),
            metrics={
                "times": float(times),
                "swaps": float(tries),
                "chance": chance,
                "victims_notional": float_sum(one.victim.notional for one in cases),
                "gain_notional": gain,
                "longest_seconds": longest / SECOND,
            },
            tags=("unsure",) if unsure else (),
        )


def _name(one: Leg, pool: str) -> str:
    """Whose swap it is: the owner's, or of a contract of its own."""
    if one.who.cluster or one.who.investor:
        return one.owner
    return one.called if is_own_contract(one.called, pool) else one.owner


def _when(one: Witness) -> int:
    return one.timestamp
