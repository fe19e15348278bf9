"""What an episode on chain is played on. Tokens are worth two dollars; blocks take 12 seconds."""

from collections.abc import Callable

from pipeline.units import SECOND
from simulation.abusers.conduct import AnyStage, Conduct
from simulation.chain.ledger import BLOCK_SECONDS
from simulation.chain.market import UNIT, ChainMarket, Play
from simulation.truth import Episode

HOUR_OF_BLOCKS = 3_600 // BLOCK_SECONDS


class ChainStage(AnyStage[ChainMarket, "ChainAbuse"]):
    """One episode's surroundings on the chain."""

    def begin(self, wallets: tuple[str, ...], note: str, tail: float = 600.0) -> Episode:
        """An episode begins in the open block."""
        return self.episode(wallets, note, round(tail * SECOND))


class ChainAbuse(Conduct, frozen=True, kw_only=True):
    """A conduct on chain, and how it is played."""

    play: Callable[[ChainStage], Play]
    """Plays one episode."""
    gap: int = 30
    """Blocks between two episodes."""
    before: Callable[[ChainMarket], None] | None = None
    """What is in the market besides, such as honest people who do nearly the same."""
    apart: int = 1
    """One of so many blocks has anything: for what takes days."""
    after: int = 150
    """Blocks behind the last episode."""


def dollars_of_tokens(market: ChainMarket, dollars: float) -> int:
    """Whole tokens that are worth no more, at the first pool's price."""
    return int(dollars / market.price(0)) * UNIT


def owner_of(market: ChainMarket, wallet: str) -> str:
    """The investor behind a wallet."""
    return next(one.id for one in market.people.records() if wallet in one.addresses)
