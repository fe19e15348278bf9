"""Tampering of every kind, at every kind of place: each is found, and where it is.

The log has five files of entries, with some twenty entries each, signed every ten. What is done is
done by somebody who may write all its files, and has not the key.
"""

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from evidence.audit.entries import encode
from evidence.audit.export import export, select
from evidence.audit.merkle import HASH_SIZE, leaf_hash
from evidence.audit.notes import Checkpoint
from evidence.audit.store import AuditFolder, AuditLog, AuditLogFailed
from evidence.audit.verify import Kind, Verdict, verify
from tests.evidence.audit.test_log import KEY, happening

ENTRIES, BATCH = 101, 10


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> AuditFolder:
    path = tmp_path_factory.mktemp("log") / "audit"
    with pytest.MonkeyPatch.context() as patched, AuditLog(path, KEY, sync=False) as log:
        patched.setattr("evidence.audit.store._SEGMENT", 2_000)
        for first in range(1, ENTRIES, BATCH):
            log.append([happening(n) for n in range(first, first + BATCH)])
            log.sign()
    return log.folder


@pytest.fixture
def folder(untouched: AuditFolder, tmp_path: Path) -> AuditFolder:
    shutil.copytree(untouched.path, tmp_path / "audit")
    return AuditFolder(tmp_path / "audit")


class Lines:
    """All lines of a log, to be changed, and put back into its files."""

    def __init__(self, folder: AuditFolder) -> None:
        self._folder = folder
        self.files = [path.read_bytes().splitlines(keepends=True) for _, path in folder.segments()]

    def at(self, number: int) -> tuple[list[bytes], int]:
        """The file that holds an entry, and its place there."""
        for lines in self.files:
            if number < len(lines):
                return lines, number
            number -= len(lines)
        raise IndexError(number)

    def write(self, *, hashed: bool = False) -> None:
        for (_, path), lines in zip(self._folder.segments(), self.files, strict=True):
            path.write_bytes(b"".join(lines))
        if hashed:  # what a thorough attacker does: stored hashes that fit
            leaves = [leaf_hash(line.rstrip(b"\n")) for lines in self.files for line in lines]
            self._folder.nodes(0).write_bytes(b"".join(leaves))


def borders(folder: AuditFolder) -> list[int]:
    """The first entry of each file but the first."""
    return [number for number, _ in folder.segments()][1:]


def places(folder: AuditFolder) -> Iterator[tuple[str, int]]:
    """Where tampering is tried."""
    yield "first", 0
    yield "second", 1
    yield "middle", 55
    yield "last", ENTRIES - 1
    for number in borders(folder):
        yield "last of a file", number - 1
        yield "first of a file", number


def checked(folder: AuditFolder, *against: Checkpoint) -> Verdict:
    return verify(folder, KEY.verifying, against=against)


def kinds(verdict: Verdict) -> set[Kind]:
    return {one.kind for one in verdict.problems}


def span(verdict: Verdict, kind: Kind) -> list[tuple[int, int]]:
    return [(one.first, one.end) for one in verdict.problems if one.kind == kind]


def test_the_log_has_borders_and_is_good(folder: AuditFolder) -> None:
    assert len(folder.segments()) == 5
    verdict = checked(folder)
    assert verdict.good
    assert (verdict.entries, verdict.signed) == (ENTRIES, ENTRIES)


def each_place(folder: AuditFolder, change: Callable[[int], Sequence[int]]) -> None:
    """`change` tampers at a place; the entries that it says it touched must be named, no others."""
    intact = {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file()}
    for where, number in places(folder):
        touched = change(number)
        verdict = checked(folder)
        assert not verdict.good, f"{where}: nothing was found"
        named = {n for one in verdict.problems for n in range(one.first, one.end)}
        assert set(touched) <= named, (where, verdict.problems)
        furthest = max(max(touched) - min(named), max(named) - min(touched))
        assert furthest <= BATCH, (where, verdict.problems)
        for path, content in intact.items():
            path.write_bytes(content)
    assert checked(folder).good


@pytest.mark.parametrize("hashed", [False, True], ids=["hashes-left", "hashed-anew"])
def test_a_change_is_found_at_every_place(folder: AuditFolder, *, hashed: bool) -> None:
    def change(number: int) -> list[int]:
        all_lines = Lines(folder)
        lines, at = all_lines.at(number)
        lines[at] = re.sub(rb'"who":"[^"]*"', b'"who":"nobody"', lines[at])
        all_lines.write(hashed=hashed)
        return [number]

    each_place(folder, change)


@pytest.mark.parametrize("hashed", [False, True], ids=["hashes-left", "hashed-anew"])
def test_a_deletion_is_found_at_every_place(folder: AuditFolder, *, hashed: bool) -> None:
    def delete(number: int) -> list[int]:
        all_lines = Lines(folder)
        lines, at = all_lines.at(number)
        del lines[at]
        all_lines.write(hashed=hashed)
        return [number]

    each_place(folder, delete)


@pytest.mark.parametrize("hashed", [False, True], ids=["hashes-left", "hashed-anew"])
def test_an_insertion_is_found_at_every_place(folder: AuditFolder, *, hashed: bool) -> None:
    def insert(number: int) -> list[int]:
        all_lines = Lines(folder)
        lines, at = all_lines.at(number)
        lines.insert(at + 1, encode(happening(7, who="a forger"), number) + b"\n")
        all_lines.write(hashed=hashed)
        return [number]

    each_place(folder, insert)


@pytest.mark.parametrize("hashed", [False, True], ids=["hashes-left", "hashed-anew"])
def test_an_exchange_of_neighbours_is_found_at_every_place(
    folder: AuditFolder, *, hashed: bool
) -> None:
    def exchange(number: int) -> list[int]:
        first, second = (number, number + 1) if number + 1 < ENTRIES else (number - 1, number)
        all_lines = Lines(folder)
        (ours, here), (theirs, there) = all_lines.at(first), all_lines.at(second)
        ours[here], theirs[there] = theirs[there], ours[here]
        all_lines.write(hashed=hashed)
        return [first]  # one of the two must be named, and nothing far from them

    each_place(folder, exchange)


def test_an_insertion_with_numbers_put_right_is_found_between_two_checkpoints(
    folder: AuditFolder,
) -> None:
    def insert_and_count(number: int) -> list[int]:
        all_lines = Lines(folder)
        lines, at = all_lines.at(number)
        lines.insert(at + 1, encode(happening(7, who="a forger"), number) + b"\n")
        count = 0
        for file in all_lines.files:
            for place, line in enumerate(file):
                file[place] = re.sub(rb'"number":\d+', b'"number":%d' % count, line, count=1)
                count += 1
        all_lines.write(hashed=True)
        # What is behind the last checkpoint is not signed: then it is only one entry more.
        return [number if number + 1 < ENTRIES else number - 1]

    intact = {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file()}
    for _, number in places(folder):
        if number + 1 == ENTRIES:
            continue
        insert_and_count(number)
        (problem,) = checked(folder).problems
        assert problem.kind == "changed"
        assert problem.first <= number + 1 < problem.end + 1
        assert problem.end - problem.first <= BATCH
        for path, content in intact.items():
            path.write_bytes(content)


def test_every_end_that_is_cut_off_is_found(folder: AuditFolder) -> None:
    intact = {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file()}
    for left in {0, 1, 55, ENTRIES - 1, *borders(folder), *(n - 1 for n in borders(folder))}:
        all_lines = Lines(folder)
        kept = left
        for lines in all_lines.files:
            del lines[kept:]
            kept = max(0, kept - len(lines))
        all_lines.write()
        verdict = checked(folder)
        assert span(verdict, "truncated") == [(left, ENTRIES)], left
        for path, content in intact.items():
            path.write_bytes(content)


def test_whole_files_that_are_gone_are_named_by_their_entries(folder: AuditFolder) -> None:
    segments = folder.segments()
    ends = [number for number, _ in segments[1:]] + [ENTRIES]
    for (first, path), end in zip(segments, ends, strict=True):
        content = path.read_bytes()
        path.unlink()
        verdict = checked(folder)
        kind: Kind = "deleted" if end < ENTRIES else "truncated"
        assert span(verdict, kind) == [(first, end)]
        assert kinds(verdict) == {kind}
        path.write_bytes(content)


def test_files_that_changed_places_are_found(folder: AuditFolder) -> None:
    (_, one), (_, other) = folder.segments()[1:3]
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)
    verdict = checked(folder)
    assert "reordered" in kinds(verdict)
    begin, end = borders(folder)[0], borders(folder)[2]
    assert {n for p in verdict.problems for n in range(p.first, p.end)} <= set(range(begin, end))


def test_a_file_that_is_there_twice_is_found(folder: AuditFolder) -> None:
    first, path = folder.segments()[2]
    (path.parent / f"{first + 1:012}.ndjson").write_bytes(path.read_bytes())
    verdict = checked(folder)
    count = len(path.read_bytes().splitlines())
    assert span(verdict, "inserted") == [(n, n + 1) for n in range(first, first + count)]


def test_checkpoints_that_were_taken_away_exchanged_or_signed_by_another_are_found(
    folder: AuditFolder,
) -> None:
    path = folder.path / "checkpoints"
    notes = list(folder.notes())
    kept = folder.newest(KEY.verifying)
    assert kept is not None
    path.write_text("\n".join([*notes[:3], notes[5], notes[4], *notes[6:]]) + "\n")
    assert kinds(checked(folder)) == {"reordered"}
    path.write_text("\n".join(notes[:-1]) + "\n")
    assert checked(folder).unsigned == BATCH  # told, and no more: it may have been a crash
    assert kinds(checked(folder, kept.checkpoint)) == set()


@pytest.mark.parametrize("left", ["nothing", "an empty file"])
def test_a_log_without_any_checkpoint_is_not_called_good(folder: AuditFolder, left: str) -> None:
    path = folder.path / "checkpoints"
    path.unlink()
    if left == "an empty file":
        path.write_bytes(b"")
    verdict = checked(folder)
    assert span(verdict, "deleted") == [(0, ENTRIES)]
    assert verdict.signed == 0
    (problem,) = verdict.problems
    assert problem.message == (
        f"none of the {ENTRIES} entries is signed: there is no checkpoint of this key"
    )


def test_a_log_that_a_crash_left_before_its_first_checkpoint_is_good(tmp_path: Path) -> None:
    """It goes on from there: see `AuditLog`."""
    with AuditLog(tmp_path / "new", KEY, sync=False) as log:
        pass
    (log.folder.path / "checkpoints").unlink()
    verdict = checked(log.folder)
    assert verdict.good
    assert (verdict.entries, verdict.unsigned) == (1, 1)


def test_a_log_of_which_everything_is_gone_is_not_called_good(folder: AuditFolder) -> None:
    for name in ("entries", "nodes"):
        shutil.rmtree(folder.path / name)
    (folder.path / "checkpoints").unlink()
    verdict = checked(folder)
    (problem,) = verdict.problems
    assert (verdict.entries, verdict.good, problem.kind) == (0, False, "deleted")
    assert "no entry" in problem.message


@pytest.mark.parametrize(
    "name", ["extra.ndjson", "7.ndjson", "0000000000_9.ndjson", "note.txt", ".hidden"]
)
def test_a_file_beside_those_of_the_log_is_told(folder: AuditFolder, name: str) -> None:
    (folder.path / "entries" / name).write_bytes(b"")
    (problem,) = checked(folder).problems
    assert problem.message == f"entries/{name} has not the name of a file of the log"


def test_a_file_that_was_renamed_is_told(folder: AuditFolder) -> None:
    """Entries are looked for by it: else proofs would be of others."""
    first, path = folder.segments()[2]
    path.rename(path.with_name(f"{first + 1:012}.ndjson"))
    (problem,) = checked(folder).problems
    assert problem.message == (
        f"entries/{first + 1:012}.ndjson begins with entry {first}, and was renamed"
    )


def test_what_is_missing_and_lies_there_under_another_name_is_told_as_well(
    folder: AuditFolder,
) -> None:
    first, path = folder.segments()[2]
    path.rename(path.with_suffix(".bak"))
    problems = checked(folder).problems
    assert problems[0].message == f"entries/{first:012}.bak has not the name of a file of the log"
    assert problems[1].message.startswith(f"entries {first} to ")


@pytest.mark.parametrize("level", [1, 3, 5])
def test_a_stored_hash_over_several_entries_that_is_wrong_is_told(
    folder: AuditFolder, level: int
) -> None:
    """Proofs are made of it: they would show nothing, and nobody would know why."""
    path = folder.nodes(level)
    content = bytearray(path.read_bytes())
    content[HASH_SIZE + 3] ^= 1
    path.write_bytes(content)
    verdict = checked(folder)
    (problem,) = verdict.problems
    assert (problem.kind, problem.first, problem.end) == ("hashes", 1 << level, 2 << level)
    assert f"hash 1 of nodes/{level:02}, over entries {1 << level} to " in problem.message
    shutil.rmtree(folder.path / "nodes")  # as it says
    with AuditLog(folder.path, KEY, sync=False):
        pass
    assert checked(folder).good


def test_what_was_tampered_with_is_not_proven(folder: AuditFolder, tmp_path: Path) -> None:
    """Nor exported, to be found wrong by whoever gets it."""
    signed = folder.newest(KEY.verifying)
    assert signed is not None
    folder.prove(55, signed)
    all_lines = Lines(folder)
    lines, at = all_lines.at(55)
    lines[at] = lines[at].replace(b'"who":"', b'"who":"x')
    all_lines.write()
    with pytest.raises(AuditLogFailed, match=r"entry 55 .* is not what was signed"):
        folder.prove(55, signed)
    chosen = list(select(folder, 60, lambda entry: True, first=50))
    with pytest.raises(AuditLogFailed, match="entry 55 "):
        export(folder, KEY.verifying, chosen, tmp_path / "export")
    assert not (tmp_path / "export").exists()


def test_one_entry_that_is_gone_is_told_as_one(folder: AuditFolder) -> None:
    all_lines = Lines(folder)
    lines, at = all_lines.at(55)
    del lines[at]
    all_lines.write()
    messages = [problem.message for problem in checked(folder).problems]
    assert messages == ["entry 55 is gone"]


def test_a_log_that_was_written_anew_from_some_entry_on_is_a_fork_from_there(
    folder: AuditFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the owner of the key: what anchors and kept checkpoints are for."""
    monkeypatch.setattr("evidence.audit.store._SEGMENT", 2_000)
    kept = [one.checkpoint for one in [folder.newest(KEY.verifying)] if one is not None]
    for parted in (1, 51, borders(folder)[1], ENTRIES - 1):
        with AuditLog(tmp_path / f"fork-{parted}", KEY, sync=False) as other:
            lines = [
                happening(n, **({"who": "x"} if n >= parted else {})) for n in range(1, ENTRIES)
            ]
            for first in range(0, ENTRIES - 1, BATCH):
                other.append(lines[first : first + BATCH])
                other.sign()
        assert checked(other.folder).good
        (problem,) = checked(other.folder, *kept).problems
        assert problem.kind == "forked"
        assert problem.first <= parted < problem.end


def test_numbers_beyond_all_logs_are_no_numbers(folder: AuditFolder) -> None:
    for number in (b"9" * 19, b"9" * 20, b"9" * 5_000):
        all_lines = Lines(folder)
        lines, at = all_lines.at(55)
        before = lines[at]
        lines[at] = re.sub(rb'"number":\d+', b'"number":' + number, before, count=1)
        all_lines.write()
        assert not checked(folder).good
        lines[at] = before
        all_lines.write()
