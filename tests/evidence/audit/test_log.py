"""The audit log: what is written stays, and what anybody does to it is found, with its place."""

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.audit.entries import Happening, decode, encode
from evidence.audit.merkle import check_consistency, check_inclusion, leaf_hash
from evidence.audit.notes import Checkpoint, SigningKey
from evidence.audit.store import AuditFolder, AuditLog, AuditLogFailed
from evidence.audit.verify import Tampering, Verdict, verify

KEY = SigningKey.new("example.com/audit")
#: Written before a test: in batches of ten, each signed. The first entry says that the log was
#: opened.
ENTRIES, BATCH = 50, 10


def happening(number: int, **more: object) -> Happening:
    fields = {"action": "alert-given", "time": number, "who": "detections", "what": f"a-{number}"}
    return Happening(**(fields | more))  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> AuditFolder:
    with AuditLog(tmp_path / "audit", KEY, sync=False) as log:
        for first in range(1, ENTRIES, BATCH):
            log.append([happening(n) for n in range(first, min(first + BATCH, ENTRIES))])
            log.sign()
    return log.folder


def checked(folder: AuditFolder, *against: Checkpoint) -> Verdict:
    return verify(folder, KEY.verifying, against=against)


def entries_file(folder: AuditFolder) -> Path:
    ((_, path),) = folder.segments()
    return path


def rewrite(folder: AuditFolder, change: Callable[[list[bytes]], None]) -> None:
    """Change the lines of entries, without touching anything else."""
    path = entries_file(folder)
    lines = path.read_bytes().splitlines(keepends=True)
    change(lines)
    path.write_bytes(b"".join(lines))


def hash_anew(folder: AuditFolder) -> None:
    """What a thorough attacker does: stored hashes that fit the changed entries."""
    lines = entries_file(folder).read_bytes().splitlines()
    folder.nodes(0).write_bytes(b"".join(leaf_hash(line) for line in lines))


# -- what is written -------------------------------------------------------------------------------


def test_a_log_that_nobody_touched_is_good(folder: AuditFolder) -> None:
    verdict = checked(folder)
    assert verdict.good
    assert (verdict.entries, verdict.signed, verdict.unsigned) == (ENTRIES, ENTRIES, 0)
    assert verdict.checkpoints == 6
    assert verdict.root == folder.newest(KEY.verifying).checkpoint.root.hex()  # type: ignore[union-attr]


def test_every_entry_is_proved_to_who_has_only_the_key(folder: AuditFolder) -> None:
    signed = folder.newest(KEY.verifying)
    assert signed is not None
    for number in range(ENTRIES):
        line = folder.entry(number)
        assert decode(line).number == number
        proof = folder.prove(number, signed)
        check_inclusion(number, ENTRIES, leaf_hash(line), proof.hashes, signed.checkpoint.root)


def test_growth_between_any_two_checkpoints_is_proved(folder: AuditFolder) -> None:
    sizes = [1, 11, 21, 31, 41, 50]
    for old in sizes:
        for new in sizes[sizes.index(old) :]:
            proof = folder.prove_growth(old, new)
            check_consistency(old, new, folder.root(old), folder.root(new), proof)


def test_entries_say_who_did_what_and_why_with_before_and_after(tmp_path: Path) -> None:
    told = happening(
        1,
        action="override",
        who="alice@desk",
        why="one custodian for both",
        before=msgspec.Raw(b'{"cluster":"CL-1"}'),
        after=msgspec.Raw(b'{"cluster":null}'),
    )
    with AuditLog(tmp_path / "audit", KEY, sync=False) as log:
        number = log.append([told])
    assert log.folder.entry(number) == (
        b'{"number":1,"action":"override","time":1,"who":"alice@desk","what":"a-1",'
        b'"why":"one custodian for both","before":{"cluster":"CL-1"},"after":{"cluster":null}}'
    )
    assert decode(log.folder.entry(number)).why == "one custodian for both"


def test_an_entry_that_is_too_long_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with AuditLog(tmp_path / "audit", KEY, sync=False) as log:
        large = happening(1, after=msgspec.Raw(b'"' + b"x" * 70_000 + b'"'))
        with pytest.raises(ValueError, match="at most 65536"):
            log.append([happening(0), large])
        assert log.size == 1


def test_a_line_has_no_line_end_in_it_whatever_is_said() -> None:
    line = encode(happening(0, what="a\nb\u2028c\r"), 0)
    assert b"\n" not in line
    assert decode(line).what == "a\nb\u2028c\r"


def test_nothing_new_is_not_signed_again(tmp_path: Path) -> None:
    with AuditLog(tmp_path / "audit", KEY, sync=False) as log:
        assert log.sign() == log.sign()
    assert len(list(log.folder.notes())) == 1


def test_large_logs_go_on_in_further_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evidence.audit.store._SEGMENT", 1_000)
    for _ in range(3):
        with AuditLog(tmp_path / "audit", KEY, sync=False) as log:
            log.append([happening(n) for n in range(30)])
            log.sign()
    assert len(log.folder.segments()) > 5
    assert checked(log.folder).good
    assert [decode(log.folder.entry(n)).number for n in (0, 17, 90)] == [0, 17, 90]


# -- restarts --------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 7), st.booleans()), max_size=12))
def test_restarts_anywhere_give_the_log_of_one_run(steps: list[tuple[int, bool]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as text:
        path, number = Path(text) / "audit", 1
        log = AuditLog(path, KEY, sync=False)
        for count, restart in steps:
            log.append([happening(number + n) for n in range(count)])
            number += count
            if restart:
                log.close()
                log = AuditLog(path, KEY, sync=False)
                number += count > 0  # it says that these were not signed
            else:
                log.sign()
        log.sign()
        log.close()
        assert log.size == number
        assert checked(log.folder).good
        lines = entries_file(log.folder).read_bytes().splitlines()
        assert [decode(line).number for line in lines] == list(range(number))


def test_a_line_that_a_crash_left_half_written_stays_and_is_explained(
    folder: AuditFolder,
) -> None:
    with entries_file(folder).open("ab") as file:
        file.write(b'{"number":50,"action":"alert-gi')
    assert checked(folder).good  # nothing of it was signed
    with AuditLog(folder.path, KEY, sync=False) as log:
        log.append([happening(52)])
        log.sign()
    assert b'{"number":50,"action":"alert-gi\n' in entries_file(folder).read_bytes()
    assert decode(folder.entry(51)).action == "log-recovered"
    assert checked(folder).good


def test_hashes_that_a_crash_has_cost_are_made_anew(folder: AuditFolder) -> None:
    for level in (0, 2):
        path = folder.nodes(level)
        os.truncate(path, path.stat().st_size // 2)
    folder.nodes(1).unlink()
    with AuditLog(folder.path, KEY, sync=False):
        pass
    assert checked(folder).good
    assert folder.root(ENTRIES).hex() == checked(folder).root


def test_two_processes_never_write_one_log(folder: AuditFolder) -> None:
    with (
        AuditLog(folder.path, KEY, sync=False),
        pytest.raises(AuditLogFailed, match="another process"),
    ):
        AuditLog(folder.path, KEY, sync=False)


def test_a_log_goes_on_with_its_own_key_only(folder: AuditFolder) -> None:
    with pytest.raises(AuditLogFailed, match="another key"):
        AuditLog(folder.path, SigningKey.new("example.com/audit"), sync=False)


@pytest.mark.parametrize("number", [0, 20, 49])
def test_nothing_is_added_to_a_log_whose_signed_end_is_gone(
    folder: AuditFolder, number: int
) -> None:
    rewrite(folder, lambda lines: lines.__delitem__(slice(number, None)))
    folder.nodes(0).unlink()
    with pytest.raises(AuditLogFailed, match="verify it"):
        AuditLog(folder.path, KEY, sync=False)


# -- tampering -------------------------------------------------------------------------------------


def only(verdict: Verdict) -> Tampering:
    assert not verdict.good
    (problem,) = verdict.problems
    return problem


@pytest.mark.parametrize("number", [0, 23, 49])
def test_a_changed_entry_is_found_and_named(folder: AuditFolder, number: int) -> None:
    def change(lines: list[bytes]) -> None:
        lines[number] = lines[number].replace(b'"who":"', b'"who":"not-')

    rewrite(folder, change)
    problem = only(checked(folder))
    assert (problem.kind, problem.first, problem.end) == ("changed", number, number + 1)


@pytest.mark.parametrize("number", [1, 23, 49])
def test_a_change_that_was_hashed_anew_is_found_between_two_checkpoints(
    folder: AuditFolder, number: int
) -> None:
    def change(lines: list[bytes]) -> None:
        lines[number] = lines[number].replace(b"detections", b"nobody")

    rewrite(folder, change)
    hash_anew(folder)
    problem = only(checked(folder))
    assert problem.kind == "changed"
    assert problem.first <= number < problem.end
    assert problem.end - problem.first <= BATCH


@pytest.mark.parametrize("hashed", [False, True])
@pytest.mark.parametrize(("first", "end"), [(1, 2), (23, 24), (23, 40)])
def test_deleted_entries_are_found_and_named(
    folder: AuditFolder, first: int, end: int, *, hashed: bool
) -> None:
    rewrite(folder, lambda lines: lines.__delitem__(slice(first, end)))
    if hashed:
        hash_anew(folder)
    problems = checked(folder).problems
    assert [(one.first, one.end) for one in problems if one.kind == "deleted"] == [(first, end)]


def test_an_inserted_entry_is_found_and_named(folder: AuditFolder) -> None:
    rewrite(folder, lambda lines: lines.insert(24, encode(happening(1), 23) + b"\n"))
    problem = only(checked(folder))
    assert (problem.kind, problem.first) == ("inserted", 23)


def test_reordered_entries_are_found_and_named(folder: AuditFolder) -> None:
    def change(lines: list[bytes]) -> None:
        lines[23], lines[31] = lines[31], lines[23]

    rewrite(folder, change)
    verdict = checked(folder)
    assert not verdict.good
    named = {n for one in verdict.problems for n in range(one.first, one.end)}
    assert named <= set(range(23, 32))
    assert {"reordered"} <= {one.kind for one in verdict.problems}


@pytest.mark.parametrize("left", [0, 12, 49])
def test_a_log_that_was_cut_short_is_found(folder: AuditFolder, left: int) -> None:
    rewrite(folder, lambda lines: lines.__delitem__(slice(left, None)))
    problem = only(checked(folder))
    assert (problem.kind, problem.first, problem.end) == ("truncated", left, ENTRIES)


def test_a_log_cut_short_with_its_checkpoints_is_found_by_one_that_somebody_kept(
    folder: AuditFolder,
) -> None:
    kept = folder.newest(KEY.verifying)
    assert kept is not None
    rewrite(folder, lambda lines: lines.__delitem__(slice(21, None)))
    (folder.path / "checkpoints").write_text("\n".join(list(folder.notes())[:3]) + "\n")
    assert checked(folder).good
    problem = only(checked(folder, kept.checkpoint))
    assert (problem.kind, problem.first, problem.end) == ("truncated", 21, ENTRIES)


def test_a_log_that_its_own_key_signed_twice_is_a_fork(folder: AuditFolder, tmp_path: Path) -> None:
    with AuditLog(tmp_path / "other", KEY, sync=False) as other:
        other.append([happening(n, who="somebody else") for n in range(1, ENTRIES)])
        signed = other.sign()
    problem = only(checked(folder, signed.checkpoint))
    assert problem.kind == "forked"
    assert "the checkpoint that you gave" in problem.message


def test_a_checkpoint_of_another_key_is_found(folder: AuditFolder) -> None:
    notes = list(folder.notes())
    text = notes[2].partition("\n\n")[0] + "\n"
    notes[2] = SigningKey.new("example.com/audit").sign(text)
    (folder.path / "checkpoints").write_text("\n".join(notes) + "\n")
    problem = only(checked(folder))
    assert problem.kind == "unreadable"
    assert "checkpoint 3" in problem.message


@settings(deadline=None)
@given(st.data())
def test_any_other_byte_of_the_entries_is_found(data: st.DataObject) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as text:
        with AuditLog(Path(text) / "audit", KEY, sync=False) as log:
            log.append([happening(n) for n in range(12)])
            log.sign()
        path = entries_file(log.folder)
        content = bytearray(path.read_bytes())
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] ^= data.draw(st.integers(1, 255))
        path.write_bytes(bytes(content))
        assert not checked(log.folder).good
