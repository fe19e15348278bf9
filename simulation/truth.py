"""What was played on purpose: the ground truth of a simulated session, and labels made of it."""

from collections.abc import Iterable

import msgspec

from demo.venue.clock import NANOSECONDS, iso_time


class Episode(msgspec.Struct, kw_only=True):
    """One piece of abuse, from its first act to its last. Times in nanoseconds."""

    abuse: str
    """The abuser's name."""
    typology: str
    accepted: tuple[str, ...]
    """Other typologies that the same acts are as well: no hit, and no error."""
    parties: tuple[str, ...]
    """Accounts, investors and addresses that took part."""
    intensity: float
    begin: int
    onset: int = 0
    """When that what makes it abuse began, where this was later: a pump after the accumulation."""
    end: int = 0
    note: str = ""
    tail: int = 0
    """Nanoseconds after the end in which an alert about it may still come to rest."""


class Truth:
    """All episodes of a session."""

    def __init__(self) -> None:
        self.episodes: list[Episode] = []

    def add(self, episode: Episode) -> Episode:
        """Keep an episode, which goes on."""
        self.episodes.append(episode)
        return episode


class WrittenLabel(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A label as `tapewatch backtest --labels` reads it."""

    label: bool = msgspec.field(default=True)
    id: str = ""
    typology: str = ""
    entities: tuple[str, ...] = ()
    since: str = msgspec.field(name="from", default="")
    until: str = msgspec.field(name="to", default="")
    events: tuple[str, ...] = ()
    note: str = ""


class _LabelFile(msgspec.Struct):
    labels: tuple[WrittenLabel, ...]


def labels_of(
    episodes: Iterable[Episode], events: dict[str, tuple[str, ...]] | None = None
) -> tuple[WrittenLabel, ...]:
    """A label for each episode: by parties and time, or by events where these are given by its id.

    Public feeds carry no account, so there an episode is known by its events only, or, where these
    aren't known, by its time.
    """
    written: list[WrittenLabel] = []
    for number, one in enumerate(episodes, 1):
        name = f"{one.abuse}-{number}"
        own = () if events is None else events.get(name, ())
        written.append(
            WrittenLabel(
                id=name,
                typology=one.typology,
                entities=one.parties if events is None else (),
                since="" if own else iso_time(one.begin),
                until="" if own else iso_time(one.end + one.tail + NANOSECONDS),
                events=own,
                note=f"{one.abuse} at intensity {one.intensity:g}: {one.note}",
            )
        )
    return tuple(written)


def write_labels(labels: tuple[WrittenLabel, ...]) -> bytes:
    """The file of labels, as YAML."""
    return b"# What was simulated on purpose.\n" + msgspec.yaml.encode(_LabelFile(labels))
