"""A session on a chain: a market with an abuser, or honest."""

from heapq import merge

from pipeline.pending_payload import PROTOCOL, SUFFIX
from simulation.abusers.chain_stage import ChainAbuse, ChainStage
from simulation.chain.market import ChainMarket, Play
from simulation.chain.pool_users import open_market
from simulation.session import Session, Source

WARM_UP = 300
"""Blocks before the first episode: an hour."""
LENGTH = 1_500
_MOST = 20_000


def play_chain(
    seed: int,
    *,
    abuse: ChainAbuse | None = None,
    intensity: float = 0.5,
    episodes: int | None = None,
    length: int = LENGTH,
) -> Session:
    """Play the pool market. `length` is in blocks; with an abuser it goes on until he is done."""
    market = open_market(seed, None if abuse is None else abuse.before)
    start = market.block
    if abuse is None:
        market.run(length)
    else:
        count = abuse.episodes if episodes is None else episodes
        done: list[bool] = []
        market.begin(_all(market, abuse, intensity, count, done), WARM_UP)
        while not done and market.block < start + _MOST * abuse.apart:
            market.run(60 * abuse.apart, abuse.apart)
        market.run(abuse.after, abuse.apart)
    sources: tuple[Source, ...] = (Source("chain", "evm"),)
    frames = [(0, frame) for frame in market.ledger.frames]
    if market.ledger.mempool is not None:
        sources = (*sources, Source("chain" + SUFFIX, PROTOCOL))
        pending = [(1, frame) for frame in market.ledger.mempool.frames()]
        frames = list(merge(frames, pending, key=lambda one: one[1].received))
    return Session(
        sources=sources,
        frames=frames,
        reference=market.reference(),
        episodes=tuple(market.truth.episodes),
    )


def _all(
    market: ChainMarket, abuse: ChainAbuse, intensity: float, count: int, done: list[bool]
) -> Play:
    for number in range(count):
        yield from abuse.play(ChainStage(market, abuse, intensity, number))
        yield abuse.gap
    done.append(True)
