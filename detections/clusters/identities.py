"""What the token's own registry ties together (ERC-3643): wallets of one OnchainID, and a lost
wallet with the one that replaces it. Neither is a guess: an agent of the issuer has said so.
"""

from collections.abc import Collection

from msgspec import Struct, field

from detections.clusters.anchors import Anchors, Child
from detections.clusters.linking import Linking
from detections.clusters.links import Proof
from normalizer.events.chain import (
    ChainEvent,
    IdentityRegistered,
    IdentityRemoved,
    IdentityUpdated,
    WalletRecovered,
)
from pipeline.config.clusters import ClusterLimits, IdentityLinks

IdentityEvent = IdentityRegistered | IdentityRemoved | IdentityUpdated | WalletRecovered


class IdentityState(Struct):
    """Which wallets each OnchainID has, by chain."""

    identities: Anchors = field(default_factory=Anchors)


class Identities:
    """Finds wallets of one identity."""

    def __init__(
        self,
        settings: IdentityLinks,
        limits: ClusterLimits,
        hubs: Collection[str],
        state: IdentityState,
    ) -> None:
        self._settings = settings
        self._limits = limits
        self._hubs = hubs
        self.state = state

    def take(self, event: IdentityEvent, linking: Linking) -> None:
        """Look at an event of a registry or a token."""
        wallet = event.investor_address
        match event:
            case IdentityRegistered() if wallet is not None:
                # A custodian's wallets hold what is many people's.
                if not any(label in self._hubs for label in event.investor_labels):
                    self._share(event, event.identity, Child(wallet, _proof(event)), linking)
            case IdentityRemoved() if wallet is not None:
                self._leave(event, event.identity, wallet, linking)
            case IdentityUpdated():
                self._updated(event, linking)
            case WalletRecovered() if wallet is not None:
                weight = self._settings.recovery_weight
                linking.link(
                    wallet, event.new_wallet, "recovery", weight, event.identity, (_proof(event),)
                )
            case _:
                pass

    def _updated(self, event: IdentityUpdated, linking: Linking) -> None:
        """A wallet's identity is another one. The log doesn't say which wallet's: where the call
        doesn't either, it is known only of an identity with a single wallet.
        """
        children = self.state.identities.children(_name(event, event.previous_identity))
        wallet = event.investor_address or (children[0].address if len(children) == 1 else None)
        if wallet is None:
            return
        self._leave(event, event.previous_identity, wallet, linking)
        self._share(event, event.identity, Child(wallet, _proof(event)), linking)

    def _share(self, event: ChainEvent, identity: str, child: Child, linking: Linking) -> None:
        sharing = self.state.identities.share(
            _name(event, identity),
            child,
            window=None,
            most=self._settings.most_wallets,
            room=self._limits.most_anchors,
        )
        linking.share(sharing, "identity", self._settings.weight, identity)

    def _leave(self, event: ChainEvent, identity: str, wallet: str, linking: Linking) -> None:
        for a, b in self.state.identities.leave(_name(event, identity), wallet):
            linking.unlink(a, b, "identity", identity)


def _name(event: ChainEvent, identity: str) -> str:
    return f"{event.chain_id}:{identity}"


def _proof(event: ChainEvent) -> Proof:
    return Proof(event.timestamp, event.id, event.transaction_hash or "")
