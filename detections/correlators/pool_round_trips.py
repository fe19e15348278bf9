"""Wash trading in a pool: one owner swaps back and forth, and nothing comes of it.

MAR Annex I A(c), MiCA Article 91(2)(a). A pool has no second party, so who trades with a pool that
others' orders never meet can only wash by going both ways. Two things are counted of each owner (a
cluster, an investor or a wallet, by the widest name known) and pool, and either is enough:

- **pairs**: within `window`, `minimum_pairs` swaps each with its way back no more than
  `pair_blocks` blocks later, of an amount that differs by `maximum_difference` at most, in a
  transaction of its own. Chainalysis counts these (Crypto Crime Report 2025: 25 blocks, 1%, three
  times). They must be `minimum_paired` of all that the owner swaps there.
- **net**: within `net_window`, `minimum_swaps` swaps, after which the position has changed by
  `maximum_net_share` of a mean swap at most: Victor and Weintraud's measure of a set of trades
  ("Detecting and Quantifying Wash Trading on Decentralized Cryptocurrency Exchanges", WWW 2021;
  1%), for one owner.

And always: **the owner gained nothing by it**, in the other asset, what is left of the position at
its own average price. Who washes pays the pool's fee twice. Who goes back and forth for a reason
gains: an arbitrageur between the pool and a venue, a market maker, a sandwich (which is another
correlator's). So a wash while the price happens to go the right way is missed, unless it comes
again.

A series alerts at `minimum_pairs` or `minimum_swaps`, at multiples of them, then when it has
doubled. Both ways in one transaction are `pool_transaction_wash`'s. Everything is on the chain; an
owner who uses wallets that no cluster has brought together is seen wallet by wallet.
"""

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct, field

from detections.correlator_state import Whole
from detections.correlators.base import Correlator, correlator
from detections.findings import Finding
from detections.pool_swaps import Leg, differs, leg, pool_key
from detections.wording import amount, lapse, percent
from normalizer.events.chain import PoolSwap
from pipeline.units import DAY, HOUR, MINUTE, WEEK, Duration, Ratio

_MOST_OWNERS = 50_000
_MOST_OPEN = 32
_MOST_PAIRS = 500
_MOST_NET = 500
#: Up to so many times the minimum, a series alerts at each multiple of it.
_EVERY = 5
# Confidence before it is calibrated on labelled data: a base, and what more pairs than needed, and
# exacter ones, add to it.
_BASE, _MORE, _EXACT = 0.65, 0.2, 0.15
_UNSURE = 0.6


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on round trips in pools sets."""

    #: The time within which pairs count together, by event time.
    window: Annotated[Duration, Meta(ge=MINUTE, le=WEEK)] = DAY
    #: Swaps with their way back that make an alert.
    minimum_pairs: Annotated[int, Meta(ge=1, le=100)] = 3
    #: Blocks from a swap to its way back.
    pair_blocks: Annotated[int, Meta(ge=0, le=10_000)] = 25
    #: By how much the amounts of a pair may differ.
    maximum_difference: Annotated[Ratio, Meta(ge=0, le=0.2)] = 0.01
    #: Part of the owner's swaps in the pool that must be pairs.
    minimum_paired: Annotated[Ratio, Meta(ge=0, le=1)] = 0.8
    #: The time within which the position is looked at, by event time.
    net_window: Annotated[Duration, Meta(ge=MINUTE, le=WEEK)] = HOUR
    #: Swaps that make an alert where the position is what it was.
    minimum_swaps: Annotated[int, Meta(ge=2, le=400)] = 6
    #: What of a mean swap may be left as a change of the position.
    maximum_net_share: Annotated[Ratio, Meta(ge=0, le=1)] = 0.01
    #: Value swapped, in the quote asset where that is known, below which nothing is said.
    minimum_gross: Annotated[float, Meta(ge=0)] = 0.0
    #: Who has one of these labels is left out.
    exempt_labels: tuple[str, ...] = ("market_maker", "router", "pool")


class Pair(Struct, frozen=True, array_like=True):
    """A swap and its way back."""

    there: Leg
    back: Leg
    difference: float


class Owner(Struct, array_like=True):
    """What one owner does in one pool."""

    open: list[Leg] = field(default_factory=list[Leg])
    """Swaps whose way back may still come."""
    pairs: list[Pair] = field(default_factory=list[Pair])
    singles: list[int] = field(default_factory=list[int])
    """When swaps were that had no way back in time."""
    recent: list[Leg] = field(default_factory=list[Leg])
    """Of the net window, with the sums of what went in and out of the pool."""
    net0: Whole = Whole(0)
    net1: Whole = Whole(0)
    gross0: Whole = Whole(0)
    gross1: Whole = Whole(0)
    series_until: int = 0
    alerts: int = 0
    next_pairs: int = 0
    next_swaps: int = 0


Key = tuple[int, str, int, int, str]


class State(Struct):
    """The owners by pool, the idlest first."""

    owners: dict[Key, Owner] = field(default_factory=dict[Key, Owner])


class _Seen(Struct):
    """What an owner's swaps come to."""

    legs: list[Leg]
    result: int
    """What the owner gained, in smallest units of `asset`; at most 0."""
    asset: int
    difference: float
    pairs: int


@correlator("pool_round_trips")
class PoolRoundTrips(Correlator[State]):
    """See the module. Memory: at most 50,000 owners, with 1,032 swaps each."""

    parameters_type = Parameters
    partition_by = "asset"
    state_type = State
    typology = "wash_trading"
    actions = frozenset({"pool-swap"})

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._exempt = frozenset(parameters.exempt_labels)

    @property
    def horizon(self) -> int:
        """A series lasts a window from its first swap, and so do its swaps."""
        return 2 * max(self._p.window, self._p.net_window)

    def observe(self, event: PoolSwap) -> Iterable[Finding]:
        """Take a swap: it may be the way back of one before."""
        one = leg(event)
        if one is None or not one.owner or not self._exempt.isdisjoint(event.investor_labels):
            return ()
        owner = self._owner((*pool_key(event), one.owner), one)
        self._pair(owner, one)
        self._net(owner, one)
        if owner.series_until and one.timestamp >= owner.series_until:
            owner.series_until = owner.alerts = owner.next_pairs = owner.next_swaps = 0
        seen = self._by_pairs(owner) or self._by_net(owner)
        if seen is None or not self._worth_it(seen):
            return ()
        return [self._finding(event, one.owner, owner, seen)]

    def _worth_it(self, seen: _Seen) -> bool:
        """Whether enough was swapped, where it is known what that is worth."""
        known = all(one.side for one in seen.legs)
        return not known or sum(one.notional for one in seen.legs) >= self._p.minimum_gross

    def _owner(self, key: Key, one: Leg) -> Owner:
        # Taken out and put back at the end, so that the first is always the idlest.
        owners = self.state.owners
        owner = owners.pop(key, None)
        if owner is None:
            owner = Owner()
            if len(owners) >= _MOST_OWNERS:
                del owners[next(iter(owners))]
        owners[key] = owner
        first = one.block - self._p.pair_blocks
        if owner.open and owner.open[0].block < first:
            owner.singles += [had.timestamp for had in owner.open if had.block < first]
            owner.open = [had for had in owner.open if had.block >= first]
        oldest = one.timestamp - self._p.window
        if owner.singles and owner.singles[0] < oldest:
            owner.singles = [time for time in owner.singles if time >= oldest]
        del owner.singles[:-_MOST_PAIRS]
        if owner.pairs and owner.pairs[0].there.timestamp < oldest:
            owner.pairs = [had for had in owner.pairs if had.there.timestamp >= oldest]
        return owner

    def _pair(self, owner: Owner, one: Leg) -> None:
        """Find what this is the way back of."""
        way, paid, got = one.paid0, one.paid, one.got
        for place in range(len(owner.open) - 1, -1, -1):
            there = owner.open[place]
            if there.paid0 == way or there.transaction == one.transaction:
                continue
            difference = min(differs(there.got, paid), differs(there.paid, got))
            if difference <= self._p.maximum_difference and _lost(there, one):
                del owner.open[place]
                owner.pairs.append(Pair(there, one, difference))
                del owner.pairs[:-_MOST_PAIRS]
                return
        owner.open.append(one)
        if len(owner.open) > _MOST_OPEN:
            owner.singles.append(owner.open.pop(0).timestamp)

    def _net(self, owner: Owner, one: Leg) -> None:
        owner.recent.append(one)
        _count(owner, one, 1)
        oldest, stale = one.timestamp - self._p.net_window, 0
        while owner.recent[stale].timestamp < oldest or len(owner.recent) - stale > _MOST_NET:
            _count(owner, owner.recent[stale], -1)
            stale += 1
        del owner.recent[:stale]

    def _by_pairs(self, owner: Owner) -> _Seen | None:
        pairs = owner.pairs
        if len(pairs) < (owner.next_pairs or self._p.minimum_pairs):
            return None
        others = len(owner.open) + len(owner.singles)
        if 2 * len(pairs) < self._p.minimum_paired * (2 * len(pairs) + others):
            return None
        legs = [one for pair in pairs for one in (pair.there, pair.back)]
        legs.sort(key=_place)
        result, asset = _result(legs)
        difference = sum(pair.difference for pair in pairs) / len(pairs)
        return _Seen(legs, result, asset, difference, len(pairs)) if result <= 0 else None

    def _by_net(self, owner: Owner) -> _Seen | None:
        count = len(owner.recent)
        if count < (owner.next_swaps or self._p.minimum_swaps):
            return None
        share = count * _net_share(owner)
        if share > self._p.maximum_net_share:
            return None
        legs = list(owner.recent)
        # Both ways in one transaction are another correlator's.
        if len({one.transaction for one in legs}) < max(2, self._p.minimum_swaps // 2):
            return None
        result, asset = _result(legs)
        return _Seen(legs, result, asset, share, len(owner.pairs)) if result <= 0 else None

    def _finding(self, event: PoolSwap, name: str, owner: Owner, seen: _Seen) -> Finding:
        legs = seen.legs
        notional = sum(one.notional for one in legs)
        owner.alerts += 1
        owner.series_until = owner.series_until or legs[0].timestamp + self._p.window
        owner.next_pairs = _next(max(seen.pairs, len(owner.pairs)), self._p.minimum_pairs)
        owner.next_swaps = _next(len(owner.recent), self._p.minimum_swaps)
        bought = sum(one.quantity for one in legs if one.side == "buy")
        sold = sum(one.quantity for one in legs if one.side == "sell")
        parties = list(dict.fromkeys(one.who for one in legs))
        wallets = list(dict.fromkeys(party.account or name for party in parties))
        who = str(parties[0]) if len(wallets) == 1 else f"{len(wallets)} wallets of {name}"
        symbol = f" {event.token_symbol}" if event.token_symbol else ""
        what = f"bought {amount(bought)} and sold {amount(sold)}{symbol}"
        money = f" worth {amount(notional)} {event.currency or ''}".rstrip() if notional else ""
        paired = f", {seen.pairs} of them there and back" if seen.pairs else ""
        lost = _lost_share(legs, seen)
        result = f"lost {percent(lost)}" if lost else "gained nothing"
        unsure = any(one.unsure for one in legs)
        more = min(1.0, len(legs) / (2 * max(self._p.minimum_swaps, 2 * self._p.minimum_pairs)))
        limit = self._p.maximum_difference if seen.pairs else self._p.maximum_net_share
        exact = 1.0 - min(1.0, seen.difference / limit) if limit else 1.0
        return Finding(
            entities=tuple(
                dict.fromkeys([name, *(each for party in parties for each in party.names)])
            ),
            reason=(
                f"{who} {what if bought or sold else 'swapped back and forth'} in the pool "
                f"{event.instrument} within {lapse(legs[-1].timestamp - legs[0].timestamp)}: "
                f"{len(legs)} swaps{paired}{money}, and {result} by it"
            ),
            witnesses=tuple(one.witness for one in legs),
            confidence=round(
                (_BASE + _MORE * more + _EXACT * exact) * (_UNSURE if unsure else 1.0), 3
            ),
            metrics={
                "swaps": float(len(legs)),
                "pairs": float(seen.pairs),
                "quantity_bought": bought,
                "quantity_sold": sold,
                "notional": notional,
                "difference": seen.difference,
                "lost_share": lost,
                "wallets": float(len(wallets)),
                "alert_of_series": float(owner.alerts),
            },
            tags=("unsure",) if unsure else (),
        )


def _place(one: Leg) -> tuple[int, int]:
    return one.block, one.index


def _count(owner: Owner, one: Leg, sign: int) -> None:
    owner.net0 = Whole(owner.net0 + sign * one.amount0)
    owner.net1 = Whole(owner.net1 + sign * one.amount1)
    owner.gross0 = Whole(owner.gross0 + sign * abs(one.amount0))
    owner.gross1 = Whole(owner.gross1 + sign * abs(one.amount1))


def _net_share(owner: Owner) -> float:
    """What of the volume is left, in the asset of which the least is left."""
    return min(
        abs(owner.net0) / owner.gross0 if owner.gross0 else 1.0,
        abs(owner.net1) / owner.gross1 if owner.gross1 else 1.0,
    )


def _lost(there: Leg, back: Leg) -> bool:
    """Whether nothing was gained by the way there and back."""
    return _result([there, back])[0] <= 0


def _result(legs: list[Leg]) -> tuple[int, int]:
    """What the legs gained their owner, and in which asset: the one of which more is left over.

    What is left of the other one counts at the legs' own average price.
    """
    net0, net1 = sum(one.amount0 for one in legs), sum(one.amount1 for one in legs)
    gross0 = sum(abs(one.amount0) for one in legs)
    gross1 = sum(abs(one.amount1) for one in legs)
    # |net0| / gross0 < |net1| / gross1, without division.
    if abs(net0) * gross1 < abs(net1) * gross0:
        return -(net1 * gross0 + net0 * gross1) // gross0, 1
    return -(net0 * gross1 + net1 * gross0) // gross1, 0


def _lost_share(legs: list[Leg], seen: _Seen) -> float:
    """The loss as a part of what was swapped."""
    gross = sum(abs(one.amount1 if seen.asset else one.amount0) for one in legs)
    return -seen.result / gross if gross else 0.0


def _next(count: int, minimum: int) -> int:
    """How many there must be for the next alert of a series."""
    multiple = count // minimum
    return (multiple + 1) * minimum if multiple < _EVERY else 2 * count
