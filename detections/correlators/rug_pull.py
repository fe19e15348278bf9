"""Rug pulls: the liquidity of a pool, or what it is worth, is taken away and doesn't come back.

MiCA Article 91. Definitions: Mazorra, Adan and Daza, "Do Not Rug on Me" (Mathematics 10/6, 2022):
a maximum drawdown of the liquidity of nearly all with a recovery of at most 0.2, or one of the
price of at least 90% with a recovery of at most 0.01. Most healthy pools lose liquidity at some
time, so nothing is said before `recovery_time` has passed without it. Two forms:

- **liquidity**: within `window`, `minimum_share` or more of what was in range left the pool, net of
  what was added; at least half of that was taken by one party (an owner by the widest name known);
  and `minimum_traders` others had swapped there, so somebody holds what can't be sold any more.
  A pool that its many providers leave one by one is no rug pull.
- **sale**: within `window` one party's sales brought the pool's price down by `minimum_fall` or
  more below what it was before the party came: who buys and sells again, such as in a sandwich,
  undoes their own rise. The surer, if what it sold had been minted to it, or if it provides the
  pool's liquidity: the second form of Mazorra's, "mint and sell".

It is confirmed when `recovery_time` after the last step neither the liquidity (or the price) has
recovered by more than `maximum_recovery` (`maximum_price_recovery`) of what was lost, nor the
provider has added as much as half of it to another pool of the token: that is a migration, such as
from Uniswap v2 to v3, and a position that is moved to another range comes back in the same pool.
What counts is how the pool stands then, as Mazorra's recovery is that of the last state: who buys
the fall and sells again, or adds and takes out, makes nothing up in between.

What somebody adds and takes out again before the next swap was there for nobody, and nothing is
lost by it: the two are one step.

Of two who took something from a pool the one who took more is told of. The other sold into what was
left, or saved what he had there; he is told of where nothing is said of the first.

Pools of honest tokens lose all of their liquidity as well, mostly later in life, and go on. So a
rule may look at what is sure soon, at what is sure later, or at the rest:

- `maximum_age`, `minimum_age`: of the pool, from its first liquidity to the first step. Most rug
  pulls are of pools some days old. A pool whose beginning wasn't seen is taken for an old one.
- `quiet_after`: with a `recovery_time` of a month, Mazorra's month without activity. From so long
  after the last step on nobody may have swapped in the pool, added to it, or swapped in another
  pool of the token that is known here.
- `minimum_lasting_fall`: whose sales undo a rise of the same day takes nothing from who held
  before, so the price must be below that of a window ago as well; not of what was minted.

Time is that of any block and any event of the lane; on a chain whose blocks aren't collected,
nothing is confirmed before the next event of a pool. What waits is in the state, and outlives a
restart; where it is rebuilt instead, the horizon reaches over the ages that the rule asks for. With
a shorter history a young pool is taken for an old one, and nothing of before it is confirmed.

All is on the chain. What can't be told: whether the provider's contract is a locker that others may
open, and of several wallets that nobody has brought together, that they are one.
"""

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, witness
from detections.correlators.base import Correlator, correlator
from detections.engine.correlator_state import Whole
from detections.float_sum import float_sum
from detections.idlest import drop_idlest
from detections.money import too_little
from detections.parties import acting, is_exempt
from detections.pools.collapse import Collapse, Step, finding, token_of, where
from detections.pools.losses import Pool, one_step, sold_down
from detections.pools.migration import Key, Moved, keep_added, migrated
from detections.rounding import reaches
from normalizer.events.chain import (
    ZERO_ADDRESS,
    Block,
    LiquidityAdded,
    LiquidityRemoved,
    PoolInitialized,
    PoolSwap,
    TokenTransfer,
)
from pipeline.structured import FieldError
from pipeline.units import DAY, HOUR, MINUTE, WEEK, Duration, Ratio

_MOST_POOLS = 10_000
_MOST_STEPS = 256
_MOST_TRADERS = 16
_MOST_MINTS = 10_000
_MOST_PROVIDERS = 64
_MOST_DUE = 10_000
_HALF = 0.5


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on rug pulls sets."""

    #: The time within which steps count together, by event time.
    window: Annotated[Duration, Meta(ge=MINUTE, le=WEEK)] = DAY
    #: Part of the liquidity in range that must be gone.
    minimum_share: Annotated[Ratio, Meta(gt=0, le=1)] = 0.9
    #: Part of the price that must be gone by one party's sales.
    minimum_fall: Annotated[Ratio, Meta(gt=0, lt=1)] = 0.9
    #: How long it must not come back.
    recovery_time: Annotated[Duration, Meta(ge=HOUR, le=60 * DAY)] = DAY
    #: What of the liquidity that was lost may come back.
    maximum_recovery: Annotated[Ratio, Meta(ge=0, le=1)] = 0.2
    #: What of the fall of the price may be made up.
    maximum_price_recovery: Annotated[Ratio, Meta(ge=0, le=1)] = 0.01
    #: What the pool must be older than, from its first liquidity; one of unknown age is old.
    minimum_age: Annotated[Duration, Meta(ge=0)] = 0
    #: How old the pool may be; 0: as old as it likes, or of unknown age.
    maximum_age: Annotated[Duration, Meta(ge=0)] = 0
    #: From when on nobody may have traded or added until it is confirmed; 0: anybody may.
    quiet_after: Annotated[Duration, Meta(ge=0)] = 0
    #: Part of the price of a window ago that must be gone, unless it was minted.
    minimum_lasting_fall: Annotated[Ratio, Meta(ge=0, lt=1)] = 0.0
    #: Others who must have swapped in the pool.
    minimum_traders: Annotated[int, Meta(ge=0, le=_MOST_TRADERS - 1)] = 1
    #: Quote asset that was taken, below which nothing is said,
    #: in dollars or what is about as much (see `detections.money`).
    minimum_quote: Annotated[float, Meta(ge=0)] = 0.0
    #: Who has one of these labels is left out.
    exempt_labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.quiet_after and self.quiet_after >= self.recovery_time:
            raise FieldError(
                "quiet_after",
                "must be shorter than recovery_time, or no time is left to be quiet in",
            )
        if self.maximum_age and self.minimum_age >= self.maximum_age:
            raise FieldError("minimum_age", "must be below maximum_age, or no pool is left")


class State(Struct):
    """The pools, the idlest first; what was minted to whom, by token and wallet; where owners added
    liquidity; and which pools are to be looked at when."""

    pools: dict[Key, Pool] = field(default_factory=dict[Key, Pool])
    minted: dict[tuple[str, str], float] = field(default_factory=dict[tuple[str, str], float])
    moved: dict[str, list[Moved]] = field(default_factory=dict[str, list[Moved]])
    due: list[tuple[int, int, str]] = field(default_factory=list[tuple[int, int, str]])


@correlator("rug_pull")
class RugPull(Correlator[State]):
    """See the module. Memory: at most 10,000 pools with 768 changes, sales and purchases of their
    window, and 10,000 mints."""

    parameters_type = Parameters
    partition_by = "asset"
    state_type = State
    state_version = 5
    typology = "liquidity_removal"
    needs = (frozenset({"liquidity-removed", "pool-swap"}),)
    actions = frozenset(
        {
            "block",
            "pool-swap",
            "pool-initialized",
            "liquidity-added",
            "liquidity-removed",
            "token-transfer",
        }
    )

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._exempt = frozenset(parameters.exempt_labels)

    @property
    def horizon(self) -> int:
        """What was lost within a window, whether it comes back, and whether the pool was young.

        What began earlier than that is old, so its age needn't be known.
        """
        age = max(self._p.minimum_age, self._p.maximum_age)
        return self._p.window + self._p.recovery_time + age

    def observe(self, event: object) -> Iterable[Finding]:
        """Take an event of a chain; its time may confirm what was lost before."""
        if isinstance(event, TokenTransfer):
            if event.transfer_type == "mint" or event.source_address == ZERO_ADDRESS:
                self._minted(event)
            return ()
        if isinstance(event, Block):
            return self._confirmed(event.timestamp) if self.state.due else ()
        if isinstance(event, PoolSwap | PoolInitialized | LiquidityAdded | LiquidityRemoved):
            findings = self._confirmed(event.timestamp) if self.state.due else []
            self._pool_event(event)
            return findings
        return ()

    def _pool_event(
        self, event: PoolSwap | PoolInitialized | LiquidityAdded | LiquidityRemoved
    ) -> None:
        key = (event.chain_id, event.pool)
        # Taken out and put back at the end, so that the first pool is always the idlest.
        pools = self.state.pools
        pool = pools.pop(key, None) or Pool()
        if len(pools) >= _MOST_POOLS:
            drop_idlest(pools, _MOST_POOLS - 1)
        pools[key] = pool
        pool.token = token_of(event) if not isinstance(event, PoolInitialized) else pool.token
        match event:
            case PoolSwap():
                self._swapped(event, key, pool)
            case PoolInitialized():
                pool.in_range.opened(event)
                pool.price = event.pool_price or 0.0
                pool.opened = event.timestamp
            case _:
                self._changed(event, key, pool)
        if not isinstance(event, LiquidityRemoved):
            pool.active = event.timestamp

    # -- what is known -----------------------------------------------------------------------------

    def _minted(self, event: TokenTransfer) -> None:
        minted, key = self.state.minted, (token_of(event), event.destination_address)
        had = minted.pop(key, 0.0)
        minted[key] = had + (event.amount or 0.0)
        if len(minted) > _MOST_MINTS:
            drop_idlest(minted, _MOST_MINTS)

    def _swapped(self, event: PoolSwap, key: Key, pool: Pool) -> None:
        owner = acting(event).key or event.transaction_from or event.recipient or ""
        if owner and owner not in pool.traders and len(pool.traders) < _MOST_TRADERS:
            pool.traders.append(owner)
        price, pool.price = pool.price, event.pool_price or event.price or pool.price
        if self._p.minimum_lasting_fall and pool.price:
            pool.mark(event.timestamp, self._p.window)
        pool.in_range.swapped(event)
        pool.unswapped = 0
        if event.side == "buy" and price:
            pool.bought.append((event.timestamp, owner, price))
            del pool.bought[:-_MOST_STEPS]
        if event.side != "sell" or not price or is_exempt(event.investor_labels, self._exempt):
            return
        sale = Step(
            event.timestamp,
            pool.in_range.amount,
            pool.in_range.amount,
            price,
            event.notional or 0.0,
            event.quantity or 0.0,
            owner,
            acting(event),
            witness(event),
            "unsure" in event.tags,
        )
        pool.sales.append(sale)
        del pool.sales[:-_MOST_STEPS]
        pool.high = max(pool.high, price)
        if not reaches(pool.high - pool.price, self._p.minimum_fall * pool.high):
            return
        oldest = event.timestamp - self._p.window
        pool.sales = [one for one in pool.sales if one.timestamp >= oldest]
        pool.high = max(one.price for one in pool.sales)
        self._fell(event, key, pool, owner)

    def _kept(self, steps: list[Step], new: Step) -> list[Step]:
        oldest = new.timestamp - self._p.window
        return [*(one for one in steps if one.timestamp >= oldest), new][-_MOST_STEPS:]

    def _changed(self, event: LiquidityAdded | LiquidityRemoved, key: Key, pool: Pool) -> None:
        owner = acting(event).key or event.owner
        moved = pool.in_range.changed(event)
        liquidity = Whole(int(event.liquidity or 0))
        if isinstance(event, LiquidityAdded):
            pool.providers[owner] = Whole(pool.providers.pop(owner, Whole(0)) + liquidity)
            if len(pool.providers) > _MOST_PROVIDERS:
                del pool.providers[next(iter(pool.providers))]
            keep_added(self.state.moved, event, key, owner)
            pool.added(event)
        if moved is None:
            return
        before, after = moved
        step = Step(
            event.timestamp,
            Whole(before),
            Whole(after),
            pool.price,
            (event.quote_quantity or 0.0) * (1 if after < before else -1),
            (event.token_quantity or 0.0) * (1 if after < before else -1),
            owner,
            acting(event),
            witness(event),
            "unsure" in event.tags,
        )
        newest = pool.changes[-1] if pool.unswapped and pool.changes else None
        if newest and newest.owner == owner and newest.after > newest.before and after < before:
            step = one_step(pool.changes.pop(), step)
        pool.unswapped += 1
        pool.changes = self._kept(pool.changes, step)
        if step.after < step.before and not is_exempt(event.investor_labels, self._exempt):
            self._left(event, key, pool)

    # -- what is lost ------------------------------------------------------------------------------

    def _left(self, event: LiquidityRemoved | LiquidityAdded, key: Key, pool: Pool) -> None:
        before = max(one.before for one in pool.changes)
        # From where there was most on; what built it up doesn't count against what was taken.
        peak = next(at for at, one in enumerate(pool.changes) if one.before == before)
        steps = pool.changes[peak:]
        after = pool.in_range.amount
        share = (before - after) / before if before > 0 else 0.0
        if not reaches(share, self._p.minimum_share):
            return
        taken: dict[str, int] = {}
        for one in steps:
            taken[one.owner] = taken.get(one.owner, 0) + one.before - one.after
        owner, most = max(taken.items(), key=lambda item: item[1])
        quote = float_sum(one.quote for one in steps if one.owner == owner)
        others = sum(1 for trader in pool.traders if trader != owner)
        if (
            most < _HALF * (before - after)
            or others < self._p.minimum_traders
            or self._little(quote, event)
        ):
            return
        own = [one for one in steps if one.owner == owner]
        if not pool.of_age(own[0], self._p.minimum_age, self._p.maximum_age):
            return
        self._wait(
            key,
            pool,
            Collapse(
                kind="liquidity",
                due=event.timestamp + self._p.recovery_time,
                owner=owner,
                steps=own,
                low=after,
                lost=Whole(before - after),
                low_price=0.0,
                lost_price=0.0,
                quote=quote,
                share=share,
                provides=pool.providers.get(owner, 0) >= _HALF * most,
                others=others,
                opened=pool.opened,
                where=where(event),
            ),
        )

    def _little(self, quote: float, event: LiquidityRemoved | LiquidityAdded) -> bool:
        if event.quote_quantity is None:
            return False
        return too_little(quote, self._p.minimum_quote, event.currency)

    def _fell(self, event: PoolSwap, key: Key, pool: Pool, owner: str) -> None:
        """The price is far below what it was: whether this party's own sales brought it there."""
        own, before, by_own = sold_down(pool, owner, event.timestamp - self._p.window)
        fall = (before - pool.price) / before
        others = sum(1 for trader in pool.traders if trader != owner)
        quote = float_sum(one.quote for one in own)
        if (
            not reaches(fall, self._p.minimum_fall)
            or by_own < _HALF * (before - pool.price)
            or others < self._p.minimum_traders
            or too_little(quote, self._p.minimum_quote, event.currency)
            or not pool.of_age(own[0], self._p.minimum_age, self._p.maximum_age)
        ):
            return
        wallet = event.investor_address or event.transaction_from or ""
        minted = self.state.minted.get((token_of(event), wallet), 0.0)
        since = event.timestamp - self._p.window
        if not minted and not pool.fell_since(since, self._p.minimum_lasting_fall):
            return
        self._wait(
            key,
            pool,
            Collapse(
                kind="sale",
                due=event.timestamp + self._p.recovery_time,
                owner=owner,
                steps=own,
                low=Whole(0),
                lost=Whole(0),
                low_price=pool.price,
                lost_price=before - pool.price,
                quote=quote,
                share=fall,
                minted=minted,
                provides=owner in pool.providers,
                others=others,
                opened=pool.opened,
                where=where(event),
            ),
        )

    def _wait(self, key: Key, pool: Pool, collapse: Collapse) -> None:
        """A later step of the same replaces what waits; its time begins anew. Of two the one that
        took less, who sells into what is left or saves what he has there, waits behind the other,
        and is looked at if that comes to nothing."""
        waiting = [
            one
            for one in (pool.collapse, pool.behind)
            if one is not None and one.owner != collapse.owner and not self._recovered(pool, one)
        ]
        waiting = sorted([*waiting, collapse], key=lambda one: one.quote, reverse=True)
        pool.collapse, pool.behind = waiting[0], waiting[1] if len(waiting) > 1 else None
        due = self.state.due
        due.append((collapse.due, *key))
        if len(due) > _MOST_DUE:  # those that were replaced go: two are left for each pool
            self.state.due = [one for one in due if self._waits(one)]

    def _waits(self, due: tuple[int, int, str]) -> bool:
        pool = self.state.pools.get(due[1:])
        waits = () if pool is None else (pool.collapse, pool.behind)
        return any(one is not None and one.due == due[0] for one in waits)

    # -- whether it comes back ---------------------------------------------------------------------

    def _confirmed(self, now: int) -> list[Finding]:
        findings: list[Finding] = []
        due = self.state.due
        while due and due[0][0] <= now:
            _, chain, name = due.pop(0)
            pool = self.state.pools.get((chain, name))
            while pool is not None and pool.collapse is not None and pool.collapse.due <= now:
                collapse, pool.collapse, pool.behind = pool.collapse, pool.behind, None
                if self._is_lost(pool, collapse, (chain, name)):
                    pool.collapse = None
                    findings.append(finding(collapse, self._p.recovery_time, self._p.quiet_after))
        return findings

    def _is_lost(self, pool: Pool, collapse: Collapse, key: Key) -> bool:
        """Whether it is gone for good, once its time is over."""
        if self._recovered(pool, collapse):
            return False
        pool.changes, pool.sales, pool.high = [], [], 0.0
        moved = migrated(self.state.moved, collapse, key, self._p.window)
        return not moved and self._quiet(pool, collapse)

    def _quiet(self, pool: Pool, collapse: Collapse) -> bool:
        """Whether nobody traded the token, there or elsewhere, nor added to it, if that counts."""
        if not self._p.quiet_after:
            return True
        since = collapse.steps[-1].timestamp + self._p.quiet_after
        return pool.active <= since and not any(
            other.active > since and other.token == collapse.where.token
            for other in self.state.pools.values()
        )

    def _recovered(self, pool: Pool, collapse: Collapse) -> bool:
        if collapse.kind == "liquidity":
            back = pool.in_range.amount - collapse.low
            return back > self._p.maximum_recovery * collapse.lost
        back = pool.price - collapse.low_price
        return back > self._p.maximum_price_recovery * collapse.lost_price
