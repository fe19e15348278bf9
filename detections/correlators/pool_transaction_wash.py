"""Wash trading within one transaction: both legs in it, in one pool or between two of one token.

MAR Annex I A(c), MiCA Article 91(2)(a). Who swaps there and back in one transaction bears no risk
and changes no position: what remains is volume. Two forms:

- **one pool**: in one transaction the same pool is swapped with both ways, and the amounts are the
  same to `maximum_difference`. No honest route comes back to the pool that it began in.
- **two pools**: in one transaction a token is got in one pool and given in another for the same
  asset, the amounts are the same, and it **cost** something. Either the owner provided liquidity to
  one of the two pools, so that the fees come back; or the token was dearer where it was sold by
  `maximum_gap` at most, before (who buys where it is cheaper is after arbitrage, also where that
  fails), and it came `minimum_times` within `window`, for once may be a mistake.

`funds` says whether a flash loan was taken in the transaction (events have the tag `flash-loan`):
with one, a wash needs no capital, and its volume may be of any size. What needs a loan and gains by
two pools is arbitrage, and silent. One who manipulates a price that others lend by also swaps there
and back in one pool, with a loan: that alerts here as well, and is worse.

A transaction alerts once for each pool, at its first way back, and again when there have been twice
as many. Where one signs for many (bundlers, batch settlements) nobody is accused without a loan.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding
from detections.alerting.wording import amount, percent
from detections.correlators.base import Correlator, correlator
from detections.float_sum import float_sum
from detections.idlest import drop_idlest
from detections.money import too_little
from detections.parties import acting
from detections.pools.swaps import Leg, PoolKey, differs, leg, pool_key
from normalizer.events.chain import LiquidityAdded, PoolSwap
from pipeline.units import DAY, MINUTE, WEEK, Duration, Ratio

_MOST_LEGS = 256
_MOST_POOLS = 10_000
_MOST_PROVIDERS = 64
_MOST_OWNERS = 50_000
# Confidence before it is calibrated on labelled data: there and back in one pool, between two of
# which one is the owner's own, and between two.
_ONE_POOL, _OWN_POOL, _TWO_POOLS, _LOAN = 0.85, 0.8, 0.6, 0.1
_UNSURE = 0.6


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on washes within a transaction sets."""

    #: Whether the transaction had a flash loan.
    funds: Literal["own", "flash_loan"] = "own"
    #: By how much what is given back may differ from what was got.
    maximum_difference: Annotated[Ratio, Meta(ge=0, le=0.2)] = 0.01
    #: By how much the token may have been dearer in the pool where it was sold, before.
    maximum_gap: Annotated[Ratio, Meta(ge=0, le=0.1)] = 0.001
    #: Transactions between two pools, neither of them the owner's, that make an alert.
    minimum_times: Annotated[int, Meta(ge=1, le=100)] = 3
    #: The time within which they count together, by event time.
    window: Annotated[Duration, Meta(ge=MINUTE, le=WEEK)] = DAY
    #: Value swapped in the transaction, where known, below which nothing is said,
    #: in dollars or what is about as much (see `detections.money`).
    minimum_gross: Annotated[float, Meta(ge=0)] = 0.0
    #: Who has one of these labels is left out.
    exempt_labels: tuple[str, ...] = ("router", "pool")


class Swapped(Struct, frozen=True, array_like=True):
    """A leg, and the pool that it was in."""

    pool: PoolKey
    name: str
    leg: Leg
    price: float
    """The pool's before it, in its quote asset; 0 where it isn't known."""


class Transaction(Struct, array_like=True):
    """The newest transaction of a chain."""

    hash: str = ""
    legs: list[Swapped] = field(default_factory=list[Swapped])
    #: Pools, or two of them, with the legs that they were alerted at.
    told: dict[str, int] = field(default_factory=dict[str, int])


class State(Struct):
    """The newest transactions by chain and source; who provides pools, the idlest first; and the
    legs of earlier transactions between two pools, by owner."""

    newest: dict[tuple[str, int], Transaction] = field(
        default_factory=dict[tuple[str, int], Transaction]
    )
    providers: dict[tuple[int, str], list[str]] = field(
        default_factory=dict[tuple[int, str], list[str]]
    )
    between: dict[str, list[Leg]] = field(default_factory=dict[str, list[Leg]])
    prices: dict[PoolKey, float] = field(default_factory=dict[PoolKey, float])
    """The pools' newest prices, the idlest first."""


@correlator("pool_transaction_wash")
class PoolTransactionWash(Correlator[State]):
    """See the module. Memory: 256 swaps of each chain's newest transaction, 64 providers of each of
    10,000 pools, and 100 swaps of 50,000 owners."""

    parameters_type = Parameters
    partition_by = "asset"
    state_type = State
    typology = "wash_trading"
    needs = (frozenset({"pool-swap"}),)
    actions = frozenset({"pool-swap", "liquidity-added"})

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._loan = parameters.funds == "flash_loan"
        self._exempt = frozenset(parameters.exempt_labels)

    @property
    def horizon(self) -> int:
        """Transactions count together for a window."""
        return self._p.window

    def observe(self, event: PoolSwap | LiquidityAdded) -> Iterable[Finding]:
        """Take a swap: it may be the way back of one before in its transaction."""
        if not isinstance(event, PoolSwap):
            self._provided(event)
            return ()
        one = leg(event)
        price = self._price(event)
        if one is None or one.flash is not self._loan:
            return ()
        key = (event.provider, event.chain_id)
        newest = self.state.newest.get(key)
        swapped = Swapped(pool_key(event), event.instrument, one, price)
        if newest is None or newest.hash != one.transaction:
            self.state.newest[key] = Transaction(one.transaction, [swapped])
            return ()
        if len(newest.legs) >= _MOST_LEGS or not self._exempt.isdisjoint(event.investor_labels):
            return ()
        newest.legs.append(swapped)
        if one.relayed and not self._loan:
            return ()
        return self._in_one_pool(event, newest, swapped) or self._between_two(
            event, newest, swapped
        )

    def _price(self, event: PoolSwap) -> float:
        """The pool's price before this swap; it is the one behind it from now on."""
        prices, key = self.state.prices, pool_key(event)
        before = prices.pop(key, 0.0)
        prices[key] = event.pool_price or 0.0
        if len(prices) > _MOST_POOLS:
            drop_idlest(prices, _MOST_POOLS)
        return before

    def _provided(self, event: LiquidityAdded) -> None:
        # Taken out and put back at the end, so that the first pool is always the idlest.
        key = (event.chain_id, event.pool)
        known = self.state.providers.pop(key, [])
        owner = acting(event).key
        if owner and owner not in known:
            known = [*known, owner][-_MOST_PROVIDERS:]
        self.state.providers[key] = known
        if len(self.state.providers) > _MOST_POOLS:
            drop_idlest(self.state.providers, _MOST_POOLS)

    def _in_one_pool(self, event: PoolSwap, newest: Transaction, last: Swapped) -> list[Finding]:
        legs = [one.leg for one in newest.legs if one.pool == last.pool]
        there = [one for one in legs if one.paid0]
        back = [one for one in legs if not one.paid0]
        if not there or not back or not self._due(newest, event.pool, len(legs)):
            return []
        # Of one asset as much came back as went in.
        difference = min(
            differs(sum(one.paid for one in there), sum(one.got for one in back)),
            differs(sum(one.got for one in there), sum(one.paid for one in back)),
        )
        if difference > self._p.maximum_difference or not self._worth_it(legs, event.currency):
            return []
        newest.told[event.pool] = len(legs)
        mine = self._provides(last.pool, last.leg.owner)
        return [
            self._finding(
                event,
                legs,
                difference,
                f"swapped {len(legs)} times back and forth in the pool {event.instrument}",
                _ONE_POOL,
                {"pools": 1.0, "own_pool": float(mine), "times": 1.0},
                ", which has its own liquidity in it" if mine else "",
            )
        ]

    def _between_two(self, event: PoolSwap, newest: Transaction, last: Swapped) -> list[Finding]:
        """Got the token in one pool and gave it in the other, at a loss."""
        back, owner = last.leg, last.leg.owner
        if not back.side or not owner:
            return []
        for first in reversed(newest.legs[:-1]):
            there = first.leg
            if (
                first.pool == last.pool
                or not there.side
                or there.side == back.side
                or differs(_tokens(there), _tokens(back)) > self._p.maximum_difference
            ):
                continue
            legs = [there, back]
            pair = "/".join(sorted((first.pool[1], last.pool[1])))
            buy, sale = (there, back) if there.side == "buy" else (back, there)
            if sale.notional >= buy.notional or not self._due(newest, pair, len(newest.legs)):
                return []
            mine = self._provides(first.pool, owner) or self._provides(last.pool, owner)
            bought, sold = (first, last) if there.side == "buy" else (last, first)
            dearest = bought.price * (1 + self._p.maximum_gap)
            if not mine and (not bought.price or not sold.price or sold.price > dearest):
                return []
            before = self._before(owner, legs)
            times = len(before) // 2
            if (times < self._p.minimum_times and not mine) or not self._worth_it(
                before, event.currency
            ):
                return []
            newest.told[pair] = len(newest.legs)
            return [
                self._finding(
                    event,
                    before,
                    differs(_tokens(there), _tokens(back)),
                    f"bought and sold in the pools {first.name} and {last.name}",
                    _OWN_POOL if mine else _TWO_POOLS,
                    {"pools": 2.0, "own_pool": float(mine), "times": float(times)},
                    ", one of which has its own liquidity in it" if mine else "",
                )
            ]
        return []

    def _before(self, owner: str, legs: Sequence[Leg]) -> list[Leg]:
        """The legs of such transactions of the window, with these."""
        between = self.state.between
        oldest = legs[-1].timestamp - self._p.window
        kept = [one for one in between.pop(owner, []) if one.timestamp >= oldest]
        between[owner] = kept = [*kept, *legs][-2 * max(50, self._p.minimum_times) :]
        if len(between) > _MOST_OWNERS:
            drop_idlest(between, _MOST_OWNERS)
        return kept

    def _provides(self, pool: PoolKey, owner: str) -> bool:
        return bool(owner) and owner in self.state.providers.get(pool[:2], ())

    def _due(self, newest: Transaction, what: str, legs: int) -> bool:
        return legs >= 2 * newest.told.get(what, 0)

    def _worth_it(self, legs: Sequence[Leg], currency: str | None) -> bool:
        if not all(one.side for one in legs):
            return True
        swapped = float_sum(one.notional for one in legs)
        return not too_little(swapped, self._p.minimum_gross, currency)

    def _finding(
        self,
        event: PoolSwap,
        legs: Sequence[Leg],
        difference: float,
        what: str,
        confidence: float,
        metrics: dict[str, float],
        more: str,
    ) -> Finding:
        last = legs[-1]
        notional = float_sum(one.notional for one in legs)
        worth = f", worth {amount(notional)} {event.currency or ''}".rstrip() if notional else ""
        loan = " with a flash loan" if self._loan else ""
        times = int(metrics["times"])
        often = "in one transaction" if times == 1 else f"in one transaction, {times} times"
        same = "the same amounts" if difference == 0 else f"amounts within {percent(difference)}"
        unsure = any(one.unsure for one in legs)
        return Finding(
            entities=tuple(
                dict.fromkeys([*last.who.names, *([last.called] if last.called else [])])
            ),
            reason=f"{last.who} {what} {often}{loan}, {same}{worth}{more}",
            witnesses=tuple(one.witness for one in legs),
            confidence=min(1.0, confidence + (_LOAN if self._loan else 0.0))
            * (_UNSURE if unsure else 1.0),
            metrics={
                "swaps": float(len(legs)),
                "notional": notional,
                "difference": difference,
                **metrics,
            },
            tags=("unsure",) if unsure else (),
        )


def _tokens(one: Leg) -> int:
    """How much of the watched token a leg moved, in smallest units."""
    return one.got if one.side == "buy" else one.paid
