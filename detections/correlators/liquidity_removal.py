"""Liquidity taken out of a pool in large part (MiCA Article 91).

What counts is the liquidity that is in range, so that a sale meets it (see
`detections.pools.liquidity`): of Uniswap v3 and v4 what the newest swap told, moved on by what is
added and removed around the price since; of Uniswap v2 the root of the reserves' product; of Curve
the supply of shares. What was taken out within the `window`, less what was added, is held against
what there was before; with `minimum_share` of it gone there is an alert, and another each time that
half of the rest has gone. When all that was told is older than the window, it begins anew.

A pool of Uniswap v3 or v4 of which neither a swap nor its beginning was seen has an unknown price,
and so nothing is said of it: positions are ranges of prices, and one that is out of range takes
nothing from anybody. Whether the liquidity comes back is `rug_pull`'s question.
"""

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, Witness, witness
from detections.alerting.wording import amount, lapse, percent
from detections.correlators.base import Correlator, correlator
from detections.engine.correlator_state import Whole
from detections.float_sum import float_sum
from detections.idlest import drop_idlest
from detections.money import too_little
from detections.parties import Party, acting
from detections.pools.liquidity import InRange
from detections.rounding import reaches
from normalizer.events.chain import (
    LiquidityAdded,
    LiquidityRemoved,
    PoolInitialized,
    PoolSwap,
)
from pipeline.units import HOUR, MINUTE, WEEK, Duration, Ratio

_MOST_POOLS = 10_000
_MOST_CHANGES = 1_000
_MOST_NAMES = 4
_MOST_ENTITIES = 16
_HALF = 0.5


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on liquidity sets."""

    #: The time within which removals count together, by event time.
    window: Annotated[Duration, Meta(ge=MINUTE, le=WEEK)] = HOUR
    #: Part of the liquidity in range that must be gone, net of what was added.
    minimum_share: Annotated[Ratio, Meta(gt=0, le=1)] = 0.5
    #: Quote asset that was taken out, below which nothing is said,
    #: in dollars or what is about as much (see `detections.money`).
    minimum_quote: Annotated[float, Meta(ge=0)] = 0.0


class Change(Struct, frozen=True, array_like=True):
    """Liquidity in range that came (positive) or went."""

    timestamp: int
    liquidity: Whole
    before: Whole
    """In range before it."""
    quote: float
    who: Party
    witness: Witness


class Pool(Struct):
    """What is known of a pool."""

    in_range: InRange = field(default_factory=InRange)
    changes: list[Change] = field(default_factory=list[Change])
    alerts: int = 0
    next_share: float = 0.0
    told_at: int = 0
    """Time of the newest change that an alert rests on."""


#: The chain, and the pool's address on it.
Key = tuple[int, str]


class State(Struct):
    """The pools, the idlest first."""

    pools: dict[Key, Pool] = field(default_factory=dict[Key, Pool])


@correlator("liquidity_removal")
class LiquidityRemoval(Correlator[State]):
    """See the module. Memory: at most 10,000 pools with 1,000 changes of their window each."""

    parameters_type = Parameters
    partition_by = "asset"
    state_type = State
    typology = "liquidity_removal"
    needs = (frozenset({"liquidity-removed"}),)

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._rule = parameters
        self.actions = frozenset(
            {
                "pool-swap",
                "pool-initialized",
                "liquidity-added",
                "liquidity-removed",
            }
        )

    @property
    def horizon(self) -> int:
        """A pool is known from its next swap on."""
        return self._rule.window

    def observe(
        self,
        event: PoolSwap | PoolInitialized | LiquidityAdded | LiquidityRemoved,
    ) -> Iterable[Finding]:
        """Take a swap or a change of liquidity; other records are none of its business."""
        pool = self._pool((event.chain_id, event.pool))
        match event:
            case PoolSwap():
                pool.in_range.swapped(event)
                return ()
            case PoolInitialized():
                pool.in_range.opened(event)
                return ()
            case _:
                change = self._change(event, pool)
        if change is None:
            return ()
        pool.changes.append(change)
        newest = max(one.timestamp for one in pool.changes)
        kept = [c for c in pool.changes if newest - c.timestamp <= self._rule.window]
        pool.changes = kept[-_MOST_CHANGES:]
        if pool.alerts and newest - pool.told_at > self._rule.window:
            pool.alerts, pool.next_share = 0, 0.0
        return self._judged(event, pool) if isinstance(event, LiquidityRemoved) else ()

    def _change(self, event: LiquidityAdded | LiquidityRemoved, pool: Pool) -> Change | None:
        moved = pool.in_range.changed(event)
        if moved is None:
            return None
        before, after = moved
        return Change(
            event.timestamp,
            Whole(after - before),
            Whole(before),
            (event.quote_quantity or 0.0) * (1 if after > before else -1),
            acting(event),
            witness(event),
        )

    def _pool(self, key: Key) -> Pool:
        # Taken out and put back at the end, so that the first pool is always the idlest.
        pool = self.state.pools.pop(key, None) or Pool()
        self.state.pools[key] = pool
        if len(self.state.pools) > _MOST_POOLS:
            drop_idlest(self.state.pools, _MOST_POOLS)
        return pool

    def _judged(self, event: LiquidityRemoved, pool: Pool) -> Iterable[Finding]:
        before = pool.changes[0].before
        gone = -sum(change.liquidity for change in pool.changes)
        quote = -float_sum(change.quote for change in pool.changes)
        if before <= 0 or gone <= 0:
            return ()
        if too_little(quote, self._rule.minimum_quote, event.currency):
            return ()
        share = min(1.0, gone / before)
        if not reaches(share, max(self._rule.minimum_share, pool.next_share)):
            return ()
        pool.alerts += 1
        pool.told_at = max(change.timestamp for change in pool.changes)
        pool.next_share = share + _HALF * (1 - share) if share < 1 else 2.0
        return [self._finding(event, pool, share, quote)]

    def _finding(self, event: LiquidityRemoved, pool: Pool, share: float, quote: float) -> Finding:
        removals = [change for change in pool.changes if change.liquidity < 0]
        parties = list(dict.fromkeys(change.who for change in removals))
        names = {name: 0 for party in parties for name in party.names}
        span = removals[-1].timestamp - removals[0].timestamp
        money = f" {event.currency}" if event.currency else ""
        worth = f", with {amount(quote)}{money} in it" if quote > 0 else ""
        steps = "in one step" if len(removals) == 1 else f"in {len(removals)} steps"
        within = f" within {lapse(span)}" if span else ""
        return Finding(
            entities=(event.instrument, *list(names)[:_MOST_ENTITIES]),
            reason=(
                f"{percent(share)} of the liquidity in range left the pool {event.instrument}"
                f"{within}, {steps}{worth}, taken out by {_listed([str(p) for p in parties])}"
            ),
            witnesses=tuple(change.witness for change in pool.changes),
            metrics={
                "share": share,
                "quote_quantity": quote,
                "removals": float(len(removals)),
                "alert_of_series": float(pool.alerts),
            },
            tags=("unsure",) if "unsure" in event.tags else (),
        )


def _listed(names: list[str]) -> str:
    if len(names) > _MOST_NAMES:
        return f"{', '.join(names[:_MOST_NAMES])} and {len(names) - _MOST_NAMES} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
