"""Makes the events of a chain, one transaction after the other. For tests of clusters."""

from typing import Any

from detections.clusters.clustering import Change, Clustering
from detections.clusters.components import Membership
from normalizer.events.base import Event
from normalizer.events.chain import (
    ContractEvent,
    IdentityRegistered,
    IdentityRemoved,
    IdentityUpdated,
    NativeTransfer,
    TokenTransfer,
    WalletRecovered,
)
from pipeline.config.clusters import Clusters
from pipeline.units import MINUTE, SECOND

START = 1_767_225_600_000_000_000
USDC = "0x" + "dc" * 20
ETHER = 10**18


def wallet(name: str) -> str:
    """An address that can be told from others in a failure: the name in hexadecimal."""
    return "0x" + name.encode().hex().rjust(40, "0")


ALICE, BOB, CAROL, DAN, ERIN = (wallet(name) for name in ("alice", "bob", "carol", "dan", "erin"))
FUNDER, EXCHANGE, DEPOSIT = wallet("funder"), wallet("exchange"), wallet("deposit")
IDENTITY = wallet("identity")


class ChainTape:
    """Each call is an event; without `same` it is of a transaction and a block of its own."""

    def __init__(self, labels: dict[str, tuple[str, ...]] | None = None, branch: str = "a") -> None:
        self.number = 0
        self.labels = labels if labels is not None else {EXCHANGE: ("exchange",)}
        self.branch = branch
        self.investors: dict[str, str] = {}
        self.named: dict[str, str] = {}
        self._log = 0
        self._nonces: dict[str, int] = {}
        self._signer: str | None = None

    def _fields(self, at: int | None, signer: str | None, same: bool, more: dict[str, Any]) -> Any:
        if not same:
            self.number += 1
            self._signer = signer
            self._log = 0
            if signer is not None:
                self._nonces[signer] = self._nonces.get(signer, -1) + 1
        self._log += 1
        number = self.number
        block_hash = f"0x{self.branch * 2:0>62}{number % 256:02x}"
        transaction = f"0x{self.branch}{number:063x}"
        moment = START + (number * SECOND if at is None else at)
        return {
            "id": f"1:{block_hash}:{transaction}:{self._log}",
            "timestamp": moment,
            "ingested": moment + SECOND,
            "original": f"RAW/{number}/0",
            "provider": "chain",
            "chain_id": 1,
            "block_number": number,
            "block_hash": block_hash,
            "transaction_hash": transaction,
            "transaction_from": self._signer,
            "transaction_nonce": None if signer is None else self._nonces.get(signer),
            **more,
        }

    def _parties(self, source: str, destination: str) -> dict[str, Any]:
        return {
            "source_address": source,
            "source_labels": self.labels.get(source, ()),
            "source_investor": self.investors.get(source),
            "source_cluster": self.named.get(source),
            "destination_address": destination,
            "destination_labels": self.labels.get(destination, ()),
            "destination_investor": self.investors.get(destination),
            "destination_cluster": self.named.get(destination),
        }

    def pays(
        self,
        source: str,
        destination: str,
        amount: int = ETHER,
        *,
        at: int | None = None,
        signer: str | None = None,
        same: bool = False,
        **more: Any,
    ) -> NativeTransfer:
        """The chain's own currency goes from one to another."""
        fields = self._fields(at, signer or source, same, more)
        return NativeTransfer(
            **self._parties(source, destination),
            value_raw=str(amount),
            value=amount / ETHER,
            **fields,
        )

    def sends(
        self,
        source: str,
        destination: str,
        amount: int = 10**6,
        *,
        at: int | None = None,
        signer: str | None = None,
        same: bool = False,
        token: str = USDC,
        **more: Any,
    ) -> TokenTransfer:
        """A token goes from one to another."""
        fields = self._fields(at, signer or source, same, more)
        return TokenTransfer(
            **self._parties(source, destination),
            contract=token,
            amount_raw=str(amount),
            amount=float(amount),
            **fields,
        )

    def logs(
        self, contract: str, name: str, arguments: str, *, same: bool = False, **more: Any
    ) -> ContractEvent:
        """A log that has no record of its own."""
        fields = self._fields(None, None, same, more)
        return ContractEvent(
            **fields, contract=contract, log_name=name, log_arguments=arguments, decoded=True
        )

    def registers(self, who: str, identity: str = IDENTITY, **more: Any) -> IdentityRegistered:
        """An agent registers a wallet."""
        fields = self._fields(None, None, False, more)
        return IdentityRegistered(**fields, investor_address=who, identity=identity)

    def removes(self, who: str, identity: str = IDENTITY) -> IdentityRemoved:
        """An agent removes a wallet."""
        fields = self._fields(None, None, False, {})
        return IdentityRemoved(**fields, investor_address=who, identity=identity)

    def updates(self, who: str | None, before: str, now: str) -> IdentityUpdated:
        """A wallet's identity is replaced."""
        fields = self._fields(None, None, False, {})
        return IdentityUpdated(
            **fields, investor_address=who, previous_identity=before, identity=now
        )

    def recovers(self, lost: str, new: str) -> WalletRecovered:
        """A lost wallet is replaced."""
        fields = self._fields(None, None, False, {})
        return WalletRecovered(**fields, investor_address=lost, new_wallet=new, identity=IDENTITY)

    def funds(self, *wallets: str, source: str = FUNDER, apart: int = MINUTE) -> list[Event]:
        """A source fills wallets, one after the other, and each does something with it."""
        first = self.number * SECOND
        paid: list[Event] = [
            self.pays(source, one, at=first + number * apart) for number, one in enumerate(wallets)
        ]
        return paid + [
            self.pays(one, wallet(f"shop{self.number}"), 5, at=first + len(wallets) * apart)
            for one in wallets
        ]


class Watching:
    """Clusters as somebody knows them who hears of changes alone."""

    def __init__(self, settings: Clusters | None = None) -> None:
        self.clustering = Clustering(settings or Clusters())
        self.clusters: dict[str, str] = {}
        self.links: dict[tuple[str, str], dict[str, float]] = {}
        self.changes: list[Change] = []

    def take(self, *events: Event) -> "Watching":
        """Take events, as they come together."""
        self.hear([*self.clustering.take(events), *self.clustering.end()])
        return self

    def hear(self, changes: list[Change]) -> None:
        """Make the changes."""
        self.changes += changes
        for change in changes:
            if isinstance(change, Membership):
                assert self.clusters.get(change.address) == change.previous
                if change.cluster is None:
                    del self.clusters[change.address]
                else:
                    self.clusters[change.address] = change.cluster
            else:
                links = self.links.setdefault(change.pair, {})
                if change.link is None:
                    del links[change.reason]
                else:
                    links[change.reason] = change.link.weight
                if not links:
                    del self.links[change.pair]

    def one(self, *wallets: str) -> bool:
        """Whether they are one cluster."""
        return len({self.clusters.get(wallet, wallet) for wallet in wallets}) == 1

    def none(self, *wallets: str) -> bool:
        """Whether none of them is in any."""
        return not any(wallet in self.clusters for wallet in wallets)


__all__ = ["ChainTape", "Watching", "wallet"]
