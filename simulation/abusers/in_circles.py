"""Tokens that are sent round in a circle, and tokens that honestly come back."""

from math import exp

from simulation.abusers.chain_stage import HOUR_OF_BLOCKS, ChainStage, owner_of
from simulation.chain.market import ChainMarket, Play


def sent_round(stage: ChainStage) -> Play:
    """Three to five wallets of one person send the same amount round, but for what fees take, so
    that nobody's position changes (Victor and Weintraud, 2021: strongly connected wallets whose
    positions change by at most a percent of the mean size, within an hour or a day; by transfers
    instead of trades). Half of the wallets are nobody's that is known. Medium: ten rounds in a few
    hours.
    """
    market, rng = stage.market, stage.rng
    wallets = [
        market.wallet(market.people.investor() if place % 2 == 0 else None)
        for place in range(rng.randint(3, 5))
    ]
    amount = market.tokens(2_000 * exp(rng.gauss(0, 0.6)))
    market.balances[wallets[0]] = 2 * amount
    owners = tuple(owner_of(market, one) for one in wallets[::2])
    yield rng.randint(1, 20)
    episode = stage.begin((*wallets, *owners), "the same tokens round and round", 3_600)
    for _ in range(stage.count(10, 2)):
        rest = amount
        for place, wallet in enumerate(wallets):
            market.transfer(wallet, wallets[(place + 1) % len(wallets)], rest)
            stage.end(episode)
            rest -= round(rest * rng.uniform(0, 0.002))
            yield rng.randint(3, 30)


# --- who is honest --------------------------------------------------------------------------------


def comings_back(market: ChainMarket) -> None:
    """Loans that are paid back, wages that come back as purchases, one's own wallets."""
    for number in range(3):
        market.begin(_lent_on(market, number), 5)
    market.begin(_own_wallets(market), 7)
    market.begin(_collateral(market), 9)
    market.begin(_customers(market), 11)


def _lent_on(market: ChainMarket, number: int) -> Play:
    """Lent for the day to one who lends it on, and back the same way, hours later."""
    rng = market.fork(f"lent on:{number}")
    firms = [market.wallet(market.people.investor(), 60_000) for _ in range(3)]
    while True:
        begun = market.block
        yield rng.randint(50, 900)
        amount = market.tokens(3_000 * exp(rng.gauss(0, 0.7)))
        for first, second in ((0, 1), (1, 2)):
            market.transfer(firms[first], firms[second], amount)
            yield rng.randint(5, 60)
        yield rng.randint(100, 900)
        for first, second in ((2, 1), (1, 0)):
            market.transfer(firms[first], firms[second], amount)
            yield rng.randint(5, 60)
        yield begun + 24 * HOUR_OF_BLOCKS - market.block


def _own_wallets(market: ChainMarket) -> Play:
    """A fund's three wallets, for trading, for safety and in between; all known to be its own."""
    rng = market.fork("own wallets")
    fund = market.people.investor()
    hot, warm, cold = (market.wallet(fund, 80_000) for _ in range(3))
    while True:
        for source, target in ((hot, warm), (warm, cold), (cold, hot)):
            yield rng.randint(40, 200)
            market.transfer(source, target, market.tokens(5_000 * rng.uniform(0.7, 1.3)))


def _collateral(market: ChainMarket) -> Play:
    """Tokens are given as security along a chain of firms, and by chance come back to the first:
    once in a session, of one size.
    """
    rng = market.fork("collateral")
    firms = [market.wallet(market.people.investor(), 40_000) for _ in range(4)]
    yield rng.randint(100, 900)
    for place, firm in enumerate(firms):
        market.transfer(firm, firms[(place + 1) % 4], market.tokens(4_000))
        yield rng.randint(20, 200)


def _customers(market: ChainMarket) -> Play:
    """A firm pays its people in tokens; these pay at a shop, and the shop pays the firm: a circle
    of many sizes.
    """
    rng = market.fork("customers")
    firm, shop = (market.wallet(market.people.investor(), 100_000) for _ in range(2))
    staff = [market.wallet(market.people.investor()) for _ in range(6)]
    while True:
        yield rng.randint(100, 300)
        for one in staff:
            market.transfer(firm, one, market.tokens(rng.uniform(200, 900)))
            yield rng.randint(1, 5)
        for one in staff:
            yield rng.randint(5, 60)
            market.transfer(one, shop, market.balances[one] * rng.randint(20, 90) // 100)
        yield rng.randint(20, 60)
        market.transfer(shop, firm, market.tokens(rng.uniform(900, 2_500)))
