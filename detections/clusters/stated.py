"""What reference data says itself of addresses that links are about: one investor's, or one
cluster's by name. Events carry it.

Two linked addresses of one investor, or of one named cluster, are one without any guess. And a
cluster that has an address with a name is called by that name for all, so that events of those
whom the reference data names and of those who were found agree.
"""

from msgspec import Struct, field

from detections.clusters.linking import Linking
from detections.clusters.links import Pair, Proof, pair_of
from detections.idlest import drop_idlest
from normalizer.events.base import PartyEvent
from normalizer.events.chain import ChainEvent, NativeTransfer, TokenTransfer
from pipeline.config.clusters import ClusterLimits

#: What the ids of derived clusters begin with: in events they are no names of the reference data.
DERIVED = "cluster-"


class StatedState(Struct):
    """What is said of addresses."""

    said: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    """By address: investor and named cluster; empty where there is none."""
    linked: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """By investor or named cluster, the addresses of it that have links, the first one first."""


class Stated:
    """Ties together what reference data says to be one."""

    def __init__(self, limits: ClusterLimits, state: StatedState) -> None:
        self._limits = limits
        self.state = state

    def note(self, event: ChainEvent, linking: Linking) -> None:
        """Note what an event says of its parties."""
        if isinstance(event, TokenTransfer | NativeTransfer):
            if event.source_investor is not None or event.source_cluster is not None:
                name = event.source_cluster
                self._note(event.source_address, event.source_investor, name, event, linking)
            if event.destination_investor is not None or event.destination_cluster is not None:
                name = event.destination_cluster
                investor = event.destination_investor
                self._note(event.destination_address, investor, name, event, linking)
        elif event.investor_address is not None and _named(event):
            investor, name = event.investor_id, event.investor_cluster
            self._note(event.investor_address, investor, name, event, linking)

    def name_of(self, address: str) -> str:
        """The cluster that reference data names for an address; empty where it doesn't."""
        said = self.state.said.get(address)
        return said[1] if said is not None else ""

    def tie(self, addresses: Pair | tuple[str], proof: Proof, linking: Linking) -> None:
        """Addresses have a link now: tie them to others of the same investor or name."""
        for address in addresses:
            for whose in self._keys(address):
                mine = self.state.linked.setdefault(whose, [])
                if address in mine:
                    continue
                mine.append(address)
                if len(mine) > 1:
                    linking.link(mine[0], address, "reference", 1.0, whose, (proof,))

    def _note(
        self,
        address: str,
        investor: str | None,
        cluster: str | None,
        event: ChainEvent,
        linking: Linking,
    ) -> None:
        name = "" if cluster is None or cluster.startswith(DERIVED) else cluster
        now = (investor or "", name)
        said = self.state.said
        if said.get(address, ("", "")) == now:
            return
        self._forget(address, linking)
        said[address] = now
        drop_idlest(said, self._limits.most_addresses)
        if address in linking.book.neighbours:
            linking.restated[address] = None
            proof = Proof(event.timestamp, event.id, event.transaction_hash or "")
            self.tie((address,), proof, linking)

    def _forget(self, address: str, linking: Linking) -> None:
        """What was said of an address is said no longer."""
        for whose in self._keys(address):
            mine = self.state.linked.get(whose)
            if mine is None or address not in mine:
                continue
            first = mine[0]
            mine.remove(address)
            for other in mine:
                tied = linking.book.of(pair_of(address, other)).get("reference")
                if tied is None:
                    continue
                linking.unlink(address, other, "reference")
                if address == first and other != mine[0]:
                    linking.link(mine[0], other, "reference", 1.0, whose, tied.proofs[:1])
            if not mine:
                del self.state.linked[whose]

    def _keys(self, address: str) -> tuple[str, ...]:
        said = self.state.said.get(address)
        if said is None:
            return ()
        investor, name = said
        return tuple(
            key
            for key, there in ((f"investor {investor}", investor), (f"cluster {name}", name))
            if there
        )


def _named(event: PartyEvent) -> bool:
    return event.investor_id is not None or event.investor_cluster is not None
