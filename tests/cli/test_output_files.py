"""What commands write: never over what they read, and what can't be written is told."""

import os
import shutil
from pathlib import Path

import pytest

from pipeline.cli.output_files import keep_new
from pipeline.failure import CONFIGURATION, Failure
from tests.cli.command_line import RULES, Answer, tapewatch, write_configuration

EVENT = (
    '{"@timestamp":"2026-11-23T10:00:00Z","event.action":"token-paused","event.id":"1",'
    '"investor.address":"0xa","token.symbol":"ACME"}\n'
)
CHECK = ("rules", "check", "--rules", "mine", "-o")
CONVERT = ("rules", "convert", "--to", "elastic", "--rules", "mine", "-o")
TEST = ("rules", "test", "--rules", "mine", "--junit")
BACKTEST = ("backtest", "--rules", "mine", "--events", "events.ndjson", "--labels", "labels.yml")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine").mkdir()
    for name in ("token_paused.yml", "token_paused.test.yml"):
        shutil.copy(RULES / "administration" / name, tmp_path / "mine" / name)
    (tmp_path / "events.ndjson").write_text(EVENT)
    (tmp_path / "labels.yml").write_text("labels:\n  - entities: ['0xa']\n")
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def refused(folder: Path, *arguments: str) -> Answer:
    before = contents(folder)
    answer = tapewatch(*arguments, folder=folder)
    assert answer.code == 2, answer
    assert contents(folder) == before
    return answer


@pytest.mark.parametrize(
    ("command", "to"),
    [
        (CHECK, "mine/token_paused.yml"),
        (CHECK, "mine/new.yml"),
        (CONVERT, "mine/token_paused.yml"),
        (CONVERT, "mine/sub/../token_paused.yml"),
        (TEST, "mine/token_paused.test.yml"),
        ((*BACKTEST, "--json"), "mine/token_paused.yml"),
        ((*BACKTEST, "--html"), "mine/token_paused.yml"),
    ],
)
def test_nothing_is_written_over_rules_or_among_them(
    folder: Path, command: tuple[str, ...], to: str
) -> None:
    (folder / "mine" / "sub").mkdir()
    option = command[-1]
    answer = refused(folder, *command, to)
    assert answer.error == (
        f"error: {option} {to}: this command reads its rules there; name another file\n"
    )


@pytest.mark.parametrize("to", ["events.ndjson", "link"])
@pytest.mark.parametrize("option", ["--json", "--html"])
def test_nothing_is_written_over_events(folder: Path, option: str, to: str) -> None:
    (folder / "link").symlink_to("events.ndjson")
    answer = refused(folder, *BACKTEST, option, to)
    assert answer.error == (
        f"error: {option} {to}: this command reads that file; name another file\n"
    )


def test_nothing_is_written_over_events_in_a_folder(folder: Path) -> None:
    (folder / "out").mkdir()
    (folder / "out" / "events.ndjson").write_text(EVENT)
    answer = refused(
        folder, "backtest", "--rules", "mine", "--events", "out", "--json", "out/events.ndjson"
    )
    assert answer.error == (
        "error: --json out/events.ndjson: this command reads that file; name another file\n"
    )


def test_an_earlier_result_is_written_over_wherever_it_lies(folder: Path) -> None:
    for to in ("mine/check.json", "mine/check.json"):
        answer = tapewatch(*CHECK, to, "--json", folder=folder)
        assert answer.code == 0, answer
        assert (folder / to).read_bytes() == b"[]\n"


@pytest.mark.parametrize(
    "command", [CHECK, CONVERT, TEST, (*BACKTEST, "--json"), ("replay", "--save")]
)
def test_other_rules_are_not_written_over_either(folder: Path, command: tuple[str, ...]) -> None:
    write_configuration(folder)
    answer = refused(folder, *command, "labels.yml")
    assert answer.error == (
        f"error: {command[-1]} labels.yml: this file is there already, and may hold rules; "
        "name another file\n"
    )


@pytest.mark.parametrize("command", [CHECK, CONVERT, TEST])
def test_a_device_is_written_to_and_stays_one(folder: Path, command: tuple[str, ...]) -> None:
    answer = tapewatch(*command, "/dev/null", folder=folder)
    assert answer.code == 0, answer
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("command", [CHECK, CONVERT])
def test_a_pipe_is_written_to(folder: Path, command: tuple[str, ...]) -> None:
    """Such as what the shell puts for >(gzip > FILE): a link to what has no path of its own."""
    answer = tapewatch(*command, "/dev/stdout", folder=folder)
    assert answer.code == 0, answer
    written = tapewatch(*command, "written", folder=folder)
    assert (folder / "written").read_text() in answer.out
    assert written.code == 0, written


def test_what_a_link_leads_to_is_written(folder: Path) -> None:
    (folder / "link.ndjson").symlink_to("real.ndjson")
    answer = tapewatch(*CONVERT, "link.ndjson", folder=folder)
    assert answer.code == 0, answer
    assert (folder / "link.ndjson").is_symlink()
    assert (folder / "real.ndjson").read_text().startswith("{")


@pytest.mark.parametrize("command", [CHECK, CONVERT, TEST])
def test_a_link_that_leads_in_a_circle_is_told(folder: Path, command: tuple[str, ...]) -> None:
    (folder / "circle").symlink_to("circle")
    answer = tapewatch(*command, "circle", folder=folder)
    assert answer.code == 1
    assert answer.error.endswith("can't write circle: Too many levels of symbolic links\n")
    assert (folder / "circle").is_symlink()


def test_a_file_that_is_its_owner_s_alone_stays_so(folder: Path) -> None:
    (folder / "rules.ndjson").touch(mode=0o600)
    answer = tapewatch(*CONVERT, "rules.ndjson", folder=folder)
    assert answer.code == 0, answer
    assert (folder / "rules.ndjson").read_text().startswith("{")
    assert (folder / "rules.ndjson").stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to others")
def test_a_file_stays_its_owner_s_where_root_writes_it(folder: Path) -> None:
    """Whoever may read it alone would else be shut out."""
    file = folder / "rules.ndjson"
    file.touch(mode=0o600)
    os.chown(file, 1234, 1235)
    answer = tapewatch(*CONVERT, file.name, folder=folder)
    assert answer.code == 0, answer
    known = file.stat()
    assert (known.st_uid, known.st_gid, known.st_mode & 0o777) == (1234, 1235, 0o600)


@pytest.mark.parametrize(
    ("to", "why"),
    [
        ("nowhere/out", "No such file or directory"),
        ("events.ndjson/out", "Not a directory"),
        ("n" * 256, "File name too long"),
    ],
)
@pytest.mark.parametrize("command", [CHECK, CONVERT, TEST])
def test_a_place_where_nothing_can_be_written_is_told(
    folder: Path, command: tuple[str, ...], to: str, why: str
) -> None:
    answer = tapewatch(*command, to, folder=folder)
    assert answer.code == 1
    assert answer.error.endswith(f"error: can't write {to}: {why}\n")


def test_a_name_may_be_as_long_as_names_can_be(folder: Path) -> None:
    name = "n" * 255
    answer = tapewatch(*CONVERT, name, folder=folder)
    assert answer.code == 0, answer
    assert (folder / name).read_text().startswith("{")


def test_a_new_folder_is_one_of_which_nothing_is_there_yet(tmp_path: Path) -> None:
    keep_new(tmp_path / "new" / "folder")
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("", "file", "link"):
        with pytest.raises(Failure, match="is there already: name another") as raised:
            keep_new(tmp_path / name, "name another")
        assert raised.value.code == CONFIGURATION
    for name in ("x" * 300, "file/folder"):
        with pytest.raises(OSError, match=r"too long|Not a directory"):
            keep_new(tmp_path / name)
