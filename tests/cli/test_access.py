"""That somebody runs a command which looks into an installation is an entry of its audit log."""

import getpass
from pathlib import Path

import msgspec
import pytest

from evidence.audit import outbox
from evidence.audit.notes import SigningKey
from pipeline.bus.command_notes import CommandNote, decode_note
from pipeline.cli import commands
from pipeline.cli.access import UNNOTED, command_name, note_access, told
from tests.cli.command_line import tapewatch, write_configuration


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "key").write_text(SigningKey.new("example.com/audit").reveal())
    (tmp_path / "key").chmod(0o600)
    write_configuration(tmp_path, audit={"path": "audit", "key": "${file:key}"})
    return tmp_path


def notes(folder: Path) -> list[CommandNote]:
    return [decode_note(path.read_bytes()) for path in outbox.waiting(folder / "audit")]


def test_who_looks_is_noted_with_what_was_asked_also_where_nothing_runs(folder: Path) -> None:
    tapewatch("reference", "show", "INV-1", "--config", "pipeline.yaml", folder=folder)
    (note,) = notes(folder)
    assert (note.action, note.what) == ("access", "reference show")
    assert note.who.startswith(f"{getpass.getuser()}@")
    assert "INV-1" in msgspec.json.decode(bytes(note.after)).values()  # type: ignore[arg-type]


def test_a_configuration_that_may_not_be_read_is_for_the_command_to_tell(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refused)
    note_access(lambda: None, {"config": folder / "pipeline.yaml"})


def test_monitoring_leaves_no_notes(folder: Path) -> None:
    tapewatch("status", "--config", "pipeline.yaml", folder=folder)
    assert notes(folder) == []
    assert "doctor" in UNNOTED


def test_what_can_not_be_noted_is_not_done(folder: Path) -> None:
    (folder / "audit").write_text("no folder")
    said = tapewatch("reference", "check", "--config", "pipeline.yaml", folder=folder)
    assert said.code == 1
    assert "so it is not done" in said.error


def test_no_url_and_no_person_is_told() -> None:
    asked = {
        "url": "https://me:secret@node.example/v2/KEY?x=1",
        "ids": ["u-1", "u-2"],
        "raw": False,
    }
    assert told(asked, everything=True) == {"url": "https://node.example", "ids": "u-1 u-2"}
    assert told(asked, everything=False) == {"url": "...", "ids": "..."}


def test_the_commands_that_are_left_out_are_commands() -> None:
    """A command that was given another name would be noted, or not, by accident."""
    groups = [commands.app]
    for group in groups:
        inner = [one.typer_instance for one in group.registered_groups]
        groups += [one for one in inner if one is not None]
    functions = [info.callback for group in groups for info in group.registered_commands]
    names = {command_name(commands.app, one) for one in functions if one is not None}
    assert names >= UNNOTED
    assert None not in names
