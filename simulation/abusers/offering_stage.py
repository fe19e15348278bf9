"""What a breach of an offering's terms is played on."""

from collections.abc import Callable, Iterable

from pipeline.units import DAY
from simulation.abusers.conduct import AnyStage, Conduct
from simulation.chain.offering import Offering, OfferingMarket, Person
from simulation.chain.sparse import Play
from simulation.truth import Episode


class OfferingStage(AnyStage[OfferingMarket, "OfferingBreach"]):
    """One episode's surroundings: an offering of its own.

    `intensity` is how far beyond the limit it goes: at 0 just, at 0.5 plainly, at 1 far.
    """

    def __init__(
        self,
        market: OfferingMarket,
        breach: "OfferingBreach",
        intensity: float,
        number: int,
        offering: Offering,
    ) -> None:
        super().__init__(market, breach, intensity, number)
        self.offering = offering

    def between(self, just: float, plainly: float, far: float) -> float:
        """What goes with the intensity, by equal factors."""
        if self.intensity <= 0.5:
            return just * (plainly / just) ** (2 * self.intensity)
        return plainly * (far / plainly) ** (2 * self.intensity - 1)

    def until(self, time: int) -> int:
        """How long to wait for it."""
        return max(0, time - self.market.now)

    def hours(self, low: float, high: float) -> int:
        """Some time, in nanoseconds."""
        return round(self.rng.uniform(low, high) / 24 * DAY)

    def begin(
        self, people: Iterable[Person], note: str, days: float = 7.0, *, whole: bool = False
    ) -> Episode:
        """An episode begins now. `days`: within which an alert may still tell of it. `whole`: it
        breaks a term of the whole offering, which an alert may name in the issuer's place."""
        of_all = (self.offering.id,) if whole else ()
        episode = self.episode(of_all, note, round(days * DAY))
        self.joined(episode, people)
        return episode

    def joined(self, episode: Episode, people: Iterable[Person]) -> None:
        """These take part, with their wallets; the last act is now."""
        known = [name for one in people for name in (one.id, *one.wallets)]
        episode.parties = tuple(dict.fromkeys((*episode.parties, *known)))
        self.end(episode)


class OfferingBreach(Conduct, frozen=True, kw_only=True):
    """A breach of an offering's terms, and how it is played. `market` is the kind of offering."""

    play: Callable[[OfferingStage], Play]
    """Plays one episode, from the offering's first day on."""
