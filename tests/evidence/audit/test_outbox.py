"""Notes of commands without a bus: each comes into the log once, and says who really left it."""

import getpass
import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from evidence.audit import outbox
from evidence.audit.entries import Entry
from evidence.audit.facts import left_unreadable, of_left
from evidence.audit.store import AuditLog
from pipeline.bus import Bus, BusUnavailable
from pipeline.bus.command_notes import CommandNote
from pipeline.cli.noting import noted_anyway, noted_beside
from pipeline.config.audit import Audit
from pipeline.config.schema import Configuration, Detections, ExternalBus
from pipeline.failure import Failure
from pipeline.secrets import Secret, SecretText
from tests.evidence.audit.test_log import KEY, happening
from tests.evidence.audit.test_stage import recorded, settings

__all__ = ["settings"]
ME = getpass.getuser()


def export(what: str = "audit log") -> CommandNote:
    return CommandNote(action="export", what=what, why="asked by the auditor")


def exports(found: list[Entry]) -> list[Entry]:
    return [entry for entry in found if entry.action == "export"]


async def test_a_note_is_an_entry_once_and_its_file_goes(bus: Bus, settings: Audit) -> None:
    outbox.leave(settings.path, export(), ME)
    (entry,) = exports(await recorded(bus, settings))
    assert (entry.what, entry.why) == ("audit log", "asked by the auditor")
    assert entry.who.startswith(f"{ME}@")
    assert entry.place.startswith("OUTBOX/")
    assert outbox.waiting(settings.path) == []
    assert len(exports(await recorded(bus, settings))) == 1


async def test_a_note_that_was_signed_before_a_crash_and_not_removed_is_recorded_once(
    bus: Bus, settings: Audit
) -> None:
    path = outbox.leave(settings.path, export(), ME)
    content = path.read_bytes()
    await recorded(bus, settings)
    path.write_bytes(content)  # as if it had not been removed
    assert len(exports(await recorded(bus, settings))) == 1
    assert outbox.waiting(settings.path) == []


async def test_what_is_no_note_is_recorded_by_its_hash_or_put_aside(
    bus: Bus, settings: Audit, tmp_path: Path
) -> None:
    outbox.leave(settings.path, export(), ME)
    folder = settings.path / outbox.FOLDER
    (folder / "00000000000000000007-x.json").write_bytes(b'{"what":"\xff"}')
    (folder / "8-large.json").write_bytes(b"x" * (outbox.MOST_BYTES + 1))
    (tmp_path / "secret").write_text("not to be read")
    (folder / "9-link.json").symlink_to(tmp_path / "secret")
    os.mkfifo(folder / "9-pipe.json")
    found = await recorded(bus, settings)
    assert len(exports(found)) == 1
    assert [
        (entry.time, entry.who, entry.what) for entry in found if entry.action == "unreadable"
    ] == [
        (7, ME, "OUTBOX/00000000000000000007-x.json"),
        (8, ME, "OUTBOX/8-large.json"),
        (9, ME, "OUTBOX/9-link.json"),
        (9, ME, "OUTBOX/9-pipe.json"),
    ]
    assert sorted(path.name for path in folder.iterdir()) == [
        "8-large.unreadable",
        "9-link.unreadable",
        "9-pipe.unreadable",
    ]
    assert (tmp_path / "secret").read_text() == "not to be read"


async def test_no_note_stops_the_log(bus: Bus, settings: Audit) -> None:
    """Whoever may leave one could stop it otherwise, and each start again."""
    outbox.leave(settings.path, export(), ME)
    folder = settings.path / outbox.FOLDER
    deep = b'{"what":"x","after":%s1%s}'
    contents = {
        b"1-deep.json": deep % (b"[" * 100_000, b"]" * 100_000),
        b"2-deep.json": deep % (b"[" * 900, b"]" * 900),
        b"3-name-\xff.json": msgspec.json.encode(export()),
        b"4-%s.json" % (b"x" * 240): b"x" * (outbox.MOST_BYTES + 1),
    }
    for name, content in contents.items():
        (folder / os.fsdecode(name)).write_bytes(content)
    found = await recorded(bus, settings)
    assert len(exports(found)) == 1
    told = {entry.place.removeprefix("OUTBOX/"): entry for entry in found if "-" in entry.place}
    assert told["1-deep.json"].action == "unreadable"
    assert b"sha256" in bytes(told["2-deep.json"].after)  # type: ignore[arg-type]
    assert told["3-name-\\udcff.json"].action == "unreadable"
    assert outbox.waiting(settings.path) == []


def test_a_note_can_be_read_by_who_takes_it_whatever_the_mask(tmp_path: Path) -> None:
    mask = os.umask(0o077)
    try:
        path = outbox.leave(tmp_path, export(), ME)
    finally:
        os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o640
    assert path.stat().st_gid == path.parent.stat().st_gid


def test_a_colleague_of_its_group_leaves_a_note_though_the_log_itself_is_not_theirs_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def writable(path: Path, mode: int) -> bool:
        return mode == os.X_OK or path.name == outbox.FOLDER

    outbox.prepare(tmp_path)
    monkeypatch.setattr(os, "access", writable)
    noted_beside(tmp_path, export())
    assert len(outbox.waiting(tmp_path)) == 1


@contextmanager
def a_user_who_may_not_enter(folder: Path) -> Generator[None]:
    """Nobody, where the tests run as who may do all."""
    folder.chmod(0o700)
    root = os.geteuid() == 0
    if root:
        os.setresuid(65534, 65534, 0)
    else:
        folder.chmod(0)
    try:
        yield
    finally:
        if root:
            os.setresuid(0, 0, 0)
        folder.chmod(0o700)


def test_who_may_not_enter_the_log_is_told_so_and_nothing_is_done(tmp_path: Path) -> None:
    log = tmp_path / "audit"
    outbox.prepare(log)
    with (
        a_user_who_may_not_enter(log),
        pytest.raises(Failure, match=r"can't be recorded .* not done: Permission denied"),
    ):
        noted_beside(log, export())


def test_who_may_not_enter_the_log_has_it_noted_by_the_bus(tmp_path: Path) -> None:
    log = tmp_path / "audit"
    outbox.prepare(log)
    (log / "key").write_text("")
    with socket.socket() as taken:  # and doesn't listen
        taken.bind(("127.0.0.1", 0))
        config = Configuration(
            bus=ExternalBus(urls=[SecretText(f"nats://127.0.0.1:{taken.getsockname()[1]}")]),
            sources=[],
            detections=Detections(rules=[]),
            sinks=[],
            audit=Audit(path=log, key=Secret("${env:AUDIT_KEY}")),
        )
        with a_user_who_may_not_enter(log), pytest.raises(BusUnavailable):
            noted_anyway(config, export())


def test_a_log_that_begins_with_a_note_is_closed_to_others(tmp_path: Path) -> None:
    outbox.leave(tmp_path / "audit", export(), ME)
    assert (tmp_path / "audit").stat().st_mode & 0o777 == 0o750


def test_who_left_a_note_says_the_operating_system(tmp_path: Path) -> None:
    note = CommandNote(what="audit anchor", who="ceo@desk", time=7)
    left = outbox.read(outbox.leave(tmp_path / "audit", note, ME))
    assert of_left(left).who == f"{ME}@desk (says ceo)"
    assert left_unreadable(left, ValueError("no note")).who == ME


def test_before_and_after_are_told(tmp_path: Path) -> None:
    note = CommandNote(
        action="exception",
        what="e1",
        before=msgspec.Raw(b"null"),
        after=msgspec.Raw(b'{"owner":"desk"}'),
    )
    found = of_left(outbox.read(outbox.leave(tmp_path, note, ME)))
    assert (bytes(found.before), bytes(found.after)) == (b"null", b'{"owner":"desk"}')  # type: ignore[arg-type]


@pytest.mark.parametrize("why", ["x" * 300_000, "\udcff"], ids=["too-large", "no-text"])
def test_what_can_not_be_left_is_said_and_not_done(tmp_path: Path, why: str) -> None:
    with pytest.raises(Failure, match="not done"):
        outbox.leave(tmp_path, CommandNote(what="audit anchor", why=why), ME)
    assert outbox.waiting(tmp_path) == []


def test_a_full_outbox_stops_who_would_leave_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evidence.audit.outbox.MOST_WAITING", 2)
    for _ in range(2):
        outbox.leave(tmp_path, export(), ME)
    with pytest.raises(Failure, match="run the stage `audit`"):
        outbox.leave(tmp_path, export(), ME)


def test_notes_of_the_last_two_files_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evidence.audit.store._SEGMENT", 500)
    places: list[str] = []
    with AuditLog(tmp_path / "audit", KEY, sync=False) as log:
        for number in range(20):
            left = outbox.read(outbox.leave(log.folder.path, export(), ME))
            log.append([of_left(left), happening(number)])
            places.append(left.place)
    assert set(places[-2:]) <= outbox.taken(log.folder) < set(places)
