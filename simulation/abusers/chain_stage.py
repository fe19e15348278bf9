"""What an episode on chain is played on. Tokens are worth two dollars; blocks take 12 seconds."""

import random
from collections.abc import Callable

from pipeline.units import SECOND
from simulation.abusers.stage import Conduct
from simulation.chain.ledger import (
    BLOCK_SECONDS,
)
from simulation.chain.market import UNIT, ChainMarket, Play
from simulation.truth import Episode

HOUR_OF_BLOCKS = 3_600 // BLOCK_SECONDS


class ChainStage:
    """One episode's surroundings; see :class:`simulation.abusers.stage.Stage`."""

    def __init__(
        self, market: ChainMarket, abuse: "ChainAbuse", intensity: float, number: int
    ) -> None:
        self.market = market
        self.abuse = abuse
        self.intensity = intensity
        self.number = number
        self.rng: random.Random = market.fork(f"{abuse.name}:{number}")

    @property
    def scale(self) -> float:
        """Times what the sources describe: a quarter at 0, four times at 1."""
        return float(4 ** (2 * self.intensity - 1))

    def count(self, medium: float, least: int = 1) -> int:
        """A number of acts, which grows with the intensity."""
        return max(least, round(medium * self.scale))

    def begin(self, wallets: tuple[str, ...], note: str, tail: float = 600.0) -> Episode:
        """An episode begins in the open block."""
        return self.market.truth.add(
            Episode(
                abuse=self.abuse.name,
                typology=self.abuse.typology,
                accepted=self.abuse.accepted,
                parties=wallets,
                intensity=self.intensity,
                begin=self.market.now,
                end=self.market.now,
                note=note,
                tail=round(tail * SECOND),
            )
        )

    def end(self, episode: Episode) -> None:
        """Its last act is in the open block."""
        episode.end = self.market.now


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
