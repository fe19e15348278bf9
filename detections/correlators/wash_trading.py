"""Wash trading: trades that change no beneficial owner (MAR Annex I A(c); FINRA Rule 5210).

Three patterns, one per rule:

- `self_trade`: buyer and seller are the same account or the same investor.
- `same_cluster`: buyer and seller are different, but of one cluster.
- `pool_round_trip`: one owner's (or cluster's) swaps in a pool go both ways and nearly cancel out.

Each looks at a sliding window per owner and instrument, and alerts when the window has enough. What
follows within a window of the first trade belongs to the same series: it alerts again at multiples
of the minimum, then at each doubling, each time with the evidence of the whole series.
"""

from collections.abc import Iterable
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from detections.correlators.base import Correlator, correlator
from detections.findings import Finding, Witness, witness
from detections.parties import Party, acting, buyer, is_exempt, sameness, seller
from detections.windows import Group, Key, SlidingGroups
from detections.wording import amount, lapse, percent
from normalizer.events.chain import PoolSwap
from normalizer.events.market import Trade
from pipeline.units import HOUR, MINUTE, WEEK, Duration, Ratio

Pattern = Literal["self_trade", "same_cluster", "pool_round_trip"]

# Confidence before it is calibrated on labelled data: an account is a fact, a cluster an inference.
_SAME_ACCOUNT = 1.0
_SAME_INVESTOR = 0.95
_SAME_CLUSTER = (0.75, 0.95)
_ROUND_TRIP = (0.6, 0.9)
_UNSURE = 0.6


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a wash trading rule sets."""

    pattern: Pattern
    #: The sliding window, by event time.
    window: Annotated[Duration, Meta(ge=MINUTE, le=WEEK)] = HOUR
    #: Trades within the window that make an alert. For swaps, both directions together.
    minimum_trades: Annotated[int, Meta(ge=1, le=1_000)] = 3
    #: Value traded within the window, in the quote currency, below which nothing is said.
    minimum_gross: Annotated[float, Meta(ge=0)] = 0.0
    #: `pool_round_trip`: what may be left over, as a part of the gross volume.
    maximum_net_share: Annotated[Ratio, Meta(ge=0, le=1)] = 0.05
    #: Who has one of these labels is left out.
    exempt_labels: tuple[str, ...] = ("market_maker",)


class Deal(Struct, frozen=True, array_like=True):
    """What is kept of a trade or swap."""

    timestamp: int
    quantity: float
    """Whole units; for swaps, positive where the owner bought."""
    notional: float
    price: float | None
    who: tuple[Party, ...]
    witness: Witness
    unsure: bool


class State(Struct):
    """The trades of each owner's window."""

    groups: dict[Key, Group[Deal]] = field(default_factory=dict[Key, Group[Deal]])


@correlator("wash_trading")
class WashTrading(Correlator[State]):
    """See the module. Memory: at most 50,000 owners with 1,000 trades of their window each."""

    parameters_type = Parameters
    partition_by = "asset"
    state_type = State
    typology = "wash_trading"

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._pattern: Pattern = parameters.pattern
        self._window = parameters.window
        self._minimum = parameters.minimum_trades
        self._gross = parameters.minimum_gross
        self._net_share = parameters.maximum_net_share
        self._exempt = frozenset(parameters.exempt_labels)
        self._windows = SlidingGroups[Deal](parameters.window)
        self.actions = frozenset({"pool-swap" if self._pattern == "pool_round_trip" else "trade"})

    @property
    def horizon(self) -> int:
        """A series lasts a window from its first trade, and so do its trades."""
        return 2 * self._window

    def observe(self, event: Trade | PoolSwap) -> Iterable[Finding]:
        """Take a trade or swap; other records are none of its business."""
        if self._pattern == "pool_round_trip":
            return self._swap(event) if isinstance(event, PoolSwap) else ()
        return self._trade(event) if isinstance(event, Trade) else ()

    def _trade(self, trade: Trade) -> Iterable[Finding]:
        bought, sold = buyer(trade), seller(trade)
        same = sameness(bought, sold)
        if same is None or (same == "cluster") is not (self._pattern == "same_cluster"):
            return ()
        if is_exempt(trade.buyer_labels, self._exempt) or is_exempt(
            trade.seller_labels, self._exempt
        ):
            return ()
        owner = getattr(bought, same)
        deal = Deal(
            trade.timestamp,
            trade.quantity,
            trade.price * trade.quantity if trade.notional is None else trade.notional,
            trade.price,
            (bought, sold),
            witness(trade),
            "unsure" in trade.tags,
        )
        key = (trade.provider, trade.venue, trade.instrument, same, owner)
        group = self._windows.add(self.state.groups, key, deal)
        if not self._windows.due(group, self._minimum):
            return ()
        if sum(d.notional for d in group.items) < self._gross:
            return ()
        return [self._crossing(trade, same, owner, group)]

    def _crossing(self, trade: Trade, same: str, owner: str, group: Group[Deal]) -> Finding:
        deals = list(group.items)
        number = self._windows.alerted(group, self._minimum)
        quantity, notional = sum(d.quantity for d in deals), sum(d.notional for d in deals)
        money = f" {trade.currency}" if trade.currency else ""
        where = f"{trade.instrument} on {trade.venue}"
        last = deals[-1]
        if same == "cluster":
            names = sorted({str(party) for d in deals for party in d.who})
            what = f"{_listed(names)} of one cluster ({owner}) traded with each other"
        else:
            what = f"{last.who[0]} bought from {_itself(last, same)}"
        times = "" if len(deals) == 1 else f" {len(deals)} times within {lapse(_span(deals))}"
        price = f" at {amount(trade.price)}" if len(deals) == 1 else ""
        metrics = {
            "trades": float(len(deals)),
            "quantity": quantity,
            "notional": notional,
            "alert_of_series": float(number),
        }
        return self._finding(
            deals,
            f"{what}{times}: {amount(quantity)} {where}{price}, worth {amount(notional)}{money}",
            _confidence(same, len(deals), self._minimum),
            metrics,
            [owner, *(name for d in deals for party in d.who for name in party.names)],
        )

    def _swap(self, swap: PoolSwap) -> Iterable[Finding]:
        if is_exempt(swap.investor_labels, self._exempt):
            return ()
        quantity = _bought(swap)
        who = acting(swap)
        owner = who.key or swap.transaction_from
        if quantity is None or owner is None:
            return ()
        deal = Deal(
            swap.timestamp,
            quantity,
            swap.notional or 0.0,
            swap.price,
            (who if who.known else Party(owner, None, None),),
            witness(swap),
            "unsure" in swap.tags,
        )
        group = self._windows.add(self.state.groups, (swap.chain_id, swap.pool, owner), deal)
        if not self._windows.due(group, self._minimum):
            return ()
        bought = sum(d.quantity for d in group.items if d.quantity > 0)
        sold = -sum(d.quantity for d in group.items if d.quantity < 0)
        notional = sum(d.notional for d in group.items)
        if not bought or not sold or notional < self._gross:
            return ()
        net_share = abs(bought - sold) / (bought + sold)
        if net_share > self._net_share:
            return ()
        return [self._round_trip(swap, owner, group, bought, sold, net_share)]

    def _round_trip(
        self,
        swap: PoolSwap,
        owner: str,
        group: Group[Deal],
        bought: float,
        sold: float,
        net_share: float,
    ) -> Finding:
        deals = list(group.items)
        number = self._windows.alerted(group, self._minimum)
        wallets = sorted({party.account or owner for d in deals for party in d.who})
        notional = sum(d.notional for d in deals)
        symbol = f" {swap.token_symbol}" if swap.token_symbol else ""
        money = f" worth {amount(notional)} {swap.currency or ''}".rstrip() if notional else ""
        by = f"changed the position by {percent(net_share)} of the volume"
        low, high = _ROUND_TRIP
        exactness = 1.0 - net_share / self._net_share if self._net_share else 1.0
        return self._finding(
            deals,
            f"{_wallets(owner, wallets, deals)} bought {amount(bought)} and sold {amount(sold)}"
            f"{symbol} in the pool {swap.instrument} within {lapse(_span(deals))}: {len(deals)} "
            f"swaps{money}, which {by if net_share else 'did not change the position'}",
            low + (high - low) * exactness,
            {
                "trades": float(len(deals)),
                "quantity_bought": bought,
                "quantity_sold": sold,
                "notional": notional,
                "net_share": net_share,
                "wallets": float(len(wallets)),
                "alert_of_series": float(number),
            },
            [owner, *(name for d in deals for party in d.who for name in party.names)],
        )

    def _finding(
        self,
        deals: list[Deal],
        reason: str,
        confidence: float,
        metrics: dict[str, float],
        entities: list[str],
    ) -> Finding:
        unsure = any(d.unsure for d in deals)
        return Finding(
            entities=tuple(dict.fromkeys(entities)),
            reason=reason,
            witnesses=tuple(d.witness for d in deals),
            confidence=confidence * (_UNSURE if unsure else 1.0),
            metrics=metrics,
            tags=("unsure",) if unsure else (),
        )


def _wallets(owner: str, wallets: list[str], deals: list[Deal]) -> str:
    """Who swapped: a wallet with its investor, or the wallets of an investor or a cluster."""
    if len(wallets) == 1:
        return str(deals[0].who[0])
    investors = sorted({party.investor for d in deals for party in d.who if party.investor})
    if not investors or investors == [owner]:
        return f"{len(wallets)} wallets of {owner}"
    return f"{len(wallets)} wallets of one cluster ({owner}: {_listed(investors)})"


def _bought(swap: PoolSwap) -> float | None:
    """Tokens that the trader bought (positive) or sold (negative); None if the side is unknown."""
    if swap.side is None or swap.quantity is None:
        return None
    return swap.quantity if swap.side == "buy" else -swap.quantity


def _confidence(same: str, trades: int, minimum: int) -> float:
    if same == "account":
        return _SAME_ACCOUNT
    if same == "investor":
        return _SAME_INVESTOR
    low, high = _SAME_CLUSTER
    return low + (high - low) * min(1.0, trades / (minimum + 3))


def _span(deals: list[Deal]) -> int:
    return deals[-1].timestamp - deals[0].timestamp


def _itself(deal: Deal, same: str) -> str:
    bought, sold = deal.who
    if same == "account":
        return "itself"
    return f"{sold}, which is the same investor" if bought.account != sold.account else "itself"


def _listed(names: list[str]) -> str:
    if len(names) > 4:
        return f"{', '.join(names[:4])} and {len(names) - 4} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
