"""Who invests in a fund, and deals at its net asset value without knowing the next."""

import random
from math import exp

from pipeline.units import DAY, HOUR, MINUTE
from simulation.chain.fund import (
    STRUCK,
    TOLD,
    Fund,
    FundMarket,
    Way,
    evening,
    is_business_day,
    valuation,
)
from simulation.chain.sparse import Play


def _amount(rng: random.Random, median: float) -> float:
    return round(median * exp(rng.gauss(0, 0.9)), 2)


def _by_day(market: FundMarket, rng: random.Random, days: int) -> int:
    """How long until a time of the business day that comes so many days from now, or after."""
    day = market.now // DAY * DAY + days * DAY
    while not is_business_day(day):
        day += DAY
    return day + round(rng.uniform(8, 22) * HOUR) - market.now


def now_and_then(fund: Fund, rng: random.Random) -> Play:
    """Subscribes and redeems when it suits him, by day or night."""
    wallet = fund.market.holder().wallets[0]
    days = rng.uniform(3, 20)
    while True:
        yield round(rng.expovariate(1 / days) * DAY)
        if fund.held(wallet) and rng.random() < 0.45:
            fund.redeem(wallet, rng.choice((0.3, 0.5, 1.0)))
        else:
            fund.subscribe(wallet, _amount(rng, 20_000))


def saver(fund: Fund, rng: random.Random) -> Play:
    """Buys for the same amount every month, by a standing order."""
    wallet, dollars = fund.market.holder().wallets[0], rng.randint(2, 40) * 100
    yield round(rng.uniform(0, 30) * DAY)
    while True:
        fund.subscribe(wallet, dollars)
        yield 30 * DAY


def follower(fund: Fund, rng: random.Random) -> Play:
    """Goes in when the fund has risen in a week by what it told, and out when it has fallen."""
    market, wallet = fund.market, fund.market.holder().wallets[0]
    while True:
        yield _by_day(market, rng, 1)
        if len(fund.told) < 6:
            continue
        week = fund.nav / fund.told[-6] - 1
        if week > 0.02 and not fund.held(wallet):
            fund.subscribe(wallet, _amount(rng, 40_000))
        elif week < -0.02:
            fund.redeem(wallet)


def chaser(fund: Fund, rng: random.Random) -> Play:
    """Every other week or so he buys what rose by the last NAV, or leaves what fell."""
    market, wallet = fund.market, fund.market.holder().wallets[0]
    while True:
        yield _by_day(market, rng, rng.randint(3, 12))
        if len(fund.told) < 2:
            continue
        if fund.nav > fund.told[-2]:
            fund.subscribe(wallet, _amount(rng, 15_000))
        else:
            fund.redeem(wallet, 0.5)


def reader(fund: Fund, rng: random.Random) -> Play:
    """Reads of great news a month or so apart, and deals upon it the same evening: he thinks that
    it goes on so, and doesn't mind at which NAV."""
    market, wallet = fund.market, fund.market.holder().wallets[0]
    while True:
        yield round(rng.uniform(15, 40)) * DAY
        yield evening(market, rng)
        if fund.off > 0.01:
            fund.subscribe(wallet, _amount(rng, 15_000))
        elif fund.off < -0.01:
            fund.redeem(wallet, 0.5)


def rebalancer(fund: Fund, rng: random.Random) -> Play:
    """Keeps a share of his money in the fund: sells after rises and buys after falls."""
    market, wallet = fund.market, fund.market.holder().wallets[0]
    fund.subscribe(wallet, _amount(rng, 150_000))
    at = fund.nav
    while True:
        yield _by_day(market, rng, 7)
        moved = fund.nav / at - 1
        if abs(moved) > 0.015:
            if moved > 0:
                fund.redeem(wallet, min(0.3, moved * 2))
            else:
                fund.subscribe(wallet, _amount(rng, 8_000))
            at = fund.nav


def treasurer(fund: Fund, rng: random.Random) -> Play:
    """Parks what a company has for some days, twice a month."""
    market, wallet = fund.market, fund.market.holder().wallets[0]
    while True:
        yield _by_day(market, rng, rng.randint(4, 14))
        fund.subscribe(wallet, _amount(rng, 400_000))
        yield _by_day(market, rng, rng.randint(1, 6))
        fund.redeem(wallet)


def platform(fund: Fund, rng: random.Random) -> Play:
    """Brings what its customers want in all, once a day before the valuation; they want more of it
    after the fund rose (Edelen and Warner, 2001: flows follow yesterday's returns)."""
    market, wallet = fund.market, fund.market.holder().wallets[0]
    while True:
        yield 4 * HOUR
        yield market.until(STRUCK - HOUR) + rng.randint(0, 50) * MINUTE
        if not is_business_day(market.now) or len(fund.told) < 2:
            continue
        likely = 0.6 if fund.nav > fund.told[-2] else 0.4
        if rng.random() < likely or not fund.held(wallet):
            fund.subscribe(wallet, _amount(rng, 60_000))
        else:
            fund.redeem(wallet, rng.uniform(0.05, 0.3))


def participant(fund: Fund, rng: random.Random) -> Play:
    """Makes a market in the tokens for others, who buy from him as the market rises; labelled as
    what he is."""
    market = fund.market
    wallet = market.holder(labels=("authorised_participant", "market_maker")).wallets[0]
    fund.subscribe(wallet, 1_000_000)
    while True:
        yield 4 * HOUR
        yield market.until(TOLD + HOUR) + rng.randint(0, 60) * MINUTE
        if fund.off > 0.003:
            fund.subscribe(wallet, _amount(rng, 200_000))
        elif fund.off < -0.003:
            fund.redeem(wallet, rng.uniform(0.1, 0.4))


_WAYS: tuple[Way, ...] = ("contract", "agent", "treasury")
_CROWD = (
    (now_and_then, 14),
    (saver, 8),
    (follower, 4),
    (chaser, 3),
    (reader, 2),
    (rebalancer, 3),
    (treasurer, 3),
    (platform, 1),
    (participant, 1),
)


def open_funds(seed: int) -> FundMarket:
    """A fund of each way of dealing, with all who invest in it."""
    market = FundMarket(seed)
    for way in _WAYS:
        fund = Fund(market, way)
        fund.launch([market.holder().wallets[0] for _ in range(20)])
        market.begin(valuation(fund))
        for kind, count in _CROWD:
            for number in range(count):
                rng = market.fork(f"{kind.__name__}:{fund.id}:{number}")
                market.begin(kind(fund, rng), rng.randint(1, 60) * MINUTE)
    return market
