"""What an abuse of a fund's dealings is played on."""

import random
from collections.abc import Callable

from pipeline.units import DAY
from simulation.abusers.stage import Conduct
from simulation.chain.fund import Fund, FundMarket, Holder
from simulation.chain.sparse import Play
from simulation.truth import Episode


class FundStage:
    """One episode's surroundings: a fund, in which others may do the same.

    `intensity`: see :class:`simulation.abusers.stage.Stage`.
    """

    def __init__(
        self, market: FundMarket, abuse: "FundAbuse", intensity: float, number: int
    ) -> None:
        self.market = market
        self.abuse = abuse
        self.intensity = intensity
        self.number = number
        self.fund: Fund = market.funds[number % len(market.funds)]
        self.rng: random.Random = market.fork(f"{abuse.name}:{number}")

    @property
    def scale(self) -> float:
        """Times what the sources describe: a quarter at 0, four times at 1."""
        return float(4 ** (2 * self.intensity - 1))

    def count(self, medium: float, least: int = 1) -> int:
        """A number of acts, which grows with the intensity."""
        return max(least, round(medium * self.scale))

    def begin(self, holder: Holder, note: str) -> Episode:
        """An episode begins now. An alert may still tell of it within a week."""
        return self.market.truth.add(
            Episode(
                abuse=self.abuse.name,
                typology=self.abuse.typology,
                accepted=self.abuse.accepted,
                parties=(holder.id, *holder.wallets),
                intensity=self.intensity,
                begin=self.market.now,
                end=self.market.now,
                note=note,
                tail=7 * DAY,
            )
        )


class FundAbuse(Conduct, frozen=True, kw_only=True):
    """A conduct in a fund's dealings, and how it is played."""

    play: Callable[[FundStage], Play]
    """Plays one episode."""
    days: int = 130
    """How long all of it is watched."""
