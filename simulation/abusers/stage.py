"""What an abuser has: a market, an intensity, and a truth to confess to."""

from collections.abc import Callable, Iterable

from demo.venue.messages import Side
from demo.venue.order_book import opposite
from pipeline.units import SECOND
from simulation.abusers.conduct import AnyStage, Conduct
from simulation.clockwork import Script
from simulation.truth import Episode
from simulation.venue.desk import Desk
from simulation.venue.listing import Listing
from simulation.venue.market import Market


class Stage(AnyStage[Market, "Abuse"]):
    """One episode's surroundings at a venue."""

    def __init__(self, market: Market, abuse: "Abuse", intensity: float, number: int) -> None:
        super().__init__(market, abuse, intensity, number)
        self.side: Side = self.rng.choice(("buy", "sell"))

    @property
    def listing(self) -> Listing:
        """The first listing."""
        return self.market.listings[0]

    @property
    def other_side(self) -> Side:
        """The side that isn't `side`."""
        return opposite(self.side)

    def desk(self, investor: str | None = None, cluster: str | None = None) -> Desk:
        """A desk at the first listing, of somebody new unless an investor is named."""
        people = self.market.people
        owner = investor or people.investor(cluster=cluster)
        return Desk(self.listing, people.account(self.listing.venue, owner), prevents=False)

    def begin(self, desks: Iterable[Desk], note: str, tail: float = 60.0) -> Episode:
        """An episode begins now; its owner calls `end`."""
        accounts = tuple(dict.fromkeys(desk.account for desk in desks))
        owners = tuple(dict.fromkeys(self.market.people.owner(one) for one in accounts))
        return self.episode((*accounts, *owners), note, round(tail * SECOND))

    def best(self, side: Side, listing: Listing | None = None) -> int:
        """The best price, or what would be near it."""
        one = listing or self.listing
        found = one.engine.best(side)
        return found if found is not None else round(one.mid(float(one.last_price or 10_000)))

    def away(self, side: Side, ticks: int, listing: Listing | None = None) -> int:
        """A price so many ticks behind the best of a side; before it where negative."""
        best = self.best(side, listing)
        return best - ticks if side == "buy" else best + ticks


class Abuse(Conduct, frozen=True, kw_only=True):
    """A conduct at venues, and how it is played."""

    play: Callable[[Stage], Script]
    """Plays one episode."""
    gap: float = 60.0
    """Seconds between two episodes, at least."""
