"""On a narrow terminal rows are lines: no column is lost, and nothing is cut."""

import io

import pytest
from rich.console import Console
from rich.table import Table
from rich.text import Text

from evidence.cases.state import Case
from pipeline.bus.status_board import StageReport
from pipeline.cli.case_text import print_cases
from pipeline.cli.printing import Screen
from pipeline.cli.status import Status, print_status
from pipeline.source_state import SourceState, now
from tests.cli.test_dead_tables import a_terminal_of
from tests.cli.test_status import room

POSITION = "1700000000000000000:000000042"


def status() -> Status:
    source = SourceState("acme-drop-copy", "fix", position=POSITION, connection="connected")
    source.frames = 1_234_567
    return Status([StageReport("collectors", now(), 1, [source])], {}, [room("EVENTS", 3)], [])


def terminal(out: io.StringIO, columns: int) -> Screen:
    return Screen(file=out, width=columns, force_terminal=True, color_system=None)


def shown(columns: int) -> list[str]:
    out = io.StringIO()
    print_status(status(), terminal(out, columns))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_where_there_is_no_room_each_row_is_a_few_lines() -> None:
    lines = shown(40)
    assert max(map(len, lines)) <= 40
    assert lines[:9] == [
        "Sources",
        "acme-drop-copy",
        "  protocol    fix",
        "  connection  connected",
        "  position    1700000000000000000:000000",
        "              042",
        "  frames      1,234,567",
        "  lag         0.0 s",
        "  gaps        0",
    ]
    assert "  not read  3" in lines


@pytest.mark.parametrize("columns", [90, 120])
def test_where_there_is_it_stays_a_table(columns: int) -> None:
    lines = shown(columns)
    (headings,) = (line for line in lines if line.startswith(" source"))
    assert headings.split() == [
        *("source", "protocol", "connection", "position", "frames", "lag", "gaps", "reconnects"),
    ]


@pytest.mark.parametrize("columns", range(20, 130, 7))
def test_nothing_is_lost_or_cut_however_narrow(columns: int) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("case", "status", "about"):
        table.add_column(name, no_wrap=name != "about", overflow="fold")
    row = ("TW-2026-000001", "OPEN", "Wash trades of 0x00000000000000000000000000000000000000A7")
    table.add_row(row[0], Text(row[1], style="red"), row[2])
    out = io.StringIO()
    terminal(out, columns).print(table)
    told = out.getvalue()
    assert max(len(line.rstrip()) for line in told.splitlines()) <= columns
    for name in ("status", "about"):
        assert name in told
    assert sorted(filter(_is_of_a_cell, told)) == sorted(filter(_is_of_a_cell, "".join(row)))


@pytest.mark.parametrize("columns", [13, 14])
def test_a_letter_that_is_two_columns_wide_needs_both(columns: int) -> None:
    table = Table(box=None, padding=0)
    for name in ("a", "b"):
        table.add_column(name)
    table.add_row("東京証", "株価操作")
    out = io.StringIO()
    terminal(out, columns).print(table)
    assert ("  b  株価操作" in out.getvalue()) == (columns < 6 + 8)


def test_what_is_no_terminal_gets_a_table_however_wide() -> None:
    table = Table(box=None)
    for name in ("a", "b"):
        table.add_column(name, no_wrap=True)
    table.add_row("x" * 30, "y" * 30)
    piped, plain = io.StringIO(), io.StringIO()
    Screen(file=piped, width=40).print(table)
    Console(file=plain, width=40).print(table)
    assert piped.getvalue() == plain.getvalue()


def _is_of_a_cell(char: str) -> bool:
    return char.isupper() or char.isdigit()


def test_the_list_of_cases_comes_that_way(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    a_terminal_of(monkeypatch, 40)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    print_cases([Case(id="TW-2026-000001", title="Wash trades in ACME-USD by A-7")], now())
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].rstrip() == "TW-2026-000001"
    assert "  assignee  nobody" in [line.rstrip() for line in lines]
