"""Those who trade at once: at random, in clusters, with the trend, or for what a share is worth."""

import random
from collections import deque
from math import exp

import msgspec

from demo.venue.messages import Side
from demo.venue.order_book import opposite
from simulation.clockwork import Clockwork, Script
from simulation.venue.desk import Desk
from simulation.venue.makers import SIDES
from simulation.venue.value import Value


def lognormal_lots(rng: random.Random, median: float, spread: float = 0.9) -> int:
    """A size; real ones are skewed far to the right."""
    return max(1, round(median * exp(rng.gauss(0, spread))))


def poisson_taker(desk: Desk, rng: random.Random, rate: float, median: float) -> Script:
    """Market orders at random, `rate` a second, either side."""
    while True:
        yield rng.expovariate(rate)
        desk.take(rng.choice(SIDES), lognormal_lots(rng, median))


class Hawkes(msgspec.Struct, frozen=True, kw_only=True):
    """Orders that make further orders likelier; rates a second. Stable while jump < decay."""

    base: float
    jump: float
    decay: float


class Crowd(msgspec.Struct, frozen=True):
    """Accounts, few of which trade much and most seldom: the n-th trades 1/n as often."""

    desks: list[Desk]
    weights: list[float]

    def one(self, rng: random.Random) -> Desk:
        """Who trades next."""
        return rng.choices(self.desks, cum_weights=self.weights)[0]


def crowd_of(desks: list[Desk]) -> Crowd:
    """A crowd of these accounts, by Zipf's law."""
    weights: list[float] = []
    for rank in range(1, len(desks) + 1):
        weights.append((weights[-1] if weights else 0.0) + 1 / (rank + 4))
    return Crowd(desks, weights)


def hawkes_takers(crowd: Crowd, rng: random.Random, hawkes: Hawkes, median: float) -> Script:
    """Market orders of several accounts in clusters, mostly of one side within a cluster.

    A Hawkes process with an exponential kernel, drawn by thinning (Ogata, 1981).
    """
    excited, side = 0.0, rng.choice(SIDES)
    while True:
        bound = hawkes.base + excited
        wait = rng.expovariate(bound)
        yield wait
        excited *= exp(-hawkes.decay * wait)
        if rng.random() * bound > hawkes.base + excited:
            continue
        if rng.random() < 0.25:
            side = rng.choice(SIDES)
        crowd.one(rng).take(side, lognormal_lots(rng, median))
        excited += hawkes.jump


def retail(
    desk: Desk, rng: random.Random, rate: float, median: float, reach: int, patience: float
) -> Script:
    """Now and then a small order: at market, or near the touch, where it is filled or given up
    after some `patience` seconds. At most one at a time."""
    while True:
        yield rng.expovariate(rate)
        side = rng.choice(SIDES)
        mid = desk.listing.mid(0.0)
        if not mid:
            continue
        lots = lognormal_lots(rng, median)
        if rng.random() < 0.35:
            desk.take(side, lots)
            continue
        away = rng.randint(1, reach)
        price = round(mid) - away if side == "buy" else round(mid) + away
        order_id = desk.quote(side, lots, price)
        yield rng.expovariate(1 / patience)
        desk.cancel(order_id)


class Trend(msgspec.Struct, frozen=True, kw_only=True):
    """How a momentum trader acts: a move of `least` (a share of the price) within `back` looks."""

    pause: tuple[float, float]
    back: int
    least: float
    median: float
    most_position: int


def momentum_trader(desk: Desk, rng: random.Random, trend: Trend) -> Script:
    """Buys what rose and sells what fell, to a limit; closes when the move is over."""
    seen: deque[float] = deque(maxlen=trend.back)
    while True:
        yield rng.uniform(*trend.pause)
        mid = desk.listing.mid(0.0)
        if not mid:
            continue
        seen.append(mid)
        move = mid / seen[0] - 1
        if abs(move) >= trend.least:
            side: Side = "buy" if move > 0 else "sell"
            own = desk.position if side == "buy" else -desk.position
            if own < trend.most_position:
                desk.take(side, lognormal_lots(rng, trend.median, 0.5))
        elif desk.position and abs(move) < trend.least / 3 and rng.random() < 0.2:
            out: Side = "sell" if desk.position > 0 else "buy"
            desk.take(out, min(abs(desk.position), lognormal_lots(rng, trend.median, 0.5)))


def imbalance_trader(desk: Desk, rng: random.Random, median: float, ratio: float = 2.5) -> Script:
    """Trades with the heavier side of the visible book: those whom spoofing is meant for."""
    while True:
        yield rng.uniform(0.15, 0.4)
        bids, asks = desk.listing.near_depth("buy", 6), desk.listing.near_depth("sell", 6)
        if not bids or not asks or max(bids, asks) < ratio * min(bids, asks):
            continue
        side: Side = "buy" if bids > asks else "sell"
        own = desk.position if side == "buy" else -desk.position
        yield rng.uniform(0.05, 0.25)
        if own < 20 * median:
            desk.take(side, lognormal_lots(rng, median, 0.4))
        yield rng.uniform(0.5, 1.5)


def value_trader(
    desk: Desk, rng: random.Random, clockwork: Clockwork, value: Value, cost: float, median: float
) -> Script:
    """Trades when the price is further than `cost` (a share) from what it takes to be the value.

    It is faster just after news, and keeps the price near the value at other times.
    """
    while True:
        told = value.just_told(clockwork.now, 30)
        yield rng.uniform(0.1, 0.8) if told else rng.uniform(1.5, 6.0)
        mid = desk.listing.mid(value.ticks)
        off = value.ticks / mid - 1
        if abs(off) < cost:
            continue
        side: Side = "buy" if off > 0 else "sell"
        much = 6 * median if told else median
        desk.take(side, lognormal_lots(rng, much), round(value.ticks))


def arbitrageur(here: Desk, there: Desk, rng: random.Random, cost: float, most: int) -> Script:
    """Buys where it is cheaper and sells where it is dearer, once the difference pays."""
    while True:
        yield rng.uniform(0.08, 0.3)
        for cheap, dear in ((here, there), (there, here)):
            ask, bid = cheap.listing.engine.best("sell"), dear.listing.engine.best("buy")
            if ask is None or bid is None or bid < ask * (1 + cost):
                continue
            lots = min(
                most,
                cheap.listing.near_depth("sell", 1),
                dear.listing.near_depth("buy", 1),
            )
            bought = cheap.take("buy", lots, ask)
            if bought:
                dear.take("sell", bought, bid)


def hedger(dealt: Desk, hedge: Desk, rng: random.Random, least: int) -> Script:
    """Deals in one place and lays the position off in another, as it grows."""
    while True:
        yield rng.uniform(0.5, 2.0)
        net = dealt.position + hedge.position
        if abs(net) >= least:
            side: Side = "sell" if net > 0 else "buy"
            hedge.take(side, min(abs(net), 4 * least))


def passive_dealer(desk: Desk, rng: random.Random, median: float, reach: int) -> Script:
    """Leaves one order a side and is filled by others: what a hedger lays off elsewhere."""
    orders: dict[Side, str | None] = {"buy": None, "sell": None}
    while True:
        yield rng.uniform(2.0, 5.0)
        mid = desk.listing.mid(0.0)
        if not mid:
            continue
        side = rng.choice(SIDES)
        desk.cancel(orders[side])
        away = rng.randint(1, reach)
        price = round(mid) - away if side == "buy" else round(mid) + away
        orders[side] = desk.quote(side, lognormal_lots(rng, median), price)


def execution_algorithm(
    desk: Desk, rng: random.Random, side: Side, lots: int, seconds: float, slices: int
) -> Script:
    """Works a parent order in slices over a time: passively first, then at market. Honest, and
    large: an index rebalancer does this until the close, a fund all day."""
    pause = seconds / slices
    left = lots
    for number in range(slices):
        part = min(left, max(1, round(lots / slices * rng.uniform(0.7, 1.3))))
        if number == slices - 1:
            part = left
        if part <= 0:
            break
        best = desk.listing.engine.best(side)
        before = desk.position
        order_id = desk.quote(side, part, best) if best is not None else None
        yield pause * rng.uniform(0.4, 0.6)
        resting = desk.remaining(order_id)
        desk.cancel(order_id)
        rest = resting if order_id else part
        if rest:
            desk.take(side, rest)
        left -= abs(desk.position - before) or part
        yield pause * rng.uniform(0.4, 0.6)


def two_algorithms(first: Desk, second: Desk, rng: random.Random, median: float) -> list[Script]:
    """One firm's two strategies that don't know of each other: now and then they meet.

    FINRA Rule 5210, Supplementary Material .02: self-trades of unrelated algorithms are generally
    bona fide.
    """
    return [
        passive_dealer(first, rng, median, 9),
        poisson_taker(second, rng, 0.03, median),
    ]


def other(side: Side) -> Side:
    """The other side of the market."""
    return opposite(side)
