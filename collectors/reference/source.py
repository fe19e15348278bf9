"""What a source of reference data is: something that can be read, again and again."""

from collections.abc import AsyncIterator
from typing import Protocol

from msgspec import Struct

from pipeline.reference_changes import Identity
from pipeline.reference_records import ReferenceRecord


class Given(Struct, gc=False):
    """A record that the source has."""

    record: ReferenceRecord
    #: Where it stands, for a message about it: ``investors.csv:12``, ``row 4``, ``/users[3]``.
    place: str


class Withdrawn(Struct, gc=False):
    """A record that an incremental source says to be gone. A complete one just doesn't give it."""

    identity: Identity
    place: str


class Rejected(Struct, gc=False):
    """What can't become a record. It goes to the dead letters; the rest goes on."""

    place: str
    reason: str
    #: Name of the field or column, where it is one.
    field: str | None = None
    #: What stood there, as far as it may be kept: no secrets, and nothing personal.
    content: bytes = b""
    #: The record that it would have been, where that can be told: what is known of it stays.
    identity: Identity | None = None
    #: Whether it may be a record that is known, and nobody can tell which. Then a complete source
    #: withdraws nothing with this read.
    hides: bool = False

    def __str__(self) -> str:
        field = f", {self.field}" if self.field else ""
        return f"{self.place}{field}: {self.reason}"


Item = Given | Withdrawn | Rejected


class SourceFault(Exception):
    """The source can't be read now: what was known stays in force. The message has no secret."""


class Unchanged(Exception):
    """The source says that nothing has changed since it was read last, such as by HTTP 304."""


class ReferenceSource(Protocol):
    """One source of reference data. It knows nothing of the bus, and keeps no records.

    It is read by :mod:`collectors.reference.refreshing`, which compares what it gives with what the
    stream has, and writes what differs.
    """

    @property
    def complete(self) -> bool:
        """Whether a read gives everything that it has; what is missing then is withdrawn.

        Otherwise a read gives what is new or changed, and withdraws in so many words.
        """
        ...

    def read(self) -> AsyncIterator[Item]:
        """Everything that it has, or what changed. It is bounded in size and time by itself.

        Raises :class:`SourceFault` or :class:`Unchanged`, at any place: then nothing of this read
        counts. It must not block the loop: files and drivers that do are read in a thread.
        """
        ...

    async def close(self) -> None:
        """End what it holds open."""
        ...
