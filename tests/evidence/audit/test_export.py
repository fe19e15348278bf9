"""An export shows by itself, to who has nothing but Python, that its entries were in the log."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from types import ModuleType

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.audit import check_export
from evidence.audit.check_export import Wrong, check_signature
from evidence.audit.export import export, select
from evidence.audit.notes import SigningKey
from evidence.audit.store import AuditFolder, AuditLog
from evidence.investigation import check_timeline
from tests.evidence.audit.test_log import KEY, happening


@pytest.fixture
def log(tmp_path: Path) -> AuditFolder:
    with AuditLog(tmp_path / "audit", KEY, sync=False) as log:
        log.append([happening(n, who=f"user-{n % 3}") for n in range(1, 40)])
        log.sign()
    return log.folder


@pytest.fixture
def exported(log: AuditFolder, tmp_path: Path) -> Path:
    chosen = list(select(log, 40, lambda entry: entry.who == "user-1"))
    export(log, KEY.verifying, chosen, tmp_path / "export")
    return tmp_path / "export"


def run(folder: Path, *options: str) -> tuple[int, str]:
    """The export's own checker, by an interpreter that sees no package."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(folder / "check.py"), *options],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_it_is_checked_without_anything_of_ours(exported: Path) -> None:
    code, said = run(exported, "--key", str(KEY.verifying))
    assert code == 0, said
    assert "signed by example.com/audit, when the log had 40 entries" in said
    assert "13 entries, each shown to be in the log" in said
    assert said.endswith("GOOD\n")


def test_others_may_enter_neither_the_log_nor_what_was_taken_out_of_it(
    log: AuditFolder, exported: Path
) -> None:
    for folder in (log.path, exported):
        assert folder.stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize("options", [(), ("--help",)])
@pytest.mark.parametrize("checker", [check_export, check_timeline])
def test_who_reads_no_further_sees_no_traceback(
    exported: Path, checker: ModuleType, options: tuple[str, ...]
) -> None:
    """As with `| head -1`: whoever reads has gone."""
    reads, writes = os.pipe()
    os.close(reads)
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(checker.__file__), str(exported), *options],
            stdout=writes,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    finally:
        os.close(writes)
    assert (done.returncode, done.stderr) == (1, b"")


def test_without_a_key_it_says_whose_is_taken(exported: Path) -> None:
    code, said = run(exported)
    assert code == 0
    assert "compare it with the one that you know" in said


def test_a_part_of_the_log_without_gaps_is_shown_to_have_none(
    log: AuditFolder, tmp_path: Path
) -> None:
    chosen = list(select(log, 30, lambda entry: True, first=10))
    export(log, KEY.verifying, chosen, tmp_path / "part", complete=(10, 30))
    code, said = run(tmp_path / "part")
    assert code == 0
    assert "nothing between entries 10 and 29 is left out" in said


def refresh_manifest(folder: Path) -> None:
    """What a thorough forger does: a manifest that fits."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    for name in manifest["files"]:
        if (folder / name).exists():
            manifest["files"][name] = sha256((folder / name).read_bytes()).hexdigest()
    lines = (folder / "entries.ndjson").read_text().splitlines()
    manifest["entries"] = [json.loads(line)["number"] for line in lines]
    path.write_text(json.dumps(manifest))


@pytest.mark.parametrize("thorough", [False, True])
def test_a_changed_entry_is_not_shown(exported: Path, *, thorough: bool) -> None:
    path = exported / "entries.ndjson"
    path.write_text(path.read_text().replace("user-1", "user-2", 1))
    if thorough:
        refresh_manifest(exported)
    code, said = run(exported, "--key", str(KEY.verifying))
    assert code == 1
    assert "NOT SHOWN" in said


def test_a_manifest_that_is_none_is_told_in_words(exported: Path) -> None:
    path = exported / "manifest.json"
    whole = json.loads(path.read_text())
    for broken, said in (
        (path.read_text()[:-20], "is no JSON: "),
        ("[]", "is none of an export"),
        (json.dumps({name: whole[name] for name in whole if name != "entries"}), "say entries as"),
        (json.dumps(whole | {"size": "40"}), "doesn't say size as an export does"),
    ):
        path.write_text(broken)
        code, answer = run(exported)
        assert (code, answer[:24], said in answer) == (1, "NOT SHOWN: manifest.json", True), answer


def test_an_entry_that_was_left_out_is_missed(exported: Path) -> None:
    path = exported / "entries.ndjson"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))
    code, said = run(exported, "--key", str(KEY.verifying))
    assert code == 1
    assert "entries.ndjson is not the file that the manifest lists" in said


def test_a_gap_in_what_is_said_to_be_complete_is_found(log: AuditFolder, tmp_path: Path) -> None:
    chosen = [one for one in select(log, 30, lambda entry: True, first=10) if one[0] != 17]
    export(log, KEY.verifying, chosen, tmp_path / "part", complete=(10, 30))
    code, said = run(tmp_path / "part", "--key", str(KEY.verifying))
    assert code == 1
    assert "not all there" in said


def test_another_key_shows_nothing(exported: Path) -> None:
    code, said = run(exported, "--key", str(SigningKey.new("example.com/audit").verifying))
    assert code == 1
    assert "not signed by example.com/audit" in said


def test_a_log_of_the_forger_is_not_taken_for_the_real_one(tmp_path: Path) -> None:
    forger = SigningKey.new("example.com/audit")
    with AuditLog(tmp_path / "forged", forger, sync=False) as log:
        log.append([happening(1)])
        log.sign()
    chosen = list(select(log.folder, 2, lambda entry: True))
    export(log.folder, forger.verifying, chosen, tmp_path / "export")
    assert run(tmp_path / "export", "--key", str(KEY.verifying))[0] == 1


@settings(max_examples=30, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=80), st.integers(0, 511))
def test_its_own_signatures_are_those_of_the_library(seed: bytes, text: bytes, bit: int) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = key.public_key().public_bytes_raw(), key.sign(text)
    check_signature(public, signature, text)
    wrong = bytearray(signature)
    wrong[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Wrong):
        check_signature(public, bytes(wrong), text)
    with pytest.raises(Wrong):
        check_signature(public, signature, text + b"!")


def changed_manifest(folder: Path, **changes: object) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_an_export_can_not_write_to_the_terminal_what_it_likes(
    log: AuditFolder, tmp_path: Path
) -> None:
    key = SigningKey.new("\x1b[8mhidden")
    with AuditLog(tmp_path / "forged", key, sync=False) as forged:
        forged.append([happening(1)])
        forged.sign()
    export(
        forged.folder,
        key.verifying,
        list(select(forged.folder, 2, lambda entry: True)),
        tmp_path / "e",
    )
    code, said = run(tmp_path / "e")
    assert code == 0
    assert "\x1b" not in said
    assert "?[8mhidden" in said


def rewritten(folder: Path, change: Callable[[list[str]], list[str]]) -> None:
    """Other lines of entries, and a manifest that fits."""
    path = folder / "entries.ndjson"
    path.write_text("".join(change(path.read_text().splitlines(keepends=True))))
    refresh_manifest(folder)


@pytest.mark.parametrize("complete", [None, [0, 0], [40, 40]])
def test_an_export_without_an_entry_shows_nothing(exported: Path, complete: object) -> None:
    """Nobody has signed anything in it."""
    for proof in (exported / "proofs").iterdir():
        proof.unlink()
    files = json.loads((exported / "manifest.json").read_text())["files"]
    kept = {name: one for name, one in files.items() if not name.startswith("proofs/")}
    changed_manifest(exported, files=kept, complete=complete)
    rewritten(exported, lambda lines: [])
    code, said = run(exported, "--key", str(KEY.verifying))
    assert code == 1, said
    assert "NOT SHOWN: there is no entry in it" in said


def test_an_entry_that_is_there_twice_is_not_counted_twice(exported: Path) -> None:
    rewritten(exported, lambda lines: [*lines[:5], *lines[4:]])
    code, said = run(exported, "--key", str(KEY.verifying))
    assert code == 1, said
    assert "NOT SHOWN: entry 13 is there twice" in said


def test_entries_that_changed_places_are_told(exported: Path) -> None:
    rewritten(exported, lambda lines: [lines[1], lines[0], *lines[2:]])
    code, said = run(exported, "--key", str(KEY.verifying))
    assert code == 1, said
    assert "NOT SHOWN: entry 1 comes after entry 4" in said


@pytest.mark.parametrize("name", ["notes.txt", "proofs/99.tlog-proof", ".hidden", "sub/entries"])
def test_a_file_that_no_manifest_lists_is_told(exported: Path, name: str) -> None:
    (exported / name).parent.mkdir(exist_ok=True)
    (exported / name).write_text("believe me")
    code, said = run(exported, "--key", str(KEY.verifying))
    assert code == 1, said
    assert f"NOT SHOWN: {name} is not in the manifest" in said


def test_a_manifest_that_leaves_files_out_is_no_way_round_it(exported: Path) -> None:
    changed_manifest(exported, files={})
    code, said = run(exported, "--key", str(KEY.verifying))
    assert code == 1, said
    assert "README.txt is not in the manifest; check.py is not in the manifest" in said


def test_a_file_that_lies_elsewhere_is_told(exported: Path, tmp_path: Path) -> None:
    elsewhere = (exported / "entries.ndjson").rename(tmp_path / "elsewhere")
    (exported / "entries.ndjson").symlink_to(elsewhere)
    code, said = run(exported, "--key", str(KEY.verifying))
    assert code == 1, said
    assert "NOT SHOWN: entries.ndjson is neither a file nor a folder" in said


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"size": 41}, "tells of example.com/audit with 41 entries, and signed was"),
        ({"origin": "example.com/other"}, "tells of example.com/other with 40 entries"),
    ],
)
def test_the_manifest_can_not_tell_of_another_log(
    exported: Path, changes: dict[str, object], told: str
) -> None:
    changed_manifest(exported, **changes)
    code, said = run(exported, "--key", str(KEY.verifying))
    assert code == 1, said
    assert told in said


def test_a_checkpoint_beside_that_is_another_one_is_told(exported: Path) -> None:
    path = exported / "checkpoint"
    path.write_text(path.read_text().replace("40", "41"))
    refresh_manifest(exported)
    code, said = run(exported, "--key", str(KEY.verifying))
    assert code == 1, said
    assert "NOT SHOWN: the file checkpoint is not the one that the proofs are of" in said


@pytest.mark.parametrize("complete", [[0, 10**15], [0, "a"], [1], 7])
def test_a_part_that_can_not_be_is_refused_at_once(exported: Path, complete: object) -> None:
    changed_manifest(exported, complete=complete)
    code, said = run(exported)
    assert code == 1
    assert "NOT SHOWN" in said
    assert "Traceback" not in said


def test_entries_that_are_nested_without_end_are_refused(exported: Path) -> None:
    content = b"[" * 200_000 + b"\n"
    (exported / "entries.ndjson").write_bytes(content)
    files = json.loads((exported / "manifest.json").read_text())["files"]
    changed_manifest(exported, files=files | {"entries.ndjson": sha256(content).hexdigest()})
    code, said = run(exported)
    assert code == 1
    assert "NOT SHOWN" in said
    assert "Traceback" not in said
