"""Wash trading in a pool: one owner swaps back and forth, and nothing comes of it.

MAR Annex I A(c), MiCA Article 91(2)(a). In a pool nobody's order meets another's, so who washes
there can only go both ways. What is counted of each owner (a cluster, an investor or a wallet, by
the widest name known) and pool are **round trips**, of two forms:

- a swap and its way back, no more than `pair_blocks` blocks later, of an amount that differs by
  `maximum_difference` at most, in a transaction of its own;
- up to `maximum_swaps` swaps in a row, within `position_window`, after which the position has
  changed by `maximum_net_share` of a mean swap at most: Victor and Weintraud's measure of a set of
  trades ("Detecting and Quantifying Wash Trading on Decentralized Cryptocurrency Exchanges", WWW
  2021; 1%), for one owner.

All of this must hold:

1. Within `window` there are `minimum_trips` round trips. Chainalysis counts pairs in this way
   (Crypto Crime Report 2025: 25 blocks, 1%, three times).
2. They are `minimum_share` or more of all swaps of the owner there. Who trades a lot comes back to
   where he was now and then.
3. **The owner gained nothing by any of them**, in the other asset, what is left of the position at
   its own average price. Who washes pays the pool's fee twice. Who goes back and forth for a reason
   gains: an arbitrageur between the pool and a venue, a market maker, a sandwich (which is another
   correlator's). So a wash while the price happens to go the right way is missed, unless it comes
   again.

A series alerts at `minimum_trips`, at multiples of it, then when it has doubled. Both ways in one
transaction are `pool_transaction_wash`'s. Everything is on the chain; an owner who uses wallets
that no cluster has brought together is seen wallet by wallet.
"""

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding
from detections.alerting.wording import amount, lapse, percent
from detections.correlators.base import Correlator, correlator
from detections.float_sum import float_sum
from detections.idlest import drop_idlest
from detections.money import too_little
from detections.pools.swaps import Leg, differs, leg, pool_key
from normalizer.events.chain import PoolSwap
from pipeline.units import DAY, HOUR, MINUTE, WEEK, Duration, Ratio

_MOST_OWNERS = 50_000
_MOST_OPEN = 32
_MOST_TRIPS = 500
#: Up to so many times the minimum, a series alerts at each multiple of it.
_EVERY = 5
# Confidence before it is calibrated on labelled data: a base, and what more trips than needed, and
# exacter ones, add to it.
_BASE, _MORE, _EXACT = 0.65, 0.2, 0.15
_UNSURE = 0.6


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on round trips in pools sets."""

    #: The time within which round trips count together, by event time.
    window: Annotated[Duration, Meta(ge=MINUTE, le=WEEK)] = DAY
    #: Round trips that make an alert.
    minimum_trips: Annotated[int, Meta(ge=1, le=100)] = 3
    #: Part of the owner's swaps in the pool that must be round trips.
    minimum_share: Annotated[Ratio, Meta(ge=0, le=1)] = 0.8
    #: Blocks from a swap to its way back.
    pair_blocks: Annotated[int, Meta(ge=0, le=10_000)] = 25
    #: By how much the amounts of a swap and its way back may differ.
    maximum_difference: Annotated[Ratio, Meta(ge=0, le=0.2)] = 0.01
    #: Swaps that may be one round trip, if the position is what it was. 2: none but pairs.
    maximum_swaps: Annotated[int, Meta(ge=2, le=12)] = 6
    #: The time that such a round trip may take.
    position_window: Annotated[Duration, Meta(ge=MINUTE, le=WEEK)] = HOUR
    #: What of a mean swap may be left as a change of the position.
    maximum_net_share: Annotated[Ratio, Meta(ge=0, le=1)] = 0.01
    #: Value swapped, where known, below which nothing is said,
    #: in dollars or what is about as much (see `detections.money`).
    minimum_gross: Annotated[float, Meta(ge=0)] = 0.0
    #: Who has one of these labels is left out.
    exempt_labels: tuple[str, ...] = ("market_maker", "router", "pool")


class Trip(Struct, frozen=True, array_like=True):
    """Swaps after which nothing has changed; by what part something has."""

    legs: list[Leg]
    difference: float


class Owner(Struct, array_like=True):
    """What one owner does in one pool."""

    open: list[Leg] = field(default_factory=list[Leg])
    """Swaps whose way back may still come."""
    trips: list[Trip] = field(default_factory=list[Trip])
    singles: list[int] = field(default_factory=list[int])
    """When swaps were that had no way back in time."""
    series_until: int = 0
    alerts: int = 0
    next_alert: int = 0
    told: int = 0
    """When the newest alert was: what came before is in it."""


Key = tuple[int, str, int, int, str]


class State(Struct):
    """The owners by pool, the idlest first."""

    owners: dict[Key, Owner] = field(default_factory=dict[Key, Owner])


@correlator("pool_round_trips")
class PoolRoundTrips(Correlator[State]):
    """See the module. Memory: at most 50,000 owners, with 500 round trips and 32 swaps each."""

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
        return 2 * max(self._p.window, self._p.position_window)

    def observe(self, event: PoolSwap) -> Iterable[Finding]:
        """Take a swap: it may be the way back of one before."""
        one = leg(event)
        if one is None or not one.owner or not self._exempt.isdisjoint(event.investor_labels):
            return ()
        owner = self._owner((*pool_key(event), one.owner), one)
        trip = self._closed_by(owner, one)
        if trip is None:
            owner.open.append(one)
            if len(owner.open) > _MOST_OPEN:
                owner.singles.append(owner.open.pop(0).timestamp)
            return ()
        owner.trips.append(trip)
        del owner.trips[:-_MOST_TRIPS]
        if owner.series_until and one.timestamp >= owner.series_until:
            owner.series_until = owner.alerts = owner.next_alert = 0
            # The next series is of what no alert of this one has.
            owner.trips = [had for had in owner.trips if had.legs[-1].timestamp > owner.told]
        if len(owner.trips) < (owner.next_alert or self._p.minimum_trips):
            return ()
        if not self._is_most(owner, sum([len(trip.legs) for trip in owner.trips])):
            return ()
        legs = sorted((leg for trip in owner.trips for leg in trip.legs), key=_place)
        if not self._worth_it(legs, event.currency):
            return ()
        return [self._finding(event, one.owner, owner, legs)]

    def _is_most(self, owner: Owner, legs: int) -> bool:
        """Whether round trips are most of what the owner does."""
        return legs >= self._p.minimum_share * (legs + len(owner.open) + len(owner.singles))

    def _worth_it(self, legs: list[Leg], currency: str | None) -> bool:
        """Whether enough was swapped, where it is known what that is worth."""
        if not all(one.side for one in legs):
            return True
        swapped = float_sum(one.notional for one in legs)
        return not too_little(swapped, self._p.minimum_gross, currency)

    def _owner(self, key: Key, one: Leg) -> Owner:
        # Taken out and put back at the end, so that the first is always the idlest.
        owners = self.state.owners
        owner = owners.pop(key, None)
        if owner is None:
            owner = Owner()
            if len(owners) >= _MOST_OWNERS:
                drop_idlest(owners, _MOST_OWNERS - 1)
        owners[key] = owner
        self._forget(owner, one)
        return owner

    def _forget(self, owner: Owner, one: Leg) -> None:
        """What is too old, by the newest swap."""
        block, time = one.block - self._p.pair_blocks, one.timestamp - self._p.position_window
        if owner.open and owner.open[0].block < block and owner.open[0].timestamp < time:
            stale = [had for had in owner.open if had.block < block and had.timestamp < time]
            owner.singles += [had.timestamp for had in stale]
            del owner.open[: len(stale)]
        oldest = one.timestamp - self._p.window
        if owner.singles and owner.singles[0] < oldest:
            owner.singles = [had for had in owner.singles if had >= oldest]
        del owner.singles[:-_MOST_TRIPS]
        if owner.trips and owner.trips[0].legs[0].timestamp < oldest:
            owner.trips = [had for had in owner.trips if had.legs[0].timestamp >= oldest]

    def _closed_by(self, owner: Owner, one: Leg) -> Trip | None:
        """The round trip that this swap completes; its legs aren't open any more."""
        way, most = one.amount0 > 0, self._p.maximum_difference
        block, transaction = one.block - self._p.pair_blocks, one.transaction
        one0, one1 = abs(one.amount0), abs(one.amount1)
        opened = owner.open
        for place in range(len(opened) - 1, -1, -1):
            there = opened[place]
            if there.block < block:
                continue
            there0 = there.amount0
            if (there0 > 0) is way or there.transaction == transaction:
                continue
            difference = min(differs(abs(there0), one0), differs(abs(there.amount1), one1))
            if difference <= most and _gain([there, one]) <= 0:
                del opened[place]
                return Trip([there, one], difference)
        return self._position_closed_by(opened, one)

    def _position_closed_by(self, opened: list[Leg], one: Leg) -> Trip | None:
        """Several swaps after which this one brings the position back to what it was."""
        most, since = self._p.maximum_net_share, one.timestamp - self._p.position_window
        net0, net1 = one.amount0, one.amount1
        gross0, gross1 = abs(net0), abs(net1)
        # Whether token0 is the watched one, by the oldest that says so.
        token0 = (one.side == "buy") == (net0 < 0) if one.side else None
        count = 1
        for place in range(len(opened) - 1, max(-1, len(opened) - self._p.maximum_swaps), -1):
            there = opened[place]
            if there.timestamp < since:
                break
            amount0, amount1 = there.amount0, there.amount1
            net0, net1 = net0 + amount0, net1 + amount1
            gross0, gross1 = gross0 + abs(amount0), gross1 + abs(amount1)
            if there.side:
                token0 = (there.side == "buy") == (amount0 < 0)
            count += 1
            if count == 2:
                continue
            # What of a mean swap is left as a change of the position: in the token, or, where it
            # isn't known which asset that is, in the one of which less is left.
            if token0 is None:
                left = min(abs(net0) * count / gross0, abs(net1) * count / gross1)
            elif token0:
                left = min(abs(net0) * count / gross0, 1.0)
            else:
                left = min(abs(net1) * count / gross1, 1.0)
            if left <= most:
                legs = [*opened[place:], one]
                # Both ways in one transaction are another correlator's.
                if len({leg.transaction for leg in legs}) > 1 and _gain(legs) <= 0:
                    del opened[place:]
                    return Trip(legs, left)
                break
        return None

    def _finding(self, event: PoolSwap, name: str, owner: Owner, legs: list[Leg]) -> Finding:
        trips, notional = len(owner.trips), float_sum(one.notional for one in legs)
        owner.alerts += 1
        owner.told = event.timestamp
        owner.series_until = owner.series_until or legs[0].timestamp + self._p.window
        owner.next_alert = _next(trips, self._p.minimum_trips)
        bought = float_sum(one.quantity for one in legs if one.side == "buy")
        sold = float_sum(one.quantity for one in legs if one.side == "sell")
        parties = list(dict.fromkeys(one.who for one in legs))
        wallets = list(dict.fromkeys(party.account or name for party in parties))
        who = str(parties[0]) if len(wallets) == 1 else f"{len(wallets)} wallets of {name}"
        symbol = f" {event.token_symbol}" if event.token_symbol else ""
        what = f"bought {amount(bought)} and sold {amount(sold)}{symbol}"
        money = f" worth {amount(notional)} {event.currency or ''}".rstrip() if notional else ""
        times = "there and back once" if trips == 1 else f"{trips} times there and back"
        lost = float_sum(_lost_share(trip.legs) for trip in owner.trips) / trips
        result = f"lost {percent(lost)}" if lost else "gained nothing"
        difference = float_sum(trip.difference for trip in owner.trips) / trips
        unsure = any(one.unsure for one in legs)
        more = min(1.0, trips / (2 * self._p.minimum_trips))
        limit = max(self._p.maximum_difference, self._p.maximum_net_share)
        exact = 1.0 - min(1.0, difference / limit) if limit else 1.0
        return Finding(
            entities=tuple(
                dict.fromkeys([name, *(each for party in parties for each in party.names)])
            ),
            reason=(
                f"{who} {what if bought or sold else 'swapped back and forth'} in the pool "
                f"{event.instrument} within {lapse(legs[-1].timestamp - legs[0].timestamp)}: "
                f"{len(legs)} swaps, {times}{money}, and {result} by it"
            ),
            witnesses=tuple(one.witness for one in legs),
            confidence=round(
                (_BASE + _MORE * more + _EXACT * exact) * (_UNSURE if unsure else 1.0), 3
            ),
            metrics={
                "trips": float(trips),
                "swaps": float(len(legs)),
                "quantity_bought": bought,
                "quantity_sold": sold,
                "notional": notional,
                "difference": difference,
                "lost_share": lost,
                "wallets": float(len(wallets)),
                "alert_of_series": float(owner.alerts),
            },
            tags=("unsure",) if unsure else (),
        )


def _place(one: Leg) -> tuple[int, int]:
    return one.block, one.index


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


def _gain(legs: list[Leg]) -> int:
    return _result(legs)[0]


def _lost_share(legs: list[Leg]) -> float:
    """The loss as a part of what was swapped."""
    result, asset = _result(legs)
    gross = sum(abs(one.amount1 if asset else one.amount0) for one in legs)
    return -result / gross if gross else 0.0


def _next(count: int, minimum: int) -> int:
    """How many there must be for the next alert of a series."""
    multiple = count // minimum
    return (multiple + 1) * minimum if multiple < _EVERY else 2 * count
