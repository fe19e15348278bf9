"""Pools that their makers empty, and the honest who take liquidity out as well."""

from collections.abc import Callable

from simulation.abusers.chain_stage import HOUR_OF_BLOCKS, ChainStage, owner_of
from simulation.chain.further_pools import open_pool, provide, trade_once, visitors, withdraw
from simulation.chain.market import ChainMarket, Play
from simulation.chain.pool import Style
from simulation.truth import Episode

DAY_OF_BLOCKS = 24 * HOUR_OF_BLOCKS
APART = 145
"""Less than half an hour: an oracle that answers every hour still does."""
_OLD_DAYS = 30
_STYLES: tuple[Style, Style] = ("uniswap-v2", "uniswap-v3")
Life = Callable[[ChainMarket, str, int, int], Play]
"""What becomes of a pool: by its provider, its place, and after how many blocks."""


def young_pool_emptied(stage: ChainStage) -> Play:
    """Opens a pool, lets others buy in it, and takes all liquidity out within a day, which never
    comes back (Mazorra et al., 2022: liquidity falls by all but everything, and recovers by no more
    than a fifth; Cernera et al., 2023: most within a day of the pool's birth). Medium: 150,000
    dollars on each side, forty swaps of others, all but everything taken out; at low intensities a
    part.
    """
    market, rng = stage.market, stage.rng
    maker = market.wallet(market.people.investor(), 4_000_000)
    place = open_pool(market, maker, rng.choice(_STYLES), 150_000 * stage.scale)
    for _ in range(max(10, min(60, stage.count(40)))):
        yield rng.randint(APART, 3 * APART) // 2
        trade_once(market, f"bought:{place}", place)
    yield rng.randint(1, 6) * HOUR_OF_BLOCKS
    episode = _begin(stage, maker, place, "a young pool emptied by who opened it", 2)
    yield from _empty(stage, episode, maker, place)


def old_pool_emptied(stage: ChainStage) -> Play:
    """The same with a pool that had been traded in for a month (Mazorra et al., 2022, whose scams
    have no age; Chainalysis, 2022: projects that were built up first). Medium: all but everything.
    """
    market = stage.market
    place, maker = market.provided[stage.number]
    yield 1
    episode = _begin(stage, maker, place, "a pool of a month emptied by who provided it", 2)
    yield from _empty(stage, episode, maker, place)


def pool_abandoned(stage: ChainStage) -> Play:
    """The same again with a token that has this one pool, and for a month nothing happens to it
    (Mazorra et al., 2022: inactive for 160,000 blocks, about a month). Medium: all but everything.
    """
    market = stage.market
    place, maker = market.provided[stage.number]
    yield 1
    episode = _begin(stage, maker, place, "emptied, and nobody came back for a month", 33)
    yield from _empty(stage, episode, maker, place)


def _begin(stage: ChainStage, maker: str, place: int, note: str, days: int) -> Episode:
    market = stage.market
    parties = (maker, owner_of(market, maker), market.pools[place].address)
    return stage.begin(parties, note, days * 86_400)


def _empty(stage: ChainStage, episode: Episode, maker: str, place: int) -> Play:
    """At once, or in three parts within two hours."""
    part = 0.995 * min(1.0, 0.35 + 0.65 * min(1.0, stage.scale))
    if stage.rng.random() < 0.5:
        withdraw(stage.market, maker, place, part)
        stage.end(episode)
        return
    left = 1.0
    for number in range(3):
        taken = part / 3 if number < 2 else left - (1 - part)
        withdraw(stage.market, maker, place, taken / left)
        left -= taken
        stage.end(episode)
        yield stage.rng.randint(1, 2) * APART


# --- who is honest --------------------------------------------------------------------------------


def young_pools(market: ChainMarket) -> None:
    """Pools of others, opened in the course of the session: one of each kind. That is more of the
    honest than there are (Mazorra et al. labelled 631 of 27,588 tokens as no scams).
    """
    rng = market.fork("young pools")
    for kind in (_moves, _leaves, _refills):
        market.begin(_opened(market, rng.randint(1, 3 * DAY_OF_BLOCKS), kind))


def old_tokens(market: ChainMarket) -> None:
    """The pools of :func:`old_pools`, each of a token of its own that has no other."""
    market.further_tokens += [market.ledger.new_address() for _ in range(6)]
    old_pools(market)


def old_pools(market: ChainMarket) -> None:
    """Pools of a month: three to be emptied, and three of honest providers."""
    rng = market.fork("old pools")
    lives: list[Play] = []
    for number in range(6):
        provider = market.wallet(market.people.investor(), 4_000_000)
        token = market.further_tokens[number] if market.further_tokens else ""
        dollars = rng.uniform(80_000, 300_000)
        place = open_pool(market, provider, _STYLES[number % 2], dollars, token)
        if number < 3:
            market.provided.append((place, provider))
        else:
            kind = (_moves, _leaves, _refills)[number % 3]
            lives.append(kind(market, provider, place, rng.randint(1, 4 * DAY_OF_BLOCKS)))
        lives.append(visitors(market, place))
    market.ledger.close_block(market.now)
    for _ in range(12 * _OLD_DAYS):
        market.skip(DAY_OF_BLOCKS // 12)
        place = rng.randrange(len(market.pools) - 6, len(market.pools))
        trade_once(market, f"earlier:{place}", place)
        market.ledger.close_block(market.now)
    market.skip(DAY_OF_BLOCKS // 3)
    for number, life in enumerate(lives):
        market.begin(life, number)


def _opened(market: ChainMarket, after: int, kind: Life) -> Play:
    rng = market.fork(f"opened:{after}")
    yield after
    provider = market.wallet(market.people.investor(), 4_000_000)
    place = open_pool(market, provider, rng.choice(_STYLES), rng.uniform(60_000, 250_000))
    market.begin(visitors(market, place), rng.randint(10, 100))
    yield from kind(market, provider, place, rng.randint(4, 24) * HOUR_OF_BLOCKS)


def _moves(market: ChainMarket, provider: str, place: int, after: int) -> Play:
    """Moves all liquidity to a pool of the other version, where people trade on: by the version's
    migrator in one block, or by hand within the hour.
    """
    rng = market.fork(f"moves:{place}")
    yield after
    style = market.pools[place].style
    other: Style = "uniswap-v3" if style == "uniswap-v2" else "uniswap-v2"
    _, quote = withdraw(market, provider, place, 0.995)
    if rng.random() < 0.5:
        yield rng.randint(1, HOUR_OF_BLOCKS)
    token = market.pools[place].token
    new = open_pool(market, provider, other, quote / 10**6, token)
    market.begin(visitors(market, new), rng.randint(10, 200))


def _leaves(market: ChainMarket, provider: str, place: int, after: int) -> Play:
    """One of several providers leaves: of four, who opened the pool."""
    rng = market.fork(f"leaves:{place}")
    dollars = market.pools[place].reserves[1] / 10**6
    for _ in range(3):
        yield rng.randint(1, max(2, after // 4))
        other = market.wallet(market.people.investor(), 1_000_000)
        provide(market, other, place, dollars * rng.uniform(0.2, 0.6))
    yield after
    withdraw(market, provider, place, dollars * 10**6 / market.pools[place].reserves[1] * 0.98)


def _refills(market: ChainMarket, provider: str, place: int, after: int) -> Play:
    """Takes all out, as for a repair, and puts it back within a day."""
    rng = market.fork(f"refills:{place}")
    yield after
    _, quote = withdraw(market, provider, place, 0.99)
    yield rng.randint(2, 16) * HOUR_OF_BLOCKS
    provide(market, provider, place, quote / 10**6)
