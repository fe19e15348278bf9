"""Circles of trades: who is bound to whom by trades that go round, and which trades cancel out.

By Victor and Weintraud, Detecting and Quantifying Wash Trading on Decentralized Cryptocurrency
Exchanges (WWW 2021, arXiv 2102.07001):

- **Layers.** The directed graph of sellers and buyers has as the weight of an edge its number of
  trades. Its strongly connected components are noted, one trade is taken off each edge, and so on
  until nothing is left. A set of parties occurs as often as it is a component by itself. So a set
  occurs often if its members trade much more among each other than with anybody else.
- **Volume matching.** Of the trades of a set within a window, in their order, one after the other
  is taken away from the end until nobody's position has changed by more than 1% of the mean trade.
"""

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from detections.float_sum import float_sum

#: Up to this weight each layer is looked at by itself; beyond, steps of a tenth.
_EACH = 20
#: Layers that are looked at.
_MOST_LAYERS = 96
#: From so many expected returns on a random walk comes back often.
_OFTEN = 2.0

Edge = tuple[str, str]
"""Seller and buyer."""


class Flow(Protocol):
    """A trade: what went from whom to whom."""

    @property
    def seller(self) -> str: ...

    @property
    def buyer(self) -> str: ...

    @property
    def quantity(self) -> float: ...


class Layers(NamedTuple):
    """Sets of parties, and how much work it was to find them."""

    circles: list["Circle"]
    """Each within the one before it, since a component can only fall apart as trades go."""
    steps: int


class Circle(NamedTuple):
    """Parties bound to each other by trades that go round."""

    members: tuple[str, ...]
    """In the order of their names."""
    occurrences: int
    """In so many layers they are a component by themselves."""


def circles_around(one: str, other: str, weights: Mapping[Edge, int]) -> Layers:
    """The sets with both parties, from the largest to the smallest."""
    found: list[Circle] = []
    steps = 0
    left: dict[Edge, int] = {edge: weight for edge, weight in weights.items() if weight > 0}
    level, layers = 1, 0
    while left and layers < _MOST_LAYERS:
        layers += 1
        steps += len(left)
        members = component(one, other, left)
        if members is None:
            break
        inside = frozenset(members)
        left = {e: weight for e, weight in left.items() if e[0] in inside and e[1] in inside}
        # Until the next edge goes, the layers are alike.
        least = min(left.values())
        if level > _EACH:
            least = max(least, level + level // 10)
        lasts = least - level + 1
        if found and found[-1].members == members:
            found[-1] = Circle(members, found[-1].occurrences + lasts)
        else:
            found.append(Circle(members, lasts))
        level = least + 1
        left = {edge: weight for edge, weight in left.items() if weight >= level}
    return Layers(found, steps)


def component(one: str, other: str, edges: Iterable[Edge]) -> tuple[str, ...] | None:
    """The strongly connected component with both parties; None if they are in different ones.

    It is what `one` reaches and is reached from.
    """
    onward: dict[str, list[str]] = defaultdict(list)
    back: dict[str, list[str]] = defaultdict(list)
    for seller, buyer in edges:
        onward[seller].append(buyer)
        back[buyer].append(seller)
    ahead = _reached(one, onward)
    if other not in ahead:
        return None
    behind = _reached(one, back)
    if other not in behind:
        return None
    return tuple(sorted([name for name in ahead if name in behind]))


def _reached(start: str, steps: Mapping[str, Sequence[str]]) -> dict[str, None]:
    found, waiting = {start: None}, [start]
    for name in waiting:
        for other in steps.get(name, ()):
            if other not in found:
                found[other] = None
                waiting.append(other)
    return found


def matched(flows: Sequence[Flow], tolerance: float) -> tuple[int, int]:
    """How many trades, from the first on, leave everybody where he was; 0 if none do.

    Also, how many times all were back there by then. A position may have changed by `tolerance` of
    the mean quantity of these trades.
    """
    positions: dict[str, float] = {}
    total, best, times = 0.0, 0, 0
    for number, flow in enumerate(flows, 1):
        quantity, seller, buyer = flow.quantity, flow.seller, flow.buyer
        total += quantity
        positions[buyer] = bought = positions.get(buyer, 0.0) + quantity
        positions[seller] = sold = positions.get(seller, 0.0) - quantity
        # Who traded last is most likely to be out of balance: so most trades cost next to nothing.
        allowed = tolerance * total / number + 1e-12 * total
        if (
            -allowed <= bought <= allowed
            and -allowed <= sold <= allowed
            and all(abs(position) <= allowed for position in positions.values())
        ):
            best = number
            times += 1
    return best, times


def positions_after(flows: Iterable[Flow]) -> dict[str, float]:
    """By how much each party's position has changed."""
    positions: dict[str, float] = {}
    for flow in flows:
        positions[flow.buyer] = positions.get(flow.buyer, 0.0) + flow.quantity
        positions[flow.seller] = positions.get(flow.seller, 0.0) - flow.quantity
    return positions


def net_share(flows: Sequence[Flow]) -> float:
    """What is left of all that moved: from 0, all are where they were, to 1, all went one way."""
    gross = float_sum(flow.quantity for flow in flows)
    if not gross:
        return 1.0
    return float_sum(abs(one) for one in positions_after(flows).values()) / (2 * gross)


def chance(successes: int, trials: int, probability: float) -> float:
    """At most how likely so many successes or more are by chance (Chernoff's bound).

    Of a binomial distribution; 1 where there aren't more than expected.
    """
    if not trials or successes <= trials * probability:
        return 1.0
    if probability <= 0:
        return 0.0
    part = successes / trials
    divergence = part * math.log(part / probability)
    if part < 1:
        divergence += (1 - part) * math.log((1 - part) / (1 - probability))
    return math.exp(-trials * divergence)


def chance_of_rounds(flows: Sequence[Flow], rounds: int, tolerance: float) -> float:
    """How likely parties who trade at random are all back so many times.

    Their positions are random walks. After i trades a member is within the tolerance with about the
    width that this has, over the spread of his position; and so are all but one of them, who then
    is as well. Trades of few sizes come back often: no position is nearer to where it was than the
    least size, or the least difference of two sizes. The sum over i is how often they are expected
    to be back. By how much that may be exceeded: of a walk that hardly comes back each time is as
    likely as the first (geometric), of one that often does the number is half normal. Of two who
    pass one size to and fro it is known exactly.
    """
    sizes = sorted({flow.quantity for flow in flows})
    number = len(flows)
    members = len({name for flow in flows for name in (flow.seller, flow.buyer)})
    if members == 2 and len(sizes) == 1:
        return _chance_of_returns(number // 2, rounds)
    mean = float_sum(flow.quantity for flow in flows) / number
    spread = math.sqrt(float_sum(flow.quantity**2 for flow in flows) / number)
    apart = min((b - a for a, b in itertools.pairwise(sizes)), default=sizes[0])
    width = max(2 * tolerance * mean, min(sizes[0], apart))
    of_one = width / (spread * math.sqrt(2 * math.pi * 2 / members))
    expected = float_sum(
        min(1.0, of_one / math.sqrt(i)) ** (members - 1) for i in range(1, number + 1)
    )
    if expected < _OFTEN:
        return (expected / (1 + expected)) ** rounds
    return math.erfc(rounds / (expected * math.sqrt(math.pi)))


def _chance_of_returns(pairs: int, returns: int) -> float:
    """How likely a walk of so many pairs of steps, each one up or down, is back so often or more.

    It is back exactly r times with probability C(2m - r, m) / 2^(2m - r), m being the pairs: W.
    Feller, An Introduction to Probability Theory and Its Applications, volume 1, chapter III.
    """
    if returns <= 0:
        return 1.0
    if returns > pairs:
        return 0.0
    steps = 2 * pairs - returns
    one = math.lgamma(steps + 1) - math.lgamma(pairs + 1) - math.lgamma(steps - pairs + 1)
    chance = total = math.exp(one - steps * math.log(2))
    for more in range(returns, pairs):
        chance *= 2 * (pairs - more) / (2 * pairs - more)
        total += chance
    return min(1.0, total)


def is_of_two_sides(flows: Iterable[Flow]) -> bool:
    """Whether the parties are of two kinds, and none traded with his own kind.

    As makers and their customers are.
    """
    met: dict[str, dict[str, None]] = {}
    for flow in flows:
        met.setdefault(flow.seller, {})[flow.buyer] = None
        met.setdefault(flow.buyer, {})[flow.seller] = None
    kinds: dict[str, bool] = {}
    for start in met:
        kinds.setdefault(start, True)
        waiting = [start]
        for name in waiting:
            for other in met[name]:
                if other not in kinds:
                    kinds[other] = not kinds[name]
                    waiting.append(other)
                elif kinds[other] is kinds[name]:
                    return False
    return True


def one_way(flows: Iterable[Flow]) -> float:
    """Which part of what each pair traded went one way and not back: 0 to 1."""
    net: dict[Edge, float] = {}
    gross = 0.0
    for flow in flows:
        gross += flow.quantity
        if flow.seller < flow.buyer:
            edge, quantity = (flow.seller, flow.buyer), flow.quantity
        else:
            edge, quantity = (flow.buyer, flow.seller), -flow.quantity
        net[edge] = net.get(edge, 0.0) + quantity
    return float_sum(abs(one) for one in net.values()) / gross if gross else 0.0
