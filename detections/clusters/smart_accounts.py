"""Account abstraction (ERC-4337): who owns an account, and who pays its gas.

An account says who owns it by ``SimpleAccountInitialized`` of the reference implementation, or by
``OwnershipTransferred``. The EntryPoint says by ``UserOperationEvent`` who paid the gas of an
operation. Both contracts must be watched for that. One bundler's transaction carries operations of
strangers, and links nobody.
"""

import msgspec
from msgspec import Struct, field

from detections.clusters.anchors import Anchors, Child
from detections.clusters.funding import Funding
from detections.clusters.linking import Linking
from detections.clusters.links import Proof
from detections.idlest import drop_idlest
from normalizer.events.chain import (
    ZERO_ADDRESS,
    ChainEvent,
    ContractEvent,
    OwnershipTransferred,
)
from pipeline.config.clusters import ClusterLimits, SmartAccountLinks


class _Arguments(Struct):
    sender: str = ""
    owner: str = ""
    paymaster: str = ""


_arguments = msgspec.json.Decoder(_Arguments).decode


class SmartAccountState(Struct):
    """Accounts, and who owns them and pays for them."""

    owner_of: dict[str, str] = field(default_factory=dict[str, str])
    """By account; empty where it is not known."""
    owners: Anchors = field(default_factory=Anchors)
    paymasters: Anchors = field(default_factory=Anchors)


class SmartAccounts:
    """Finds accounts of one owner, or with one paymaster."""

    def __init__(
        self,
        settings: SmartAccountLinks,
        limits: ClusterLimits,
        state: SmartAccountState,
        funding: Funding,
    ) -> None:
        """`funding` is told which accounts are new."""
        self._funding = funding
        self._settings = settings
        self._limits = limits
        self.state = state

    def take(self, event: ContractEvent | OwnershipTransferred, linking: Linking) -> None:
        """Look at an event of an account or of the EntryPoint."""
        if isinstance(event, OwnershipTransferred):
            # Tokens and registries have owners as well: only of accounts it says who spends.
            if event.contract in self.state.owner_of and event.investor_address is not None:
                self._owned(event.contract, event.investor_address, _proof(event), linking)
            return
        name = event.log_name
        if name not in ("UserOperationEvent", "AccountDeployed", "SimpleAccountInitialized"):
            return
        try:
            found = _arguments(event.log_arguments or "{}")
        except msgspec.MsgspecError:
            return  # another event of this name
        if name == "SimpleAccountInitialized":
            if event.contract is not None and found.owner:
                self._owned(event.contract, found.owner, _proof(event), linking)
            return
        if not found.sender:
            return
        self._know(found.sender)
        if name == "AccountDeployed":
            self._funding.deployed(found.sender, linking)
        if name == "UserOperationEvent" and found.paymaster not in ("", ZERO_ADDRESS):
            self._sponsored(found.sender, found.paymaster, _proof(event), linking)

    def _know(self, account: str) -> None:
        owners = self.state.owner_of
        if account not in owners:
            owners[account] = ""
            drop_idlest(owners, self._limits.most_anchors)

    def _owned(self, account: str, owner: str, proof: Proof, linking: Linking) -> None:
        weight = self._settings.owner_weight
        self._know(account)
        before = self.state.owner_of[account]
        if before == owner or weight <= 0:
            return
        if before:
            self.state.owners.leave(before, account)
            linking.unlink(account, before, "smart-account")
        if owner == ZERO_ADDRESS:
            self.state.owner_of[account] = ""
            return
        self.state.owner_of[account] = owner
        accounts = [child.address for child in self.state.owners.children(owner)]
        sharing = self.state.owners.share(
            owner,
            Child(account, proof),
            window=None,
            most=self._settings.most_accounts,
            room=self._limits.most_anchors,
        )
        if sharing.became_hub:
            for one in accounts:
                linking.unlink(one, owner, "smart-account")
        if owner not in self.state.owners.hubs:
            linking.link(account, owner, "smart-account", weight, "", (proof,))

    def _sponsored(self, account: str, paymaster: str, proof: Proof, linking: Linking) -> None:
        weight = self._settings.paymaster_weight
        if weight <= 0:
            return
        sharing = self.state.paymasters.share(
            paymaster,
            Child(account, proof),
            window=None,
            most=self._settings.most_accounts,
            room=self._limits.most_anchors,
        )
        linking.share(sharing, "paymaster", weight, paymaster)


def _proof(event: ChainEvent) -> Proof:
    return Proof(event.timestamp, event.id, event.transaction_hash or "")
