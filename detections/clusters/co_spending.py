"""Spending together: one transaction takes from several wallets and gives all to one receiver.

Without a signature of each owner that needs approvals of each to one contract or one signer, so
mostly one person collects what is his. It is not that:

* where somebody gives and gets in the same transaction: that is a trade;
* where the receiver signs: that is a merchant who collects from customers;
* where a bundler sends the operations of many accounts (ERC-4337), or an exchange collects
  deposits.

A multisend the other way, from one to many, is funding (:mod:`detections.clusters.funding`).
"""

from msgspec import Struct, field

from detections.clusters.anchors import Anchors, Child
from detections.clusters.linking import Linking
from detections.clusters.links import pair_of
from detections.clusters.movements import Movement, Transaction
from pipeline.config.clusters import ClusterLimits, CoSpendingLinks

_MOST_CERTAIN = 0.95


class CoSpendingState(Struct):
    """Who was spent from to whom."""

    receivers: Anchors = field(default_factory=Anchors)


class CoSpending:
    """Finds wallets that are spent from together."""

    def __init__(
        self, settings: CoSpendingLinks, limits: ClusterLimits, state: CoSpendingState
    ) -> None:
        self._settings = settings
        self._limits = limits
        self.state = state

    def take(self, transaction: Transaction, linking: Linking) -> None:
        """Look at a transaction of several movements."""
        settings = self._settings
        if transaction.bundled or settings.weight <= 0 or transaction.signer is None:
            return
        first: dict[str, Movement] = {}
        receivers: set[str] = set()
        for move in transaction.movements:
            first.setdefault(move.source, move)
            receivers.add(move.destination)
        if len(first) < 2 or len(receivers) != 1 or len(first) > settings.most_sources:
            return
        (receiver,) = receivers
        if receiver in first or receiver == transaction.signer or linking.is_hub(receiver):
            return
        moves = list(first.values())
        if any(move.destination_hub or move.source_hub for move in moves):
            return
        if any(move.asset != moves[0].asset for move in moves):
            return
        for move in moves:
            sharing = self.state.receivers.share(
                receiver,
                Child(move.source, move.proof),
                window=None,
                most=settings.most_sources,
                room=self._limits.most_anchors,
            )
            for a, b in sharing.withdrawn:
                linking.unlink(a, b, "co-spending", receiver)
            if sharing.became_hub:
                linking.hub(receiver)
        if linking.is_hub(receiver):
            return
        for number, move in enumerate(moves):
            for other in moves[number + 1 :]:
                self._link(move, other, receiver, linking)

    def _link(self, one: Movement, other: Movement, receiver: str, linking: Linking) -> None:
        known = linking.book.of(pair_of(one.source, other.source)).get("co-spending")
        times = known.count + 1 if known is not None else 1
        once = self._settings.weight
        weight = min(1.0 - (1.0 - once) ** times, max(_MOST_CERTAIN, once))
        proofs = (one.proof, other.proof)
        linking.link(one.source, other.source, "co-spending", weight, receiver, proofs)
