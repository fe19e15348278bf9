"""A periodic report as a folder: whole, or not there at all.

report.html     to be read: loads nothing
report.pdf      to be printed and filed, where typst is installed
figures.json    the figures of both
manifest.json   what it is a report of, and the SHA-256 of every file
"""

import os
import shutil
import tempfile
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Struct

from evidence.reports.figures import Figures
from evidence.reports.page import render
from evidence.reports.pdf import available, render_pdf


class Manifest(Struct, frozen=True, kw_only=True):
    """What is in the folder. The same figures give the same one."""

    kind: str
    name: str
    zone: str
    source: str
    version: str
    #: Whether every document could be read, and the source had all that a report tells.
    complete: bool
    #: SHA-256 of each file, by its name.
    files: dict[str, str]


class AlreadyThere(Exception):
    """The folder is there already; nothing was written."""


def rendered(figures: Figures, version: str) -> dict[str, bytes]:
    """All files but the manifest, by their names."""
    files = {
        "figures.json": msgspec.json.format(msgspec.json.encode(figures), indent=2) + b"\n",
        "report.html": render(figures, version).encode(),
    }
    if available():
        files["report.pdf"] = render_pdf(figures, version)
    return files


def export(figures: Figures, to: Path, version: str) -> Manifest:
    """Write the folder by one rename, so that a crash leaves none by this name.

    Raises AlreadyThere and OSError.
    """
    files = rendered(figures, version)
    manifest = Manifest(
        kind=figures.kind,
        name=figures.name,
        zone=figures.zone,
        source=figures.source,
        version=version,
        complete=not figures.unreadable and not figures.lacking,
        files={name: sha256(content).hexdigest() for name, content in sorted(files.items())},
    )
    files["manifest.json"] = msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
    if to.exists():
        raise AlreadyThere(f"{to} is there already")
    to.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{to.name}-", dir=to.parent))
    try:
        for name, content in files.items():
            _write(made / name, content)
        made.chmod(0o755)
        try:
            # On POSIX a folder takes the place of an empty one only.
            made.rename(to)
        except OSError:
            if to.exists():
                raise AlreadyThere(f"{to} is there already") from None
            raise
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return manifest


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
