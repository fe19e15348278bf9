"""Links between addresses: each with its reason, its weight and what shows it.

The book has all links by pair. How much the reasons of a pair say together is their noisy-or,
1 - (1 - v)(1 - w)...: each reason is on its own enough to make two wallets one with the probability
of its weight, and reasons are taken for independent of each other. So weak hints add up, none takes
anything back, and an order doesn't matter.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from msgspec import Struct, field

Reason = Literal[
    "funding", "deposit", "co-spending", "round-trip", "smart-account", "paymaster", "identity",
    "recovery", "reference",
]  # fmt: skip
#: Those that rest on how an address behaves: of a hub they say nothing.
HEURISTIC: frozenset[Reason] = frozenset(
    ("funding", "deposit", "co-spending", "round-trip", "paymaster")
)
#: Two addresses, the lesser first.
Pair = tuple[str, str]
#: What is kept of the evidence of one link.
MOST_EVIDENCE = 8
_EPSILON = 1e-9


def pair_of(a: str, b: str) -> Pair:
    """The pair of two addresses, in whatever order."""
    return (a, b) if a < b else (b, a)


class Proof(Struct, array_like=True, frozen=True, gc=False):
    """An event that shows a link: its time, its id and its transaction."""

    at: int
    event: str
    transaction: str


class Link(Struct, array_like=True):
    """Why two addresses may be one."""

    reason: Reason
    weight: float
    via: str
    """What they share: the source of funds, the deposit address, the identity, the signer. Empty
    where it is they themselves."""
    first_seen: int
    """Event time, in nanoseconds since the epoch."""
    last_seen: int
    count: int
    """How often it was seen."""
    proofs: list[Proof]
    """The first, and the newest."""


class LinkBook(Struct):
    """All links by pair, and who is linked to whom."""

    pairs: dict[Pair, dict[Reason, Link]] = field(default_factory=dict[Pair, dict[Reason, Link]])
    neighbours: dict[str, dict[str, None]] = field(default_factory=dict[str, dict[str, None]])

    def add(
        self, pair: Pair, reason: Reason, weight: float, via: str, proofs: Iterable[Proof]
    ) -> Link:
        """Note that a link was seen, now or once more. Its weight is the one of now."""
        links = self.pairs.get(pair)
        if links is None:
            links = self.pairs[pair] = {}
            self.neighbours.setdefault(pair[0], {})[pair[1]] = None
            self.neighbours.setdefault(pair[1], {})[pair[0]] = None
        link = links.get(reason)
        if link is None:
            shown = list(proofs)
            times = [proof.at for proof in shown]
            link = links[reason] = Link(reason, weight, via, min(times), max(times), 1, shown)
            return link
        link.weight, link.via = weight, via
        link.count += 1
        for proof in proofs:
            if proof in link.proofs:
                continue
            if len(link.proofs) >= MOST_EVIDENCE:
                del link.proofs[MOST_EVIDENCE // 2]
            link.proofs.append(proof)
            link.first_seen = min(link.first_seen, proof.at)
            link.last_seen = max(link.last_seen, proof.at)
        return link

    def remove(self, pair: Pair, reason: Reason, via: str | None = None) -> bool:
        """Take a link back, with `via` only where it is by that; False if there was none."""
        links = self.pairs.get(pair)
        if links is None or reason not in links:
            return False
        if via is not None and links[reason].via != via:
            return False
        del links[reason]
        if not links:
            self.forget(pair)
        return True

    def forget(self, pair: Pair) -> None:
        """Take all links of a pair back."""
        if self.pairs.pop(pair, None) is None:
            return
        for one, other in (pair, pair[::-1]):
            near = self.neighbours[one]
            del near[other]
            if not near:
                del self.neighbours[one]

    def of(self, pair: Pair) -> Mapping[Reason, Link]:
        """The links of a pair."""
        return self.pairs.get(pair, {})

    def weight(self, pair: Pair) -> float:
        """How much the links of a pair say together, 0 to 1."""
        links = self.pairs.get(pair)
        return noisy_or(link.weight for link in links.values()) if links else 0.0

    def partners(self, address: str, reason: Reason) -> Iterator[str]:
        """Who is linked to an address for a reason."""
        for other in self.neighbours.get(address, ()):
            if reason in self.pairs[pair_of(address, other)]:
                yield other


def noisy_or(weights: Iterable[float]) -> float:
    """What independent reasons say together. The order of the weights doesn't matter."""
    return 1.0 - math.prod(sorted(1.0 - weight for weight in weights))


def reaches(weight: float, threshold: float) -> bool:
    """Whether a weight suffices; rounding must not decide."""
    return weight >= threshold - _EPSILON
