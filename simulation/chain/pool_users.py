"""Who uses the token and its pools honestly: traders through a router, an arbitrageur, providers of
liquidity, an exchange's wallets, a treasury. And how all of it begins.
"""

from collections.abc import Callable
from math import exp, sqrt

from pipeline.evm_payload import FeedPlace
from pipeline.units import SECOND
from simulation.chain.ledger import BLOCK_SECONDS
from simulation.chain.market import ADD_CALL, DOLLAR, SLEEP_DAYS, UNIT, ChainMarket, Play


def traders(market: ChainMarket, name: str, rate: float) -> Play:
    """Some hundreds of people, each of whom swaps now and then, at `rate` a block in all."""
    rng = market.fork(name)
    wallets = [market.wallet(market.people.investor(), 20_000) for _ in range(500)]
    while True:
        yield max(1, round(rng.expovariate(rate)))
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            trader = rng.choice(wallets)
            pool = rng.choice((0, 0, 1))
            dollars = 400 * exp(rng.gauss(0, 1.0))
            holds = market.balances.get(trader, 0)
            tokens = market.tokens(dollars / market.price(pool))
            by = market.aggregator if rng.random() < 0.25 else ""
            if rng.random() < 0.5 or holds < tokens:
                market.swap(trader, True, market.dollars(dollars), pool, by)
            else:
                market.swap(trader, False, tokens, pool, by)


def arbitrage(market: ChainMarket) -> Play:
    """Keeps both pools at the value, and at each other: both legs in one transaction where the two
    pools differ. Honest, quick, and back at nothing each time."""
    rng = market.fork("arbitrage")
    bot, contract = market.wallet(market.people.investor(), 400_000), market.ledger.new_address()
    while True:
        yield 1
        first, second = market.price(0), market.price(1)
        if abs(first / second - 1) > 0.009:
            cheap, dear = (0, 1) if first < second else (1, 0)
            cash = market.dollars(sqrt(abs(first / second - 1)) * 9_000)
            got, bought = market.leg(bot, True, cash, cheap, contract)
            _, sold = market.leg(bot, False, got, dear, contract)
            market.ledger.send(bot, contract, [*bought, *sold], data="0x8b2f6d3a")
            continue
        for pool in (0, 1):
            off = market.value / market.price(pool) - 1
            if abs(off) > 0.006 and rng.random() < 0.7:
                reserve = market.pools[pool].reserves[1] / DOLLAR
                dollars = abs(off) * reserve * 0.35
                if off > 0:
                    market.swap(bot, True, market.dollars(dollars), pool, contract)
                else:
                    tokens = market.tokens(dollars / market.price(pool))
                    market.swap(bot, False, tokens, pool, contract)


def providers(market: ChainMarket) -> Play:
    """Add liquidity and take some of it out again, hours later; small parts of the pool."""
    rng = market.fork("providers")
    wallets = [market.wallet(market.people.investor(), 60_000) for _ in range(6)]
    inside: list[tuple[str, int]] = []
    while True:
        yield rng.randint(40, 160)
        if inside and rng.random() < 0.4:
            owner, pool = inside.pop(0)
            _, _, logs = market.pools[pool].remove(owner, market.router, rng.uniform(0.004, 0.015))
        else:
            owner, pool = rng.choice(wallets), rng.choice((0, 1))
            token = market.tokens(rng.uniform(1_500, 6_000))
            quote = token * market.pools[pool].reserves[1] // market.pools[pool].reserves[0]
            logs = market.pools[pool].add(owner, market.router, token, quote)
            inside.append((owner, pool))
        # One call for both ways: nobody reads it.
        market.ledger.send(owner, market.router, logs, data=ADD_CALL)


def wallets_and_exchange(market: ChainMarket) -> Play:
    """Deposits to and withdrawals from an exchange's wallet, payments, own wallets: all sizes."""
    rng = market.fork("wallets")
    owners = [market.people.investor() for _ in range(25)]
    wallets = [market.wallet(owner, rng.randint(2_000, 40_000)) for owner in owners]
    second = [market.wallet(owner) for owner in owners[:8]]
    market.balances[market.exchange] = 5_000_000 * UNIT
    while True:
        yield rng.randint(1, 6)
        kind, wallet = rng.random(), rng.choice(wallets)
        held = market.balances.get(wallet, 0)
        amount = min(held // 2, market.tokens(900 * exp(rng.gauss(0, 1.2))))
        if kind < 0.35 and amount > 0:
            market.transfer(wallet, market.exchange, amount)
        elif kind < 0.7:
            market.transfer(market.exchange, wallet, market.tokens(1_100 * exp(rng.gauss(0, 1.2))))
        elif kind < 0.8 and amount > 0:
            place = wallets.index(wallet)
            own = second[place % len(second)]
            market.transfer(wallet, own if place < len(second) else rng.choice(wallets), amount)
        elif amount > 0:
            target = rng.choice(wallets)
            if target != wallet:
                market.transfer(wallet, target, amount)


def oracle(market: ChainMarket) -> Play:
    """Answers every hour, and when the first pool's price has moved by half a percent."""
    told, at = 0.0, 0
    while True:
        yield 1
        price = market.price(0)
        if market.feed_silent:
            continue
        if not told or abs(price / told - 1) > 0.005 or market.block - at >= 290:
            market.answer(price)
            told, at = price, market.block


def value_walk(market: ChainMarket, volatility: float = 0.0006) -> Play:
    """The value wanders, block by block."""
    rng = market.fork("value")
    while True:
        yield 1
        market.value *= 1 + rng.gauss(0, volatility)


def open_market(seed: int, before: Callable[[ChainMarket], None] | None = None) -> ChainMarket:
    """A chain with its token issued, its pools filled, and everybody at work.

    `before`: what a session has besides, which may be older than the rest.
    """
    market = ChainMarket(seed)
    market.ledger.feeds = [FeedPlace(market.feed_proxy, market.feed, 1)]
    treasury = market.wallet(market.people.investor(labels=("issuer",)))
    market.mint(treasury, 10_000_000 * UNIT)
    for _ in range(4):
        sleeper = market.wallet(market.people.investor())
        market.transfer(treasury, sleeper, market.tokens(160_000))
        market.sleepers.append(sleeper)
    market.ledger.close_block(market.now)
    market.sleep(SLEEP_DAYS)
    if before is not None:
        before(market)
    for pool, cash in ((0, 2_000_000), (1, 700_000)):
        token = market.tokens(cash / market.value)
        logs = market.pools[pool].add(treasury, market.router, token, cash * DOLLAR)
        market.moved(treasury, market.pools[pool].address, token)
        market.ledger.send(treasury, market.router, logs, data=ADD_CALL)
    market.answer(market.value)
    market.ledger.close_block(market.now)
    market.block += 1
    market.now += BLOCK_SECONDS * SECOND
    market.begin(value_walk(market))
    market.begin(traders(market, "traders", 0.7), 1)
    market.begin(wallets_and_exchange(market), 2)
    market.begin(providers(market), 3)
    # Who can't see what is pending goes by what the last block left.
    market.begin(arbitrage(market), 4, first=market.ledger.mempool is not None)
    market.begin(oracle(market), 5)
    return market
