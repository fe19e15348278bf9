"""Abuse of what is known of swaps that no block has yet, and by whom several blocks are made."""

from math import exp

from simulation.abusers.chain_stage import ChainStage
from simulation.chain.ledger import CHAIN_ID, NETWORK, selector, word
from simulation.chain.market import ChainMarket, Play
from simulation.chain.mempool import Mempool
from simulation.truth import Episode

_BOT_CALL = selector("execute(uint256,bytes)")


def copied_ahead(stage: ChainStage) -> Play:
    """Watches what is pending, sends the same swap by its own contract for more gas, so that it
    comes first, and swaps back within minutes (Eskandari et al., 2019, and Torres et al., 2021:
    displacement, by a copy of what was announced; Daian et al., 2020). Of the amount it keeps at
    most half a percent for the gas. Medium: eight swaps of others of 0.5 percent of the pool, each
    within a second of its announcement.
    """
    market, rng = stage.market, stage.rng
    bot, contract = market.wallet(None, 500_000), market.ledger.new_address()
    yield rng.randint(1, 20)
    episode = stage.begin((bot, contract), "pending purchases copied ahead of them")
    for _ in range(stage.count(8, 2)):
        pool = rng.choice((0, 1))
        announced = rng.uniform(2.0, 11.0)
        paid = int(market.pools[pool].reserves[1] * 0.005 * rng.uniform(0.7, 1.5))
        own = int(paid * rng.uniform(0.995, 1.0))
        got = _by_contract(market, bot, contract, True, own, pool, announced - _reacts(stage))
        _others(market, stage, True, paid, pool, announced)
        stage.end(episode)
        yield rng.randint(1, 5)
        _by_contract(market, bot, contract, False, got, pool, None)
        stage.end(episode)
        yield rng.randint(4, 25)


def right_behind(stage: ChainStage) -> Play:
    """Watches what is pending, and lets its own swap, the other way, follow right behind, in the
    same block, for the same gas or a little less: the price that the other one made is its profit
    (Daian et al., 2020: back-running; Qin et al., 2022). Medium: eight swaps of others of 0.5
    percent of the pool.
    """
    market, rng = stage.market, stage.rng
    bot, contract = market.wallet(None, 500_000), market.ledger.new_address()
    yield rng.randint(1, 20)
    episode = stage.begin((bot, contract), "swapped right behind pending ones")
    for _ in range(stage.count(8, 2)):
        pool, buys = rng.choice((0, 1)), rng.random() < 0.5
        announced = rng.uniform(2.0, 11.0)
        part = 0.005 * rng.uniform(0.7, 1.5)
        amount = int(market.pools[pool].reserves[1 if buys else 0] * part)
        got = _others(market, stage, buys, amount, pool, announced)
        own = int(got * rng.uniform(0.4, 0.8))
        _by_contract(market, bot, contract, not buys, own, pool, announced - _reacts(stage))
        stage.end(episode)
        yield rng.randint(4, 25)


def _reacts(stage: ChainStage) -> float:
    """Seconds until a bot has its own transaction out."""
    return stage.rng.uniform(0.1, 0.8)


def _others(
    market: ChainMarket, stage: ChainStage, buys: bool, amount: int, pool: int, announced: float
) -> int:
    other = market.wallet(market.people.investor(), 50_000)
    by = market.aggregator if stage.rng.random() < 0.25 else ""
    return market.swap(other, buys, amount, pool, by, announced)


def _by_contract(
    market: ChainMarket,
    bot: str,
    contract: str,
    buys: bool,
    amount: int,
    pool: int,
    before: float | None,
) -> int:
    got, logs = market.leg(bot, buys, amount, pool, contract)
    token = market.token if buys else market.quote
    data = _BOT_CALL + word(amount) + token[2:].rjust(64, "0")
    market.ledger.send(bot, contract, logs, data=data, before=before, private=True)
    return got


def over_blocks(stage: ChainStage) -> Play:
    """Buys at the end of a block; the next one, which it makes as well, begins with another's
    purchase, and it sells right behind that, or first in the block after (Flashbots' sandwich;
    Jensen et al., 2023, and Babel et al., 2023, of who makes several blocks in a row). Medium: six
    of 0.6 percent of the pool.
    """
    market, rng = stage.market, stage.rng
    bot, contract = market.wallet(None, 500_000), market.ledger.new_address()
    yield rng.randint(1, 20)
    episode = stage.begin((bot, contract), "sandwiches whose parts are in several blocks")
    for _ in range(stage.count(6, 2)):
        pool = rng.choice((0, 1))
        paid = int(market.pools[pool].reserves[1] * 0.006 * rng.uniform(0.8, 1.3))
        own = int(paid * rng.uniform(0.6, 1.5))
        got = _by_contract(market, bot, contract, True, own, pool, None)
        market.begin(_next_block(stage, episode, (bot, contract), pool, paid, got), 1, first=True)
        yield rng.randint(15, 60)


def _next_block(
    stage: ChainStage, episode: Episode, who: tuple[str, str], pool: int, paid: int, got: int
) -> Play:
    market, rng = stage.market, stage.rng
    _others(market, stage, True, paid, pool, rng.uniform(12.5, 14.0))
    if rng.random() < 0.5:
        yield 1
    _by_contract(market, *who, False, got, pool, None)
    stage.end(episode)


# --- who is honest --------------------------------------------------------------------------------


def public_mempool(market: ChainMarket) -> None:
    """What is pending is told; and some trade all the time, next to everybody."""
    market.ledger.mempool = Mempool(market.fork("mempool"), CHAIN_ID, NETWORK)
    busy(market)


def busy(market: ChainMarket) -> None:
    """A maker that trades all the time, and people who think better of it within minutes."""
    market.begin(_maker(market), 2)
    market.begin(_regret(market), 2)


def _maker(market: ChainMarket) -> Play:
    """Goes by its own price, which nobody else knows, every few blocks, either way, in public."""
    rng = market.fork("maker")
    wallet = market.wallet(market.people.investor(), 300_000)
    while True:
        yield rng.randint(1, 6)
        pool, dollars = rng.choice((0, 1)), 1_200 * exp(rng.gauss(0, 0.6))
        if rng.random() < 0.5:
            market.swap(wallet, True, market.dollars(dollars), pool)
        else:
            market.swap(wallet, False, market.tokens(dollars / market.price(pool)), pool)


def _regret(market: ChainMarket) -> Play:
    """Buy on a hunch, and sell the same within some minutes, whatever came of it."""
    rng = market.fork("regret")
    wallets = [market.wallet(market.people.investor(), 5_000) for _ in range(400)]
    while True:
        yield rng.randint(8, 40)
        market.begin(_round(market, rng.choice(wallets), rng.choice((0, 1))), 1)


def _round(market: ChainMarket, wallet: str, pool: int) -> Play:
    rng = market.fork(f"round:{market.block}")
    got = market.swap(wallet, True, market.dollars(3_000 * exp(rng.gauss(0, 0.7))), pool)
    yield rng.randint(1, 25)
    market.swap(wallet, False, got, pool)
