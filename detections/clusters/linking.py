"""Where the finders of links put what they find: links, and who is a hub."""

from collections.abc import Iterable

from msgspec import Struct, field

from detections.clusters.anchors import Sharing
from detections.clusters.links import HEURISTIC, LinkBook, Pair, Proof, Reason, pair_of
from detections.idlest import drop_idlest


class LinkState(Struct):
    """What is known of links."""

    book: LinkBook = field(default_factory=LinkBook)
    hubs: dict[str, None] = field(default_factory=dict[str, None])
    """Addresses that behave as hubs: who they are linked to by behaviour says nothing."""


class Linking:
    """Adds and withdraws links, and remembers which pairs that concerns."""

    def __init__(self, state: LinkState, *, most_hubs: int) -> None:
        self.state = state
        self._most_hubs = most_hubs
        #: Pairs whose links have changed since they were last looked at, in order.
        self.touched: dict[Pair, None] = {}
        #: Linked addresses of which reference data says something else, likewise.
        self.restated: dict[str, None] = {}

    @property
    def book(self) -> LinkBook:
        """All links."""
        return self.state.book

    def is_hub(self, address: str) -> bool:
        """Whether an address has behaved as a hub."""
        return address in self.state.hubs

    def link(
        self, a: str, b: str, reason: Reason, weight: float, via: str, proofs: Iterable[Proof]
    ) -> None:
        """Two addresses are linked, now or once more."""
        if a == b or weight <= 0:
            return
        hubs = self.state.hubs
        if reason in HEURISTIC and (a in hubs or b in hubs):
            return
        pair = pair_of(a, b)
        self.state.book.add(pair, reason, weight, via, proofs)
        self.touched[pair] = None

    def share(self, sharing: Sharing, reason: Reason, weight: float, via: str) -> None:
        """Link, and part, those that share something."""
        for one, other in sharing.links:
            proofs = (one.proof, other.proof)
            self.link(one.address, other.address, reason, weight, via, proofs)
        for a, b in sharing.withdrawn:
            self.unlink(a, b, reason, via)

    def unlink(self, a: str, b: str, reason: Reason, via: str | None = None) -> None:
        """A link is none any more; with `via`, where it was by that."""
        pair = pair_of(a, b)
        if self.state.book.remove(pair, reason, via):
            self.touched[pair] = None

    def hub(self, address: str) -> None:
        """An address is a hub from now on: all that links it by behaviour is taken back."""
        hubs = self.state.hubs
        if address in hubs:
            return
        hubs[address] = None
        drop_idlest(hubs, self._most_hubs)
        book = self.state.book
        for other in list(book.neighbours.get(address, ())):
            pair = pair_of(address, other)
            behaviour: list[Reason] = [one for one in book.of(pair) if one in HEURISTIC]
            for reason in behaviour:
                book.remove(pair, reason)
            self.touched[pair] = None
