"""Whose orders and trades alerts are about, in the events of a market."""

from collections.abc import Container, Iterable

from msgspec import Struct
from msgspec.structs import replace

from detections.parties import Party, acting, sides
from normalizer.events import Alert
from normalizer.events.chain import LiquidityAdded, LiquidityRemoved, PoolSwap
from normalizer.events.market import MarketEvent, MarketRecord, OrderEvent, OrderPlaced, Trade

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

    def theirs(
        self, event: MarketRecord | PoolRecord, resting: Container[str] = ()
    ) -> tuple[bool, bool]:
        """Whether one of them bought, and whether one sold; of an order, or of liquidity, twice the
        same.

        `resting`: ids of their orders on the book. By these, and by what an alert rests on, it is
        told of a feed that names nobody, or doesn't say again whose an order is.
        """
        if isinstance(event, OrderEvent):
            party = acting(event)
            own = (
                self._are(party)
                or (event.order_id in resting and not isinstance(event, OrderPlaced))
                or (not party.known and self.is_evidence(event))
            )
            return own, own
        if isinstance(event, LiquidityAdded | LiquidityRemoved):
            own = self._are(acting(event))
            return own, own
        if not isinstance(event, Trade | PoolSwap):
            return False, False
        buyer, seller = sides(event)
        if isinstance(event, Trade) and not (buyer.known or seller.known):
            rested = event.maker_order_id is not None and event.maker_order_id in resting
            return rested and event.side == "sell", rested and event.side == "buy"
        return self._are(buyer), self._are(seller)

    def accuses(self, event: MarketRecord | PoolRecord) -> bool:
        """Whether the event names one of them."""
        if isinstance(event, Trade | PoolSwap):
            return any(self._are(party) for party in sides(event))
        return isinstance(event, OrderEvent | PoolRecord) and self._are(acting(event))

    def _are(self, party: Party) -> bool:
        return not self.names.isdisjoint(party.names)


def without_others(
    event: MarketRecord | PoolRecord, theirs: tuple[bool, bool], names: Container[str]
) -> MarketRecord | PoolRecord:
    """The event without the names of whom no alert is about. `names`: of whom they are."""
    bought, sold = theirs
    if isinstance(event, Trade):
        return replace(event, **({} if bought else _NO_BUYER), **({} if sold else _NO_SELLER))
    if bought or sold:
        if isinstance(event, PoolRecord) and (event.transaction_from or "") not in names:
            return replace(event, transaction_from=None)  # signed by somebody else for them
        return event
    if isinstance(event, PoolSwap):
        return replace(event, **_NO_WALLET)
    if isinstance(event, LiquidityAdded | LiquidityRemoved):
        return replace(event, **_NO_PARTY, transaction_from=None)
    return replace(event, **_NO_PARTY)
