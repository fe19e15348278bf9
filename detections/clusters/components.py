"""Clusters as components of the graph of joined pairs, kept up as pairs come and go.

A pair that comes merges two clusters: the members of the younger one go to the older, whose id
stays (union by relabelling; each relabelling is told anyway, so nothing would be saved by a tree).
Where a pair goes, or an analyst has separated somebody, the component is parted anew from its
pairs: the strongest first, and none that would bring together what is separated.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence

from msgspec import Struct, field

from detections.clusters.links import Pair, pair_of
from detections.idlest import drop_idlest

#: Aliases that are remembered.
_MOST_ALIASES = 100_000


class Cluster(Struct, array_like=True):
    """Addresses that are one."""

    number: int
    """Clusters are numbered as they are founded: the lesser is the older."""
    members: list[str]
    """In the order in which they came."""


class Membership(Struct, frozen=True):
    """An address is in another cluster than before, or in one, or in none."""

    address: str
    cluster: str | None
    previous: str | None


class Components(Struct):
    """The graph, and the clusters that it makes."""

    edges: dict[str, dict[str, float]] = field(default_factory=dict[str, dict[str, float]])
    """Joined pairs in both directions, with how strongly they are joined."""
    separated: dict[Pair, str] = field(default_factory=dict[Pair, str])
    """Pairs that an analyst has separated, with the id of the override."""
    alone: dict[str, str] = field(default_factory=dict[str, str])
    """Addresses that an analyst has separated from all others, likewise."""
    cluster_of: dict[str, str] = field(default_factory=dict[str, str])
    clusters: dict[str, Cluster] = field(default_factory=dict[str, Cluster])
    aliases: dict[str, str] = field(default_factory=dict[str, str])
    """Ids of clusters that have merged into another, with that one's id at that time."""
    founded: int = 0

    def joined(self, pair: Pair) -> bool:
        """Whether the pair is one of the graph."""
        return pair[1] in self.edges.get(pair[0], ())

    def resolve(self, cluster: str) -> str:
        """The id of a cluster as it is called now."""
        seen: set[str] = set()
        while cluster not in self.clusters and cluster in self.aliases and cluster not in seen:
            seen.add(cluster)
            cluster = self.aliases[cluster]
        return cluster

    def together(self, pair: Pair) -> bool:
        """Whether both are in one cluster."""
        mine = self.cluster_of.get(pair[0])
        return mine is not None and mine == self.cluster_of.get(pair[1])

    def size_joined(self, pair: Pair) -> int:
        """How many members the cluster would have, were the pair joined."""
        if self.together(pair):
            return len(self.clusters[self.cluster_of[pair[0]]].members)
        return sum(
            len(self.clusters[self.cluster_of[one]].members) if one in self.cluster_of else 1
            for one in pair
        )

    def join(self, pair: Pair, strength: float) -> list[Membership]:
        """Put a pair into the graph, or change how strongly it is joined."""
        known = self.joined(pair)
        for one, other in (pair, pair[::-1]):
            self.edges.setdefault(one, {})[other] = strength
        if self.separated or self.alone:
            return self.part_anew(pair)
        return [] if known else self._merge(pair)

    def unjoin(self, pair: Pair) -> list[Membership]:
        """Take a pair out of the graph."""
        if not self.joined(pair):
            return []
        for one, other in (pair, pair[::-1]):
            near = self.edges[one]
            del near[other]
            if not near:
                del self.edges[one]
        return self.part_anew(pair)

    def component(self, start: Iterable[str]) -> list[str]:
        """All that is connected with some addresses, separated or not, in a settled order."""
        found = dict.fromkeys(start)
        queue = list(found)
        for address in queue:
            for other in self.edges.get(address, ()):
                if other not in found:
                    found[other] = None
                    queue.append(other)
        return sorted(found)

    def part_anew(self, addresses: Iterable[str]) -> list[Membership]:
        """Make the clusters of all that is connected with some addresses anew."""
        concerned = self.component(addresses)
        # Who was in a cluster with them is looked at too: a pair that went may have held it.
        before = {one: self.cluster_of.get(one) for one in concerned}
        for cluster in sorted({c for c in before.values() if c is not None}):
            for member in self.clusters[cluster].members:
                before.setdefault(member, cluster)
        parts = [part for part in self._parted(sorted(before)) if len(part) > 1]
        return self._assign(before, parts)

    def _parted(self, addresses: Sequence[str]) -> list[list[str]]:
        group = {address: [address] for address in addresses}
        barred = [pair for pair in self.separated if pair[0] in group and pair[1] in group]
        for _, one, other in self._strongest_first(addresses):
            mine, theirs = group[one], group[other]
            if mine is theirs or _bars(barred, mine, theirs):
                continue
            mine += theirs
            for member in theirs:
                group[member] = mine
        found: dict[int, list[str]] = {id(part): part for part in group.values()}
        return [sorted(part) for part in found.values()]

    def _strongest_first(self, addresses: Iterable[str]) -> list[tuple[float, str, str]]:
        return sorted(
            (-strength, one, other)
            for one in addresses
            for other, strength in self.edges.get(one, {}).items()
            if one < other and one not in self.alone and other not in self.alone
        )

    def _assign(
        self, before: dict[str, str | None], parts: Sequence[Sequence[str]]
    ) -> list[Membership]:
        """Give each part an id: that of the oldest cluster whose first member it has."""
        old = sorted(
            {c for c in before.values() if c is not None}, key=lambda c: self.clusters[c].number
        )
        part_of = {member: number for number, part in enumerate(parts) for member in part}
        order = {
            member: place
            for place, member in enumerate(m for c in old for m in self.clusters[c].members)
        }
        claims: dict[int, list[str]] = {}
        for cluster in old:
            first = next((m for m in self.clusters[cluster].members if m in part_of), None)
            if first is not None:
                claims.setdefault(part_of[first], []).append(cluster)
        numbers = {cluster: self.clusters.pop(cluster).number for cluster in old}
        for address in before:
            self.cluster_of.pop(address, None)
        for number, part in enumerate(parts):
            mine = claims.get(number, [])
            members = sorted(part, key=lambda m: (order.get(m, len(order)), m))
            name = mine[0] if mine else self._new_name(pair_of(members[0], members[1]))
            if not mine:
                self.founded += 1
            self.clusters[name] = Cluster(numbers[mine[0]] if mine else self.founded, members)
            for other in mine[1:]:
                self._alias(other, name)
            for member in members:
                self.cluster_of[member] = name
        return [
            Membership(address, now, was)
            for address, was in sorted(before.items())
            if (now := self.cluster_of.get(address)) != was
        ]

    def _merge(self, pair: Pair) -> list[Membership]:
        names = [self.cluster_of.get(one) for one in pair]
        first, second = names
        if first is None and second is None:
            name = self._new_name(pair)
            self.founded += 1
            self.clusters[name] = Cluster(self.founded, list(pair))
            for one in pair:
                self.cluster_of[one] = name
            return [Membership(one, name, None) for one in pair]
        if first is None or second is None:
            newcomer, name = (pair[0], second) if first is None else (pair[1], first)
            assert name is not None
            self.clusters[name].members.append(newcomer)
            self.cluster_of[newcomer] = name
            return [Membership(newcomer, name, None)]
        if first == second:
            return []
        older, younger = sorted((first, second), key=lambda one: self.clusters[one].number)
        moved = self.clusters.pop(younger).members
        self.clusters[older].members += moved
        for member in moved:
            self.cluster_of[member] = older
        self._alias(younger, older)
        return [Membership(member, older, younger) for member in moved]

    def _new_name(self, pair: Pair) -> str:
        """Of the pair that founds it; another one where that is taken."""
        for again in range(1_000_000):
            text = "|".join((*pair, str(again))) if again else "|".join(pair)
            name = f"cluster-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
            if name not in self.clusters and name not in self.aliases:
                return name
        raise AssertionError("no name is free")

    def _alias(self, gone: str, name: str) -> None:
        self.aliases.pop(gone, None)
        self.aliases[gone] = name
        drop_idlest(self.aliases, _MOST_ALIASES)


def _bars(barred: Collection[Pair], mine: Collection[str], theirs: Collection[str]) -> bool:
    return any(
        (one in mine and other in theirs) or (one in theirs and other in mine)
        for one, other in barred
    )
