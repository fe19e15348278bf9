"""Trades that are made for the price they leave behind."""

from pipeline.units import DAY, HOUR, MINUTE, SECOND
from simulation.abusers.stage import Stage
from simulation.clockwork import Script
from simulation.venue import takers
from simulation.venue.desk import Desk
from simulation.venue.market import CLOSE, OPEN

_PLENTY = 100_000
"""More lots than are on the book at any price that is paid."""
_PROMOTED = 20 * MINUTE
"""So long before the call promoters write."""


def until(stage: Stage, time: int) -> Script:
    """Waits for a time, in nanoseconds."""
    if time > stage.now():
        yield (time - stage.now()) / SECOND


def momentum_ignition(stage: Stage) -> Script:
    """Takes a position, starts or feeds a trend with a series of aggressive orders so that others
    follow, and unwinds into them (Regulation 2016/522, Annex II, 1.5(a)). Medium: the series takes
    two times what six levels of the other side show, in some seconds.
    """
    rng, desk = stage.rng, stage.desk()
    side = stage.side
    episode = stage.begin((desk,), "an aggressive series, then unwound", tail=90)
    depth = max(400, stage.listing.near_depth(stage.other_side, 6))
    total = round(2.0 * depth * stage.scale)
    slices = rng.randint(9, 14)
    for _ in range(slices):
        desk.take(side, max(1, total // slices))
        stage.end(episode)
        yield rng.uniform(0.15, 0.7)
    yield rng.uniform(2, 6)
    for _ in range(12):
        left = abs(desk.position)
        if not left:
            break
        desk.take(stage.other_side, min(left, max(1, total // 10)))
        stage.end(episode)
        yield rng.uniform(0.6, 2.0)
    if desk.position:
        desk.take(stage.other_side, abs(desk.position))
    stage.end(episode)


def ramping(stage: Stage) -> Script:
    """Small trades, each at a slightly higher price than the last, to raise the price (Regulation
    2016/522, Annex II, 1.4(a) and 2.2; FCA MAR 1.6). Medium: 5 percent in three hours
    of a thin market.
    """
    rng, desk = stage.rng, stage.desk()
    day = stage.market.days[3]
    yield from until(stage, day + OPEN + 2 * HOUR)
    episode = stage.begin((desk,), "small trades at ever higher prices", tail=3_600)
    start = stage.listing.mid(10_000.0)
    goal = start * (1 + 0.05 * min(2.5, stage.scale))
    steps = 90
    value = stage.market.values[0]
    for step in range(steps):
        wanted = start + (goal - start) * (step + 1) / steps
        ask = stage.best("sell")
        if ask <= wanted * 1.004:
            desk.take("buy", rng.randint(100, 260), round(wanted * 1.004))
        bid = desk.quote("buy", rng.randint(80, 200), round(wanted))
        # Those who quote for a living believe what they see, in part.
        value.ticks += 0.6 * (wanted - value.ticks)
        stage.end(episode)
        yield rng.uniform(80, 160)
        desk.cancel(bid)


def _beyond(stage: Stage, start: float, part: float) -> int:
    """A part of the way to a price one percent away, times the scale."""
    away = 0.01 * min(4.0, stage.scale) * part
    return round(start * (1 + away if stage.side == "buy" else 1 - away))


def mark_the_close(stage: Stage) -> Script:
    """Has a position, and in the session's last minutes buys at whatever price so that the
    reference price is higher (MAR 12(2)(b); Regulation 2016/522, Annex II, 1.7; SEC, In re Athena
    Capital Research, 2014: above 70 percent of volume in the last seconds). Medium: takes all that
    there is up to a price one percent away, in eight steps within the last three minutes.
    """
    rng, desk = stage.rng, stage.desk()
    side = stage.side
    day = stage.market.days[2 + stage.number]
    yield from until(stage, day + OPEN + HOUR)
    for _ in range(5):
        order_id = desk.quote(side, rng.randint(200, 400), stage.best(side))
        yield rng.uniform(1_200, 2_400)
        left = desk.remaining(order_id)
        desk.cancel(order_id)
        if left:
            desk.take(side, left // 2)
    yield from until(stage, day + CLOSE - 180 * SECOND)
    episode = stage.begin((desk,), "trades just before the close that set the last price", tail=600)
    start = stage.listing.mid(10_000.0)
    for number in range(8):
        desk.take(side, _PLENTY, _beyond(stage, start, (number + 1) / 8))
        stage.end(episode)
        remaining = (day + CLOSE - stage.now()) / SECOND
        yield max(0.5, remaining / (9 - number) - 1)


def mark_the_open(stage: Stage) -> Script:
    """The same in the session's first minutes, on which others then lean (Annex II, 1.7)."""
    rng, desk = stage.rng, stage.desk()
    side = stage.side
    day = stage.market.days[3 + stage.number]
    yield from until(stage, day - DAY + OPEN + HOUR)
    for _ in range(3):
        desk.take(side, rng.randint(150, 300))
        yield rng.uniform(1_800, 3_600)
    yield from until(stage, day + OPEN + 45 * SECOND)
    episode = stage.begin((desk,), "trades just after the open that set the first price", tail=600)
    start = stage.listing.mid(10_000.0)
    for number in range(6):
        desk.take(side, _PLENTY, _beyond(stage, start, (number + 1) / 6))
        stage.end(episode)
        yield rng.uniform(8, 20)


def pump_and_dump(stage: Stage) -> Script:
    """Accumulates for days, has the price driven up by those whom a message reaches in the same
    moment, and sells to them; the price falls back (La Morgia et al., 2021: rush orders; Karbalaii,
    2025: the organisers' volume before the message; MiCA 91(3)(c)). Medium: plus 60 percent in
    half an hour on thirty times the volume (of 54 published pumps on Binance, by T. Pugoev's tapes,
    three in four had more, and half had 200 times); promoters write six messages a minute for 20
    minutes before it, and the call names the token as it begins.
    """
    rng = stage.rng
    market, listing, value = stage.market, stage.listing, stage.market.values[0]
    cluster = f"cluster-pump-{market.seed}-{stage.number}"
    desks = [stage.desk(cluster=cluster) for _ in range(2)]
    day = market.days[5]
    yield from until(stage, market.days[2] + OPEN + HOUR)
    episode = stage.begin(desks, "accumulated, promoted, sold into the rise", tail=4 * 3_600)
    while stage.now() < market.days[4] + CLOSE - HOUR:
        if market.open_hours(stage.now()):
            rng.choice(desks).take("buy", rng.randint(100, 240))
        yield rng.uniform(900, 1_800)
    yield from until(stage, day + OPEN + 3 * HOUR - _PROMOTED)
    if market.crowd is not None:
        market.crowd.promoted = 6 * stage.scale
    yield from until(stage, day + OPEN + 3 * HOUR)
    if market.crowd is not None:
        market.crowd.call(stage.now())
    episode.onset = stage.now()
    base = value.ticks
    rise = 0.6 * min(3.0, stage.scale)
    crowd = [Desk(listing, market.people.account(listing.venue)) for _ in range(60)]
    for step in range(60):
        value.ticks = base * (1 + rise * (1 - (1 - (step + 1) / 60) ** 2))
        for _ in range(max(1, round(24 * stage.scale * (1 - step / 70)))):
            buyer = rng.choice(crowd)
            buyer.take("buy", takers.lognormal_lots(rng, 160), round(value.ticks * 1.04))
        if step > 12:
            seller = rng.choice(desks)
            lots = min(max(0, seller.position), rng.randint(150, 500))
            if lots:
                seller.take("sell", lots)
        stage.end(episode)
        yield rng.uniform(20, 40)
    if market.crowd is not None:
        market.crowd.promoted = 0.0
    for _ in range(40):
        value.ticks = max(base * 0.9, value.ticks * 0.975)
        seller = rng.choice(desks)
        if seller.position > 0:
            seller.take("sell", min(seller.position, rng.randint(200, 600)))
            stage.end(episode)
        panic = rng.choice(crowd)
        if panic.position > 0:
            panic.take("sell", panic.position)
        yield rng.uniform(20, 90)


def moved_to_deal_elsewhere(stage: Stage) -> Script:
    """Moves the price at the thinner venue and deals, in size, at the other, which follows
    (Regulation 2016/522, Annex II, 1.2 and S2.2: inter-trading venue manipulation). Medium: buys
    three times what six levels show there, by the most that he has seen so far, while a larger sale
    is worked here.
    """
    rng, here = stage.rng, stage.desk()
    there_listing = stage.market.listings[1]
    owner = stage.market.people.owner(here.account)
    stage.market.people.open_at(there_listing.venue, here.account, owner)
    there = Desk(there_listing, here.account)
    side = stage.side
    episode = stage.begin((here,), "one venue's price moved to deal at the other", tail=120)
    depth = 300
    for _ in range(15):
        # At a moment when hardly anything is shown he would move nothing, and so not be at it.
        depth = max(depth, there_listing.near_depth(stage.other_side, 6))
        total = round(3 * depth * stage.scale)
        there.take(side, max(1, total // 15))
        stage.end(episode)
        yield rng.uniform(0.2, 0.8)
        if rng.random() < 0.7:
            here.take(stage.other_side, max(1, total // 8))
            stage.end(episode)
        yield rng.uniform(0.1, 0.5)
    if there.position:
        there.take(stage.other_side, abs(there.position))
    stage.end(episode)


def insider(stage: Stage) -> Script:
    """Somebody who hardly ever trades buys in the two days before an announcement and sells right
    after it (SEC v. Wahi, 22-cv-1009: AMP bought over two days, announced, up 11 percent, sold).
    Medium: the price jumps by 12 percent; he buys in eight trades of four times the usual size.
    """
    rng, desk = stage.rng, stage.desk()
    market = stage.market
    day = market.days[7]
    announced = day + OPEN + 4 * HOUR
    yield from until(stage, announced - 2 * DAY)
    episode = stage.begin((desk,), "bought before an announcement, sold after it", tail=2 * 86_400)
    buys = stage.count(8, 2)
    # Two days have two sessions and a half of eight hours in them, less an hour.
    pause = (16 * HOUR - HOUR) / SECOND / buys
    for _ in range(buys):
        while not market.open_hours(stage.now()):
            yield 1_800
        if stage.now() > announced - HOUR // 2:
            break
        desk.take("buy", rng.randint(600, 1_100))
        stage.end(episode)
        yield pause * rng.uniform(0.6, 1.1)
    yield from until(stage, announced)
    episode.onset = announced
    market.announce(announced, "financial-results")
    yield from market.values[0].tell(market.clockwork, 0.12 * min(2.0, max(0.5, stage.scale)))
    yield rng.uniform(240, 900)
    while desk.position > 0:
        desk.take("sell", min(desk.position, 900))
        stage.end(episode)
        yield rng.uniform(30, 240)
