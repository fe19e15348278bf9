"""Files that name people: their owner's alone, unless the folder lets its group in; and durable."""

import os
import uuid
from pathlib import Path

from pipeline.durable import sync_folder


def write(path: Path, content: bytes, *, as_open_as: Path | None = None) -> None:
    """A new file that only its owner writes; one that is there stays. Who may read the folder
    that is named may read it."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        if as_open_as is not None:
            share(path, as_open_as)
        os.fsync(file.fileno())


def write_whole(path: Path, content: bytes, *, as_open_as: Path) -> None:
    """The same, whole or not at all, and not lost once it is there: a step that is half written
    would stop all others. Raises FileExistsError where there is one."""
    unfinished = path.with_name(f".{path.stem}-{uuid.uuid4().hex}.unfinished")
    try:
        write(unfinished, content, as_open_as=as_open_as)
        os.link(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
    sync_folder(path.parent)


def share(path: Path, folder: Path) -> None:
    """Let the group of a folder in as the folder does: into files only to read them. A folder that
    is open to all, as most are by default, says nothing of its group."""
    known = folder.stat()
    shared = known.st_mode & 0o070
    if not shared or known.st_mode & 0o007:
        return
    if path.stat().st_gid != known.st_gid:
        os.chown(path, -1, known.st_gid)
    path.chmod(0o700 | shared if path.is_dir() else 0o600 | (shared & 0o040))
