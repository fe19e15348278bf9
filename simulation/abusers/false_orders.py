"""Orders that are not meant to trade: spoofing and layering in their forms, stuffing, pinging.

CEA 4c(a)(5)(C) calls spoofing "bidding or offering with the intent to cancel the bid or offer
before execution"; Regulation 2016/522, Annex II, Section 1, point 5(e) speaks of multiple or large
orders on one side "in order to execute a trade on the other side", removed once it is done.
"""

from demo.venue.messages import Side
from simulation.abusers.stage import Stage
from simulation.clockwork import Script
from simulation.venue.desk import Desk


def _cancel_all(desk: Desk, orders: list[str | None]) -> None:
    for order_id in orders:
        desk.cancel(order_id)
    orders.clear()


def coscia(stage: Stage) -> Script:
    """A small order on one side, several large ones on the other in quick succession, nearer to the
    touch each time; once the small one trades, or soon after, the large ones go. Then the same the
    other way round. Large orders lived for some 100 to 400 ms (United States v. Coscia, 866 F.3d
    782, 7th Cir. 2017). Medium: the large ones add three quarters to what six levels show. He stops
    once two small ones were filled, or after ten times.
    """
    return _spoofs(stage, 10, 2)


def coscia_all_day(stage: Stage) -> Script:
    """The same programme as it ran: again and again, by one person (Coscia's ran for ten weeks; of
    his small orders a third was filled, and next to none of his large ones). A day is some two
    minutes here: eighty times, or until twelve small ones were filled.
    """
    return _spoofs(stage, 80, 12)


def _spoofs(stage: Stage, times: int, fills: int) -> Script:
    rng, desk = stage.rng, stage.desk()
    episode = stage.begin((desk,), "small order, large ones opposite, cancelled in a moment")
    side = stage.side
    filled = 0
    for _ in range(times):
        large_side: Side = "sell" if side == "buy" else "buy"
        depth = max(400, stage.listing.near_depth(large_side, 6))
        large = max(20, round(0.25 * depth * stage.scale))
        small = max(5, large // 12)
        bait = desk.quote(side, small, stage.away(side, -1)) or desk.quote(
            side, small, stage.away(side, 0)
        )
        yield rng.uniform(0.005, 0.02)
        orders: list[str | None] = []
        for away in (4, 2, 0):
            orders.append(desk.quote(large_side, large, stage.away(large_side, away)))
            yield rng.uniform(0.01, 0.03)
        for _ in range(rng.randint(5, 16)):
            yield 0.025
            if not desk.remaining(bait):
                filled += 1
                break
        yield rng.uniform(0.002, 0.03)
        _cancel_all(desk, orders)
        if desk.remaining(bait):
            desk.cancel(bait)
        elif bait is not None:
            side = large_side
        stage.end(episode)
        if filled >= fills:
            break
        yield rng.uniform(0.4, 2.0)


def sarao(stage: Stage) -> Script:
    """Five sell orders, one above the other, that are moved with the market so that they stay some
    levels off, for minutes, while he trades; all are cancelled in the end and none is executed
    (CFTC v. Nav Sarao Futures, 15-cv-3398: five orders of 600 lots a tick apart on 6 May 2010, a
    sixth later, more than 19,000 modifications in 2.4 hours). Medium: one and a half times what
    six levels show. Two hours are two minutes here.
    """
    rng, desk = stage.rng, stage.desk()
    side = stage.side
    episode = stage.begin((desk,), "five large orders kept some levels off, moved with the market")
    depth = max(400, stage.listing.near_depth(side, 6))
    each = max(20, round(0.3 * depth * stage.scale))
    orders: list[str | None] = []
    anchor = 0
    for step in range(400):
        best = stage.best(side)
        if best != anchor or not orders:
            _cancel_all(desk, orders)
            anchor = best
            for level in range(5):
                price = stage.away(side, 7 + 2 * level)
                orders.append(desk.quote(side, each, price))
        if step % 40 == 20:
            desk.take("sell" if side == "buy" else "buy", max(3, each // 15))
        if step % 40 == 35:
            bought = desk.quote(stage.other_side, max(3, each // 15), stage.best(stage.other_side))
            yield rng.uniform(0.6, 1.2)
            desk.cancel(bought)
        stage.end(episode)
        yield rng.uniform(0.15, 0.45)
    _cancel_all(desk, orders)
    stage.end(episode)


def layering(stage: Stage) -> Script:
    """Orders on four to six levels of one side near the touch, an execution on the other side, and
    all of the layers gone within seconds (Regulation 2016/522, Annex II, 1.5(e); FINRA 5210, for
    instance Notice 17-22). Medium: the layers together double what six levels show.
    """
    rng, desk = stage.rng, stage.desk()
    side = stage.side
    episode = stage.begin((desk,), "layers on one side, execution on the other")
    for attempt in range(6):
        depth = max(400, stage.listing.near_depth(side, 6))
        levels = rng.randint(4, 6)
        each = max(10, round(depth * stage.scale / levels))
        genuine = desk.quote(stage.other_side, max(10, each // 5), stage.away(stage.other_side, -1))
        if genuine is None:
            genuine = desk.quote(stage.other_side, max(10, each // 5), stage.best(stage.other_side))
        yield rng.uniform(0.05, 0.2)
        if attempt < 5 and not desk.remaining(genuine):
            # Taken before a layer stood, so no layer helped: an honest trade. He tries again.
            yield rng.uniform(1.0, 2.0)
            continue
        orders: list[str | None] = []
        for level in range(levels):
            orders.append(desk.quote(side, each, stage.away(side, 1 + 2 * level)))
            yield rng.uniform(0.03, 0.12)
        for _ in range(30):
            yield 0.1
            if not desk.remaining(genuine):
                break
        if attempt == 5 and desk.remaining(genuine):
            # Nobody took the bait: he trades at the other side's price himself.
            desk.cancel(genuine)
            desk.take(stage.other_side, max(10, each // 5))
        traded = not desk.remaining(genuine)
        yield rng.uniform(0.05, 0.3)
        for order_id in orders:
            desk.cancel(order_id)
            yield 0.004
        desk.cancel(genuine)
        stage.end(episode)
        if traded:
            break
        yield rng.uniform(1.0, 2.0)


def flipping(stage: Stage) -> Script:
    """Large orders at and near the best price of one side; others join them; then all are cancelled
    and, within 5 ms, he trades against those who joined, at the same or a better price (CFTC v.
    Oystacher and 3 Red Trading, 15-cv-9196: at least doubling what is shown at those prices,
    cancelled by his platform's "avoid orders that cross"). Medium: three times what is there.
    """
    rng, desk = stage.rng, stage.desk()
    side = stage.side
    episode = stage.begin((desk,), "large orders at the touch, cancelled and flipped against")
    for _ in range(2):
        # What others show at the prices at which the orders come: the best one to two ticks off it.
        shown = max(120, stage.listing.near_depth(side, 3))
        each = max(20, round(0.75 * shown * stage.scale))
        orders: list[str | None] = []
        for level in range(4):
            orders.append(desk.quote(side, each, stage.away(side, 0 if level < 2 else 2)))
            yield rng.uniform(0.02, 0.1)
        yield rng.uniform(0.4, 1.6)
        price = stage.best(side)
        _cancel_all(desk, orders)
        yield rng.uniform(0.001, 0.005)
        desk.take(stage.other_side, max(30, each // 2), stage_limit(price, stage.other_side))
        stage.end(episode)
        yield rng.uniform(3.0, 6.0)


def stage_limit(price: int, side: Side) -> int:
    """A limit a few ticks through a price, so that an order trades."""
    return price - 6 if side == "sell" else price + 6


def vacuuming(stage: Stage) -> Script:
    """Large orders fill one side and hold the price up; all are cancelled at once, the price falls
    through the vacuum, and genuine orders further down, of the same side, are filled. Surveillance
    vendors' name for it (TT Trade Surveillance); the conduct is point 5(e)'s. Medium: twice what
    six levels show.
    """
    rng, desk = stage.rng, stage.desk()
    side = stage.side
    episode = stage.begin((desk,), "one side filled with orders, all withdrawn at once")
    for _ in range(2):
        depth = max(400, stage.listing.near_depth(side, 6))
        each = max(20, round(0.5 * depth * stage.scale))
        genuine = [
            desk.quote(side, max(10, each // 6), stage.away(side, 4 + 2 * level))
            for level in range(2)
        ]
        orders: list[str | None] = []
        for level in range(4):
            orders.append(desk.quote(side, each, stage.away(side, level)))
            yield rng.uniform(0.02, 0.08)
        yield rng.uniform(2.0, 4.5)
        _cancel_all(desk, orders)
        desk.take(stage.other_side, max(20, each // 6))
        yield rng.uniform(2.0, 4.0)
        for order_id in genuine:
            desk.cancel(order_id)
        stage.end(episode)
        yield rng.uniform(2.0, 4.0)


def quote_stuffing(stage: Stage) -> Script:
    """Bursts of orders and cancels that nobody can use, to slow others down (MAR 12(2)(c)(i) with
    Regulation 2016/522, Annex II, 1.4(e)). Medium: 500 messages a second for four seconds, some
    fifteen times the whole market's own.
    """
    rng, desk = stage.rng, stage.desk()
    side = stage.side
    episode = stage.begin((desk,), "bursts of orders cancelled at once")
    for _ in range(round(4 * 250 * min(2.0, stage.scale))):
        order_id = desk.quote(side, 1, stage.away(side, rng.randint(8, 20)))
        yield 0.0005
        desk.cancel(order_id)
        stage.end(episode)
        yield 0.0035 / max(0.5, stage.scale / 2) if stage.scale > 1 else 0.0035 / stage.scale


def pinging(stage: Stage) -> Script:
    """Many tiny orders that trade or are cancelled at once, to learn of large hidden interest, then
    a large order on what they told (Regulation 2016/522, Annex II, 1.5(c) and (d): "pinging
    orders"). Medium: 40 in a minute.
    """
    rng, desk = stage.rng, stage.desk()
    side = stage.side
    episode = stage.begin((desk,), "tiny orders sent and withdrawn to find interest")
    for number in range(stage.count(40, 4)):
        if number % 4 == 0:
            desk.take(side, 1, stage.best(stage.other_side))
        else:
            order_id = desk.quote(side, 1, stage.away(side, -1))
            yield rng.uniform(0.01, 0.05)
            desk.cancel(order_id)
        stage.end(episode)
        yield rng.uniform(0.5, 2.0)
    desk.take(side, max(100, stage.listing.near_depth(stage.other_side, 2)))
    stage.end(episode)


def layering_elsewhere(stage: Stage) -> Script:
    """Layers at one venue, execution at another where the same asset trades (Regulation 2016/522,
    Annex II, 1.2 and 1.5(e): across venues). Medium: the layers double what six levels show.
    """
    rng, here = stage.rng, stage.desk()
    there_listing = stage.market.listings[1]
    owner = stage.market.people.owner(here.account)
    stage.market.people.open_at(there_listing.venue, here.account, owner)
    there = Desk(there_listing, here.account)
    side = stage.side
    episode = stage.begin((here,), "layers at one venue, execution at the other")
    for _ in range(2):
        depth = max(300, there_listing.near_depth(side, 6))
        levels = rng.randint(4, 6)
        each = max(10, round(depth * stage.scale / levels))
        orders: list[str | None] = []
        for level in range(levels):
            price = stage.away(side, 1 + 2 * level, there_listing)
            orders.append(there.quote(side, each, price))
            yield rng.uniform(0.03, 0.1)
        yield rng.uniform(0.4, 1.2)
        genuine = here.quote(stage.other_side, max(10, each // 4), stage.best(stage.other_side))
        for _ in range(20):
            yield 0.1
            if not here.remaining(genuine):
                break
        if here.remaining(genuine):
            here.cancel(genuine)
            here.take(stage.other_side, max(10, each // 4))
        yield rng.uniform(0.05, 0.3)
        _cancel_all(there, orders)
        stage.end(episode)
        yield rng.uniform(2.0, 4.0)
