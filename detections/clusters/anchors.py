"""What several addresses share: a source of funds, a deposit address, an identity, a paymaster.

Who shares it is linked to all that shared it before, within a window. What too many share is a hub,
and says nothing of anybody: then all that it said is taken back.
"""

from collections.abc import Sequence

from msgspec import Struct, field

from detections.clusters.links import Proof
from detections.idlest import drop_idlest


class Child(Struct, array_like=True, gc=False):
    """An address that shares it, and what shows that."""

    address: str
    proof: Proof


class Anchor(Struct, array_like=True):
    """Something shared."""

    children: list[Child] = field(default_factory=list[Child])
    hub: bool = False
    others: int = 0
    """How often somebody had of it of whom it says nothing."""


class Sharing(Struct, frozen=True):
    """What a further address changes."""

    links: Sequence[tuple[Child, Child]] = ()
    """Who is linked now: one that shared it before, and the new one."""
    withdrawn: Sequence[tuple[str, str]] = ()
    """Whose link is none any more, since it is a hub now."""
    became_hub: bool = False


NOTHING = Sharing()


class Anchors(Struct):
    """All of one kind, the idlest first; a hub is never forgotten for room before others are."""

    known: dict[str, Anchor] = field(default_factory=dict[str, Anchor])
    hubs: dict[str, None] = field(default_factory=dict[str, None])

    def share(
        self, name: str, child: Child, *, window: int | None, most: int, room: int
    ) -> Sharing:
        """An address shares the thing of this name. Late ones find their place by their time.

        `window`: in nanoseconds; None for any time. `most`: how many may share it. `room`: things
        that are remembered.
        """
        if name in self.hubs:
            return NOTHING
        anchor = self.known.pop(name, None)
        if anchor is None:
            self.known[name] = Anchor([child])
            drop_idlest(self.known, room)
            return NOTHING
        self.known[name] = anchor
        children = anchor.children
        if any(other.address == child.address for other in children):
            return NOTHING
        if len(children) >= most:
            del self.known[name]
            self.hubs[name] = None
            drop_idlest(self.hubs, room)
            return Sharing(withdrawn=_pairs([one.address for one in children]), became_hub=True)
        at = child.proof.at
        linked = [
            (other, child)
            for other in children
            if window is None or abs(at - other.proof.at) <= window
        ]
        children.append(child)
        return Sharing(links=linked)

    def other(self, name: str, address: str, at: int, *, window: int, most: int) -> "Sharing":
        """Somebody has of it of whom it says nothing. Where that are too many, it is a hub.

        It counts within the window of the newest who shares it.
        """
        anchor = self.known.get(name)
        if anchor is None or abs(at - anchor.children[-1].proof.at) > window:
            return NOTHING
        if any(child.address == address for child in anchor.children):
            return NOTHING
        anchor.others += 1
        if anchor.others <= most:
            return NOTHING
        self.hubs[name] = None
        return Sharing(withdrawn=self.drop(name), became_hub=True)

    def leave(self, name: str, address: str) -> list[tuple[str, str]]:
        """An address shares it no longer. Returns whose link is none any more."""
        anchor = self.known.get(name)
        if anchor is None:
            return []
        rest = [child for child in anchor.children if child.address != address]
        if len(rest) == len(anchor.children):
            return []
        anchor.children = rest
        if not rest:
            del self.known[name]
        return [(address, child.address) for child in rest]

    def children(self, name: str) -> Sequence[Child]:
        """Who shares it."""
        anchor = self.known.get(name)
        return anchor.children if anchor is not None else ()

    def drop(self, name: str) -> list[tuple[str, str]]:
        """Forget it. Returns whose link is none any more."""
        anchor = self.known.pop(name, None)
        return _pairs([child.address for child in anchor.children]) if anchor is not None else []


def _pairs(addresses: Sequence[str]) -> list[tuple[str, str]]:
    return [
        (address, other)
        for number, address in enumerate(addresses)
        for other in addresses[number + 1 :]
    ]
