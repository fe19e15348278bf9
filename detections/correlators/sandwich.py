"""Sandwiches: a swap before others' swaps and one behind them, by one party, in one pool.

MiCA Articles 91 and 92 (Commission Delegated Regulation (EU) 2025/885 has maximal extractable value
among what is to be watched); MEV Inspect's definition (flashbots/mev-inspect-py, `sandwiches.py`)
and, for equal amounts, Dune Spellbook's `dex.sandwiches`. All of this must hold:

1. A party swaps one way (front), others behind it swap the same way (victims, at least one), and
   then the party swaps the other way (back). Each in a transaction of its own, in one pool.
2. Front and back are one party's: of one cluster, investor or wallet; or both transactions called
   one contract, which is no router, not the pool, and not what a victim called as well. Where only
   logs are known, that is the contract that called the pool, as MEV Inspect has it. One wallet
   that signs for many (a batch's solver, a bundler) isn't one party unless the receiver is.
3. The back gives what the front got, within `maximum_difference`. That isn't asked of a party with
   a contract of its own, which a person who just changes their mind doesn't have. Who comes by a
   router must have gained by it, in transactions right behind each other in the block.
4. From the front to the back it is `blocks` or fewer. With one block the order was certain, so it
   is a sandwich as MEV Inspect means it. Over several, who makes the later block is unknown to
   most, so it is also asked that the back got more than the front paid, that amounts are equal,
   that what others swapped the other way in between is less than what the victims swapped (it is
   these who moved the price), that a victim is in another block than the front (else it is
   `swapped_ahead`), and that the party did it `minimum_times` within a day, with `minimum_share` of
   all its swaps then: a bot does little else, and of many who trade all day somebody's swaps are
   always around another's. Those within one block are left to the other rule.

Several victims, and several fronts before them, are one sandwich. What the party gained is what
the back got less what the front paid, in the asset that the front paid, as far as the amounts are
the same; gas and what was paid to who made the block are not in it.

All wallets and contracts are on the chain, so nothing else is needed. Whether the victims' swaps
were known from the mempool isn't asked; see `pool_front_running`.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding
from detections.alerting.wording import amount, percent
from detections.correlators.base import Correlator, correlator
from detections.float_sum import float_sum
from detections.idlest import drop_idlest, latest
from detections.money import too_little
from detections.pools.party_swaps import PartySwaps, note_swap
from detections.pools.swaps import Leg, PoolKey, differs, is_own_contract, leg, pool_key
from normalizer.events.chain import PoolSwap
from pipeline.units import DAY, MINUTE, Ratio

_MOST_POOLS = 10_000
_MOST_LEGS = 512
_MOST_PARTIES = 10_000
_MOST_TIMES = 64
_MOST_SWAPS = 256
_MOST_VICTIMS = 64
# Confidence before it is calibrated on labelled data: of one wallet's swaps, or of one contract's;
# what equal amounts and a gain add; and what a router and several blocks take away.
_ONE_PARTY, _ONE_CONTRACT, _EQUAL, _GAINED = 0.7, 0.6, 0.2, 0.1
#: Of the first time within a day by a router, as anybody may come.
_BY_ROUTER = 0.3
_SEVERAL_BLOCKS = 0.6
_UNSURE = 0.6
#: What was signed for by two may differ by so much, if it is one bot's.
_STRANGERS = 0.1


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on sandwiches sets."""

    #: Blocks from the first swap to the last, both counted. One: within a block.
    blocks: Annotated[int, Meta(ge=1, le=10)] = 1
    #: By how much what is given back may differ from what was got first.
    maximum_difference: Annotated[Ratio, Meta(ge=0, le=0.5)] = 0.01
    #: Worth of the victims' swaps together, where known, below which nothing is said,
    #: in dollars or what is about as much (see `detections.money`).
    minimum_victims_notional: Annotated[float, Meta(ge=0)] = 0.0
    #: How often the party must have done it within a day.
    minimum_times: Annotated[int, Meta(ge=1, le=50)] = 1
    #: Over several blocks: the part of the party's swaps within a day that are fronts and backs.
    minimum_share: Annotated[Ratio, Meta(ge=0, le=1)] = 0.5
    #: Who has one of these labels is left out.
    exempt_labels: tuple[str, ...] = ("router", "pool")


class Recent(Struct, array_like=True):
    """The newest swaps of a pool, in the chain's order."""

    legs: list[Leg] = field(default_factory=list[Leg])
    #: Transactions that were a sandwich's front already.
    used: list[str] = field(default_factory=list[str])


class State(Struct):
    """The pools, the idlest first; when parties did it before."""

    pools: dict[PoolKey, Recent] = field(default_factory=dict[PoolKey, Recent])
    times: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    swaps: PartySwaps = field(default_factory=dict[str, dict[str, int]])
    """When parties swapped, where that is counted: over several blocks."""


class _Sandwich(Struct):
    fronts: list[Leg]
    victims: list[Leg]
    back: Leg
    one_party: bool
    difference: float

    @property
    def in_a_row(self) -> bool:
        """Whether no other transaction stands between the first and the last; true if unknown."""
        places = {one.index for one in (*self.fronts, *self.victims, self.back)}
        return -1 in places or max(places) - min(places) < len(places)

    @property
    def gain(self) -> int:
        """In smallest units of what the fronts paid, of the part that was given back."""
        paid, got = sum(one.paid for one in self.fronts), sum(one.got for one in self.fronts)
        given = self.back.paid
        if given >= got:  # what was had before was sold as well
            return self.back.got * got // given - paid
        return self.back.got - paid * given // got


@correlator("sandwich")
class Sandwich(Correlator[State]):
    """See the module. Memory: at most 10,000 pools with 512 swaps of their newest blocks each."""

    parameters_type = Parameters
    partition_by = "asset"
    state_type = State
    state_version = 2
    typology = "front_running"
    actions = frozenset({"pool-swap"})

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._exempt = frozenset(parameters.exempt_labels)

    @property
    def horizon(self) -> int:
        """A pool's newest blocks; or what the party did within a day, where that is counted."""
        counted = self._p.minimum_times > 1 or self._p.blocks > 1
        return DAY if counted else 10 * MINUTE

    def observe(self, event: PoolSwap) -> Iterable[Finding]:
        """Take a swap: it may be the back of a sandwich."""
        one = leg(event)
        if one is None or not self._exempt.isdisjoint(event.investor_labels):
            return ()
        recent = self._recent(pool_key(event), one)
        found = self._closed_by(one, event.pool, recent) if len(recent.legs) > 1 else None
        recent.legs.append(one)
        if self._p.blocks > 1:
            note_swap(self.state.swaps, one.owner or one.called, one, DAY, _MOST_SWAPS)
        if found is None:
            return ()
        recent.used += [front.transaction for front in found.fronts]
        return self._judged(event, found)

    def _recent(self, key: PoolKey, one: Leg) -> Recent:
        recent = latest(self.state.pools, key, _MOST_POOLS, Recent)
        oldest = one.block - self._p.blocks
        if recent.legs and recent.legs[0].block <= oldest:
            recent.legs = [had for had in recent.legs if had.block > oldest]
            kept = {had.transaction for had in recent.legs}
            recent.used = [name for name in recent.used if name in kept]
        del recent.legs[:-_MOST_LEGS]
        return recent

    def _closed_by(self, back: Leg, pool: str, recent: Recent) -> _Sandwich | None:
        """The sandwich whose back this is."""
        fronts: list[Leg] = []
        one_party = False
        for front in recent.legs:
            if (
                front.paid0 != back.paid0
                and front.transaction != back.transaction
                and front.transaction not in recent.used
                and (self._p.blocks == 1 or front.block != back.block)
            ):
                same = _same_party(front, back)
                if same or _same_contract(front, back, pool):
                    fronts.append(front)
                    one_party = one_party or same
        if not fronts:
            return None
        first = fronts[0]
        began = recent.legs.index(first)
        own = {back.transaction, *(front.transaction for front in fronts)}
        victims = [
            other
            for other in recent.legs[began + 1 :]
            if other.paid0 == first.paid0
            and other.transaction not in own
            and not _same_party(other, back)
        ]
        if not victims:
            return None
        last = recent.legs.index(victims[-1])
        fronts = [front for front in fronts if recent.legs.index(front) < last]
        contract = is_own_contract(back.called, pool) and all(
            front.called == back.called for front in fronts
        )
        if contract and any(victim.called == back.called for victim in victims):
            contract = False  # many use it: a router that nobody told us of
        difference = differs(sum(front.got for front in fronts), back.paid)
        if not contract and not (one_party and difference <= self._p.maximum_difference):
            return None
        found = _Sandwich(fronts, victims, back, one_party, difference)
        if not one_party and (difference > _STRANGERS or found.gain <= 0):
            return None  # two who call one contract: as its users would
        several = first.block != back.block
        if not contract and back.called and (found.gain <= 0 or not (several or found.in_a_row)):
            return None
        if several and (
            difference > self._p.maximum_difference
            or found.gain <= 0
            or all(victim.block == first.block for victim in victims)
            or _other_way(first, recent.legs[began + 1 :]) >= sum(one.paid for one in victims)
        ):
            return None
        return found

    def _judged(self, event: PoolSwap, found: _Sandwich) -> Iterable[Finding]:
        known = found.back.side and all(victim.side for victim in found.victims)
        notional = float_sum(victim.notional for victim in found.victims)
        if known and too_little(notional, self._p.minimum_victims_notional, event.currency):
            return ()
        name = found.back.owner or found.back.called
        times = _note(self.state.times, name, found.back.timestamp)
        if times < self._p.minimum_times:
            return ()
        if self._p.blocks > 1 and not self._does_little_else(name):
            return ()
        return [self._finding(event, found, notional, times)]

    def _does_little_else(self, name: str) -> bool:
        """Whether enough of its swaps are fronts and backs, as far back as they are known."""
        swaps = self.state.swaps[name]
        oldest = next(iter(swaps.values()))
        times = sum([time >= oldest for time in self.state.times[name]])
        return 2 * times >= self._p.minimum_share * len(swaps)

    def _finding(self, event: PoolSwap, found: _Sandwich, notional: float, times: int) -> Finding:
        fronts, victims, back = found.fronts, found.victims, found.back
        blocks = back.block - fronts[0].block + 1
        gain = _whole_gain(found)
        money = (event.currency if fronts[0].side == "buy" else event.token_symbol) or ""
        # What smallest units are worth is unknown without the reference data.
        worth = f"{found.gain:,} smallest units" if gain is None else f"{amount(gain)} {money}"
        result = f"gained {worth.rstrip()}" if found.gain > 0 else "gained nothing"
        share = found.difference
        equal = share <= self._p.maximum_difference
        names = _names([*fronts, back])
        parties = list(dict.fromkeys(victim.owner or victim.called for victim in victims))
        where = f"in the block {back.block}" if blocks == 1 else f"within {blocks} blocks"
        each = "the same amount" if share == 0 else f"an amount that differs by {percent(share)}"
        ways = ("bought", "sold") if fronts[0].side == "buy" else ("sold", "bought back")
        if not fronts[0].side:
            ways = ("swapped", "swapped back")
        confidence = (_ONE_PARTY if found.one_party else _ONE_CONTRACT) + (_EQUAL if equal else 0.0)
        confidence += _GAINED if found.gain > 0 else 0.0
        if times == 1 and back.called and not is_own_contract(back.called, event.pool):
            confidence -= _BY_ROUTER
        unsure = any(one.unsure for one in (*fronts, *victims, back))
        legs = [*fronts, *victims[:_MOST_VICTIMS], back]
        return Finding(
            entities=tuple(dict.fromkeys([*names, event.instrument])),
            reason=(
                f"{_who(fronts[0], back)} {ways[0]} in the pool {event.instrument} before "
                f"{_counted(len(victims), 'swap')} of {_counted(len(parties), 'other')} and "
                f"{ways[1]} {each} behind, {where}, and {result}"
            ),
            witnesses=tuple({one.witness.id: one.witness for one in legs}.values()),
            confidence=round(min(1.0, confidence), 3)
            * (_SEVERAL_BLOCKS if blocks > 1 else 1.0)
            * (_UNSURE if unsure else 1.0),
            metrics={
                "victims": float(len(victims)),
                "victims_notional": notional,
                "fronts": float(len(fronts)),
                "blocks": float(blocks),
                "gain": float(found.gain) if gain is None else gain,
                "gain_raw": float(found.gain),
                "difference": share,
                "times_in_a_day": float(times),
            },
            tags=("unsure",) if unsure else (),
        )


def _note(of: dict[str, list[int]], name: str, now: int) -> int:
    """Note a time of a party; returns how many there are of the last day."""
    times = of.pop(name, [])
    times.append(now)
    of[name] = times = [time for time in times[-_MOST_TIMES:] if now - time <= DAY]
    if len(of) > _MOST_PARTIES:
        drop_idlest(of, _MOST_PARTIES)
    return len(times)


def _other_way(first: Leg, legs: Sequence[Leg]) -> int:
    """What was got of the asset that a front paid by those who swapped the other way."""
    return sum(one.got for one in legs if one.paid0 != first.paid0)


def _same_party(one: Leg, other: Leg) -> bool:
    return bool(one.owner) and one.owner == other.owner


def _same_contract(front: Leg, back: Leg, pool: str) -> bool:
    return front.called == back.called and is_own_contract(back.called, pool)


def _whole_gain(found: _Sandwich) -> float | None:
    """The gain in whole units of what the fronts paid; None where these aren't known."""
    first = found.fronts[0]
    paid = sum(front.paid for front in found.fronts)
    whole = float_sum(
        front.notional if first.side == "buy" else front.quantity for front in found.fronts
    )
    return whole * found.gain / paid if first.side and whole else None


def _names(legs: Sequence[Leg]) -> list[str]:
    names = [name for one in legs for name in (*one.who.names, one.called) if name]
    return list(dict.fromkeys(names))


def _who(front: Leg, back: Leg) -> str:
    if front.who == back.who:
        return str(back.who)
    if _same_party(front, back):
        return f"{front.who} and {back.who}"
    return f"{back.called}, called by {front.who} and {back.who},"


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
