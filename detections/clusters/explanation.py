"""Clusters and links for people: what there is, and why two wallets are one, or are not."""

import heapq
import math
from collections.abc import Sequence
from itertools import pairwise

from msgspec import Struct

from detections.clusters.clustering import BY_HAND, Override, State
from detections.clusters.links import Link, Pair, noisy_or, pair_of, reaches
from detections.clusters.reference_form import sentence


class Shown(Struct, frozen=True):
    """A link, with what shows it."""

    reason: str
    weight: float
    detail: str
    first_seen: int
    """Event time, in nanoseconds since the epoch."""
    last_seen: int
    times: int
    events: tuple[str, ...]
    transactions: tuple[str, ...]


class Step(Struct, frozen=True):
    """Two addresses, and all that links them."""

    address: str
    other: str
    weight: float
    """What all links say together."""
    links: tuple[Shown, ...]
    joined_by: str | None = None
    """The override that joins them."""


class Said(Struct, frozen=True):
    """An override."""

    id: str
    action: str
    addresses: tuple[str, ...]
    who: str
    why: str
    at: int
    """In nanoseconds since the epoch."""

    @classmethod
    def of(cls, override: Override) -> "Said":
        """An override as it is shown."""
        action = "together" if override.together else "apart"
        return cls(override.id, action, override.addresses, override.who, override.why, override.at)


class Overview(Struct, frozen=True):
    """One cluster."""

    id: str
    name: str
    """What events call it: by its id, or as reference data names it."""
    members: tuple[str, ...]
    """The first one first."""
    reasons: dict[str, int]
    """How many links there are for each reason."""
    weakest: float
    """Of the pairs that hold it together."""
    first_seen: int
    last_seen: int
    aliases: tuple[str, ...] = ()
    """Ids of clusters that have merged into it."""
    overrides: tuple[str, ...] = ()


class Why(Struct, frozen=True):
    """Why two addresses are one cluster, or why they are not."""

    address: str
    other: str
    together: bool
    sentence: str
    path: tuple[Step, ...]
    """From the one to the other by the strongest links; empty where there is none."""
    direct: Step | None
    """What links the two themselves, also where that doesn't suffice."""
    separated_by: Said | None = None


def overviews(state: State) -> list[Overview]:
    """All clusters, the largest first."""
    by_cluster: dict[str, list[str]] = {}
    for alias in state.components.aliases:
        by_cluster.setdefault(state.components.resolve(alias), []).append(alias)
    found = [_overview(state, name, by_cluster) for name in state.components.clusters]
    return sorted(found, key=lambda one: (-len(one.members), one.id))


def overview(state: State, wanted: str) -> Overview | None:
    """The cluster of an id, an alias, a name of the reference data or an address."""
    components = state.components
    name = components.cluster_of.get(wanted) or components.resolve(wanted)
    if name not in components.clusters:
        called = (one for one, told in state.clusters_told.items() if told == wanted)
        name = components.cluster_of.get(next(called, ""), "")
    return _overview(state, name) if name in components.clusters else None


def steps_within(state: State, members: Sequence[str]) -> list[Step]:
    """All pairs of members that are joined, the strongest first."""
    inside = frozenset(members)
    found = [
        step_of(state, (one, other))
        for one in members
        for other in state.components.edges.get(one, ())
        if one < other and other in inside
    ]
    return sorted(found, key=lambda step: (-step.weight, step.address, step.other))


def why(state: State, a: str, b: str, threshold: float) -> Why:
    """Why two addresses are one cluster, or are not."""
    pair = pair_of(a, b)
    components = state.components
    direct = step_of(state, pair) if state.links.book.of(pair) or _by_hand(state, pair) else None
    override = components.separated.get(pair) or components.alone.get(a) or components.alone.get(b)
    said = state.overrides.get(override) if override is not None else None
    separated = Said.of(said) if said is not None else None
    if a != b and components.together(pair):
        path = tuple(_strongest_path(state, a, b))
        text = (
            "they are one cluster: linked directly"
            if len(path) == 1
            else f"they are one cluster, by {len(path) - 1} others"
            if len(path) > 2
            else "they are one cluster, by another wallet"
        )
        return Why(a, b, True, text, path, direct)
    return Why(a, b, False, _why_not(state, a, b, threshold, separated), (), direct, separated)


def step_of(state: State, pair: Pair) -> Step:
    """A pair with its links."""
    links = state.links.book.of(pair)
    return Step(
        pair[0],
        pair[1],
        round(noisy_or(link.weight for link in links.values()), 6),
        tuple(_shown(link) for _, link in sorted(links.items())),
        state.joined_by_hand.get(pair),
    )


def _why_not(state: State, a: str, b: str, threshold: float, separated: Said | None) -> str:
    if a == b:
        return "it is the same wallet"
    if separated is not None:
        return f"{separated.who} has separated them: {separated.why}"
    pair = pair_of(a, b)
    weight = state.links.book.weight(pair)
    if reaches(weight, threshold):
        if pair in state.refused:
            return "their links suffice, but the cluster would be too large: see the limit"
        return "their links suffice, but they would bring together what was separated"
    if weight:
        return f"what links them weighs {weight:.2g}, and {threshold:.2g} is needed"
    hubs = [one for one in (a, b) if one in state.links.hubs]
    if hubs:
        return f"nothing links them; {' and '.join(hubs)} behaves as a hub"
    return "nothing links them"


def _strongest_path(state: State, a: str, b: str) -> list[Step]:
    """The way whose links say the most together: the product of weights, by Dijkstra."""
    edges, cluster_of = state.components.edges, state.components.cluster_of
    mine = cluster_of[a]
    best: dict[str, float] = {a: 0.0}
    before: dict[str, str] = {}
    queue: list[tuple[float, int, str]] = [(0.0, 0, a)]
    while queue:
        cost, hops, here = heapq.heappop(queue)
        if here == b:
            break
        if cost > best[here]:
            continue
        for other, strength in edges.get(here, {}).items():
            if cluster_of.get(other) != mine:
                continue
            further = cost - math.log(min(1.0, strength)) + 1e-9  # of equal ones, the shortest
            if further < best.get(other, math.inf):
                best[other], before[other] = further, here
                heapq.heappush(queue, (further, hops + 1, other))
    way = [b]
    while way[-1] != a:
        way.append(before[way[-1]])
    way.reverse()
    return [step_of(state, pair_of(one, other)) for one, other in pairwise(way)]


def _overview(state: State, name: str, aliases: dict[str, list[str]] | None = None) -> Overview:
    components = state.components
    members = components.clusters[name].members
    if aliases is None:
        mine = [one for one in components.aliases if components.resolve(one) == name]
    else:
        mine = aliases.get(name, [])
    inside = frozenset(members)
    reasons: dict[str, int] = {}
    seen: list[int] = []
    weakest = 1.0
    overrides: dict[str, None] = {}
    for one in members:
        for other, strength in components.edges.get(one, {}).items():
            if one > other or other not in inside:
                continue
            weakest = min(weakest, strength)
            by_hand = state.joined_by_hand.get((one, other))
            if by_hand is not None:
                overrides[by_hand] = None
            for reason, link in state.links.book.of((one, other)).items():
                reasons[reason] = reasons.get(reason, 0) + 1
                seen += (link.first_seen, link.last_seen)
    for override in state.overrides.values():
        if not inside.isdisjoint(override.addresses):
            overrides[override.id] = None
    return Overview(
        id=name,
        name=state.clusters_told.get(members[0], name),
        members=tuple(members),
        reasons=dict(sorted(reasons.items())),
        weakest=round(weakest, 6),
        first_seen=min(seen, default=0),
        last_seen=max(seen, default=0),
        aliases=tuple(mine),
        overrides=tuple(overrides),
    )


def _by_hand(state: State, pair: Pair) -> bool:
    return state.components.edges.get(pair[0], {}).get(pair[1]) == BY_HAND


def _shown(link: Link) -> Shown:
    return Shown(
        reason=link.reason,
        weight=round(link.weight, 6),
        detail=sentence(link),
        first_seen=link.first_seen,
        last_seen=link.last_seen,
        times=link.count,
        events=tuple(proof.event for proof in link.proofs),
        transactions=tuple(
            dict.fromkeys(proof.transaction for proof in link.proofs if proof.transaction)
        ),
    )
