"""What comes out of a batch of frames."""

from msgspec import Struct, field

from normalizer.events import Record
from pipeline.frames import DeadLetter


class Normalized(Struct):
    """Events, dead letters, and what was left out on purpose, counted by kind."""

    events: list[Record] = field(default_factory=list[Record])
    dead: list[DeadLetter] = field(default_factory=list[DeadLetter])
    ignored: dict[str, int] = field(default_factory=dict[str, int])
    #: Logs of unknown signature; each is an event all the same.
    undecoded: int = 0

    def ignore(self, kind: str) -> None:
        """Count a message that carries nothing to watch."""
        self.ignored[kind] = self.ignored.get(kind, 0) + 1
