"""Pools besides the two that all know: who provides them, and who trades in them."""

from math import exp, isqrt

from simulation.chain.ledger import LogEntry, topic, word
from simulation.chain.market import ADD_CALL, DOLLAR, REMOVE_CALL, ChainMarket, Play
from simulation.chain.pool import Pool, Style

_INITIALIZE = topic("Initialize(uint160,int24)")


_FIRST_PRICE = 2.0
"""Of a further token, which is worth no more and no less ever after."""


def open_pool(
    market: ChainMarket, provider: str, style: Style, dollars: float, token: str = ""
) -> int:
    """A new pool of a token, filled by its first provider with so much on each side; its place."""
    pool = Pool(market.ledger.new_address(), style, token or market.token, market.quote)
    market.pools.append(pool)
    value = worth(market, pool)
    tokens = market.tokens(dollars / value)
    quote = round(tokens * value * DOLLAR) // 10**18
    logs = pool.add(provider, market.router, tokens, quote)
    if style == "uniswap-v3":
        root = isqrt((quote << 192) // tokens)
        logs.insert(0, LogEntry(pool.address, (_INITIALIZE,), word(root) + word(pool.tick)))
    market.ledger.send(provider, market.router, logs, data=ADD_CALL)
    return len(market.pools) - 1


def worth(market: ChainMarket, pool: Pool) -> float:
    """Dollars for a token of the pool, as those think who know."""
    return market.value if pool.token == market.token else _FIRST_PRICE


def provide(market: ChainMarket, provider: str, place: int, dollars: float) -> None:
    """Add liquidity at the pool's price, so much on each side."""
    pool = market.pools[place]
    token = market.tokens(dollars / market.price(place))
    quote = token * pool.reserves[1] // pool.reserves[0]
    logs = pool.add(provider, market.router, token, quote)
    market.ledger.send(provider, market.router, logs, data=ADD_CALL)


def withdraw(market: ChainMarket, provider: str, place: int, part: float) -> tuple[int, int]:
    """Take out a part of the pool; the amounts."""
    token, quote, logs = market.pools[place].remove(provider, market.router, part)
    market.ledger.send(provider, market.router, logs, data=REMOVE_CALL)
    return token, quote


def trade_once(market: ChainMarket, name: str, place: int) -> None:
    """Somebody swaps a thousandth of the pool or so: towards the value where its price is far off,
    else either way.
    """
    rng = market.fork(f"{name}:{market.block}")
    dollars = market.pools[place].reserves[1] / DOLLAR * 0.001 * exp(rng.gauss(0, 0.8))
    off = worth(market, market.pools[place]) / market.price(place) - 1
    buys = off > 0 if abs(off) > 0.02 else rng.random() < 0.5
    trader = market.wallet(market.people.investor(), 20_000)
    if buys:
        market.swap(trader, True, market.dollars(dollars), place)
    else:
        market.swap(trader, False, market.tokens(dollars / market.price(place)), place)


def visitors(market: ChainMarket, place: int, wait: tuple[int, int] = (60, 400)) -> Play:
    """People who trade in a further pool for as long as there is something in it."""
    rng = market.fork(f"visitors:{place}")
    pool, most = market.pools[place], 0
    while True:
        most = max(most, pool.reserves[1])
        if pool.reserves[1] > most // 4:
            trade_once(market, f"visitor:{place}", place)
        yield rng.randint(*wait)
