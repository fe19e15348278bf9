"""Erasing a person: who asked, when and why is written down, then the key is removed."""

import os
from pathlib import Path

import msgspec
from msgspec import Struct

from pipeline.pseudonyms import Person, Pseudonyms
from pipeline.source_state import now

_MOST_BYTES = 64 * 1024 * 1024
_encoder = msgspec.json.Encoder()


class Erasure(Struct, omit_defaults=True, kw_only=True):
    """That a person was erased. `when` is in nanoseconds since the epoch."""

    pseudonym: str
    source: str
    #: The system's user who ran the command.
    who: str
    when: int
    why: str
    kept_out: bool = False
    on_behalf_of: str = ""


class ErasureJournal:
    """A file of erasures, one a line, that is only ever added to."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, erasure: Erasure) -> None:
        """Write an erasure down; when this returns, it is on the disk. Raises OSError."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self._path, os.O_CREAT | os.O_APPEND | os.O_RDWR, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            os.write(descriptor, b"\n" * torn + _encoder.encode(erasure) + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def erasures(self) -> list[Erasure]:
        """All that were written down, the latest last. Raises OSError and MsgspecError.

        A line that a crash left half written is passed over: what it was for was not done, or was
        written down again.
        """
        try:
            with self._path.open("rb") as file:
                lines = file.read(_MOST_BYTES).splitlines()
        except FileNotFoundError:
            return []
        return [
            msgspec.json.decode(line, type=Erasure)
            for line in lines
            if line.startswith(b"{") and line.endswith(b"}")
        ]


def erase(
    people: Pseudonyms,
    journal: ErasureJournal,
    pseudonym: str,
    *,
    who: str,
    why: str,
    keep_out: bool = False,
    on_behalf_of: str = "",
) -> Person | None:
    """Erase a person; None where nobody has this pseudonym, and then nothing is written.

    It is written down before it is done: after a crash between the two it is done again.
    Raises :class:`~pipeline.pseudonyms.PseudonymsUnavailable` and OSError.
    """
    person = people.find(pseudonym)
    if person is None:
        return None
    journal.add(
        Erasure(
            pseudonym=pseudonym,
            source=person.source,
            who=who,
            when=now(),
            why=why,
            kept_out=keep_out,
            on_behalf_of=on_behalf_of,
        )
    )
    return people.erase(pseudonym, keep_out=keep_out)
