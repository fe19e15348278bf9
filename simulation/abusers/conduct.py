"""A kind of abuse, and what one episode of it has wherever it is played."""

import random
from typing import Generic, Protocol, TypeVar

import msgspec

from simulation.truth import Episode, Truth


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
    most: int | None = None
    """For how many of these a session has room, where its market has an end."""
    needs_accounts: bool = False
    """Whether, by its definition, it can't be told without accounts."""


class _Market(Protocol):
    truth: Truth

    @property
    def now(self) -> int: ...

    def fork(self, name: str, /) -> random.Random: ...


_Place = TypeVar("_Place", bound=_Market)
_Kind = TypeVar("_Kind", bound=Conduct)


class AnyStage(Generic[_Place, _Kind]):
    """One episode's surroundings. `intensity` is from 0 to 1; 0.5 is what the sources describe."""

    def __init__(self, market: _Place, abuse: _Kind, intensity: float, number: int) -> None:
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

    def now(self) -> int:
        """Nanoseconds since the epoch."""
        return self.market.now

    def episode(self, parties: tuple[str, ...], note: str, tail: int) -> Episode:
        """An episode begins now. `tail`: nanoseconds after its end in which an alert may still tell
        of it."""
        return self.market.truth.add(
            Episode(
                abuse=self.abuse.name,
                typology=self.abuse.typology,
                accepted=self.abuse.accepted,
                parties=parties,
                intensity=self.intensity,
                begin=self.now(),
                end=self.now(),
                note=note,
                tail=tail,
            )
        )

    def end(self, episode: Episode) -> None:
        """The episode's last act is now."""
        episode.end = self.now()
