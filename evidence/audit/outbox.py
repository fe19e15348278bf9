"""Notes of commands that need no bus, on their way to the log: files beside it, one note each.

An export reads files, and an anchor asks an authority: neither needs the bus, and often the stage
`audit` doesn't run. So they leave what they are about to do in the folder `outbox` of the log, on
the disk before it is done, and the stage takes it into the log and signs it, at once or at its next
start. Who writes a note needs no key. A note that waits is not under any signature yet: how many
there are, `tapewatch audit verify` says. Whose file it is the operating system says, not the note.
"""

import os
import socket
import stat
import time
import uuid
from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import Struct

from evidence.audit.entries import EntryUnreadable, decode
from evidence.audit.folder import PRIVATE, AuditFolder
from pipeline.bus.command_notes import CommandNote
from pipeline.durable import sync_folder
from pipeline.failure import Failure
from pipeline.system_users import owner_of
from pipeline.units import KIB

FOLDER = "outbox"
#: How the place of such an entry begins: with the file's name behind it, it is taken once.
PLACE = "OUTBOX/"
#: A note is no larger, and no more than so many wait.
MOST_BYTES = 256 * KIB
MOST_WAITING = 10_000
#: Its group may leave notes as well; others may not, and nobody removes another's.
_MODE = 0o1770
_encoder = msgspec.json.Encoder()


class Left(Struct, frozen=True):
    """A note that waits."""

    path: Path
    data: bytes
    #: Whose file it is.
    owner: str

    @property
    def place(self) -> str:
        """What it is called in the log, where it has this name once."""
        return f"{PLACE}{self.path.name}"


def prepare(log: Path) -> None:
    """Make the folder, for notes of whoever is in its group. Raises OSError."""
    folder = log / FOLDER
    if not folder.is_dir():
        log.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        folder.mkdir(exist_ok=True)
        folder.chmod(_MODE)


def leave(log: Path, note: CommandNote, who: str | None) -> Path:
    """Write down what is about to be done. Raises Failure: then it must not be done."""
    note.time = note.time or time.time_ns()
    note.who = note.who or f"{who or 'unknown'}@{socket.gethostname()}"
    folder = log / FOLDER
    path = folder / f"{note.time:020}-{uuid.uuid4().hex}.json"
    unfinished = path.with_suffix(".unfinished")
    try:
        content = _encoder.encode(note)
        if len(content) > MOST_BYTES:
            raise Failure(f"a note of {len(content):,} bytes is too long: it is not done")
        prepare(log)
        if sum(1 for _ in folder.iterdir()) >= MOST_WAITING:
            raise Failure(
                f"{MOST_WAITING:,} notes wait in {folder}, so this is not done: "
                "run the stage `audit`, which takes them into the log"
            )
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
        with os.fdopen(descriptor, "wb") as file:
            # Whoever takes it must be able to read it, whatever this user's mask and first group.
            group = folder.stat().st_gid
            if os.fstat(descriptor).st_gid != group:
                os.fchown(descriptor, -1, group)
            os.fchmod(descriptor, 0o640)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(path)
        sync_folder(folder)
    except (OSError, UnicodeEncodeError) as error:
        raise Failure(
            f"this can't be recorded for the audit log {log}, so it is not done: "
            f"{getattr(error, 'strerror', None) or error}"
        ) from error
    return path


def waiting(log: Path, most: int = MOST_WAITING) -> list[Path]:
    """Notes that are not in the log yet, the oldest first."""
    try:
        names = sorted(one.name for one in (log / FOLDER).iterdir() if one.suffix == ".json")
    except OSError:
        return []
    return [log / FOLDER / name for name in names[:most]]


def read(path: Path) -> Left:
    """A note as it was left. Raises OSError; also for what is no file, too large, or has a name
    that is no text."""
    if shown(path) != path.name:
        raise OSError("its name is no text")
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        known = os.fstat(file.fileno())
        if not stat.S_ISREG(known.st_mode) or known.st_size > MOST_BYTES:
            raise OSError(f"{path.name} is no note")
        return Left(path, file.read(MOST_BYTES), owner_of(known))


def shown(path: Path) -> str:
    """A note's name, also of one that isn't UTF-8."""
    return path.name.encode("utf-8", "backslashreplace").decode()


def whose(path: Path) -> str:
    """Whose file it is, also of one that can't be read; empty where it is gone."""
    try:
        return owner_of(path.lstat())
    except OSError:
        return ""


def taken(folder: AuditFolder) -> frozenset[str]:
    """Places of notes that the last two files of the log have, which may lie there all the same."""
    segments = folder.segments()
    found: set[str] = set()
    for line in folder.lines(segments[-2][0] if len(segments) > 1 else 0):
        if PLACE.encode() in line:
            try:
                found.add(decode(line).place)
            except EntryUnreadable:
                continue
    return frozenset(found)


def remove(paths: Iterable[Path]) -> None:
    """They are in the log. Raises OSError."""
    for path in paths:
        path.unlink(missing_ok=True)
