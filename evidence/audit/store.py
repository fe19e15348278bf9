"""The audit log on the disk: files to which is only ever added.

    entries/000000000000.ndjson    entries, one per line; the name is the number of the first
    nodes/00, nodes/01, ...        hashes of whole nodes, by level, 32 bytes each
    checkpoints                    signed notes, the newest last, a blank line between two
    key                            the public key, as text

Entries and checkpoints are the log; nodes follow from them. Nothing is changed or taken away: not
by a restart either, which ends a line that a crash has left half written, and says so in an entry.
Only a checkpoint that a crash has left half written goes: nobody was told that it is there.
"""

import os
import re
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Self

from evidence.audit.entries import Action, Happening, encode
from evidence.audit.folder import (
    MOST_NOTE,
    PRIVATE,
    AuditFolder,
    AuditLogFailed,
    Signed,
    segment_name,
)
from evidence.audit.merkle import HASH_SIZE, Frontier, leaf_hash
from evidence.audit.notes import Checkpoint, NoteWrong, SigningKey
from pipeline.bus.store_lock import take
from pipeline.durable import sync_folder
from pipeline.units import MIB

_SEGMENT = 64 * MIB
_LEVELS = 64
#: A crash may leave so many entries before the first checkpoint: that the log was opened, or half
#: of that, and that it was recovered.
MOST_UNSIGNED = 2
#: The log signs itself after so many entries, if nobody has it sign before.
_SIGNED_EVERY = 1_000
#: So many behind the newest checkpoint are taken for what a crash has left, and no more: else who
#: takes checkpoints away could have the log sign whatever is behind the first.
MOST_LEFT = 4 * _SIGNED_EVERY
#: What the log says of entries that were signed at a later start only.
SIGNED_LATE = re.compile(r"not signed before: (entry \d+|entries \d+ to \d+)$")


class AuditLog:
    """A log that is written. One process at a time; use as a context manager."""

    def __init__(self, path: Path, key: SigningKey, *, sync: bool = True) -> None:
        """Open the log, or begin one. Raises AuditLogFailed.

        `sync`: a checkpoint is signed when all before it is on the disk.
        """
        self.folder = AuditFolder(path)
        self._key = key
        self._sync = sync
        self._frontier = Frontier()
        self._files: list[BinaryIO | None] = [None] * _LEVELS
        self._segment: BinaryIO | None = None
        self._segment_size = 0
        #: Files of entries.
        self.files = 0
        self._signed = -1
        self._lock: int | None = None
        self._failed: AuditLogFailed | None = None
        try:
            path.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
            (path / "entries").mkdir(exist_ok=True)
            (path / "nodes").mkdir(exist_ok=True)
            self._lock = take(path / "lock")
            self._open_or_close()
        except BlockingIOError:
            raise AuditLogFailed(f"another process writes the audit log {path}") from None
        except OSError as error:
            raise AuditLogFailed(f"can't write the audit log {path}: {error}") from error
        except NoteWrong as error:
            raise AuditLogFailed(f"the newest checkpoint of {path} is wrong: {error}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def size(self) -> int:
        """How many entries there are."""
        return self._frontier.size

    def append(self, happenings: Sequence[Happening]) -> int:
        """Add entries; the number of the first. They are not safe before `sign`.

        Raises ValueError for one that is too long; then none is added. Raises AuditLogFailed when
        the disk doesn't take them, and from then on: the log must be opened again.
        """
        first = self.size
        lines = [encode(one, number) for number, one in enumerate(happenings, first)]
        with self._failing():
            self._write(lines)
        return first

    def sign(self) -> Signed:
        """Make all entries durable, and sign how the log is now; written only if it has grown.

        Raises as `append` does.
        """
        with self._failing():
            return self._sign()

    def _sign(self) -> Signed:
        checkpoint = Checkpoint(self._key.verifying.name, self.size, self._frontier.root())
        note = self._key.sign(checkpoint.text)
        if self.size != self._signed:
            for file in self._files:
                if file is not None:
                    file.flush()  # not to the disk: they can be made anew
            if self._segment is not None:
                self._flush(self._segment)
            with (self.folder.path / "checkpoints").open("ab") as file:
                file.write(f"{note}\n".encode())
                self._flush(file)
            self._signed = self.size
        return Signed(checkpoint, note)

    def close(self) -> None:
        """Write what is held. What came after the newest `sign` stays unsigned.

        What the disk doesn't take is as after a crash.
        """
        for file in (self._segment, *self._files):
            if file is not None:
                with suppress(OSError):
                    file.close()
        self._segment, self._files = None, [None] * _LEVELS
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @contextmanager
    def _failing(self) -> Generator[None]:
        """After a failure nothing more is written: what the disk has is known only by reading it.

        Linux tells of a page that was not written once. The next fsync says that all is well.
        """
        if self._failed is not None:
            raise AuditLogFailed(f"{self._failed}; it must be opened again") from self._failed
        try:
            yield
        except OSError as error:
            what = f"can't write the audit log {self.folder.path}: {error}"
            self._failed = AuditLogFailed(what)
            raise self._failed from error

    # -- writing -----------------------------------------------------------------------------------

    def _write(self, lines: Sequence[bytes]) -> None:
        for line in lines:
            segment = self._segment
            if segment is None or self._segment_size >= _SEGMENT:
                segment = self._next_segment()
            segment.write(line + b"\n")
            self._segment_size += len(line) + 1
            self._hash(line)
            if self.size - max(0, self._signed) >= _SIGNED_EVERY:
                self._sign()

    def _hash(self, line: bytes) -> None:
        leaf = leaf_hash(line)
        whole = self._frontier.add(leaf)
        self._level(0).write(leaf)
        for level, node in enumerate(whole, 1):
            self._level(level).write(node)

    def _level(self, level: int) -> BinaryIO:
        file = self._files[level]
        if file is None:
            file = self.folder.nodes(level).open("ab")
            self._files[level] = file
        return file

    def _next_segment(self) -> BinaryIO:
        if self._segment is not None:
            self._flush(self._segment)
            self._segment.close()
        path = self.folder.path / "entries" / segment_name(self.size)
        self._segment, self._segment_size = path.open("ab"), 0
        self.files += 1
        self._sync_folder(path.parent)
        return self._segment

    def _flush(self, file: BinaryIO) -> None:
        file.flush()
        if self._sync:
            os.fsync(file.fileno())

    def _sync_folder(self, path: Path) -> None:
        if self._sync:
            sync_folder(path)

    # -- opening -----------------------------------------------------------------------------------

    def _open_or_close(self) -> None:
        try:
            self._open_key()
            self._recover()
        except BaseException:
            self.close()
            raise

    def _open_key(self) -> None:
        path, mine = self.folder.path / "key", str(self._key.verifying)
        there = path.read_text(errors="replace").strip() if path.exists() else ""
        if there:
            if there != mine:
                raise AuditLogFailed(
                    f"the audit log {self.folder.path} is of another key: {there[:200]}"
                )
            return
        if self.folder.segments():
            raise AuditLogFailed(f"{path} is gone, though {self.folder.path} has entries")
        with path.open("wb") as file:
            file.write(f"{mine}\n".encode())
            self._flush(file)
        self._sync_folder(path.parent)

    def _recover(self) -> None:
        """Go on behind the last entry. What was signed is not read again: `verify` does that."""
        _, torn = self.folder.last_note()
        if torn > MOST_NOTE:
            raise NoteWrong(f"it ends with {torn} bytes that are no checkpoint")
        if torn:
            path = self.folder.path / "checkpoints"
            os.truncate(path, path.stat().st_size - torn)
        signed = self.folder.newest(self._key.verifying)
        size = 0 if signed is None else signed.checkpoint.size
        if signed is not None:
            self._signed = size
            if self._stored_frontier(size).root() != signed.checkpoint.root:
                size = 0  # hashes are missing, or wrong: all are made anew
        self._frontier = self._stored_frontier(size)
        for level in range(_LEVELS):
            if (path := self.folder.nodes(level)).exists():
                os.truncate(path, (size >> level) * HASH_SIZE)
        torn = self._take_entries(size)
        if signed is None and self.size > MOST_UNSIGNED:
            raise AuditLogFailed(
                f"{self.folder.path} has {self.size} entries and no checkpoint: it is not signed "
                "anew, since anybody may have written it; put its checkpoints back"
            )
        if signed is not None and (
            self.size < self._signed or self.folder.root(self._signed) != signed.checkpoint.root
        ):
            raise AuditLogFailed(f"{self.folder.path} is not what was signed: verify it")
        left = 0 if signed is None else self.size - self._signed
        if left > MOST_LEFT:
            raise AuditLogFailed(
                f"{self.folder.path} has {left} entries behind its newest checkpoint, more than a "
                "crash leaves: they are not signed, since anybody may have written them; put its "
                "checkpoints back"
            )
        said = [f"entry {self.size - 1} ends after {torn} bytes"] if torn else []
        if left:
            which = f"entries {self._signed} to {self.size - 1}"
            which = which if left > 1 else f"entry {self._signed}"
            said.append(f"not signed before: {which}")
        if said:
            self._note("log-recovered", "; ".join(said))
        elif not self.size:
            self._note("log-opened", str(self._key.verifying))

    def _stored_frontier(self, size: int) -> Frontier:
        """By the hashes that are stored; that of no entries where they don't reach."""
        try:
            return Frontier.of(size, self.folder.node)
        except AuditLogFailed:
            return Frontier()

    def _take_entries(self, size: int) -> int:
        """Hash the entries from this one on; how long the last is, if it was left half written."""
        segments = self.folder.segments()
        self.files = len(segments)
        place = max((number for number, _ in segments if number <= size), default=0)
        line = b""
        for line in self.folder.lines(size):
            if place >= size:
                self._hash(line.removesuffix(b"\n"))
            place += 1
        if place < size:
            raise AuditLogFailed(
                f"{self.folder.path} has {place} entries, and {size} were signed: verify it"
            )
        for file in self._files:
            if file is not None:
                file.flush()
        if segments:
            path = segments[-1][1]
            self._segment, self._segment_size = path.open("ab"), path.stat().st_size
            if line and not line.endswith(b"\n"):
                self._segment.write(b"\n")
                return len(line)
        return 0

    def _note(self, action: Action, what: str) -> None:
        """An entry of the log's own."""
        own = Happening(action=action, time=time.time_ns(), who="audit-log", what=what)
        self.append([own])
        self.sign()


__all__ = ["AuditFolder", "AuditLog", "AuditLogFailed", "Signed"]
