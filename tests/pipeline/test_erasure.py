"""The journal of erasures: what was written down stays, whatever dies."""

from pathlib import Path

import pytest

from pipeline.erasure import Erasure, ErasureJournal


def erasure(number: int) -> Erasure:
    return Erasure(pseudonym=f"inv-{number}", source="kyc", who="dpo", when=number, why="asked")


def test_a_line_that_a_crash_left_half_written_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "privacy" / "erasures.jsonl"
    journal = ErasureJournal(path)
    journal.add(erasure(1))
    journal.add(erasure(2))
    path.write_bytes(path.read_bytes()[:-20])

    assert journal.erasures() == [erasure(1)]
    journal.add(erasure(3))
    assert journal.erasures() == [erasure(1), erasure(3)]


def test_a_journal_that_cannot_be_read_is_not_an_empty_one(tmp_path: Path) -> None:
    assert ErasureJournal(tmp_path / "erasures.jsonl").erasures() == []
    with pytest.raises(OSError, match="File name too long"):
        ErasureJournal(tmp_path / ("x" * 300)).erasures()
