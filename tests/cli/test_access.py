"""That somebody runs a command which looks into an installation is an entry of its audit log."""

import getpass
import inspect
import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from evidence.audit import outbox
from evidence.audit.notes import SigningKey
from pipeline.bus.command_notes import CommandNote, decode_note
from pipeline.cli import commands
from pipeline.cli.access import SECRETS, UNNOTED, command_name, note_access, told
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


@pytest.mark.parametrize(
    "command",
    [
        ("setup", "elastic", "--username", "a", "--password", "hunter2hunter2"),
        ("setup", "elastic-key", "writer", "--out", "k", "--api-key", "hunter2hunter2"),
        ("timeline", "export", "a", "--to", "t", "--splunk", "https://x", "--splunk-token",
         "hunter2hunter2"),
        ("timeline", "export", "a", "--to", "t", "--out", "o", "--audit", "audit", "--key",
         "PRIVATE+KEY+example.com/audit+00000000+hunter2hunter2"),
    ],
)  # fmt: skip
def test_a_secret_that_was_given_by_mistake_does_not_stay_in_the_log(
    folder: Path, command: tuple[str, ...]
) -> None:
    """Nothing is ever taken out of it, and whoever looks into the log would have it."""
    said = tapewatch(*command, "--config", "pipeline.yaml", folder=folder)
    assert said.code != 0
    assert "hunter2" not in said.out + said.error
    assert [one.action for one in notes(folder)] == ["access"]
    assert not any(b"hunter2" in one.read_bytes() for one in outbox.waiting(folder / "audit"))


def test_where_a_secret_is_may_be_told_and_what_looks_like_one_is_not() -> None:
    asked = {
        "password": "${env:ELASTIC_PASSWORD}",
        "splunk_token": "${file:token}x",
        "api_key": "abc",
        "text": "it was password: hunter2hunter2",
        "key": "example.com/audit+4129324b+ATDHLu5K",
    }
    assert told(asked, everything=True) == {
        "password": "${env:ELASTIC_PASSWORD}",
        "splunk_token": "***",
        "api_key": "***",
        "text": "it was password: ***",
        "key": "example.com/audit+4129324b+ATDHLu5K",
    }


def test_every_option_that_takes_a_secret_is_known() -> None:
    names = {
        name
        for function in _functions()
        for name, one in inspect.signature(function).parameters.items()
        if re.search("password|token|api_key|secret", name) and "bool" not in str(one.annotation)
    }
    assert names - {"token"} == SECRETS  # a token that is traded


def _functions() -> list[Callable[..., object]]:
    groups = [commands.app]
    for group in groups:
        inner = [one.typer_instance for one in group.registered_groups]
        groups += [one for one in inner if one is not None]
    found = [info.callback for group in groups for info in group.registered_commands]
    return [one for one in found if one is not None]


def test_the_commands_that_are_left_out_are_commands() -> None:
    """A command that was given another name would be noted, or not, by accident."""
    names = {command_name(commands.app, one) for one in _functions()}
    assert names >= UNNOTED
    assert None not in names
