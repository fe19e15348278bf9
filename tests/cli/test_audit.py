"""`tapewatch audit`: a log's key, its verification, proofs and exports."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from evidence.audit.notes import SigningKey
from evidence.audit.store import AuditLog
from pipeline.units import MIB
from tests.cli.command_line import COMMAND, environment, tapewatch
from tests.evidence.audit.test_log import happening
from tests.fixtures.small_disk import SmallDiskFactory

KEY = SigningKey.new("example.com/audit")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    with AuditLog(tmp_path / "audit", KEY, sync=False) as log:
        log.append([happening(n, action="command", who="alice", why="asked") for n in range(1, 6)])
        log.append([happening(n) for n in range(6, 30)])
        log.sign()
    return log.folder.path


def test_a_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    made = tapewatch("audit", "key", "example.com/tapewatch", "--out", "key", folder=tmp_path)
    assert made.code == 0
    assert made.out.startswith("example.com/tapewatch+")
    secret = (tmp_path / "key").read_text()
    assert str(SigningKey.parse(secret).verifying) == made.out.strip()
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    again = tapewatch("audit", "key", "example.com/tapewatch", "--out", "key", folder=tmp_path)
    assert (again.code, again.error) == (2, "error: key is there already: name a new file\n")
    assert (tmp_path / "key").read_text() == secret
    assert tapewatch("audit", "key", "a b", "--out", "other", folder=tmp_path).code == 2


def test_a_full_disk_leaves_neither_a_key_nor_an_export(
    log: Path, tmp_path: Path, small_disk: SmallDiskFactory
) -> None:
    """Another try, with room, does it."""
    disk = small_disk(MIB)
    disk.fill()
    commands = (
        ("audit", "key", "example.com/x", "--out", "disk/key"),
        ("audit", "export", log, "--to", "disk/export"),
    )
    for command in commands:
        said = tapewatch(*command, folder=tmp_path)
        assert (said.code, "No space left on device" in said.error) == (1, True), said
    assert [one.name for one in disk.path.iterdir()] == ["ballast"]
    disk.make_room()
    for command in commands:
        assert tapewatch(*command, folder=tmp_path).code == 0


def test_a_name_that_is_longer_than_names_may_be_is_told(log: Path, tmp_path: Path) -> None:
    for command in (
        ("audit", "export", log, "--to", "x" * 300),
        ("audit", "verify", "x" * 300),
        ("audit", "show", "x" * 300),
        ("timeline", "export", "abc", "--out", "out", "--to", "x" * 300),
        ("evidence", "abc", "--out", "x" * 300),
        ("doctor", "--config", "x" * 300),
    ):
        said = tapewatch(*command, folder=tmp_path)
        assert said.code in (1, 2)
        # What can't be there isn't: so Python 3.14 says of a folder to read from.
        told = ("File name too long", "that a file sink writes to")
        assert any(one in said.error + said.out for one in told), said


def test_a_good_log(log: Path, tmp_path: Path) -> None:
    said = tapewatch("audit", "verify", log, "--key", str(KEY.verifying), folder=tmp_path)
    assert said.code == 0, said
    assert "30 entries, 2 checkpoints" in said.out
    assert "good: the first 30 are as they were signed" in said.out
    without = tapewatch("audit", "verify", log, folder=tmp_path)
    assert "Verify with the one that you know: --key" in without.out


def test_another_key_beside_the_log_is_told_to_who_knows_the_right_one(
    log: Path, tmp_path: Path
) -> None:
    (log / "key").write_text(f"{SigningKey.new('example.com/audit').verifying}\n")
    said = tapewatch("audit", "verify", log, "--key", str(KEY.verifying), folder=tmp_path)
    assert (said.code, "the key beside the log is another one" in said.out) == (0, True), said
    assert tapewatch("audit", "verify", log, folder=tmp_path).code == 1


def test_what_was_changed_is_named_and_the_exit_code_says_so(log: Path, tmp_path: Path) -> None:
    (path,) = (log / "entries").iterdir()
    path.write_text(path.read_text().replace("alice", "mallory", 1))
    said = tapewatch("audit", "verify", log, folder=tmp_path)
    assert said.code == 1
    assert "changed: entry 1 is not what was hashed" in said.out
    found = json.loads(tapewatch("audit", "verify", log, "--json", folder=tmp_path).out)
    assert found["problems"][0]["first"] == 1


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_what_was_changed_is_not_called_good_to_who_reads_no_further(
    log: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    """As with `set -o pipefail` and `| head -1`."""
    (path,) = (log / "entries").iterdir()
    path.write_text(path.read_text().replace("alice", "mallory", 1))
    reads, writes = os.pipe()
    os.close(reads)
    done = subprocess.run(
        [*COMMAND, "audit", "verify", str(log), *options],
        stdout=writes,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env=environment(),
        timeout=60,
    )
    os.close(writes)
    assert done.returncode == 141
    assert done.stderr == b""


def test_entries_that_are_not_shown_are_counted(log: Path, tmp_path: Path) -> None:
    """The newest come last, and nobody takes them for all of them."""
    said = tapewatch("audit", "show", log, "--last", "10", folder=tmp_path)
    assert (said.code, len(said.out.splitlines())) == (0, 10)
    assert said.error == "the newest 10 of 30 entries: --last shows more\n"
    machine = tapewatch("audit", "show", log, "--last", "4", "--who", "alice", "--json",
                        folder=tmp_path)  # fmt: skip
    assert [json.loads(line)["number"] for line in machine.out.splitlines()] == [2, 3, 4, 5]
    assert "the newest 4 of 5 entries" in machine.error
    assert tapewatch("audit", "show", log, "--last", "30", folder=tmp_path).error == ""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--who", "alic"), "nothing: no entry is of alic; did you mean alice?"),
        (("--who", "zacharias"), "nothing: no entry is of zacharias; entries are of alice, "),
        (("--who", "alice", "--what", "nowhere"), "nothing"),
        (("--first", "300"), "nothing"),
    ],
)
def test_where_nothing_is_found_it_says_whose_entries_there_are(
    log: Path, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    answer = tapewatch("audit", "show", log, *options, folder=tmp_path)
    assert (answer.code, answer.out.startswith(said)) == (0, True), answer


def test_a_private_key_is_no_key_to_verify_with_and_is_not_shown(log: Path, tmp_path: Path) -> None:
    (tmp_path / "audit.key").write_text(f"{KEY.reveal()}\n")
    for given in ("audit.key", KEY.reveal()):
        answer = tapewatch("audit", "verify", log, "--key", given, folder=tmp_path)
        assert answer.code == 2
        assert "is the private key, with which the log is signed: it stays with" in answer.error
        assert KEY.reveal().rpartition("+")[2] not in answer.error + answer.out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("prove", "LOG", "30"), 1, "the log has 30 signed entries, from 0 to 29, and no entry 30"),
        (("verify", "nowhere"), 1, "nowhere holds no audit log: No such file or directory"),
        (("verify", "a-file"), 1, "a-file holds no audit log: Not a directory"),
        (("export", "LOG", "--to", "x", "--first", "9", "--end", "9"), 2,
         "--first 9 is not before --end 9"),
        (("show", "LOG", "--first", "9", "--end", "3"), 2, "--first 9 is not before --end 3"),
        (("export", "LOG", "--to", "x", "--first", "30"), 1, "the log has 30 signed entries"),
        (("export", "LOG", "--to", "x", "--who", "alic"), 1, "no entry is of alic; did you mean"),
    ],
)  # fmt: skip
def test_what_can_not_be_asked_for_is_said(
    log: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    (tmp_path / "a-file").touch()
    given = [str(log) if one == "LOG" else one for one in arguments]
    answer = tapewatch("audit", *given, folder=tmp_path)
    assert (answer.code, said in answer.error) == (code, True), answer
    assert "Errno" not in answer.error


def test_a_checkpoint_that_was_copied_with_the_blank_lines_around_it_is_one(
    log: Path, tmp_path: Path
) -> None:
    """As `tail -n 6 checkpoints` gives it, which the tutorial says; and by hand, with more."""
    kept = "".join((log / "checkpoints").read_text().splitlines(keepends=True)[-6:])
    for copied in (kept, f"\n{kept}\n", kept.rstrip("\n")):
        (tmp_path / "kept").write_text(copied)
        said = tapewatch("audit", "verify", log, "--against", "kept", folder=tmp_path)
        assert said.code == 0, said


def test_a_log_that_was_cut_is_held_against_a_checkpoint_that_was_kept(
    log: Path, tmp_path: Path
) -> None:
    notes = (log / "checkpoints").read_text()
    first, rest = notes[: notes.index("\n\n", notes.index("\n\n") + 2) + 1], notes
    (tmp_path / "kept").write_text(rest[len(first) + 1 :].rstrip("\n") + "\n")
    (log / "checkpoints").write_text(first + "\n")
    (path,) = (log / "entries").iterdir()
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:1]))
    assert tapewatch("audit", "verify", log, folder=tmp_path).code == 0
    said = tapewatch("audit", "verify", log, "--against", "kept", folder=tmp_path)
    assert said.code == 1
    assert "truncated: entries 1 to 29 are missing at the end" in said.out


def test_entries_are_shown_by_who_and_what(log: Path, tmp_path: Path) -> None:
    said = tapewatch("audit", "show", log, "--who", "alice", "--what", "a-3", folder=tmp_path)
    assert said.code == 0
    assert "command                alice  a-3: asked" in said.out
    assert len(said.out.splitlines()) == 1
    lines = tapewatch("audit", "show", log, "--last", "3", "--json", folder=tmp_path).out
    assert [json.loads(line)["number"] for line in lines.splitlines()] == [27, 28, 29]


def test_a_proof_is_checked_without_the_log(log: Path, tmp_path: Path) -> None:
    key = str(KEY.verifying)
    assert tapewatch("audit", "prove", log, "7", "--out", "p", folder=tmp_path).code == 0
    (path,) = (log / "entries").iterdir()
    lines = path.read_bytes().splitlines(keepends=True)
    (tmp_path / "entry").write_bytes(lines[7])
    check = ("audit", "check", "p", "--entry", "entry", "--key", key)
    said = tapewatch(*check, folder=tmp_path)
    assert said.code == 0, said
    assert said.out == "entry 7 was in the log of example.com/audit when it had 30\n"
    (tmp_path / "entry").write_bytes(lines[8])
    said = tapewatch(*check, folder=tmp_path)
    assert said.code == 1
    assert "not shown" in said.error


def test_an_export_checks_itself(log: Path, tmp_path: Path) -> None:
    said = tapewatch("audit", "export", log, "--to", "out", "--action", "command", folder=tmp_path)
    assert said.code == 0, said
    assert "5 entries with their proofs in out" in said.out
    checked = subprocess.run(
        [sys.executable, "-I", "-S", tmp_path / "out" / "check.py"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0
    again = tapewatch("audit", "export", log, "--to", "out", folder=tmp_path)
    assert again.code == 2
    assert "is there already" in again.error


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("verify", "nowhere"), 1, "holds no audit log"),
        (("verify", "audit", "--key", "nonsense"), 2, "can't read nonsense"),
        (("verify", "audit", "--key", "a+b+c"), 2, "--key: the key"),
        (("verify", "audit", "--against", "audit/key"), 2, "--against audit/key"),
        (("show", "nowhere"), 1, "holds no audit log"),
        (("show", "audit", "--action", "comand"), 2, "did you mean command?"),
        (("prove", "audit", "30"), 1, "no entry 30"),
        (("verify", "audit", "--key", "a+" * 3_000), 2, "--key: the key"),
        (("export", "audit", "--to", "x", "--who", "nobody"), 1, "no entry that was signed"),
    ],
)
def test_what_can_not_be_done_is_said(
    log: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    answer = tapewatch("audit", *arguments, folder=tmp_path)
    assert answer.code == code, answer
    assert said in answer.error


def test_an_end_of_nothing_shows_nothing(log: Path, tmp_path: Path) -> None:
    said = tapewatch("audit", "show", log, "--end", "0", folder=tmp_path)
    assert said.code == 0
    assert said.out.strip() == "nothing"
