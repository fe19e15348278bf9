"""Whose orders and trades alerts are about, in the events of a market."""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from detections.parties import Party, acting, sides
from normalizer.events import Alert
from normalizer.events.chain import LiquidityAdded, LiquidityRemoved, PoolSwap
from normalizer.events.market import MarketEvent, MarketRecord, OrderEvent, Trade

PoolRecord = PoolSwap | LiquidityAdded | LiquidityRemoved
"""What a scene has of a pool."""
_NO_PARTY: dict[str, None] = dict.fromkeys(
    ("investor_account", "investor_address", "investor_id", "investor_cluster")
)
_NO_WALLET: dict[str, None] = dict.fromkeys((*_NO_PARTY, "transaction_from", "sender", "recipient"))
_NO_BUYER: dict[str, None] = dict.fromkeys(("buyer_account", "buyer_id", "buyer_cluster"))
_NO_SELLER: dict[str, None] = dict.fromkeys(("seller_account", "seller_id", "seller_cluster"))


class Suspects(Struct, frozen=True):
    """Whom alerts accuse, and what they rest on."""

    names: frozenset[str]
    """Accounts, wallets, investors, clusters. Empty where the feed names nobody."""
    orders: frozenset[str]
    events: frozenset[str]

    @classmethod
    def of(cls, alerts: Iterable[Alert]) -> "Suspects":
        """Of all of these alerts together."""
        known = list(alerts)
        return cls(
            names=frozenset(name for one in known for name in one.entities),
            orders=frozenset(order for one in known for order in one.evidence_orders),
            events=frozenset(event for one in known for event in one.evidence_events),
        )

    def is_evidence(self, event: MarketEvent | PoolRecord) -> bool:
        """Whether an alert rests on the event."""
        return event.id in self.events

    def own(self, event: OrderEvent) -> bool:
        """Whether an order is theirs: by whose it is, or since an alert rests on it."""
        return event.order_id in self.orders or self._are(acting(event))

    def dealt(self, deal: Trade | PoolSwap) -> tuple[bool, bool]:
        """Whether one of them bought, and whether one sold.

        Of a feed that names nobody it is told by the orders that an alert rests on.
        """
        buyer, seller = sides(deal)
        bought, sold = self._are(buyer), self._are(seller)
        if isinstance(deal, PoolSwap):
            return bought, sold
        if deal.side is not None and not (bought or sold):
            buys = deal.side == "buy"
            rested, came = deal.maker_order_id, deal.taker_order_id
            rested_theirs = rested is not None and rested in self.orders
            came_theirs = came is not None and came in self.orders
            bought = came_theirs if buys else rested_theirs
            sold = rested_theirs if buys else came_theirs
        return bought, sold

    def provides(self, event: LiquidityAdded | LiquidityRemoved) -> bool:
        """Whether liquidity is theirs."""
        return self._are(acting(event))

    def without_others(self, event: MarketRecord | PoolRecord) -> MarketRecord | PoolRecord:
        """The event without the names of whom no alert is about."""
        if isinstance(event, Trade):
            bought, sold = self.dealt(event)
            return replace(event, **({} if bought else _NO_BUYER), **({} if sold else _NO_SELLER))
        if isinstance(event, PoolSwap):
            return event if any(self.dealt(event)) else replace(event, **_NO_WALLET)
        if isinstance(event, LiquidityAdded | LiquidityRemoved):
            return event if self.provides(event) else replace(event, **_NO_PARTY)
        if isinstance(event, OrderEvent) and not self.own(event):
            return replace(event, **_NO_PARTY)
        return event

    def _are(self, party: Party) -> bool:
        return not self.names.isdisjoint(party.names)
