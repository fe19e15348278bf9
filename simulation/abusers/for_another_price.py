"""Trades whose price is for something else: a closing price, or another market's."""

from pipeline.units import MINUTE, SECOND
from simulation.abusers.made_up_trades import SEVEN_TENTHS, Others
from simulation.abusers.price_moves import until
from simulation.abusers.stage import Stage
from simulation.clockwork import Script
from simulation.venue.desk import Desk
from simulation.venue.market import CLOSE


def gravy(stage: Stage) -> Script:
    """Buys in small parts in the last ten minutes, and then in the last two seconds makes most of
    what is traded, in many small trades one after the other, so that the closing price is higher
    (SEC, In re Athena Capital Research, 2014: above 70 percent of the volume of the final
    seconds, nearly every day; MAR Annex I A(g)). Medium: a dozen trades, in all what the two best
    levels show, and more where others trade much.
    """
    rng, desk, side = stage.rng, stage.desk(), stage.side
    close = stage.market.days[1 + stage.number] + CLOSE
    yield from until(stage, close - 10 * MINUTE)
    for _ in range(10):
        desk.take(side, rng.randint(300, 700))
        yield rng.uniform(40, 55)
    yield from until(stage, close - 2 * SECOND)
    episode = stage.begin((desk,), "most of the last two seconds' trades", tail=600)
    shown = stage.listing.near_depth(stage.other_side, 2)
    others = Others(stage, (desk,), among=False)
    for number in range(12):
        others.look()
        wanted = max(shown * (number + 1) / 12, SEVEN_TENTHS * others.lots) * stage.scale
        desk.take(side, max(1, round(wanted) - others.own_lots))
        stage.end(episode)
        yield 0.165


def gained_elsewhere(stage: Stage) -> Script:
    """Buys quietly at one venue, drives the price up at the other, the thinner one, where he loses,
    and sells at the first once it has followed; then he gets out of what he bought for it. By
    turns the other way round (SEC v. Lek Securities and Avalon, 17-cv-1789: the cross-market
    scheme, in which shares were traded at a loss to move the prices of options that he gained on;
    Regulation 2016/522, Annex II, S2.2). Medium: drives it with twice what six levels show there,
    in some ten seconds, and has a position three times as large here.
    """
    rng, here = stage.rng, stage.desk()
    there_listing = stage.market.listings[1]
    owner = stage.market.people.owner(here.account)
    stage.market.people.open_at(there_listing.venue, here.account, owner)
    there = Desk(there_listing, here.account)
    side, back = stage.side, stage.other_side
    depth = max(300, there_listing.near_depth(back, 6))
    drive = max(30, round(2 * depth * stage.scale))
    wanted = 3 * drive
    episode = stage.begin((here,), "one venue's price driven to gain at the other", tail=120)
    for _ in range(60):
        if abs(here.position) >= wanted:
            break
        here.take(side, max(1, min(wanted // 30, wanted - abs(here.position))))
        yield rng.uniform(1.5, 4.0)
    yield rng.uniform(5, 15)
    episode.onset = stage.now()
    for _ in range(14):
        there.take(side, max(1, drive // 14))
        stage.end(episode)
        yield rng.uniform(0.3, 1.0)
    for _ in range(12):
        here.take(back, max(1, min(abs(here.position), wanted // 10)))
        if not here.position:
            break
        if rng.random() < 0.5:
            # Holds it up there as long as he sells here.
            there.take(side, max(1, drive // 20))
        stage.end(episode)
        yield rng.uniform(0.2, 0.8)
    yield rng.uniform(10, 30)
    while there.position or here.position:
        if there.position:
            there.take(back, min(abs(there.position), max(1, drive // 8)))
        if here.position:
            here.take(back, min(abs(here.position), max(1, wanted // 10)))
        stage.end(episode)
        yield rng.uniform(0.5, 2.0)
