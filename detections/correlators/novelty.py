"""Novelty: an account or asset that is unlike all others, and unlike itself before.

No law and no pattern: an unsupervised score says where to look, for what no other correlator has a
definition of. So it is never an alert above medium, and its confidence is never above a half; a
rule with a higher level is refused. Two patterns, one per rule:

- `account`: what each party (cluster, investor, account or wallet) did in a `period`, by the
  features of `detections.markets.activity.ACCOUNT`.
- `asset`: what happened to each instrument or pool in it, by those of
  `detections.markets.activity.ASSET`.

At the end of a period (by the clock, UTC) all that had `minimum_events` in it are scored by an
isolation forest (`detections.isolation`), grown from rows of the past: a sample of at most
`memory`, so chosen that each past row is in it with the same chance. The sample is kept in the
state, not the forest. It alerts on those whose score reaches `minimum_score`, and `quantile` of the
past's scores, the strangest `most_alerts` of the period. The reason names the features that drove
the score: those that, replaced by what is usual, would lower it most.

It warms up until `minimum_rows` are known. What it finds strange it doesn't learn from, unless the
same entity is strange `accepted` times in a row: then that is what it is like. Where a period's end
lies is by events: the first one of the next period completes it, whosever it is.

Without accounts on the feed, only `asset` says anything. A feature that was the same in all of the
past can't set anything apart: the forest never cuts there. Nothing was calibrated; the
paper draws its contours of anomalies from 0.6 on.

Of so many that are scored some are always the strangest. So for an alert the score must be so high
that, by the tail of the past's scores (`detections.baselines.tail`), only `maximum_false_alerts` of
all that are scored in a period would reach it if all were as in the past. On 126 simulated days of
honest accounts 14 were found with 0.1 and one with 0.02; 12.6 and 2.5 were to be expected.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, witness
from detections.alerting.wording import amount, lapse
from detections.baselines.tail import level_for
from detections.correlators.base import Correlator, correlator
from detections.idlest import drop_idlest
from detections.isolation import Driver, Forest
from detections.markets.activity import (
    ACCOUNT,
    ASSET,
    SLOTS,
    Activity,
    Feature,
    Usual,
    account_row,
    asset_row,
    plain,
)
from detections.markets.linked_markets import MarketKey
from detections.markets.revised_activity import (
    is_extreme,
    parties,
    renew_extremes,
    revise_asset,
    revise_party,
)
from detections.parties import is_exempt
from detections.rounding import reaches
from normalizer.events.chain import PoolSwap, TokenTransfer
from normalizer.events.market import OrderCancelled, OrderChanged, OrderPlaced, Trade
from pipeline.units import DAY, HOUR, Duration, Ratio

_MOST_ENTITIES = 20_000
_IDLE_PERIODS = 30
_MOST_DRIVERS = 3
#: Of an alert that hardly is one, and of the strangest. Of 44 alerts on simulated markets, all of
#: them with little more than the least, not one was about an abuser.
_LEAST_CONFIDENCE, _MOST_CONFIDENCE = 0.05, 0.5


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on novelty sets."""

    pattern: Literal["account", "asset"]
    #: The time that is scored as one.
    period: Annotated[Duration, Meta(ge=HOUR, le=7 * DAY)] = DAY
    #: Events of an entity in a period, below which it isn't scored.
    minimum_events: Annotated[int, Meta(ge=1, le=1_000_000)] = 20
    #: Rows of the past without which nothing is scored.
    minimum_rows: Annotated[int, Meta(ge=50, le=10_000)] = 200
    #: Rows of the past that are kept.
    memory: Annotated[int, Meta(ge=100, le=20_000)] = 2_000
    #: Trees of the forest.
    trees: Annotated[int, Meta(ge=10, le=1_000)] = 100
    #: Score from which on there is an alert; 0.5 is usual, 1 as strange as can be.
    minimum_score: Annotated[float, Meta(ge=0, le=1)] = 0.62
    #: Part of the past's scores that it must be above.
    quantile: Annotated[Ratio, Meta(ge=0.5, le=1)] = 0.995
    #: How many of a period that are as in the past may be found strange, on average.
    maximum_false_alerts: Annotated[float, Meta(gt=0, le=1_000)] = 0.02
    #: Alerts of one period.
    most_alerts: Annotated[int, Meta(ge=1, le=1_000)] = 3
    #: So many times in a row something is strange, then it is learnt.
    accepted: Annotated[int, Meta(ge=1, le=1_000)] = 5
    #: Who has one of these labels is left out.
    exempt_labels: tuple[str, ...] = (
        "market_maker", "custodian", "issuer", "treasury", "pool", "router", "exchange",
    )  # fmt: skip


class Entity(Struct, array_like=True):
    """An account or asset."""

    now: Activity = field(default_factory=Activity)
    usual: Usual = field(default_factory=Usual)
    period: int = 0
    """The last one in which it did anything."""
    strange: int = 0
    """Periods in a row in which it was found strange."""
    names: tuple[str, ...] = ()


class State(Struct):
    """Entities by name, the idlest first, and a sample of past rows."""

    period: int = 0
    begun: int = 0
    """When it began."""
    entities: dict[str, Entity] = {}
    rows: list[list[float]] = []
    seen: int = 0
    """Rows that the sample is of."""


@correlator("novelty")
class Novelty(Correlator[State]):
    """See the module. Memory: 20,000 entities, and `memory` rows of 14 numbers."""

    parameters_type = Parameters
    partition_by = "market"
    uses_trades = True
    state_type = State
    state_version = 2
    typology = "novelty"
    highest_level = "medium"

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._accounts = parameters.pattern == "account"
        self._exempt = frozenset(parameters.exempt_labels)
        self._period = parameters.period
        self._slot = -(-parameters.period // SLOTS)
        orders = ("order-placed", "order-changed", "order-cancelled", "trade", "pool-swap")
        self.actions = frozenset((*orders, "token-transfer") if self._accounts else orders)
        self.needs_named = self.actions if self._accounts else frozenset[str]()

    @property
    def horizon(self) -> int:
        """Enough periods to know what is usual."""
        return 30 * self._period

    def observer(self, record: type[Any]) -> Callable[[Any], Iterable[Finding] | None]:
        """Most events are orders of those who had some before: a shorter way for these."""
        if record not in (OrderPlaced, OrderChanged, OrderCancelled):
            return self.observe
        return self._order_of_account if self._accounts else self._order_of_asset

    def _order_of_account(self, event: Any) -> Iterable[Finding] | None:
        name = event.investor_cluster or event.investor_id or event.investor_account
        if name is None:
            return self.observe(event)
        entity = self.state.entities.get(name)
        if entity is None:
            return self.observe(event)
        return self._order_of(entity, event)

    def _order_of_asset(self, event: Any) -> Iterable[Finding] | None:
        entity = self.state.entities.get(f"{event.venue}/{event.instrument}")
        return self.observe(event) if entity is None else self._order_of(entity, event)

    def _order_of(self, entity: Entity, event: Any) -> Iterable[Finding] | None:
        state = self.state
        within = event.timestamp - state.begun
        if entity.period != state.period or not 0 <= within < self._period:
            return self.observe(event)
        activity = entity.now
        activity.slots[within // self._slot] += 1
        kind = event.__class__
        if kind is OrderPlaced:
            activity.orders += 1
        elif kind is OrderCancelled:
            activity.cancelled += 1
        else:
            activity.changes += 1
        return None

    def observe(self, event: Any) -> Iterable[Finding]:
        """Take an order, a trade, a swap or a transfer."""
        period = event.timestamp // self._period
        findings: Iterable[Finding] = ()
        if period > self.state.period:
            findings = self._end(period)
        if self._accounts:
            self._by_account(event, period)
        else:
            self._by_asset(event, period)
        return findings

    # -- counting ----------------------------------------------------------------------------------

    def _entity(self, name: str, event: Any, period: int, names: tuple[str | None, ...]) -> Entity:
        entities = self.state.entities
        entity = entities.get(name)
        if entity is None or entity.period != period:
            # Put back at the end, so that the first entity is always the idlest.
            entity = entities.pop(name, None) or Entity()
            entity.period = max(period, entity.period)
            entities[name] = entity
            if not entity.names:
                entity.names = tuple(one for one in names if one is not None)
            if not entity.now.witnesses:
                entity.now.witnesses.append(witness(event))
            if len(entities) > _MOST_ENTITIES:
                drop_idlest(entities, _MOST_ENTITIES)
        entity.now.slots[event.timestamp % self._period // self._slot] += 1
        return entity

    def _by_account(self, event: Any, period: int) -> None:
        kind = event.__class__
        if kind is Trade:
            value = event.price * event.quantity
            buyer = event.buyer_cluster or event.buyer_id or event.buyer_account
            seller = event.seller_cluster or event.seller_id or event.seller_account
            market = f"{event.venue}/{event.instrument}"
            if buyer is not None and not is_exempt(event.buyer_labels, self._exempt):
                names = (event.buyer_account, event.buyer_id, event.buyer_cluster)
                entity = self._entity(buyer, event, period, names)
                self._dealt(entity.now, event, value, bought=True, other=seller, market=market)
            if seller is not None and not is_exempt(event.seller_labels, self._exempt):
                names = (event.seller_account, event.seller_id, event.seller_cluster)
                entity = self._entity(seller, event, period, names)
                self._dealt(entity.now, event, value, bought=False, other=buyer, market=market)
            return
        if kind is TokenTransfer:
            self._transferred(event, period)
            return
        account = event.investor_account
        if kind is PoolSwap:
            account = event.investor_address or event.transaction_from
        name = event.investor_cluster or event.investor_id or account
        if name is None:
            return
        entity = self.state.entities.get(name)
        if entity is not None and entity.period == period and kind is not PoolSwap:
            activity = entity.now
            activity.slots[event.timestamp % self._period // self._slot] += 1
            _count(activity, kind)
            return
        if is_exempt(event.investor_labels, self._exempt):
            return
        names = (account, event.investor_id, event.investor_cluster)
        entity = self._entity(name, event, period, names)
        if kind is PoolSwap:
            value = event.notional or (event.price or 0.0) * (event.quantity or 0.0)
            bought = event.side == "buy"
            self._dealt(entity.now, event, value, bought=bought, other=None, market=event.pool)
        else:
            _count(entity.now, kind)

    def _transferred(self, move: TokenTransfer, period: int) -> None:
        source = move.source_cluster or move.source_investor or move.source_address
        destination = (
            move.destination_cluster or move.destination_investor or move.destination_address
        )
        if source == destination or move.transfer_type != "transfer":
            return
        for name, other, labels, names in (
            (source, destination, move.source_labels, (move.source_address, move.source_investor)),
            (
                destination,
                source,
                move.destination_labels,
                (move.destination_address, move.destination_investor),
            ),
        ):
            if not is_exempt(labels, self._exempt):
                activity = self._entity(name, move, period, names).now
                activity.transfers += 1
                activity.name_other(other, 0.0)

    def _by_asset(self, event: Any, period: int) -> None:
        kind = event.__class__
        name = f"{event.venue}/{event.instrument}"
        entity = self.state.entities.get(name)
        if entity is not None and entity.period == period:
            activity = entity.now  # most events are of markets that had some before
            activity.slots[event.timestamp % self._period // self._slot] += 1
        else:
            activity = self._entity(name, event, period, (event.token_id,)).now
        if kind is Trade:
            value = event.price * event.quantity
            self._dealt(activity, event, value, bought=event.side != "sell", other=None, market="")
            activity.name_other(event.buyer_cluster or event.buyer_id or event.buyer_account, value)
            activity.name_other(
                event.seller_cluster or event.seller_id or event.seller_account, value
            )
        elif kind is PoolSwap:
            value = event.notional or (event.price or 0.0) * (event.quantity or 0.0)
            self._dealt(activity, event, value, bought=event.side != "sell", other=None, market="")
            wallet = event.investor_address or event.transaction_from
            activity.name_other(event.investor_cluster or event.investor_id or wallet, 2 * value)
        else:
            _count(activity, kind)

    @staticmethod
    def _dealt(
        activity: Activity,
        event: Trade | PoolSwap,
        value: float,
        *,
        bought: bool,
        other: str | None,
        market: str,
    ) -> None:
        if not 0 <= value < 1e300:
            return
        activity.put_back(value, other, market, bought=bought)
        activity.note_extremes(event, value)

    # -- trades that were taken back or corrected --------------------------------------------------

    def revised(self, was: Trade, now: Trade | None) -> None:
        """What its parties, or its asset, did in this period, without a trade."""
        slot = was.timestamp % self._period // self._slot
        for name, entity in self._of(was):
            if not self._accounts:
                revise_asset(entity.now, was, now, slot)
                continue
            buyer, seller = parties(was)
            for one, other, buys in ((buyer, seller, True), (seller, buyer, False)):
                if one == name:
                    revise_party(entity.now, was, now, other, slot, buys=buys)

    def renewed(self, market: MarketKey, revisions: Sequence[tuple[Trade, Trade | None]]) -> None:
        """What is the first, the last and the most of the trades that are left."""
        concerned = {
            name: entity
            for was, _ in revisions
            for name, entity in self._of(was)
            if is_extreme(entity.now, was)
        }
        begin = self.state.period * self._period
        if not concerned or not self.trades.reach(begin):
            return
        gone = [was.id for was, now in revisions if now is None]
        left: dict[str, list[Trade]] = {name: [] for name in concerned}
        for one in self.trades.since(begin, None if self._accounts else market):
            names = parties(one) if self._accounts else (f"{one.venue}/{one.instrument}",)
            for name in dict.fromkeys(names):
                if name in left:
                    left[name].append(one)
        for name, entity in concerned.items():
            renew_extremes(entity.now, gone, left[name])
            if not entity.now.events and not entity.usual.periods:
                del self.state.entities[name]

    def _of(self, trade: Trade) -> Iterable[tuple[str, Entity]]:
        """Whom a trade of this period was counted for."""
        if trade.timestamp // self._period != self.state.period:
            return
        names: list[str | None] = [f"{trade.venue}/{trade.instrument}"]
        if self._accounts:
            labels = (trade.buyer_labels, trade.seller_labels)
            names = [
                None if is_exempt(has, self._exempt) else name
                for name, has in zip(parties(trade), labels, strict=True)
            ]
        for name in dict.fromkeys(names):
            entity = None if name is None else self.state.entities.get(name)
            if name is not None and entity is not None and entity.period == self.state.period:
                yield name, entity

    # -- judging -----------------------------------------------------------------------------------

    def _end(self, period: int) -> Iterable[Finding]:
        """The period is over: score all that did enough in it, then learn from it."""
        state, p = self.state, self._p
        ended, state.period, state.begun = state.period, period, period * self._period
        row = account_row if self._accounts else asset_row
        rows = {
            name: row(entity.now, entity.usual)
            for name, entity in state.entities.items()
            if entity.now.events >= p.minimum_events
        }
        findings: list[Finding] = []
        strange: dict[str, float] = {}
        if rows and len(state.rows) >= p.minimum_rows:
            forest = Forest(state.rows, p.trees)
            scored = forest.score(list(rows.values()))
            usual = sorted(scored.usual)
            floor = max(p.minimum_score, usual[min(len(usual) - 1, int(p.quantile * len(usual)))])
            strange = {
                name: score
                for name, score in zip(rows, scored.scores, strict=True)
                if reaches(score, floor)
            }
            floor = max(floor, level_for(usual, len(rows), p.maximum_false_alerts))
            beyond = [(name, score) for name, score in strange.items() if reaches(score, floor)]
            beyond.sort(key=lambda pair: (-pair[1], pair[0]))
            for name, score in beyond[: p.most_alerts]:
                drivers = forest.drivers(rows[name])
                entity = state.entities[name]
                findings.append(self._finding(name, entity, score, floor, drivers, len(strange)))
        self._learn(rows, strange, ended)
        return findings

    def _learn(self, rows: dict[str, list[float]], strange: dict[str, float], ended: int) -> None:
        state, p = self.state, self._p
        for name, one in rows.items():
            entity = state.entities[name]
            entity.strange = entity.strange + 1 if name in strange else 0
            if 0 < entity.strange < p.accepted:
                continue
            entity.usual.learn(entity.now)
            self._remember(one, f"{name} {ended}")
        for name in list(state.entities):
            entity = state.entities[name]
            if entity.period < ended - _IDLE_PERIODS:
                del state.entities[name]
            elif entity.now.witnesses or entity.now.events:
                entity.now = Activity()

    def _remember(self, row: list[float], name: str) -> None:
        """Each row that was seen is in the sample with the same chance, decided by its name."""
        state = self.state
        state.seen += 1
        if len(state.rows) < self._p.memory:
            state.rows.append(row)
            return
        chance = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")
        place = chance % state.seen
        if place < self._p.memory:
            state.rows[place] = row

    def _finding(
        self,
        name: str,
        entity: Entity,
        score: float,
        floor: float,
        drivers: Sequence[Driver],
        count: int,
    ) -> Finding:
        features = ACCOUNT if self._accounts else ASSET
        said = "; ".join(_said(features, one) for one in drivers[:_MOST_DRIVERS])
        beyond = min(1.0, (score - floor) / max(1e-9, 1 - floor) * 2)
        metrics = {
            "score": score,
            "floor": floor,
            "rows": float(len(self.state.rows)),
            "strange_in_period": float(count),
            "periods_in_a_row": float(entity.strange + 1),
        }
        for one in drivers[:_MOST_DRIVERS]:
            metrics[f"effect_{features[one.place].name}"] = one.effect
        return Finding(
            entities=tuple(dict.fromkeys((name, *entity.names))),
            reason=(
                f"{name} was unlike all others in {lapse(self._period)}, with a score of "
                f"{score:.2f} (as all were in the past, {floor:.2f} is reached in one of "
                f"{amount(round(1 / self._p.maximum_false_alerts))} such times)"
                + (f": {said}" if said else "")
            ),
            witnesses=tuple(
                {one.id: one for one in entity.now.witnesses}.values(),
            ),
            confidence=_LEAST_CONFIDENCE + (_MOST_CONFIDENCE - _LEAST_CONFIDENCE) * beyond,
            of_event=False,
            metrics=metrics,
        )


def _count(activity: Activity, kind: type[Any]) -> None:
    if kind is OrderPlaced:
        activity.orders += 1
    elif kind is OrderCancelled:
        activity.cancelled += 1
    elif kind is OrderChanged:
        activity.changes += 1


def _said(features: Sequence[Feature], one: Driver) -> str:
    """`orders 5,000 (usual 20)`."""
    feature = features[one.place]
    value, usual = (round(plain(feature, number), 2) for number in (one.value, one.usual))
    return f"{feature.words} {amount(value)} (usual {amount(usual)})"
