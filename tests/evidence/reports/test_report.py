"""A report as page and PDF: from the same figures the same bytes, whatever events say."""

import os
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from evidence.reports.export import AlreadyThere, export
from evidence.reports.figures import Figures
from evidence.reports.gathering import figures_of
from evidence.reports.page import render
from evidence.reports.pdf import render_pdf
from evidence.reports.period import Kind, named
from evidence.reports.source import FolderSource
from evidence.reports.told import sections_of
from pipeline.time_zones import time_zone
from tests.evidence.reports.recorded_weeks import ALL, UPDATES, WEEK, given, write

_GOLDEN = Path(__file__).parent / "golden"
#: What would be code, a link or a formula if it were markup.
EVIL = '<script>x</script>#read("/etc/passwd") $x @label "]) <y>'


def figures(folder: Path, kind: Kind = "weekly", name: str = "2026-W47") -> Figures:
    return figures_of(FolderSource(folder), named(kind, name, time_zone("Europe/London")))


def test_the_weekly_page_is_as_it_was(tmp_path: Path) -> None:
    page = render(figures(write(tmp_path / "out", ALL)), "1.0")
    # The look is the style sheet's matter, and seen in a browser.
    said = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    said = re.sub(r">\s*<", ">\n<", said)
    golden = _GOLDEN / "weekly.html"
    if os.environ.get("TAPEWATCH_WRITE_GOLDEN"):
        golden.write_text(said, "utf-8")
    assert said == golden.read_text("utf-8")


def test_the_order_of_documents_changes_nothing(tmp_path: Path) -> None:
    one = figures(write(tmp_path / "one" / "out", ALL))
    other = figures(write(tmp_path / "two" / "out", ALL[::-1]))
    assert render(one, "1.0") == render(other, "1.0")
    assert render_pdf(one, "1.0") == render_pdf(other, "1.0")


def test_what_events_say_is_text(tmp_path: Path) -> None:
    evil = given("evil", WEEK, EVIL, EVIL, EVIL, "high", token_symbol=EVIL)
    found = figures(write(tmp_path / "out", [*ALL, evil]))
    page = render(found, "1.0")
    assert "<script>" not in page
    assert render_pdf(found, "1.0").startswith(b"%PDF-")


def test_the_page_loads_and_runs_nothing(tmp_path: Path) -> None:
    page = render(figures(write(tmp_path / "out", ALL)), "1.0")
    assert 'content="default-src &#x27;none&#x27;;' in page
    assert not re.search(r"<script|src=|url\(|@import|https?://", page)


def test_every_chart_has_its_text_and_is_a_picture_by_itself(tmp_path: Path) -> None:
    charts = [
        chart
        for section in sections_of(figures(write(tmp_path / "out", ALL)))
        for chart in section.charts
    ]
    assert [one.name for one in charts] == ["days", "typologies", "assets", "ages", "outcomes"]
    for chart in charts:
        picture = ElementTree.fromstring(chart.printed())
        assert picture.findtext("{http://www.w3.org/2000/svg}desc") == chart.said


def test_no_party_is_named(tmp_path: Path) -> None:
    page = render(figures(write(tmp_path / "out", ALL)), "1.0")
    assert "acct-echo" not in page
    assert "INV-1061" not in page


def test_the_monthly_report_is_to_be_signed(tmp_path: Path) -> None:
    found = figures(write(tmp_path / "out", ALL), "monthly", "2026-11")
    assert found.alerts.now == 10
    page = render(found, "1.0")
    assert "Monthly compliance report" in page
    assert "Reviewed by" in page


def test_a_report_of_nothing_says_so(tmp_path: Path) -> None:
    page = render(figures(write(tmp_path / "out", []), name="2026-W30"), "1.0")
    assert "No alert in this period." in page


def test_a_folder_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    found = figures(write(tmp_path / "out", [*ALL, *UPDATES]))
    manifest = export(found, tmp_path / "reports" / "2026-W47", "1.0")
    assert sorted(manifest.files) == ["figures.json", "report.html", "report.pdf"]
    with pytest.raises(AlreadyThere):
        export(found, tmp_path / "reports" / "2026-W47", "1.0")
    assert [one.name for one in (tmp_path / "reports").iterdir()] == ["2026-W47"]
