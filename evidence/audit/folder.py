"""The folder of an audit log, to be read: entries, hashes, checkpoints and proofs.

See `evidence.audit.store` for what is in it.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from evidence.audit.merkle import (
    HASH_SIZE,
    ProofWrong,
    check_inclusion,
    consistency,
    inclusion,
    leaf_hash,
    root_of,
)
from evidence.audit.notes import Checkpoint, NoteWrong, Proof, VerifyingKey, open_checkpoint
from pipeline.failure import Failure
from pipeline.units import KIB

#: No note is longer.
MOST_NOTE = 64 * KIB
#: Of folders that hold what was seen of people, and what was done about it: others may not enter.
PRIVATE = 0o750
#: How the signatures of a note begin.
_SIGNATURE = "\u2014 ".encode()


class AuditLogFailed(Failure):
    """The audit log can't be opened or written: where, and why."""


def segment_name(number: int) -> str:
    """What a file of entries is called that begins with this one."""
    return f"{number:012}.ndjson"


class Signed(Struct, frozen=True):
    """A checkpoint with its signed note."""

    checkpoint: Checkpoint
    note: str


class AuditFolder:
    """The files of a log, to be read. What is written meanwhile is not seen."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def key(self) -> VerifyingKey:
        """The public key that lies beside the log. Raises AuditLogFailed.

        Who may write the log may change it: compare it with one that you had from elsewhere.
        """
        try:
            return VerifyingKey.parse((self.path / "key").read_text())
        except OSError as error:
            raise AuditLogFailed(f"{self.path} holds no audit log: {error.strerror}") from None
        except (NoteWrong, UnicodeDecodeError) as error:
            raise AuditLogFailed(f"{self.path} holds no audit log: {error}") from None

    def segments(self) -> list[tuple[int, Path]]:
        """The files of entries, with the number that each says to begin with."""
        found: list[tuple[int, Path]] = []
        for path in sorted((self.path / "entries").glob("*.ndjson")):
            with suppress(ValueError):
                found.append((int(path.stem), path))
        return found

    def lines(self, first: int = 0) -> Iterator[bytes]:
        """The lines of entries, as they are, from the segment on that should hold this entry."""
        segments = self.segments()
        begin = max((at for at, (number, _) in enumerate(segments) if number <= first), default=0)
        for _, path in segments[begin:]:
            with path.open("rb") as file:
                yield from file

    def entry(self, number: int) -> bytes:
        """The line of an entry, without its end. Raises AuditLogFailed."""
        start = max((n for n, _ in self.segments() if n <= number), default=0)
        for place, line in enumerate(self.lines(number), start):
            if place == number:
                return line.removesuffix(b"\n")
        raise AuditLogFailed(f"{self.path} has no entry {number}")

    def node(self, level: int, number: int) -> bytes:
        """The hash of a whole node. Raises AuditLogFailed."""
        try:
            with self.nodes(level).open("rb") as file:
                file.seek(number * HASH_SIZE)
                found = file.read(HASH_SIZE)
        except OSError as error:
            raise AuditLogFailed(f"can't read a hash of {self.path}: {error}") from error
        if len(found) != HASH_SIZE:
            raise AuditLogFailed(f"{self.nodes(level)} ends before its hash {number}")
        return found

    def notes(self) -> Iterator[str]:
        """All signed checkpoints, the oldest first, as they are written; in a year there may be
        gigabytes. One that is half written is none."""
        lines: list[bytes] = []
        blanks = 0
        try:
            with (self.path / "checkpoints").open("rb") as file:
                while line := file.readline(MOST_NOTE):
                    blanks += line == b"\n"
                    if blanks == 2 or len(lines) > MOST_NOTE:
                        yield b"".join(lines).decode("utf-8", "replace")
                        lines, blanks = [], 0
                    else:
                        lines.append(line)
        except FileNotFoundError:
            return
        except OSError as error:
            raise AuditLogFailed(f"can't read the checkpoints of {self.path}: {error}") from error

    def newest(self, key: VerifyingKey) -> Signed | None:
        """The newest checkpoint. Raises NoteWrong if it isn't signed by this key."""
        note, _ = self.last_note()
        return None if note is None else Signed(open_checkpoint(note, key), note)

    def last_note(self) -> tuple[str | None, int]:
        """The last note that is whole, and how many bytes of another one are behind it."""
        try:
            with (self.path / "checkpoints").open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - 2 * MOST_NOTE))
                parts = file.read().split(b"\n\n")
        except FileNotFoundError:
            return None, 0
        except OSError as error:
            raise AuditLogFailed(f"can't read the checkpoints of {self.path}: {error}") from error
        torn = parts.pop()
        if parts and not parts[-1].startswith(
            _SIGNATURE
        ):  # what would be signed, without signature
            torn = parts.pop() + b"\n\n" + torn
        if len(parts) < 2:
            return None, len(torn)
        return b"\n\n".join((*parts[-2:], b""))[:-1].decode("utf-8", "replace"), len(torn)

    def prove(self, number: int, signed: Signed, line: bytes | None = None) -> Proof:
        """That an entry is in the log of a checkpoint. Raises AuditLogFailed, also where the
        entry, whose line is given if it was read already, or a stored hash is not what was signed.
        """
        size = signed.checkpoint.size
        try:
            hashes = inclusion(number, size, self.node)
        except ValueError as error:
            raise AuditLogFailed(f"{self.path}: {error}") from None
        leaf = leaf_hash(self.entry(number) if line is None else line)
        try:
            check_inclusion(number, size, leaf, hashes, signed.checkpoint.root)
        except ProofWrong:
            raise AuditLogFailed(
                f"entry {number} of {self.path}, or a hash in its folder nodes, is not what was "
                "signed, so there is no proof of it: see `tapewatch audit verify`"
            ) from None
        return Proof(number, tuple(hashes), signed.note)

    def prove_growth(self, old: int, new: int) -> list[bytes]:
        """That the log of ``new`` entries begins with that of ``old``. Raises AuditLogFailed."""
        try:
            return consistency(old, new, self.node)
        except ValueError as error:
            raise AuditLogFailed(f"{self.path}: {error}") from None

    def root(self, size: int) -> bytes:
        """The root of the first entries, by the hashes that are stored. Raises AuditLogFailed."""
        return root_of(size, self.node)

    def nodes(self, level: int) -> Path:
        """The file of a level's hashes."""
        return self.path / "nodes" / f"{level:02}"
