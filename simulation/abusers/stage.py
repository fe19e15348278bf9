"""What an abuser has: a market, an intensity, and a truth to confess to."""

import random
from collections.abc import Callable, Iterable

import msgspec

from demo.venue.messages import Side
from demo.venue.order_book import opposite
from pipeline.units import SECOND
from simulation.clockwork import Script
from simulation.truth import Episode
from simulation.venue.desk import Desk
from simulation.venue.listing import Listing
from simulation.venue.market import Market


class Stage:
    """One episode's surroundings. `intensity` is from 0 to 1; 0.5 is what the sources describe."""

    def __init__(self, market: Market, abuse: "Abuse", intensity: float, number: int) -> None:
        self.market = market
        self.abuse = abuse
        self.intensity = intensity
        self.number = number
        self.rng: random.Random = market.fork(f"{abuse.name}:{number}")
        self.side: Side = self.rng.choice(("buy", "sell"))

    @property
    def scale(self) -> float:
        """Times what the sources describe: a quarter at 0, four times at 1."""
        return float(4 ** (2 * self.intensity - 1))

    @property
    def listing(self) -> Listing:
        """The first listing."""
        return self.market.listings[0]

    @property
    def other_side(self) -> Side:
        """The side that isn't `side`."""
        return opposite(self.side)

    def now(self) -> int:
        """Nanoseconds since the epoch."""
        return self.market.clockwork.now

    def count(self, medium: float, least: int = 1) -> int:
        """A number of acts, which grows with the intensity."""
        return max(least, round(medium * self.scale))

    def desk(self, investor: str | None = None, cluster: str | None = None) -> Desk:
        """A desk at the first listing, of somebody new unless an investor is named."""
        people = self.market.people
        owner = investor or people.investor(cluster=cluster)
        return Desk(self.listing, people.account(self.listing.venue, owner), prevents=False)

    def begin(self, desks: Iterable[Desk], note: str, tail: float = 60.0) -> Episode:
        """An episode begins now; its owner calls `end`."""
        accounts = tuple(dict.fromkeys(desk.account for desk in desks))
        owners = tuple(dict.fromkeys(self.market.people.owner(one) for one in accounts))
        return self.market.truth.add(
            Episode(
                abuse=self.abuse.name,
                typology=self.abuse.typology,
                accepted=self.abuse.accepted,
                parties=(*accounts, *owners),
                intensity=self.intensity,
                begin=self.now(),
                end=self.now(),
                note=note,
                tail=round(tail * SECOND),
            )
        )

    def end(self, episode: Episode) -> None:
        """The episode's last act was now."""
        episode.end = self.now()

    def best(self, side: Side, listing: Listing | None = None) -> int:
        """The best price, or what would be near it."""
        one = listing or self.listing
        found = one.engine.best(side)
        return found if found is not None else round(one.mid(float(one.last_price or 10_000)))

    def away(self, side: Side, ticks: int, listing: Listing | None = None) -> int:
        """A price so many ticks behind the best of a side; before it where negative."""
        best = self.best(side, listing)
        return best - ticks if side == "buy" else best + ticks


class Conduct(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of abuse, and what it is by law."""

    name: str
    typology: str
    """As its label says."""
    counts: tuple[str, ...] = ()
    """Further typologies under which the law has the same conduct: an alert of one is a hit."""
    accepted: tuple[str, ...] = ()
    """Typologies that the same acts are as well, by their own definitions."""
    source: str
    """Where its definition and its medium intensity come from."""
    market: str
    """The kind of market it is played in."""
    episodes: int = 4
    """In one session."""
    needs_accounts: bool = False
    """Whether, by its definition, it can't be told without accounts."""


class Abuse(Conduct, frozen=True, kw_only=True):
    """A conduct at venues, and how it is played."""

    play: Callable[[Stage], Script]
    """Plays one episode."""
    gap: float = 60.0
    """Seconds between two episodes, at least."""
