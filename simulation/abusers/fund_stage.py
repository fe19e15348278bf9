"""What an abuse of a fund's dealings is played on."""

from collections.abc import Callable

from pipeline.units import DAY
from simulation.abusers.conduct import AnyStage, Conduct
from simulation.chain.fund import Fund, FundMarket, Holder
from simulation.chain.sparse import Play
from simulation.truth import Episode


class FundStage(AnyStage[FundMarket, "FundAbuse"]):
    """One episode's surroundings: a fund, in which others may do the same."""

    @property
    def fund(self) -> Fund:
        """The fund that it is about."""
        return self.market.funds[self.number % len(self.market.funds)]

    def begin(self, holder: Holder, note: str) -> Episode:
        """An episode begins now. An alert may still tell of it within a week."""
        return self.episode((holder.id, *holder.wallets), note, 7 * DAY)


class FundAbuse(Conduct, frozen=True, kw_only=True):
    """A conduct in a fund's dealings, and how it is played."""

    play: Callable[[FundStage], Play]
    """Plays one episode."""
    days: int = 200
    """How long all of it is watched: what the source describes takes nearly all no longer."""
