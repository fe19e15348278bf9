"""All of a party in a stretch of time, as a regulator asks for it: without any alert."""

import json
from pathlib import Path

import msgspec
import pytest

from evidence.investigation.archive import FolderArchive
from evidence.investigation.export import Manifest, Parts, export
from evidence.investigation.gather import Gathered, evidence_originals, gather_parties
from evidence.investigation.page import MOST_LINES
from evidence.investigation.pdf import write_pdf
from evidence.investigation.proofs import recorded
from normalizer.events.reference import CorporateEvent
from pipeline.failure import Failure
from pipeline.units import DAY, HOUR, MINUTE, SECOND
from tests.cli.command_line import tapewatch
from tests.demo.invented_alerts import T0
from tests.evidence.audit.test_log import KEY
from tests.evidence.investigation.recorded_case import (
    CASE,
    INVESTOR,
    SPOOFER,
    gap,
    known,
    placed,
    write,
)
from tests.evidence.investigation.test_export import audit_log, checked

OF_THE_DAY = ("--from", "2027-01-15T00:00:00Z", "--until", "2027-01-16")


def gathered(folder: Path, *parties: str, since: int = -HOUR, until: int = HOUR) -> Gathered:
    archive = FolderArchive(folder)
    return gather_parties(archive, parties, since=T0 + since, until=T0 + until)


def ids(found: Gathered) -> list[str]:
    return [line.id for line in found.lines]


def test_all_that_names_them_and_what_their_alerts_rest_on(tmp_path: Path) -> None:
    found = gathered(write(tmp_path, CASE), SPOOFER)
    assert ids(found) == [
        *("e1", "other-rules", "rules", "gap", "e2", "e3", "abc123", "near", "abd", "u1")
    ]
    assert [one.id for one in found.alerts] == ["abc123", "abd"]
    assert found.complete
    assert (found.subject, found.parties) == (None, (SPOOFER,))


def test_whom_no_alert_is_about_is_found_as_well(tmp_path: Path) -> None:
    """With the gaps of the venues that he traded on, and all rules that watched him."""
    found = gathered(write(tmp_path, [one for one in CASE if one.id != "abf"]), "acct-honest")
    assert ids(found) == ["other-rules", "rules", "gap", "honest", "honest-trade"]
    assert found.alerts == []


def test_of_what_concerns_everybody_there_is_what_concerns_their_sources_and_tokens(
    tmp_path: Path,
) -> None:
    def news(name: str, token: str) -> CorporateEvent:
        return CorporateEvent(
            id=name, timestamp=T0, ingested=T0, original="", provider="filings", token_id=token,
            corporate_id=name, corporate_type="split", change="changed", announced=T0,
        )  # fmt: skip

    elsewhere = placed("elsewhere", T0, "acct-birch", provider="other", token_id="ACME-1")
    more = [elsewhere, gap("theirs", T0, "other"), news("split", "ACME-1"), news("no", "ACME-2")]
    found = gathered(write(tmp_path, [*CASE, *more]), "acct-birch")
    assert ids(found) == ["other-rules", "rules", "elsewhere", "theirs", "split"]


def test_the_time_ends_where_it_is_said_to_and_what_was_known_was_known_before(
    tmp_path: Path,
) -> None:
    folder = write(tmp_path, [*CASE, known("kyc-early", T0 - 300 * DAY)])
    found = gathered(folder, SPOOFER, INVESTOR, since=2 * SECOND, until=MINUTE)
    assert ids(found) == ["kyc-early", "kyc", "near"]
    with pytest.raises(Failure, match=r"nothing is from .* to .*: see --from"):
        gathered(folder, SPOOFER, since=HOUR, until=HOUR)


def test_evidence_that_is_gone_is_missing(tmp_path: Path) -> None:
    found = gathered(write(tmp_path, [one for one in CASE if one.id != "e1"]), SPOOFER)
    assert (found.missing, found.complete) == (["e1"], False)


def test_raw_frames_are_wanted_of_all_their_events(tmp_path: Path) -> None:
    found = gathered(write(tmp_path, CASE), "acct-honest")
    assert {"RAW/1/honest", "RAW/1/honest-trade"} <= set(evidence_originals(found))


# -- the export ------------------------------------------------------------------------------------


@pytest.fixture
def made(tmp_path: Path) -> tuple[Path, Manifest]:
    found = gathered(write(tmp_path / "out", CASE), SPOOFER, "acct-willow")
    log = audit_log(tmp_path)
    told = [*found.alerts, *found.updates]
    proofs = recorded(log.folder, KEY.verifying, told, found.scope.names, [])
    parts = Parts(audit=(log.folder, KEY.verifying, proofs), version="1.2.3")
    return tmp_path / "export", export(found, parts, tmp_path / "export", writers=[write_pdf])


def test_it_is_whole_and_checks(made: tuple[Path, Manifest]) -> None:
    folder, manifest = made
    assert (manifest.alert, manifest.parties) == ("", [SPOOFER, "acct-willow"])
    code, answer = checked(folder)
    assert code == 0, answer
    assert "3 of 3 alerts and updates are, byte for byte, in the audit log" in answer
    readme = (folder / "README.txt").read_text("utf-8")
    assert f"    party     {SPOOFER}\n    party     acct-willow\n    from " in readme
    page = (folder / "timeline.html").read_text("utf-8")
    assert f"<h1>All of {SPOOFER}, acct-willow</h1>" in page
    assert "6 events and 2 alerts that name them, from 2027-01-15T07:00:00" in page
    assert (folder / "timeline.pdf").read_bytes().startswith(b"%PDF-")


def test_an_alert_is_not_dropped_by_saying_that_it_is_of_nobody(
    made: tuple[Path, Manifest],
) -> None:
    folder, manifest = made
    changes: list[dict[str, object]] = [{"parties": []}, {"alert": "abe"}]
    for wrong in changes:
        content = msgspec.json.decode(msgspec.json.encode(manifest)) | wrong
        (folder / "manifest.json").write_text(json.dumps(content))
        code, answer = checked(folder)
        assert (code, "the timeline doesn't have" in answer) == (1, True), answer


def test_whom_nothing_names_is_told_to_who_gets_the_export_too(tmp_path: Path) -> None:
    """A slip of the pen would look like a clean sheet."""
    found = gathered(write(tmp_path / "out", CASE), f" {SPOOFER} ", "acct-mirag", "acct-mirag ")
    manifest = export(found, Parts(), tmp_path / "export")
    assert (manifest.parties, manifest.unmet) == ([SPOOFER, "acct-mirag"], ["acct-mirag"])
    page = (tmp_path / "export" / "timeline.html").read_text("utf-8")
    assert "Nothing here names acct-mirag." in page
    code, said = checked(tmp_path / "export", key=None)
    assert (code, "1 name NOT met in the export: see manifest.json" in said) == (0, True), said


def test_the_same_archive_gives_the_same_bytes(tmp_path: Path) -> None:
    folder = write(tmp_path / "out", CASE)
    for name in ("one", "two"):
        export(gathered(folder, SPOOFER), Parts(), tmp_path / name)
    one, two = ((tmp_path / name / "manifest.json").read_bytes() for name in ("one", "two"))
    assert one == two


def test_a_page_of_more_lines_than_a_browser_shows_has_what_alerts_rest_on(tmp_path: Path) -> None:
    many = [placed(f"more-{n:06}", T0 - MINUTE + n) for n in range(MOST_LINES)]
    found = gathered(write(tmp_path / "out", [*CASE, *many]), SPOOFER)
    manifest = export(found, Parts(), tmp_path / "export")
    page = (tmp_path / "export" / "timeline.html").read_text("utf-8")
    assert manifest.lines == MOST_LINES + 10
    assert "10 more lines in timeline.csv and timeline.ndjson" in page
    for line in ("e1", "e3", "abc123", "u1", "more-099990"):
        assert f'"id":"{line}"' in page
    assert '"id":"more-099991"' not in page
    assert checked(tmp_path / "export", key=None)[0] == 0


# -- the command -----------------------------------------------------------------------------------


def test_by_the_command(tmp_path: Path) -> None:
    write(tmp_path / "out", CASE)
    asked = ("timeline", "export", "--out", "out", "--to", "made", *OF_THE_DAY)
    parties = ("--party", "acct-honest", "--party", "acct-onest")
    said = tapewatch(*asked, *parties, folder=tmp_path)
    assert said.code == 0, said
    assert "6 lines, 1 alert: made/timeline.html" in said.out
    assert "from 2027-01-15 00:00:00 to 2027-01-17 00:00:00 UTC" in said.out
    assert "nothing there names acct-onest\n" in said.out
    assert checked(tmp_path / "made", key=None)[0] == 0


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ((), "name an alert or a case, or parties by --party"),
        (("abc", "--party", "x", *OF_THE_DAY), "named by --also, not --party"),
        (("--party", "x"), "--party: say of which time, by --from and --until"),
        (("--party", "x", *OF_THE_DAY[:2]), "--party: say of which time, by --from and --until"),
        (("--party", " ", *OF_THE_DAY), "--party: an empty name is nobody's"),
        (("--party", "x", *OF_THE_DAY, "--also", "y"), "--also belongs to an alert or a case"),
        (("--party", "x", *OF_THE_DAY, "--window", "1h"), "--window belongs to an alert or a case"),
    ],
)
def test_what_the_command_wants(tmp_path: Path, asked: tuple[str, ...], said: str) -> None:
    write(tmp_path / "out", CASE)
    options = ("--out", "out", "--to", "made")
    answer = tapewatch("timeline", "export", *asked, *options, folder=tmp_path)
    assert (answer.code, said in answer.error) == (2, True), answer
    assert not (tmp_path / "made").exists()
