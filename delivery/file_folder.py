"""A folder of NDJSON files that one process appends to: rotation, fsync, recovery after a crash.

File names are `<UTC time of opening>-<counter>.ndjson`; the counter orders them, also when the
clock was set back. Every start begins a new file, at its first line.
"""

import errno
import fcntl
import mmap
import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct, field

from delivery.marks import OrphanedBlocks
from pipeline.durable import sync_folder

NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z-([0-9]{8})\.ndjson")
#: Documents hold investors' trading: the owner writes, the group reads, nobody else.
FOLDER_MODE = 0o750
FILE_MODE = 0o640


class _EventOfLine(Struct):
    id: str
    provider: str = ""
    original: str = ""


class _Hashes(Struct):
    hash: list[str] = field(default_factory=list[str])


class _Common(Struct):
    number: int = -1


class _Reorganisation(Struct):
    common: _Common = field(default_factory=_Common)
    orphaned: _Hashes = field(default_factory=_Hashes)


class _Chain(Struct):
    id: int = -1


class _Blockchain(Struct):
    chain: _Chain = field(default_factory=_Chain)
    reorganisation: _Reorganisation | None = None


class _Line(Struct):
    event: _EventOfLine
    blockchain: _Blockchain | None = None


_line_decoder = msgspec.json.Decoder(_Line)


class Rotation(Struct, frozen=True, kw_only=True):
    """When a file is full: bytes, and nanoseconds since it was opened."""

    size: int
    age: int


class RecoveredLine(Struct, frozen=True):
    """A document that was written: its id, and which blocks it says that left the chain."""

    id: str
    orphaned: OrphanedBlocks | None = None


class Recovered(Struct, frozen=True, kw_only=True):
    """What was found in a folder when it was opened.

    `lines`: of the newest documents, oldest first. `torn`: where the end of the newest file was
    moved to because a crash had left it unfinished; its documents were never acknowledged.
    """

    lines: list[RecoveredLine] = field(default_factory=list[RecoveredLine])
    torn: Path | None = None


class NdjsonFolder:
    """Appends lines below `path`. Its methods block; call them from one thread at a time.

    Every method may raise OSError. The lines of a failed `append` are cut off again, so the same
    lines may be appended once more; where they can't be, the folder is closed, and the next `open`
    finds what is there.
    """

    def __init__(self, path: Path, rotation: Rotation, sync: Literal["always", "never"]) -> None:
        self.path = path
        self._rotation = rotation
        self._sync = sync == "always"
        self._lock: int | None = None
        self._file: int | None = None
        self._size = 0
        self._opened = 0
        self._counter = 0

    @property
    def is_open(self) -> bool:
        return self._lock is not None

    def open(self, remember: int) -> Recovered:
        """Lock the folder, cut off a torn end, and read what the last `remember` lines are."""
        self.path.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        lock = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            files = _files(self.path)
            self._counter = _counter(files[-1]) if files else 0
            torn = self._cut_torn_end(files[-1], remember) if files else None
            lines: list[RecoveredLine] = []
            for file in reversed(files):
                if len(lines) >= remember:
                    break
                lines.extend(_newest_lines(file, remember - len(lines)))
        except BaseException:
            os.close(lock)
            raise
        self._lock = lock
        lines.reverse()
        return Recovered(lines=lines, torn=torn)

    def append(self, lines: Sequence[bytes]) -> None:
        """Write `lines`, each ended by a line feed; durable on return where sync is `always`."""
        data = b"\n".join(lines) + b"\n"
        file = self._current(len(data))
        try:
            _write_all(file, data)
            if self._sync:
                _sync(file)
        except OSError:
            # After a failed write or fsync nobody knows what is on the disk: cut the file back to
            # what was durable, and go on in another one; or, where even that fails, have the
            # folder recovered as after a crash.
            try:
                os.ftruncate(file, self._size)
                self._close_file()
            except OSError:
                self.close()
            raise
        self._size += len(data)

    def close(self) -> None:
        """Close the file and let go of the lock."""
        self._close_file()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _current(self, coming: int) -> int:
        age = time.monotonic_ns() - self._opened
        full = self._size + coming > self._rotation.size or age >= self._rotation.age
        if self._file is not None and self._size and full:
            self._close_file()
        if self._file is None:
            opened = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
            path = self.path / f"{opened}-{self._counter + 1:08d}.ndjson"
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            self._file = os.open(path, flags, FILE_MODE)
            self._counter += 1
            self._size = 0
            self._opened = time.monotonic_ns()
            if self._sync:
                sync_folder(self.path)
        return self._file

    def _close_file(self) -> None:
        file, self._file = self._file, None
        self._size = 0
        if file is not None:
            with suppress(OSError):  # what counts was synced before
                os.close(file)

    def _cut_torn_end(self, file: Path, scan: int) -> Path | None:
        """Move what stands behind the last whole line of `file` into a file beside it."""
        whole = _whole_bytes(file, scan)
        with file.open("r+b") as opened:
            if whole == opened.seek(0, os.SEEK_END):
                return None
            opened.seek(whole)
            # Named by the place, so that a crash between the two steps does no harm.
            torn = file.with_name(f"{file.name}.{whole}.torn")
            with torn.open("wb") as copy:
                torn.chmod(FILE_MODE)
                shutil.copyfileobj(opened, copy)
                copy.flush()
                os.fsync(copy.fileno())
            sync_folder(self.path)
            opened.truncate(whole)
            os.fsync(opened.fileno())
        return torn


def _files(folder: Path) -> list[Path]:
    """The folder's files, oldest first."""
    return sorted((p for p in folder.iterdir() if NAME.fullmatch(p.name)), key=_counter)


def _counter(file: Path) -> int:
    found = NAME.fullmatch(file.name)
    assert found is not None
    return int(found[1])


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        written = os.write(file, view)
        if written == 0:
            raise OSError(errno.EIO, "nothing was written")
        view = view[written:]


def _sync(file: int) -> None:
    """Put data and length on the disk. macOS has no fdatasync."""
    getattr(os, "fdatasync", os.fsync)(file)


def _whole_bytes(file: Path, scan: int) -> int:
    """Up to where the last `scan` lines of `file` are whole.

    After a power failure the blocks of a batch that was not synced may be there in any order, so a
    broken line may stand before whole ones: all from the first broken one on is torn.
    """
    size = file.stat().st_size
    whole = size
    for start, line in _lines_from_end(file, scan + 1):
        if line is None or _read(line) is None:
            whole = start
    return whole


def _newest_lines(file: Path, most: int) -> Iterator[RecoveredLine]:
    """The last `most` lines of `file`, the newest first."""
    for _, line in _lines_from_end(file, most):
        if line is not None and (found := _read(line)) is not None:
            yield found


def _read(line: bytes) -> RecoveredLine | None:
    """What is to know of a line; None for one that is broken."""
    try:
        read = _line_decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    event, chain = read.event, read.blockchain
    if chain is None or chain.reorganisation is None or not event.original:
        return RecoveredLine(event.id)
    fork = chain.reorganisation
    return RecoveredLine(
        event.id,
        OrphanedBlocks(
            chain_id=chain.chain.id,
            provider=event.provider,
            above=fork.common.number,
            hashes=tuple(fork.orphaned.hash),
            ingested=0,
            original=event.original,
        ),
    )


def _lines_from_end(file: Path, most: int) -> Iterator[tuple[int, bytes | None]]:
    """The last `most` lines, the newest first, with where they start; None has no line's end."""
    with file.open("rb") as opened:
        end = os.fstat(opened.fileno()).st_size
        if end == 0:  # nothing can be mapped
            return
        with mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
            last_feed = content.rfind(b"\n")
            if last_feed != end - 1:
                yield last_feed + 1, None
                end = last_feed + 1
            for _ in range(most):
                if end == 0:
                    return
                start = content.rfind(b"\n", 0, end - 1) + 1
                yield start, content[start : end - 1]
                end = start


def free_bytes(path: Path) -> int:
    """Bytes that this process may still write on the file system of `path` or its first parent."""
    existing = next(p for p in (path, *path.absolute().parents) if p.exists())
    status = os.statvfs(existing)
    return status.f_bavail * status.f_frsize
