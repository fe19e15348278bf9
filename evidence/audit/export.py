"""Entries of the audit log with their proofs, in a folder that can be checked without Tapewatch."""

import shutil
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from hashlib import sha256
from importlib import resources
from pathlib import Path

import msgspec
from msgspec import Struct

from evidence.audit.entries import Entry, decode
from evidence.audit.folder import PRIVATE
from evidence.audit.notes import NoteWrong, VerifyingKey
from evidence.audit.store import AuditFolder, AuditLogFailed, Signed

#: What checks the export, in it.
CHECKER = "check.py"
_README = """\
Entries of the audit log {origin}, with a proof for each that it was in the log when the log was
signed, with {size} entries. To check them (Python 3.9 or newer, nothing else):

    python3 {checker} --key KEY

KEY is the public key of the log, which you should have from elsewhere. In this export it says to be

    {key}
"""


class Manifest(Struct, kw_only=True, omit_defaults=True):
    """What is in an export."""

    origin: str
    key: str
    #: Of the log, when it was signed.
    size: int
    #: Numbers of the entries.
    entries: list[int]
    #: From and up to (but not with) which entry nothing is left out, where that is so.
    complete: tuple[int, int] | None = None
    #: SHA-256 of each file, by its name in the folder.
    files: dict[str, str]


def signed_now(folder: AuditFolder, key: VerifyingKey) -> Signed:
    """The newest checkpoint. Raises AuditLogFailed."""
    try:
        found = folder.newest(key)
    except NoteWrong as error:
        raise AuditLogFailed(f"the newest checkpoint of {folder.path}: {error}") from None
    if found is None:
        raise AuditLogFailed(f"{folder.path} has no signed checkpoint yet")
    return found


def select(
    folder: AuditFolder, size: int, wanted: Callable[[Entry], bool], first: int = 0
) -> Iterable[tuple[int, bytes]]:
    """Numbers and lines of the entries that are wanted, of those that are signed."""
    place = max((number for number, _ in folder.segments() if number <= first), default=0)
    for number, line in enumerate(folder.lines(first), place):
        if number >= size:
            return
        if number < first:
            continue
        content = line.removesuffix(b"\n")
        try:
            found = wanted(decode(content))
        except ValueError:
            continue  # a line that a crash left half written
        if found:
            yield number, content


def export(
    folder: AuditFolder,
    key: VerifyingKey,
    entries: Sequence[tuple[int, bytes]],
    to: Path,
    *,
    complete: tuple[int, int] | None = None,
) -> Manifest:
    """Write an export into a new folder. `complete`: nothing was left out between these numbers.

    Raises AuditLogFailed, and OSError; then nothing of it stays.
    """
    signed = signed_now(folder, key)
    for number, line in entries:
        folder.prove(number, signed, line)  # all of them, before anything is written
    with new_folder(to):
        return _written(folder, key, signed, entries, to, complete)


@contextmanager
def new_folder(to: Path) -> Generator[None]:
    """A folder for an export, of which nothing stays where it can't be finished: a part of one
    could be taken for all of it. Raises OSError."""
    to.mkdir(mode=PRIVATE, parents=True)
    try:
        yield
    except BaseException:
        shutil.rmtree(to, ignore_errors=True)
        raise


def _written(
    folder: AuditFolder,
    key: VerifyingKey,
    signed: Signed,
    entries: Sequence[tuple[int, bytes]],
    to: Path,
    complete: tuple[int, int] | None,
) -> Manifest:
    (to / "proofs").mkdir()
    (to / "entries.ndjson").write_bytes(b"".join(line + b"\n" for _, line in entries))
    for number, line in entries:
        proof = folder.prove(number, signed, line)
        (to / "proofs" / f"{number}.tlog-proof").write_text(str(proof), "utf-8")
    (to / "checkpoint").write_text(signed.note, "utf-8")
    with resources.as_file(resources.files("evidence.audit") / "check_export.py") as checker:
        shutil.copyfile(checker, to / CHECKER)
    size = signed.checkpoint.size
    text = _README.format(origin=key.name, size=size, checker=CHECKER, key=key)
    (to / "README.txt").write_text(text, "utf-8")
    manifest = Manifest(
        origin=key.name,
        key=str(key),
        size=size,
        entries=[number for number, _ in entries],
        complete=complete,
        files={
            path.relative_to(to).as_posix(): sha256(path.read_bytes()).hexdigest()
            for path in sorted(to.rglob("*"))
            if path.is_file()
        },
    )
    (to / "manifest.json").write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
    return manifest
