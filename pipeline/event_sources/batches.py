"""What a source of events is."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec


class Batch(msgspec.Struct, gc=False):
    """Lines that stand one behind the other."""

    place: str
    """A file, a message, an index: what people are told when a line is no event."""
    first: int
    """The number of the first line within the place, from 1."""
    lines: Sequence[bytes]
    done: int
    """How much of the source's `total` lies behind, with these lines."""


class EventSource(Protocol):
    """Where events come from. It is read once."""

    @property
    def name(self) -> str:
        """What it is, for people and reports: no secret, and the same on every machine."""
        ...

    @property
    def unit(self) -> str:
        """What `total` and `Batch.done` count, such as `bytes`."""
        ...

    @property
    def total(self) -> int | None:
        """How much there is, as far as it is known by now."""
        ...

    @property
    def refused(self) -> int:
        """Lines so far that could not become events; each was told by the source itself."""
        ...

    def batches(self) -> Iterator[Batch]:
        """All events in the source's order. Raises `pipeline.failure.Failure`."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What is to be known about what was read, such as that some of it had expired."""
        ...
