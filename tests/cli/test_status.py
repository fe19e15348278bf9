"""What `tapewatch status` and `doctor` print, where nobody has a wide terminal."""

import io

import pytest
from rich.console import Console

from pipeline.bus.room import Room
from pipeline.bus.status_board import StageReport
from pipeline.cli.doctor import print_finding
from pipeline.cli.status import Status, print_status
from pipeline.findings import Finding
from pipeline.source_state import now


def printed(status: Status) -> list[str]:
    out = io.StringIO()
    print_status(status, Console(file=out, width=120))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def room(stream: str, unread: int) -> Room:
    return Room(
        stream=stream, size=1024, limit=2**20, messages=17, first=1, last=17, created=1,
        unread=unread,
    )  # fmt: skip


def test_a_history_that_nothing_leaves_is_not_called_unread() -> None:
    rooms = [room("EVENTS", 3), room("CASES", 17), room("REFERENCE", 17), room("DEAD", 17)]
    lines = printed(Status([StageReport("cases", now(), 1)], {}, rooms, []))
    unread = {line.split()[0]: line.split()[6] for line in lines if "1.0 KiB" in line}
    assert unread == {"EVENTS": "3", "CASES": "–", "REFERENCE": "–", "DEAD": "–"}


def test_a_finding_stays_one_line_in_a_file_whatever_its_width(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    long = "https://splunk.example.com:8088: can't connect: " + "all attempts failed " * 6
    print_finding(Finding(level="error", subject="sink", message=long, advice=long), Console())
    assert [line.strip() for line in capsys.readouterr().out.splitlines()] == [
        f"bad  sink: {long}".strip(),
        f"→ {long}".strip(),
    ]


def test_a_finding_of_several_lines_keeps_them(capsys: pytest.CaptureFixture[str]) -> None:
    print_finding(Finding(level="error", subject="rules", message="a.yml:1\nb.yml:2"), Console())
    assert capsys.readouterr().out.splitlines() == ["bad  rules: a.yml:1", "b.yml:2"]
