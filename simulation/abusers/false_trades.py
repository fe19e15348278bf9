"""Trades that change no beneficial owner, or that were agreed beforehand.

MAR Annex I A(c); Regulation 2016/522, Annex II, Section 1, point 3 (a) wash trades, (b) painting
the tape, (c) improper matched orders; FINRA 5210. They happen inside the spread, so that nobody
else gets in between, and net nothing.
"""

import random

from demo.venue.messages import Side
from simulation.abusers.stage import Stage
from simulation.clockwork import Script
from simulation.venue.desk import Desk


def _price_inside(stage: Stage, rng: random.Random) -> int | None:
    bid, ask = stage.best("buy"), stage.best("sell")
    return rng.randint(bid + 1, ask - 1) if ask - bid >= 2 else None


def cross(
    seller: Desk,
    buyer: Desk,
    stage: Stage,
    lots: int,
    apart: float,
    rng: random.Random | None = None,
) -> Script:
    """One sells to the other inside the spread, once there is room; up to some tries."""
    for _ in range(40):
        price = _price_inside(stage, rng or stage.rng)
        if price is None:
            yield 0.25
            continue
        offer = seller.quote("sell", lots, price)
        yield apart
        if offer is None or seller.remaining(offer) < lots:
            seller.cancel(offer)
            yield 0.25
            continue
        buyer.take("buy", lots, price)
        seller.cancel(offer)
        return


def self_trade(stage: Stage) -> Script:
    """One account on both sides. Medium: four times in two minutes."""
    desk = stage.desk()
    episode = stage.begin((desk,), "an account trades with itself")
    for _ in range(stage.count(4)):
        lots = stage.rng.randint(20, 80)
        yield from cross(desk, desk, stage, lots, stage.rng.uniform(0.02, 0.4))
        stage.end(episode)
        yield stage.rng.uniform(10, 30) / max(1.0, stage.scale)


def linked_wash(stage: Stage) -> Script:
    """Two investors under one control pass shares to and fro, and net nothing. Reference data puts
    both in one cluster. Medium: ten trades in five minutes.
    """
    cluster = f"cluster-{stage.abuse.name}-{stage.market.seed}-{stage.number}"
    first, second = stage.desk(cluster=cluster), stage.desk(cluster=cluster)
    episode = stage.begin((first, second), "two accounts under one control trade to and fro")
    pairs = stage.count(5)
    for _ in range(pairs):
        lots = stage.rng.randint(40, 120)
        for seller, buyer in ((first, second), (second, first)):
            yield from cross(seller, buyer, stage, lots, stage.rng.uniform(0.05, 0.6))
            stage.end(episode)
            yield stage.rng.uniform(15, 40) / max(1.0, stage.scale)


def circular_wash(stage: Stage) -> Script:
    """Four accounts of different names hand the same quantity round in a circle, again and again
    (Victor and Weintraud, 2021: closed cycles that leave positions unchanged). Nothing in reference
    data links them. Medium: eight rounds.
    """
    desks = [stage.desk() for _ in range(4)]
    episode = stage.begin(desks, "four accounts hand a quantity round in a circle", tail=300)
    rounds = stage.count(8)
    for _ in range(rounds):
        lots = stage.rng.randint(50, 90)
        for place, seller in enumerate(desks):
            buyer = desks[(place + 1) % len(desks)]
            yield from cross(seller, buyer, stage, lots, stage.rng.uniform(0.05, 0.5))
            stage.end(episode)
            yield stage.rng.uniform(1.5, 5.0)


def matched_orders(stage: Stage) -> Script:
    """Two parties enter orders of the same price and size at about the same time, as agreed
    (Regulation 2016/522, Annex II, 1.3(c)). Nothing links them. Medium: eight times in ten minutes,
    the direction turns at each, so that money can't be told from shares.
    """
    first, second = stage.desk(), stage.desk()
    episode = stage.begin((first, second), "orders of equal price and size, as agreed", tail=300)
    for number in range(stage.count(8, 2)):
        lots = stage.rng.randint(60, 300)
        seller, buyer = (first, second) if number % 2 == 0 else (second, first)
        yield from cross(seller, buyer, stage, lots, stage.rng.uniform(0.02, 0.3))
        stage.end(episode)
        yield stage.rng.uniform(15, 50)


def zero_net(stage: Stage) -> Script:
    """One owner's two accounts trade through the book: each buys what the other sells, large in
    sum, and nothing is left (Annex II, 1.3(a)). Medium: fifteen trades.
    """
    investor = stage.market.people.investor()
    first, second = stage.desk(investor), stage.desk(investor)
    episode = stage.begin((first, second), "one owner's accounts trade in circles", tail=300)
    sides: tuple[Side, Side] = ("buy", "sell")
    for number in range(stage.count(15, 2)):
        lots = stage.rng.randint(40, 120)
        desks = (first, second) if number % 2 == 0 else (second, first)
        order_id = desks[0].quote(sides[0], lots, stage.away("buy", -1))
        yield stage.rng.uniform(0.02, 0.2)
        if order_id is not None:
            desks[1].take(sides[1], lots, stage.best("buy"))
            desks[0].cancel(order_id)
        stage.end(episode)
        yield stage.rng.uniform(4, 12)
