"""Steps of suspicious reports as the audit log has them: which of a report's are missing.

Who owns a report's folder can remove its newest steps, such as a rejection. Each step is noted for
the audit log before it is taken, with the hash of its bytes and of the step before. So a step that
the log has, behind one that lies in the folder, must lie there too. A removed first step is noticed
by the folder's path, which a note tells as well.
"""

import mmap
import socket
import sys
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Struct

from evidence.audit import outbox
from evidence.audit.entries import EntryUnreadable, Happening, decode
from evidence.audit.facts import of_left
from evidence.audit.folder import AuditFolder
from evidence.reports.suspicious.steps import Step, step_bytes

_MOST_SAID = 1_000
_REPORT = b',"action":"report",'


class NotedStep(Struct, kw_only=True, omit_defaults=True):
    """What a note tells of a step, as `after` of its entry."""

    #: SHA-256 of the step's bytes.
    step: str
    #: SHA-256 of the one before; empty for the first.
    previous: str = ""
    number: int
    #: `HOST:PATH`.
    folder: str
    digest: str
    transport: str = ""
    receipt: str = ""
    #: It was noted, and then could not be taken.
    not_taken: bool = False


class RecordedStep(Struct, frozen=True, kw_only=True):
    """A step in the log."""

    noted: NotedStep
    #: `alice@host`.
    who: str
    what: str
    why: str
    #: Nanoseconds since the epoch.
    at: int


def noted_step(step: Step, folder: Path, *, not_taken: bool = False) -> NotedStep:
    """What is noted of a step that has its number, and what it comes behind."""
    return NotedStep(
        step=sha256(step_bytes(step)).hexdigest(),
        previous=step.previous,
        number=step.number,
        folder=_place(folder),
        digest=step.digest,
        transport=step.transport,
        receipt=step.receipt[:_MOST_SAID],
        not_taken=not_taken,
    )


def recorded_steps(log: Path) -> list[RecordedStep]:
    """All steps that a log has, and those in its outbox that it will take. Raises OSError."""
    found = list(_waiting(log))  # before the log: what is taken meanwhile is there twice, not never
    found += _in_log(AuditFolder(log))
    return found


def missing_steps(
    recorded: Iterable[RecordedStep], steps: Sequence[Step], folder: Path
) -> list[RecordedStep]:
    """Those that come behind a step of this folder, or were its first, and don't lie there."""
    here = {sha256(step_bytes(step)).hexdigest() for step in steps}
    place = _place(folder)
    every = {(one.noted.step, one.noted.not_taken, one.who): one for one in recorded}.values()
    undone = {(one.noted.step, one.who) for one in every if one.noted.not_taken}
    behind = set(here)
    found: dict[str, RecordedStep] = {}
    # A step that is missing may be followed by another one.
    for one in sorted(every, key=lambda one: (one.noted.number, one.at, one.noted.step)):
        noted = one.noted
        if noted.not_taken or (noted.step, one.who) in undone or noted.step in here:
            continue
        if noted.previous in behind or (not noted.previous and noted.folder == place):
            behind.add(noted.step)
            found.setdefault(noted.step, one)
    return list(found.values())


def _place(folder: Path) -> str:
    return f"{socket.gethostname()}:{folder.resolve()}"


def _waiting(log: Path) -> Iterator[RecordedStep]:
    # Whoever may leave notes may leave anything: it must hide no other's note.
    for path in outbox.waiting(log, sys.maxsize):
        try:
            note = of_left(outbox.read(path))
        except OSError:
            continue  # it is in the log now, or is no note
        except (msgspec.MsgspecError, RecursionError):
            continue  # the log will say that it can't be read
        if note.action == "report":
            yield from _step(note)


def _in_log(folder: AuditFolder) -> Iterator[RecordedStep]:
    for _, path in folder.segments():
        with path.open("rb") as file:
            if not file.seek(0, 2):
                continue  # nothing can be mapped of an empty one
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                yield from _in_segment(content)


def _in_segment(content: mmap.mmap) -> Iterator[RecordedStep]:
    """A log may have gigabytes and a handful of these: other lines are not read."""
    at = content.find(_REPORT)
    while at >= 0:
        begin, end = content.rfind(b"\n", 0, at) + 1, content.find(b"\n", at)
        if end < 0:
            return  # it is being written
        try:
            entry = decode(content[begin:end])
        except EntryUnreadable:
            entry = None  # `audit verify` says so
        if entry is not None and entry.action == "report":
            yield from _step(entry)
        at = content.find(_REPORT, end)


def _step(one: Happening) -> Iterator[RecordedStep]:
    if one.after is msgspec.UNSET:
        return
    try:
        noted = msgspec.json.decode(one.after, type=NotedStep)
    except (msgspec.MsgspecError, RecursionError):
        return  # of another thing that was done to a report
    yield RecordedStep(noted=noted, who=one.who, what=one.what, why=one.why, at=one.time)
