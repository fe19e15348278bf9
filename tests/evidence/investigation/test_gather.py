"""What belongs to an investigation: all that concerns its parties, and nothing of others."""

from pathlib import Path

import pytest

from evidence.investigation.archive import FolderArchive
from evidence.investigation.gather import Gathered, gather
from pipeline.failure import Failure
from pipeline.units import DAY, HOUR
from tests.demo.invented_alerts import T0
from tests.evidence.investigation.recorded_case import CASE, EVENTS, placed, write


def gathered(folder: Path, alert: str = "abc123", **more: object) -> Gathered:
    return gather(FolderArchive(folder), alert, **({"window": HOUR} | more))  # type: ignore[arg-type]


def test_events_alerts_rules_gaps_and_what_was_known_in_the_order_of_time(tmp_path: Path) -> None:
    found = gathered(write(tmp_path, CASE))
    assert [(line.id, line.kind) for line in found.lines] == [
        ("kyc", "reference"),
        ("e1", "event"),
        ("rules", "rules"),
        ("gap", "event"),
        ("e2", "event"),
        ("e3", "event"),
        ("abc123", "alert"),
        ("near", "event"),
        ("abd", "alert"),
        ("u1", "update"),
    ]
    assert found.complete
    assert [one.evidence_of for one in found.lines if one.id == "e1"] == [("abc123",)]


def test_the_window_and_other_names_are_the_analysts_to_choose(tmp_path: Path) -> None:
    folder = write(tmp_path, CASE)
    wide = {line.id for line in gathered(folder, window=3 * HOUR).lines}
    assert {"far", "abe", "kyc-later"} <= wide
    named = {line.id for line in gathered(folder, also=["acct-honest"]).lines}
    assert {"honest", "honest-trade", "abf"} <= named
    short = {line.id for line in gathered(folder, since=T0, until=T0 + 1).lines}
    assert short == {"kyc", "e1", "e2", "e3", "abc123"}


@pytest.mark.parametrize("slip", [{"since": T0 + DAY}, {"until": T0 - DAY}])
def test_a_time_that_ends_before_it_begins_is_refused(tmp_path: Path, slip: dict[str, int]) -> None:
    """One end was named, by a slip, and the other follows from the alert."""
    with pytest.raises(Failure, match=r"nothing is from .* to .*: see --from"):
        gathered(write(tmp_path, CASE), **slip)


def test_an_address_is_found_in_whichever_case_it_was_copied(tmp_path: Path) -> None:
    """Explorers show them with a checksum of upper and lower case; events have lower case."""
    wallet = "0x" + "ab" * 20
    archive = FolderArchive(write(tmp_path, [*CASE, placed("wallets", T0, wallet)]))
    for copied in (wallet, "0x" + "aB" * 20, "0X" + "AB" * 20, f" {wallet} "):
        found = gather(archive, "abc123", window=HOUR, also=(copied,))
        assert "wallets" in [line.id for line in found.lines], copied


def test_evidence_that_is_not_there_and_what_can_not_be_read_are_told(tmp_path: Path) -> None:
    folder = write(tmp_path, [one for one in CASE if one.id != "e2"])
    (path,) = (folder / "events").iterdir()
    path.write_bytes(path.read_bytes() + b'{"event":{"id":"e2","action":"trade"}}\n"e2"\n')
    found = gathered(folder)
    assert found.missing == ["e2"]
    assert len(found.unreadable) == 2
    assert "20261126T000000Z-00000001.ndjson:14" in found.unreadable[0]
    assert not found.complete


def test_a_second_copy_counts_once(tmp_path: Path) -> None:
    folder = write(tmp_path, [*CASE, *EVENTS])  # type: ignore[list-item]
    assert len(gathered(folder).lines) == 10


def test_an_alert_is_named_by_its_id_as_it_was_copied(tmp_path: Path) -> None:
    for copied in ("ABC123", " abc1 ", "Abc1"):
        assert gathered(write(tmp_path, CASE), copied).subject.id == "abc123"


def test_an_alert_is_named_by_how_it_begins(tmp_path: Path) -> None:
    folder = write(tmp_path, CASE)
    assert gathered(folder, "abc").subject.id == "abc123"
    with pytest.raises(Failure, match="4 alerts begin with 'ab'"):
        gathered(folder, "ab")
    with pytest.raises(Failure, match=r"no alert in files of .* begins with 'zzz'"):
        gathered(folder, "zzz")
    with pytest.raises(Failure, match="an empty id"):
        gathered(folder, "")
    with pytest.raises(Failure, match="has no folder alerts"):
        FolderArchive(tmp_path / "nowhere")


def test_documents_stay_as_they_were_byte_for_byte(tmp_path: Path) -> None:
    folder = write(tmp_path, CASE)
    (path,) = (folder / "events").iterdir()
    odd = path.read_bytes().replace(b'"390.0"', b'"390.0"').replace(b":390.0", b":3.9e2", 1)
    path.write_bytes(odd)
    found = gathered(folder)
    (place,) = (n for n, line in enumerate(found.lines) if line.id == "e1")
    assert b"3.9e2" in found.documents[place]


def test_hostile_names_are_only_names(tmp_path: Path) -> None:
    evil = 'a" OR event.action:* \\'
    records = [*CASE, placed("evil", T0, evil)]
    found = gathered(write(tmp_path, records), also=[evil])
    assert "evil" in {line.id for line in found.lines}
    assert "honest" not in {line.id for line in found.lines}


def test_what_was_known_before_counts_however_long_ago(tmp_path: Path) -> None:
    found = gathered(write(tmp_path, CASE))
    assert found.lines[0].id == "kyc"
    assert found.lines[0].time == T0 - 30 * DAY
