"""Honest participants: market makers, resting investors, takers, a trend follower."""

import random

import msgspec

from demo.venue.desk import Desk, Script
from demo.venue.ground_truth import Decoy, GroundTruth
from demo.venue.messages import Side
from demo.venue.order_book import opposite

SIDES: tuple[Side, ...] = ("buy", "sell")
YOUNG_SECONDS = 5.0
GRID = 3  # ticks: market makers meet at the same prices, as they do at round ones


class FairValue(msgspec.Struct):
    """What honest participants think the share is worth, in ticks; it wanders."""

    ticks: int

    def wander(self, rng: random.Random, anchor: int) -> Script:
        """A slow random walk that is drawn back to `anchor`."""
        while True:
            yield rng.uniform(1.0, 2.0)
            pull = 1 if self.ticks < anchor else -1
            self.ticks += rng.choice((-2, -1, 0, 1, 2, pull, pull))


class Quote(msgspec.Struct):
    """A market maker's order in one slot of its ladder."""

    order_id: str | None
    placed: float
    stale: float


def market_maker(
    desk: Desk, rng: random.Random, fair: FairValue, half_spread: int, truth: GroundTruth
) -> Script:
    """Quotes five levels on both sides, all small against the depth.

    Refills what was filled after a moment, and replaces quotes that have become 5 to 11 seconds
    old, around the fair value of then. After a fill it moves its best quote of the other side,
    however young: a quick cancel with an opposite fill, and honest. That is kept as a decoy.
    """
    slots: list[tuple[Side, int]] = [(side, level) for level in range(5) for side in SIDES]
    ladder = {slot: Quote(None, 0.0, 0.0) for slot in slots}
    now = 0.0

    def target(side: Side, level: int) -> int:
        distance = half_spread + 5 * level
        if side == "buy":
            return (fair.ticks - distance) // GRID * GRID
        return -(-(fair.ticks + distance) // GRID) * GRID

    def place(side: Side, level: int, shift: int = 0) -> None:
        order_id = desk.quote(side, rng.randint(40, 60) * 100, target(side, level) + shift)
        ladder[side, level] = Quote(order_id, now, now + rng.uniform(5.2, 11.0))

    for side, level in slots:
        place(side, level)
        yield 0.02
        now += 0.02
    while True:
        pause = rng.uniform(0.25, 0.5)
        yield pause
        now += pause
        for side, level in slots:
            quote = ladder[side, level]
            if quote.order_id is None or not desk.remaining(quote.order_id):
                was_filled = quote.order_id is not None
                place(side, level)
                if was_filled and level == 0:
                    other = opposite(side)
                    old = ladder[other, 0]
                    if old.order_id and desk.cancel(old.order_id):
                        if now - old.placed < YOUNG_SECONDS:
                            truth.decoys.append(_requoted(desk, old.order_id))
                        place(other, 0, shift=1 if other == "buy" else -1)
                break
            if now > quote.stale:
                desk.cancel(quote.order_id)
                place(side, level)
                break


def _requoted(desk: Desk, order_id: str) -> Decoy:
    return Decoy(
        name="market maker re-quotes after a fill",
        resembles="spoofing",
        description=(
            f"{desk.account.account} was filled on one side and at once moved its small quote on "
            "the other: a quick cancel with an opposite fill, but no size"
        ),
        accounts=(desk.account.account,),
        order_ids=(order_id,),
        trade_ids=(),
    )


def resting_investor(desk: Desk, rng: random.Random, fair: FairValue) -> Script:
    """Leaves three limit orders a side far from the touch, and now and then makes one smaller."""
    orders: list[str] = []
    for step in range(3):
        for side in SIDES:
            away = 40 + 12 * step + rng.randint(0, 6)
            price = fair.ticks - away if side == "buy" else fair.ticks + away
            orders.append(desk.limit(side, rng.randint(50, 65) * 100, price).order_id)
            yield 0.02
    while True:
        yield rng.uniform(3.0, 6.0)
        order_id = rng.choice(orders)
        lots = desk.remaining(order_id)
        if lots > 2000:
            desk.reduce(order_id, lots - 500)


def taker(desk: Desk, rng: random.Random) -> Script:
    """Buys and sells small amounts at market."""
    while True:
        yield rng.uniform(1.6, 3.8)
        desk.market(rng.choice(SIDES), rng.randint(2, 12) * 50)


def trend_follower(desk: Desk, rng: random.Random) -> Script:
    """Buys when the bids near the touch outweigh the offers, and the other way round.

    Spoofing lives on participants like this one.
    """
    while True:
        yield rng.uniform(0.1, 0.2)
        bids, offers = desk.top("buy", 3), desk.top("sell", 3)
        if min(bids, offers) and max(bids, offers) > 2.2 * min(bids, offers):
            yield rng.uniform(0.2, 0.4)  # reaction
            desk.market("buy" if bids > offers else "sell", rng.randint(12, 15) * 100)
            yield rng.uniform(1.2, 1.6)
