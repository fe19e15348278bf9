"""What is known of a case: whom it is about, what was done, how much, and what is missing."""

from pathlib import Path

import pytest

from evidence.investigation.archive import FolderArchive
from evidence.reports.source import FolderSource
from evidence.reports.suspicious.material import Material, gather_case
from evidence.reports.suspicious.narrative import narrative
from pipeline.failure import Failure
from tests.evidence.reports.recorded_weeks import ALL, WEEK, write


def material(folder: Path, case: str = "TW-WASH") -> Material:
    out = write(folder / "out", ALL)
    return gather_case(FolderSource(out), FolderArchive(out), case)


def test_a_case_is_found_by_how_its_id_begins(tmp_path: Path) -> None:
    assert material(tmp_path, "TW-W").case_id == "TW-WASH"


@pytest.mark.parametrize("name", ["TW-NONE", "TW-", ""])
def test_a_case_that_is_none_or_several_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(Failure):
        material(tmp_path, name)


def test_an_account_and_its_investor_are_one_party(tmp_path: Path) -> None:
    found = material(tmp_path)
    assert [(one.key, one.accounts, one.wallets) for one in found.parties] == [
        ("INV-1061", ["acct-echo"], [])
    ]


def test_amounts_are_those_of_the_evidence(tmp_path: Path) -> None:
    found = material(tmp_path)
    assert found.worth == {"USD": pytest.approx(3 * 13 * 100.04)}
    assert found.first == WEEK
    assert [one.trade_id for one in found.events] == ["trade-w1", "trade-w2", "trade-w3"]
    assert found.missing == []
    assert material(tmp_path / "other", "TW-SPOOF").missing == ["trade-s1", "trade-s2"]


def test_the_narrative_answers_the_five_questions_and_fits(tmp_path: Path) -> None:
    found = material(tmp_path)
    text = narrative(found, 17_000)
    for word in ("WHO.", "WHAT.", "WHEN.", "WHERE.", "WHY.", "HOW."):
        assert f"\n{word} " in text
    for told in ("acct-echo", "3,901.56 USD", "2026-11-16 00:00:00 UTC", "trade trade-w1"):
        assert told in text
    assert len(narrative(found, 1_000)) <= 1_000
    assert len(narrative(found, 300)) <= 300
