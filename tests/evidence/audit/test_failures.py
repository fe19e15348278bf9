"""The audit log on a disk that is full, loses what it was given, or fails: nothing false is signed,
and it goes on when there is room again."""

import os
from pathlib import Path

import pytest

from evidence.audit.entries import Happening, decode
from evidence.audit.notes import Checkpoint, SigningKey, VerifyingKey, open_checkpoint
from evidence.audit.store import AuditFolder, AuditLog, AuditLogFailed
from evidence.audit.verify import verify

KEY = SigningKey.new("example.com/audit")


def happening(number: int) -> Happening:
    return Happening(action="alert-given", time=number, who="detections", what=f"a-{number}")


def good(folder: AuditFolder, entries: int) -> None:
    verdict = verify(folder, KEY.verifying)
    assert verdict.good, verdict.problems
    assert (verdict.entries, verdict.unsigned) == (entries, 0)


def grow(path: Path) -> AuditFolder:
    """One more entry."""
    with AuditLog(path, KEY, sync=False) as log:
        log.append([happening(log.size)])
        log.sign()
    return log.folder


def test_what_the_disk_did_not_take_is_never_signed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "audit"
    grow(path)
    log = AuditLog(path, KEY)
    log.append([happening(2)])

    def fails(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    # Linux tells of a lost page once: the next fsync says that all is well.
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fails)
        with pytest.raises(AuditLogFailed, match="Input/output"):
            log.sign()
    with pytest.raises(AuditLogFailed, match="opened again"):
        log.sign()
    with pytest.raises(AuditLogFailed, match="opened again"):
        log.append([happening(3)])
    log.close()
    signed = log.folder.newest(KEY.verifying)
    assert signed is not None
    assert signed.checkpoint.size == 2
    grow(path)
    good(log.folder, 5)  # and that one was not signed before


@pytest.mark.parametrize("lost", [1, 20, 90, 150])
def test_a_checkpoint_that_a_crash_left_half_written_is_taken_off(
    tmp_path: Path, lost: int
) -> None:
    path = tmp_path / "audit"
    grow(path)
    folder = grow(path)
    file = path / "checkpoints"
    os.truncate(file, file.stat().st_size - lost)
    good(grow(path), 5)  # and that one was not signed before
    assert len(list(folder.notes())) == 4


def test_a_checkpoint_of_another_key_is_no_half_written_one(tmp_path: Path) -> None:
    folder = grow(tmp_path / "audit")
    note = list(folder.notes())[-1].partition("\n\n")[0] + "\n"
    with (folder.path / "checkpoints").open("a") as file:
        file.write(SigningKey.new("example.com/audit").sign(note) + "\n")
    with pytest.raises(AuditLogFailed, match="checkpoint"):
        grow(folder.path)


def test_a_log_that_could_not_be_opened_can_be_opened_later_by_the_same_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "audit"
    folder = grow(path)
    content = (path / "key").read_text()
    (path / "key").write_text(str(SigningKey.new("example.com/audit").verifying))
    with pytest.raises(AuditLogFailed, match="another key"):
        AuditLog(path, KEY)
    (path / "key").write_text(content)
    good(grow(path), 3)
    assert folder.key().name == KEY.verifying.name


def test_a_full_disk_leaves_a_log_that_goes_on(tmp_path: Path) -> None:
    """In a process of its own, whose files may only be so large."""
    import resource
    import signal

    path, unlimited = tmp_path / "audit", (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    process = os.fork()
    if not process:
        code = 1
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            log = AuditLog(path, KEY)
            log.append([happening(n) for n in range(10)])
            log.sign()
            size = next(iter(log.folder.segments()))[1].stat().st_size
            resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, resource.RLIM_INFINITY))
            log.append([happening(n) for n in range(10)])
            try:
                log.sign()
            except AuditLogFailed:
                log.close()
                resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
                again = AuditLog(path, KEY)
                again.append([happening(1)])
                again.sign()
                again.close()
                code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
    verdict = verify(AuditFolder(path), KEY.verifying)
    assert verdict.good, verdict.problems
    assert verdict.unsigned == 0


def test_opening_does_not_read_all_checkpoints_that_there_ever_were(tmp_path: Path) -> None:
    """One a second is gigabytes in a year. What isn't read here can't be read: it is no text."""
    folder = grow(tmp_path / "audit")
    file = folder.path / "checkpoints"
    newest = file.read_bytes()
    with file.open("wb") as out:
        out.write(b"\xff" * 1_000_000 + b"\n\n\xff\n\n" + newest)
    assert folder.newest(KEY.verifying) is not None
    grow(folder.path)


def test_a_log_without_checkpoints_is_not_signed_anew_whatever_is_in_it(tmp_path: Path) -> None:
    """Else who has no key writes what he likes, and the next start signs it."""
    path = tmp_path / "audit"
    for _ in range(3):
        grow(path)
    (path / "checkpoints").unlink()
    with pytest.raises(AuditLogFailed, match="no checkpoint"):
        grow(path)


def cut(folder: AuditFolder, checkpoints: int) -> None:
    """Leave only so many of the oldest checkpoints, and no hashes, which would be in the way."""
    kept = "\n".join([*list(folder.notes())[:checkpoints], ""])
    (folder.path / "checkpoints").write_text(kept)
    for path in (folder.path / "nodes").iterdir():
        path.unlink()


def test_a_log_signs_itself_before_too_much_is_unsigned(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit", KEY, sync=False)
    for first in range(0, 5_000, 700):
        log.append([happening(n) for n in range(first, first + 700)])
        signed = log.folder.newest(KEY.verifying)
        assert signed is not None
        assert log.size - signed.checkpoint.size <= 1_000
    log.close()


def test_who_takes_newer_checkpoints_away_does_not_have_the_rest_signed_anew(
    tmp_path: Path,
) -> None:
    """Neither called good nor signed: else who has no key writes what he likes behind the first."""
    path = tmp_path / "audit"
    with AuditLog(path, KEY, sync=False) as log:
        log.append([happening(n) for n in range(5_000)])
        log.sign()
    cut(log.folder, 1)
    file = next(iter(log.folder.segments()))[1]
    file.write_bytes(file.read_bytes().replace(b'"a-17"', b'"a-71"'))
    verdict = verify(log.folder, KEY.verifying)
    assert not verdict.good
    (problem,) = verdict.problems
    assert (problem.kind, problem.first, problem.end) == ("deleted", 1, 5_001)
    assert problem.message == (
        "entries 1 to 5000 are signed by nobody, more than a crash leaves: "
        "their checkpoints are gone"
    )
    with pytest.raises(AuditLogFailed, match="5000 entries behind its newest checkpoint"):
        grow(path)


def test_entries_that_only_a_later_start_signed_are_named_for_good(tmp_path: Path) -> None:
    """By the log itself: what a crash left, or somebody who took checkpoints away, looks so."""
    path = tmp_path / "audit"
    folder = grow(path)
    for _ in range(4):
        grow(path)
    assert verify(folder, KEY.verifying).late == []
    cut(folder, 2)
    assert verify(folder, KEY.verifying).unsigned == 4
    folder = grow(path)
    entry = decode(folder.entry(6))
    assert (entry.action, entry.what) == ("log-recovered", "not signed before: entries 2 to 5")
    good(folder, 8)
    assert verify(folder, KEY.verifying).late == ["entries 2 to 5"]
    folder = grow(path)
    cut(folder, len(list(folder.notes())) - 1)
    assert verify(grow(path), KEY.verifying).late == ["entries 2 to 5", "entry 8"]


def test_a_line_that_is_none_is_not_explained_by_its_later_signature(tmp_path: Path) -> None:
    """Only a crash leaves a line without its end; whole ones somebody has written."""
    folder = grow(tmp_path / "audit")
    with next(iter(folder.segments()))[1].open("ab") as file:
        file.write(b"anything\n")
    verdict = verify(grow(folder.path), KEY.verifying)
    (problem,) = verdict.problems
    assert problem.message == "entry 2 is none"
    assert verdict.late == ["entry 2"]


@pytest.mark.parametrize("file", ["key", "checkpoints"])
def test_a_crash_while_the_log_is_begun_leaves_one_that_can_be_opened(
    tmp_path: Path, file: str
) -> None:
    path = tmp_path / "audit"
    AuditLog(path, KEY, sync=False).close()
    (path / file).write_bytes(b"")
    if file == "key":
        for segment in (path / "entries").iterdir():
            segment.unlink()
        (path / "checkpoints").unlink()
    good(grow(path), 2)


def test_verifying_holds_one_checkpoint_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a year there are 30 million of them."""
    path = tmp_path / "audit"
    with AuditLog(path, KEY, sync=False) as log:
        for number in range(200):
            log.append([happening(number)])
            log.sign()
    held: set[int] = set()
    alive: list[int] = []

    class Counted(Checkpoint, frozen=True):
        def __del__(self) -> None:
            held.discard(id(self))

    def opened(note: str, key: VerifyingKey) -> Checkpoint:
        found = open_checkpoint(note, key)
        counted = Counted(found.origin, found.size, found.root)
        held.add(id(counted))
        alive.append(len(held))
        return counted

    monkeypatch.setattr("evidence.audit.verify.open_checkpoint", opened)
    good(log.folder, 201)
    assert len(alive) == 201
    assert max(alive) < 10
