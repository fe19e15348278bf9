"""`tapewatch report` as people use it: made, filled in, built, approved by another, submitted."""

import json
import os
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from pipeline.cli.commands import app
from pipeline.system_users import current_user
from tests.cli.command_line import Answer, tapewatch
from tests.evidence.reports.recorded_weeks import ALL, write
from tests.evidence.reports.suspicious import filled
from tests.evidence.reports.suspicious.test_forms import template


@pytest.fixture
def office(tmp_path: Path) -> Path:
    write(tmp_path / "out", ALL)
    (tmp_path / "rules").mkdir()
    content = {
        "bus": {"type": "embedded", "path": "nats"},
        "sources": [],
        "detections": {"rules": ["rules"]},
        "sinks": [{"name": "files", "type": "file", "path": "out"}],
        "reports": {
            "path": "reports",
            "transports": [{"name": "drop", "type": "folder", "path": "drop"}],
            "schedule": [{"name": "weekly", "report": "weekly", "sink": "files"}],
        },
    }
    (tmp_path / "pipeline.yaml").write_text(yaml.safe_dump(content))
    return tmp_path


def report(office: Path, *arguments: str, named: str = "ann") -> Answer:
    return tapewatch("report", *arguments, folder=office, LOGNAME=named, USER=named)


def test_a_week_is_reported_into_a_folder_of_its_own(office: Path) -> None:
    made = report(office, "weekly", "2026-W47", "--time-zone", "Europe/London")
    assert (made.code, made.out) == (0, "2026-W47: 7 alerts: reports/weekly/2026-W47/report.html\n")
    again = report(office, "weekly", "2026-W47", "--time-zone", "Europe/London")
    assert again.code == 2
    assert "is there already" in again.error


def test_a_month_that_is_not_over_is_told_to_be_a_part_of_one(office: Path) -> None:
    """A report that is made can't grow, and its figures would be taken for the whole month's."""
    part = report(office, "monthly", "2199-03", "--time-zone", "Europe/London", "--json")
    assert (part.code, json.loads(part.out)["name"]) == (0, "2199-03")
    assert "2199-03 is not over before 2199-04-01 (Europe/London): what comes until" in part.error
    whole = report(office, "weekly")
    assert "is not over" not in whole.error


def test_a_suspicious_report_goes_out_after_a_second_person_approved(
    office: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert report(office, "suspicious", "TW-WASH", "--form", "goaml", "--to", "r").code == 0
    open_ = report(office, "build", "r")
    assert open_.code == 2
    assert "r/filing.yaml:" in open_.error
    known = template(tmp_path_factory.mktemp("known"), "goaml")
    (office / "r" / "filing.yaml").write_text(filled.goaml(known))
    digest = report(office, "build", "r").out.partition("digest: ")[2].split()[0]

    me = current_user()
    refused = report(office, "approve", "r", "--digest", digest, named="ben")
    assert f"{me} prepared it" in refused.error
    # Tests can't become another user.
    monkeypatch.chdir(office)
    monkeypatch.setattr("pipeline.cli.reloading.operator", lambda: "ben")
    prepared = (office / "r" / "steps" / "0001.json").stat().st_ino

    def owner_of(known: os.stat_result) -> str:
        return me if known.st_ino == prepared else "ben"

    monkeypatch.setattr("evidence.reports.suspicious.dossier.owner_of", owner_of)
    path = office / "pipeline.yaml"
    content = yaml.safe_load(path.read_text())
    two_names = [{"user": "x", "also": [me, "ben"]}, {"user": "y", "roles": ["supervisor"]}]
    path.write_text(yaml.safe_dump(content | {"cases": {"people": two_names}}))
    approved = CliRunner().invoke(app, ["report", "approve", "r", "--digest", digest])
    assert approved.exit_code == 1, approved.output
    assert "ben is who prepared it, by cases.people" in approved.stderr
    path.write_text(yaml.safe_dump(content))
    approved = CliRunner().invoke(app, ["report", "approve", "r", "--digest", digest])
    assert approved.exit_code == 0, approved.output
    submitted = CliRunner().invoke(app, ["report", "submit", "r", "--by", "drop"])
    assert submitted.exit_code == 0, submitted.output
    assert [one.name for one in (office / "drop").iterdir()] == [f"TW-WASH-goaml-{digest[:16]}"]


def test_a_report_whose_newest_steps_were_removed_is_neither_approved_nor_submitted(
    office: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(office)
    path = office / "pipeline.yaml"
    audit = {"path": str(office / "audit"), "key": "${file:key}"}
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"audit": audit}))

    def ask(*arguments: str) -> tuple[int, str]:
        answer = CliRunner().invoke(app, ["report", *arguments])
        return answer.exit_code, answer.output

    assert ask("suspicious", "TW-WASH", "--form", "goaml", "--to", "r")[0] == 0
    assert ask("show", "r") == (0, "goaml: new\n")
    known = template(tmp_path_factory.mktemp("known"), "goaml")
    (office / "r" / "filing.yaml").write_text(filled.goaml(known))
    digest = ask("build", "r")[1].partition("digest: ")[2].split()[0]
    assert ask("reject", "r", "--why", "the amounts are wrong")[0] == 0
    assert "missing" not in ask("show", "r")[1]

    (office / "r" / "steps" / "0002.json").unlink()
    for asked in (("approve", "r", "--digest", digest), ("submit", "r", "--by", "drop")):
        code, said = ask(*asked)
        assert code == 1
        assert f"rejected goaml TW-WASH by {current_user()}@" in said
        assert "the amounts are wrong" in said
        assert "begin another report" in said
    assert len(json.loads(ask("show", "r", "--json")[1])["missing"]) == 1


def test_the_schedule_tells_what_comes_next(office: Path) -> None:
    (told,) = json.loads(report(office, "schedule", "--list", "--json").out)
    assert told["due"] == []
    assert told["next"].startswith("20")


def test_a_wrong_schedule_is_told_by_its_place(office: Path) -> None:
    path = office / "pipeline.yaml"
    path.write_text(
        path.read_text().replace("sink: files", "sink: file\n    time_zone: Europe/Londn")
    )
    path.write_text(path.read_text().replace("  path: reports\n", ""))
    told = report(office, "schedule")
    assert told.code == 2
    assert "reports.path is missing" in told.error
    assert "did you mean files?" in told.error
    assert "Europe/London" in told.error
