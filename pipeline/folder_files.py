"""All files below a folder, also behind links to folders, each folder once."""

import os
from collections.abc import Iterator
from pathlib import Path


def files_below(folder: Path) -> Iterator[Path]:
    """Files that are not hidden, and links that lead nowhere, in no particular order; a folder only
    where it can't be listed: opening it says why."""
    unreadable: list[OSError] = []
    seen: set[tuple[int, int]] = set()
    for name, folders, files in os.walk(folder, onerror=unreadable.append, followlinks=True):
        place = Path(name)
        status = place.stat()
        if (identity := (status.st_dev, status.st_ino)) in seen:
            folders.clear()
            continue
        seen.add(identity)
        folders[:] = [one for one in folders if not one.startswith(".")]
        # What has a way without a link is known by that.
        folders.sort(key=lambda one: ((place / one).is_symlink(), one))
        for one in files:
            path = place / one
            if not one.startswith(".") and (path.is_file() or path.is_symlink()):
                yield path
    yield from (Path(error.filename) for error in unreadable)
