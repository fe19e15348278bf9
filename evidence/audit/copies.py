"""Copies of the audit log where nobody can change or remove them, and whether they say the same.

Each run copies the entries that were signed since the last one, and the checkpoint that signs them:

    entries/000000000000-000000020852.ndjson    lines of entries, from a number up to another
    checkpoints/000000020852                    the signed note over the first so many
    key                                         the public key

Names tell what is in an object, so that a copy doesn't need the folder, and nothing waits until a
file of the log is full. Who cuts or forks the log afterwards is found by the copies.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from evidence.audit.export import signed_now
from evidence.audit.folder import AuditFolder, AuditLogFailed
from evidence.audit.notes import Checkpoint, NoteWrong, VerifyingKey, open_checkpoint
from evidence.audit.s3_bucket import CopyFailed, Retention, Version, in_future
from pipeline.units import KIB, MIB

#: Bytes of entries in one object, a little more or less.
OBJECT_BYTES = 32 * MIB
_MOST = OBJECT_BYTES + 128 * KIB
_MOST_NOTE = 64 * KIB
_ENTRIES = re.compile(r"entries/(\d{12})-(\d{12})\.ndjson")
_CHECKPOINT = re.compile(r"checkpoints/(\d{12})")
KEY = "key"


class Store(Protocol):
    """Where copies go: see `evidence.audit.s3_bucket.Bucket`."""

    @property
    def shown(self) -> str:
        """Its name, for people."""
        ...

    def put(self, key: str, body: bytes, *, until: datetime) -> bool:
        """Put a new object, locked; False where there is one already."""
        ...

    def versions(self) -> Iterator[Version]:
        """All versions and delete markers."""
        ...

    def retention(self, version: Version) -> Retention:
        """How a version is locked."""
        ...

    def content(self, version: Version, most: int) -> bytes:
        """What a version holds."""
        ...


class Copied(Struct, frozen=True, kw_only=True):
    """What a run has copied: entries from a number up to another, in so many objects."""

    first: int
    end: int
    objects: int


class CopyProblem(Struct, frozen=True, kw_only=True):
    """Something that isn't as it should be with a copy."""

    key: str
    #: ``missing``, ``unlocked``, ``differs``, ``hidden``, ``again``, ``strange`` or ``wrong``.
    kind: str
    message: str


class Copies(Struct, kw_only=True):
    """What was found of the copies."""

    where: str
    objects: int
    #: Up to this entry, not with it, all are copied.
    entries: int
    #: The earliest moment at which a lock ends, seconds since the epoch; None without any.
    locked_until: float | None
    problems: list[CopyProblem]
    #: Checkpoints that the copies hold, each with what it is called.
    checkpoints: list[tuple[Checkpoint, str]]


def copy(
    folder: AuditFolder,
    key: VerifyingKey,
    store: Store,
    *,
    until: datetime,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Copied:
    """Copy what was signed and isn't copied yet. Raises AuditLogFailed and CopyFailed."""
    signed = signed_now(folder, key)
    size = signed.checkpoint.size
    there = list(store.versions())
    originals = _originals(there, [])
    # What no checkpoint of ours speaks of was not copied to its end, or is somebody else's.
    signed_there = _same_log(folder, key, store, originals, size)
    first = min(signed_there, _covered(span for span, _ in _spans(originals)))
    objects = 0
    for begin, end, body in _parts(folder, first, size):
        name = f"entries/{begin:012}-{end:012}.ndjson"
        if store.put(name, body, until=until):
            objects += 1
        elif not any(store.content(one, _MOST) == body for one in store.versions()
                     if one.key == name and not one.marker):  # fmt: skip
            raise CopyFailed(
                f"{store.shown}{name} is there already, and is not of this log: somebody else "
                "has put it there"
            )
        progress(end - first, size - first)
    # The checkpoint last: what it signs is there before.
    names = {one.key for one in there}
    for name, body in (
        (KEY, f"{key}\n".encode()),
        (f"checkpoints/{size:012}", signed.note.encode()),
    ):
        if name not in names:
            objects += store.put(name, body, until=until)
    return Copied(first=first, end=size, objects=objects)


def _same_log(
    folder: AuditFolder, key: VerifyingKey, store: Store, originals: Sequence[Version], size: int
) -> int:
    """How many entries the newest note among the copies is of.

    Raises CopyFailed unless what was copied before is of this very log, which has `size` of them.
    """
    newest = max((one for one in originals if _CHECKPOINT.fullmatch(one.key)), default=None,
                 key=lambda one: one.key)  # fmt: skip
    for one in originals:
        if one.key == KEY:
            said = store.content(one, _MOST_NOTE).decode("utf-8", "replace").strip()
            if said != str(key):
                raise CopyFailed(f"{store.shown} holds copies of another log: {said[:200]}")
    if newest is None:
        return 0
    try:
        signed = open_checkpoint(store.content(newest, _MOST_NOTE).decode("utf-8", "replace"), key)
        if signed.size > size:
            raise CopyFailed(
                f"{store.shown} has {signed.size:,} entries, and the log {size:,}: verify it"
            )
        agrees = folder.root(signed.size) == signed.root
    except (NoteWrong, AuditLogFailed) as error:
        raise CopyFailed(f"{store.shown}{newest.key}: {error}") from None
    if not agrees:
        raise CopyFailed(
            f"the log is not the one that was copied: it differs within the first {signed.size:,} "
            "entries; see `tapewatch audit copies`"
        )
    return signed.size


def check(folder: AuditFolder, key: VerifyingKey, store: Store, now: datetime) -> Copies:
    """Whether the copies are there, locked, and equal to the log. Raises CopyFailed."""
    there = list(store.versions())
    problems: list[CopyProblem] = []
    ends: list[float] = []
    checkpoints: list[tuple[Checkpoint, str]] = []
    originals = _originals(there, problems)
    for one in originals:
        lock = store.retention(one)
        if in_future(lock, now):
            ends.append(lock.until)
        else:
            said = f"is locked in mode {lock.mode} no longer" if lock.mode else "is not locked"
            problems.append(CopyProblem(key=one.key, kind="unlocked", message=f"it {said}"))
        if (found := _CHECKPOINT.fullmatch(one.key)) is not None:
            note = store.content(one, _MOST_NOTE).decode("utf-8", "replace")
            try:
                signed = open_checkpoint(note, key)
                if signed.size != int(found[1]):
                    raise NoteWrong("it is of another size than its name says")
                checkpoints.append((signed, f"the copy {store.shown}{one.key}"))
            except NoteWrong as error:
                problems.append(CopyProblem(key=one.key, kind="wrong", message=str(error)))
        elif one.key == KEY:
            if store.content(one, _MOST_NOTE).decode("utf-8", "replace").strip() != str(key):
                problems.append(CopyProblem(key=KEY, kind="wrong", message="it is another key"))
        elif _ENTRIES.fullmatch(one.key) is None:
            problems.append(CopyProblem(key=one.key, kind="strange", message="nobody copied this"))
    spans = sorted(_spans(originals))
    problems += _gaps(spans)
    problems += _differences(folder, store, spans)
    return Copies(
        where=store.shown,
        objects=len(originals),
        entries=_covered(span for span, _ in spans),
        locked_until=min(ends, default=None),
        problems=problems,
        checkpoints=sorted(checkpoints, key=lambda pair: pair[0].size),
    )


def restore(store: Store, key: VerifyingKey) -> Iterator[tuple[str, bytes]]:
    """The files of a log as the copies have them, by name and in order; `verify` checks them."""
    problems: list[CopyProblem] = []
    originals = _originals(list(store.versions()), problems)
    end = 0
    for (first, upto), one in sorted(_spans(originals)):
        if first > end:
            raise CopyFailed(f"{store.shown} lacks entries {end:,} to {first - 1:,}")
        lines = store.content(one, _MOST).splitlines(keepends=True)
        if upto > end:
            yield f"entries/{end:012}.ndjson", b"".join(lines[end - first :])
            end = upto
    notes = [one for one in originals if _CHECKPOINT.fullmatch(one.key)]  # by their names
    yield "checkpoints", b"".join(store.content(one, _MOST_NOTE) + b"\n" for one in notes)
    yield KEY, f"{key}\n".encode()


def _originals(there: Sequence[Version], problems: list[CopyProblem]) -> list[Version]:
    """The first version of each object. What came over it hides it, and changes nothing."""
    by_key: dict[str, list[Version]] = {}
    for one in there:
        by_key.setdefault(one.key, []).append(one)
    found: list[Version] = []
    for key, versions in sorted(by_key.items()):
        real = [one for one in versions if not one.marker]
        if any(one.marker for one in versions):
            text = "somebody deleted it: the copy is there still, behind a delete marker"
            problems.append(CopyProblem(key=key, kind="hidden", message=text))
        if len(real) > 1:
            text = f"somebody wrote over it: {len(real) - 1} later versions"
            problems.append(CopyProblem(key=key, kind="again", message=text))
        if real:
            # A server lists the newest first, and tells times by the second.
            found.append(min(reversed(real), key=lambda one: one.modified))
    return found


def _spans(there: Iterable[Version]) -> list[tuple[tuple[int, int], Version]]:
    found: list[tuple[tuple[int, int], Version]] = []
    for one in there:
        match = _ENTRIES.fullmatch(one.key)
        if match is not None and not one.marker and int(match[1]) < int(match[2]):
            found.append(((int(match[1]), int(match[2])), one))
    return found


def _covered(spans: Iterable[tuple[int, int]]) -> int:
    """Up to where they hold everything."""
    end = 0
    for first, upto in sorted(spans):
        if first <= end:
            end = max(end, upto)
    return end


def _gaps(spans: Sequence[tuple[tuple[int, int], Version]]) -> Iterator[CopyProblem]:
    end = 0
    for (first, upto), one in spans:
        if first > end:
            text = f"entries {end:,} to {first - 1:,} before it were never copied, or are gone"
            yield CopyProblem(key=one.key, kind="missing", message=text)
        end = max(end, upto)


def _differences(
    folder: AuditFolder, store: Store, spans: Sequence[tuple[tuple[int, int], Version]]
) -> Iterator[CopyProblem]:
    """Hold each copy against the lines of the log, by their places."""
    for (first, end), one in spans:
        copied = store.content(one, _MOST).splitlines(keepends=True)
        if len(copied) != end - first:
            text = f"it has {len(copied):,} entries, and its name says {end - first:,}"
            yield CopyProblem(key=one.key, kind="wrong", message=text)
        place = first
        for line in _lines(folder, first, end):
            if place - first >= len(copied) or line != copied[place - first]:
                text = f"entry {place:,} is another one in the log"
                yield CopyProblem(key=one.key, kind="differs", message=text)
                break
            place += 1
        else:
            if place < end:
                text = f"entry {place:,} and what follows is not in the log"
                yield CopyProblem(key=one.key, kind="differs", message=text)


def _lines(folder: AuditFolder, first: int, end: int) -> Iterator[bytes]:
    """Lines by their places, whatever numbers they say to have."""
    start = max((number for number, _ in folder.segments() if number <= first), default=0)
    for place, line in enumerate(folder.lines(first), start):
        if place >= end:
            return
        if place >= first:
            yield line if line.endswith(b"\n") else line + b"\n"


def _parts(folder: AuditFolder, first: int, end: int) -> Iterator[tuple[int, int, bytes]]:
    """Entries in parts that fit an object: first, end, and the lines."""
    lines: list[bytes] = []
    begin, held = first, 0
    for line in _lines(folder, first, end):
        if lines and held + len(line) > OBJECT_BYTES:
            yield begin, begin + len(lines), b"".join(lines)
            begin, lines, held = begin + len(lines), [], 0
        lines.append(line)
        held += len(line)
    if lines:
        yield begin, begin + len(lines), b"".join(lines)
    if begin + len(lines) != end:
        raise AuditLogFailed(f"{folder.path} has fewer entries than it was signed with: verify it")
