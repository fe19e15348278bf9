"""Orders that are only shown: far from the market, or near it for a moment each.

MAR Annex I A(f): orders that change what the book seems to hold, and are removed before they are
executed; CEA 4c(a)(5)(C).
"""

from itertools import islice
from math import sqrt

from demo.venue.messages import Side
from simulation.abusers.stage import Stage
from simulation.clockwork import Script
from simulation.venue import takers
from simulation.venue.makers import SIDES


def improbable(stage: Stage) -> Script:
    """Orders as large as all that is shown near the market, so far off that nothing could reach
    them while they rest, placed and withdrawn again and again (Regulation 2016/522, Annex II,
    Section 1, point 6: orders with no intention of executing them; vendors tell them by the price's
    distance in terms of its volatility). Medium: ten in some two minutes, one to two percent off
    in a market that moves 0.6 percent in an hour, each as large as six levels show, for five to
    fifteen seconds.
    """
    rng, desk, side = stage.rng, stage.desk(), stage.side
    if stage.number == 0:
        _far_people(stage)
    episode = stage.begin((desk,), "large orders far from the market, again and again")
    for _ in range(max(3, round(10 * sqrt(stage.scale)))):
        depth = max(400, stage.listing.near_depth(side, 6))
        lots = max(20, round(depth * stage.scale * rng.uniform(0.8, 1.2)))
        away = round(stage.best(side) * rng.uniform(0.01, 0.02))
        order_id = desk.quote(side, lots, stage.away(side, away))
        yield rng.uniform(5, 15)
        desk.cancel(order_id)
        stage.end(episode)
        yield rng.uniform(0.5, 4.0)


def _far_people(stage: Stage) -> None:
    """The honest twins: those who would buy far below, or sell far above, and leave it for long;
    and a market maker who shows deep quotes on both sides, as agreed with the venue, and moves them
    with the market."""
    market, listing = stage.market, stage.listing

    def waiting(number: int) -> Script:
        rng, desk = market.fork(f"far:{number}"), market.desk(listing)
        while True:
            yield rng.expovariate(1 / 240)
            side = rng.choice(SIDES)
            away = round(stage.best(side) * rng.uniform(0.005, 0.03))
            lots = takers.lognormal_lots(rng, 1_200, 0.8)
            order_id = desk.quote(side, lots, stage.away(side, away))
            yield rng.expovariate(1 / 600)
            desk.cancel(order_id)

    def deep() -> Script:
        rng, desk = market.fork("deep"), market.maker(listing)
        quotes: dict[tuple[Side, int], str | None] = {}
        middle = 0.0
        while True:
            now = listing.mid(10_000.0)
            if abs(now - middle) >= 8:
                middle = now
                for side in SIDES:
                    for level in range(3):
                        desk.cancel(quotes.get((side, level)))
                        away = 0.008 + 0.005 * level
                        price = middle * (1 - away if side == "buy" else 1 + away)
                        lots = round(2_000 * rng.uniform(0.9, 1.1))
                        quotes[side, level] = desk.quote(side, lots, round(price))
            yield rng.uniform(1.0, 3.0)

    for number in range(6):
        market.begin(waiting(number), 2)
    market.begin(deep(), 2)


def flashing(stage: Stage) -> Script:
    """One quantity, many times what others order, at or next to the best price again and again,
    each time gone in a moment, while he trades on the other side (CFTC v. Nav Sarao Futures,
    15-cv-3398: the "188-and-289-lot" orders, entered and withdrawn over and over, nearly none of
    which was executed). Medium: twelve times in a minute, each as large as three levels show, and
    as five orders of others: three levels may be all but empty for a moment.
    """
    rng, desk, side = stage.rng, stage.desk(), stage.side
    if stage.number == 0:
        _same_sizes(stage)
    episode = stage.begin((desk,), "one large quantity shown again and again for a moment")
    shown = max(300, stage.listing.near_depth(side, 3), 5 * _usual_order(stage))
    # His own size, from now on, and not a round one.
    lots = max(30, round(shown * stage.scale * rng.uniform(0.9, 1.1))) | 1
    times = max(4, round(12 * sqrt(stage.scale)))
    for number in range(times):
        order_id = desk.quote(side, lots, stage.away(side, rng.randint(0, 2)))
        yield rng.uniform(0.4, 2.0)
        if number % 3 == 2:
            desk.take(stage.other_side, max(5, lots // 12))
        desk.cancel(order_id)
        stage.end(episode)
        yield rng.uniform(1.0, 5.0)
    if desk.position:
        # Out of what he had, where nobody shows anything.
        yield rng.uniform(5, 15)
        desk.take("sell" if desk.position > 0 else "buy", abs(desk.position))


def _usual_order(stage: Stage) -> int:
    """Lots of an order at the ten best levels of both sides, on average."""
    levels = [one for side in SIDES for one in islice(stage.listing.engine.levels(side), 10)]
    return sum(lots for _, lots, _ in levels) // max(1, sum(orders for _, _, orders in levels))


def _same_sizes(stage: Stage) -> None:
    """The honest twins: an order that is pegged to the best price, and one that shows a part of
    itself and a new one once that is filled. Each shows one quantity, again and again."""
    market, listing = stage.market, stage.listing

    def pegged(number: int) -> Script:
        rng, desk = market.fork(f"pegged:{number}"), market.desk(listing)
        side: Side = SIDES[number % 2]
        lots = rng.choice((100, 150, 200, 250))
        order_id, price = None, 0
        while True:
            best = stage.best(side)
            if not desk.remaining(order_id) or price != best:
                desk.cancel(order_id)
                order_id, price = desk.quote(side, lots, best), best
            yield rng.uniform(0.3, 1.5)

    def iceberg(number: int) -> Script:
        rng, desk = market.fork(f"iceberg:{number}"), market.desk(listing)
        while True:
            side, lots = rng.choice(SIDES), rng.choice((300, 500, 800))
            price = stage.best(side)
            order_id = None
            for _ in range(400):
                if not desk.remaining(order_id):
                    order_id = desk.quote(side, lots, price)
                yield rng.uniform(0.05, 0.5)
            desk.cancel(order_id)
            yield rng.uniform(20, 120)

    for number in range(2):
        market.begin(pegged(number), 2)
        market.begin(iceberg(number), 2)
