"""Which commit files are of, where they lie in a checkout of git."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

_PATIENCE = 10.0
_BETWEEN = "%x1f"


class Checkout(Struct, frozen=True):
    """The newest commit that touched the files."""

    commit: str
    """With `-dirty` where files differ from it."""
    author: str
    """Name and address."""


def checkout_of(paths: Iterable[Path]) -> Checkout | None:
    """None where the files are in no checkout, or in several, or git isn't installed."""
    files = [path.absolute() for path in paths]
    roots = {_git(_folder(path), "rev-parse", "--show-toplevel") for path in files}
    if len(roots) != 1 or None in roots:
        return None
    folder = _folder(files[0])
    names = [str(path) for path in files]
    newest = _git(folder, "log", "-1", f"--format=%H{_BETWEEN}%an <%ae>", "--", *names)
    if not newest:
        return None
    commit, _, author = newest.partition("\x1f")
    dirty = _git(folder, "status", "--porcelain", "--", *names)
    return Checkout(f"{commit}-dirty" if dirty else commit, author)


def _folder(path: Path) -> Path:
    return path if path.is_dir() else path.parent


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        answer = subprocess.run(  # noqa: S603
            ["git", "-C", str(folder), *arguments],  # noqa: S607
            capture_output=True,
            timeout=_PATIENCE,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.decode(errors="replace").strip()
