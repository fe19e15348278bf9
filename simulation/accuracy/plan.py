"""Which sessions are measured. Seeds of what is published are from 90,000 on: no test, and nobody
who works on a rule, has any business with them."""

from math import ceil
from typing import Literal

import msgspec

from simulation.abusers.catalogue import VENUE_ABUSES
from simulation.catalogue import CONDUCTS, ENDLESS, MARKETS
from simulation.session import WireFormat

FIRST_PUBLISHED_SEED = 90_000
GLANCE_SEED = 20_000
INTENSITIES = (0.0, 0.25, 0.5, 0.75, 1.0)
MEDIUM = 0.5

Purpose = Literal["abuse", "honest", "recording"]


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One session to measure."""

    purpose: Purpose
    name: str
    seed: int = 0
    intensity: float = MEDIUM
    wire: WireFormat = "order-log"
    length: int | None = None
    episodes: int | None = None


class Effort(msgspec.Struct, frozen=True, kw_only=True):
    """How much is done."""

    medium: int
    """Sessions of each abuse at medium intensity, at least."""
    episodes: int
    """Episodes of each at it, at least: what is played once in a session needs more of these."""
    others: int
    """At each other intensity."""
    public: int
    """At medium intensity over a feed without accounts."""
    honest: int
    """Honest sessions of each market."""
    minutes: int
    """Length of those that don't close."""
    blocks: int


LONG = Effort(medium=4, episodes=24, others=1, public=2, honest=4, minutes=90, blocks=3_000)
BRIEF = Effort(medium=1, episodes=0, others=0, public=1, honest=1, minutes=20, blocks=600)
SHORT = Effort(medium=1, episodes=0, others=0, public=0, honest=1, minutes=5, blocks=250)


def published(effort: Effort = LONG, seed: int = FIRST_PUBLISHED_SEED) -> list[Task]:
    """The long form; what takes longest comes first."""
    tasks: list[Task] = []
    for place in range(effort.honest):
        for name in ("liquid", "linked"):
            tasks += (
                Task(
                    purpose="honest",
                    name=name,
                    seed=seed + place,
                    wire=wire,
                    length=effort.minutes,
                )
                for wire in _wires(place)
            )
        tasks.append(Task(purpose="honest", name="pool", seed=seed + place, length=effort.blocks))
        tasks += (
            Task(purpose="honest", name=name, seed=seed + place)
            for name in MARKETS
            if name not in ENDLESS
        )
    for name, conduct in CONDUCTS.items():
        enough = max(effort.medium, ceil(effort.episodes / conduct.episodes))
        for intensity in INTENSITIES:
            times = enough if intensity == MEDIUM else effort.others
            tasks += (
                Task(purpose="abuse", name=name, seed=seed + 100 + place, intensity=intensity)
                for place in range(times)
            )
    for name, abuse in VENUE_ABUSES.items():
        if not abuse.needs_accounts:
            tasks += (
                Task(purpose="abuse", name=name, seed=seed + 200 + place, wire="coinbase")
                for place in range(effort.public)
            )
    tasks.append(Task(purpose="recording", name="all"))
    return tasks


def _wires(place: int) -> tuple[WireFormat, ...]:
    public: WireFormat = "coinbase" if place % 2 == 0 else "kraken"
    return ("order-log", public)


#: What CI plays: with seeds of its own, and floors that hold with room to spare.
CHECKED = (
    Task(purpose="abuse", name="layering", seed=11, episodes=2),
    Task(purpose="abuse", name="self-trade", seed=11, episodes=1),
    Task(purpose="abuse", name="quote-stuffing", seed=11, episodes=1),
    Task(purpose="abuse", name="sandwich", seed=11, episodes=1),
    Task(purpose="abuse", name="mixer-hops", seed=11, episodes=1),
    Task(purpose="honest", name="liquid", seed=12, length=3),
    Task(purpose="honest", name="pool", seed=12, length=200),
)
