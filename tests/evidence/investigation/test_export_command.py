"""`tapewatch timeline export`: what it wants, says and leaves."""

import json
from pathlib import Path

import pytest

from pipeline.units import KIB, MIB
from tests.cli.command_line import tapewatch
from tests.demo.invented_alerts import T0
from tests.detections.market_replay.test_page import packed
from tests.evidence.audit.test_log import KEY
from tests.evidence.investigation.recorded_case import CASE, known, placed, write
from tests.evidence.investigation.test_export import audit_log, checked
from tests.fixtures.small_disk import SmallDiskFactory


def test_by_the_command(tmp_path: Path) -> None:
    write(tmp_path / "out", CASE)
    log = audit_log(tmp_path)
    made = tapewatch(
        "timeline", "export", "abc", "--out", "out", "--to", "made", "--audit", log.folder.path,
        "--key", str(KEY.verifying), folder=tmp_path,
    )  # fmt: skip
    assert made.code == 0, made
    assert "12 lines, 2 alerts: made/timeline.html" in made.out
    assert "3 of 3 alerts are proven by the audit log" in made.out
    assert checked(tmp_path / "made")[0] == 0
    again = tapewatch("timeline", "export", "abc", "--out", "out", "--to", "made", folder=tmp_path)
    assert (again.code, "made is there already" in again.error) == (2, True)


def test_what_is_missing_is_said_by_the_exit_code_as_well(tmp_path: Path) -> None:
    write(tmp_path / "out", [one for one in CASE if one.id != "e2"])
    made = tapewatch(
        "timeline", "export", "abc", "--out", "out", "--to", "made", "--json", folder=tmp_path
    )
    assert made.code == 1
    assert json.loads(made.out)["missing"] == ["e2"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ((), "say from where, by one of --out, --elasticsearch and --splunk"),
        (("--out", "out", "--window", "1 fortnight"), "--window 1 fortnight: "),
        (("--out", "out", "--key", "x"), "--key belongs to --audit"),
        (("--out", "out", "--splunk-ca", "ca.pem"), "--splunk-ca belongs to --splunk"),
        (("--out", "nowhere"), "nowhere has no folder alerts"),
        (("--out", "out", "--window", "5min"), "did you mean 5m?"),
        (("--out", "out", "--from", "2026-11-24", "--until", "2026-11-23"),
         "--from 2026-11-24 is not before --until 2026-11-23"),
        (("--out", "out", "--from", "2026-11-24T00:00:00Z", "--until", "2026-11-23"),
         "--from 2026-11-24T00:00:00Z is not before --until 2026-11-23"),
    ],
)  # fmt: skip
def test_what_the_command_wants(tmp_path: Path, more: tuple[str, ...], said: str) -> None:
    write(tmp_path / "out", CASE)
    asked = tapewatch("timeline", "export", "abc", "--to", "made", *more, folder=tmp_path)
    assert (asked.code, said in asked.error) == (2, True), asked


def test_it_says_of_which_time_it_is_and_which_names_nothing_was_found_of(tmp_path: Path) -> None:
    """In UTC, since a time without a zone is taken for that; and a slip of the pen is seen."""
    write(tmp_path / "out", [*CASE, placed("quoted", T0, 'desk "b"')])
    asked = ("timeline", "export", "abc", "--out", "out", "--to", "made")
    names = ("acct-willow", " acct-willow ", 'desk "b"', "ACCT-WILLOW", "acct-wilow", "acct-will")
    also = [word for name in names for word in ("--also", name)]
    said = tapewatch(*asked, "--from", "2027-01-15T07:00:00", *also, folder=tmp_path)
    assert "from 2027-01-15 07:00:00 to 2027-01-15 09:00:00 UTC" in said.out
    unmet = [line for line in said.out.splitlines() if line.startswith("nothing there names")]
    assert unmet == [
        "nothing there names ACCT-WILLOW",
        "nothing there names acct-wilow",
        "nothing there names acct-will",
    ]
    assert "nothing is proven by an audit log: see --audit" in said.out


def test_a_disk_that_is_full_leaves_no_part_of_an_export(
    tmp_path: Path, small_disk: SmallDiskFactory
) -> None:
    """Which nobody would know of, since nothing was noted in the audit log yet."""
    write(tmp_path / "out", CASE)
    asked = ("timeline", "export", "abc", "--out", "out", "--to", "disk/made")
    disk = small_disk(8 * MIB)
    disk.fill(leave=64 * KIB)
    said = tapewatch(*asked, folder=tmp_path)
    assert (said.code, "No space left on device" in said.error) == (1, True), said
    assert [one.name for one in disk.path.iterdir()] == ["ballast"]
    disk.make_room()
    assert tapewatch(*asked, folder=tmp_path).code == 0


def test_the_market_is_in_it_without_the_names_of_others(tmp_path: Path) -> None:
    """As a page and as a picture; whoever gets it has no business with everybody's orders."""
    write(tmp_path / "out", CASE)
    log = audit_log(tmp_path)
    said = tapewatch(
        "timeline", "export", "abc", "--out", "out", "--to", "made", "--audit", log.folder.path,
        "--key", str(KEY.verifying), folder=tmp_path,
    )  # fmt: skip
    assert "the market around it, to play again: made/market.html" in said.out
    page = (tmp_path / "made" / "market.html").read_text()
    picture = (tmp_path / "made" / "market.svg").read_text()
    assert "acct-mirage" in page
    for name in ("acct-willow", "acct-honest"):
        assert name not in f"{page}{picture}{packed(page)}"
    manifest = json.loads((tmp_path / "made" / "manifest.json").read_text())
    assert {"market.html", "market.svg"} <= manifest["files"].keys()
    assert checked(tmp_path / "made")[0] == 0
    (tmp_path / "made" / "market.html").write_text(page.replace("acct-mirage", "acct-honest"))
    assert checked(tmp_path / "made")[0] == 1


def test_what_rests_on_no_market_has_none(tmp_path: Path) -> None:
    events = [one for one in CASE if one.id not in ("e1", "e2", "e3")]
    write(tmp_path / "out", [*events, known("e1", T0), known("e2", T0), known("e3", T0)])
    said = tapewatch(
        "timeline", "export", "abc", "--out", "out", "--to", "made", folder=tmp_path
    )  # fmt: skip
    assert said.code == 0, said
    assert not (tmp_path / "made" / "market.html").exists()
