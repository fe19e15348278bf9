"""A week's figures: each alert and event once, in its week, by the venue's clock."""

from pathlib import Path

import pytest

from evidence.reports.figures import Change, Figures
from evidence.reports.gathering import figures_of
from evidence.reports.period import named
from evidence.reports.source import FolderSource
from pipeline.time_zones import time_zone
from pipeline.units import DAY, MINUTE
from tests.evidence.reports.recorded_weeks import ALL, SPOOF, WASH, WEEK, write


def figures(folder: Path, name: str = "2026-W47", zone: str = "Europe/London") -> Figures:
    return figures_of(FolderSource(folder), named("weekly", name, time_zone(zone)))


@pytest.fixture
def week(tmp_path: Path) -> Figures:
    return figures(write(tmp_path / "out", ALL))


def test_alerts_are_held_against_the_week_before(week: Figures) -> None:
    assert week.alerts == Change("alerts", 7, 2)
    assert week.staged == Change("alerts of rules on trial", 1, 0)
    assert [(one.name, one.now, one.before) for one in week.by_level] == [
        ("critical", 1, 0), ("high", 3, 1), ("medium", 2, 1), ("low", 1, 0),
        ("informational", 0, 0),
    ]  # fmt: skip
    assert week.by_typology[0] == Change("wash_trading", 3, 1)
    assert {one.name: one.now for one in week.by_asset} == {"ACME": 5, "HARBOUR": 1, "XYZ-USD": 1}
    assert [sum(counts) for _, counts in week.days] == [1, 1, 3, 1, 0, 0, 1]


def test_where_a_week_begins_depends_on_the_time_zone(tmp_path: Path) -> None:
    folder = write(tmp_path / "out", ALL)
    there = figures(folder, zone="Asia/Tokyo")  # nine hours ahead: Monday begins on Sunday
    assert there.alerts == Change("alerts", 6, 2)
    assert sum(there.days[0][1]) == 1


def test_a_copy_after_a_crash_counts_once(tmp_path: Path) -> None:
    folder = write(tmp_path / "out", ALL)
    for file in [*(folder / "alerts").iterdir(), *(folder / "cases").iterdir()]:
        file.write_bytes(file.read_bytes() * 2)
    assert figures(folder) == figures(write(tmp_path / "again" / "out", ALL))


def test_cases_are_told_by_what_was_done_to_them(week: Figures) -> None:
    cases = week.cases
    assert cases is not None
    assert cases.opened == Change("opened", 3, 1)
    assert cases.closed == Change("closed", 2, 0)
    assert cases.open == Change("open at the end", 2, 1)
    assert [one for one in cases.ages if one[1]] == [("3 to 7 days", 1), ("7 to 30 days", 1)]
    assert cases.oldest == 9 * DAY - MINUTE
    assert cases.median_to_close == DAY - MINUTE
    assert cases.resolutions == [("false-positive", 1), ("reported", 1)]
    assert (cases.four_eyes, cases.four_eyes_kept, cases.escalated) == (1, 1, 1)


def test_false_positives_are_those_of_closed_cases_by_rule(week: Figures) -> None:
    assert week.cases is not None
    told = {one.id: (one.judged, one.without_breach, one.reasons) for one in week.cases.outcomes}
    assert told == {SPOOF: (2, 2, {"false-positive": 2}), WASH: (3, 0, {"reported": 3})}


def test_coverage_tells_gaps_silence_and_unsure_alerts(week: Figures) -> None:
    venue = next(one for one in week.sources if one.provider == "venue")
    assert (venue.events, venue.before, venue.gaps, venue.unsure) == (4, 1, 1, 1)
    assert venue.silent_days == 4
    assert [(one.time, one.instrument) for one in week.gaps] == [(WEEK + 2 * DAY, "ACME-USD")]
    assert week.unsure.now == 1


def test_a_source_that_fell_silent_is_told_for_all_days(tmp_path: Path) -> None:
    quiet = [one for one in ALL if one.provider != "venue" or one.timestamp < WEEK]
    told = figures(write(tmp_path / "out", quiet))
    venue = next(one for one in told.sources if one.provider == "venue")
    assert (venue.events, venue.before, venue.silent_days) == (0, 1, 7)


def test_changes_retractions_refusals_and_sanctions_are_told(week: Figures) -> None:
    assert [(one.who, one.changed) for one in week.rule_changes] == [("alice", [WASH])]
    assert [(one.alert, one.status) for one in week.retractions] == [("r1", "retracted")]
    assert [(one.name, one.now, one.retracted) for one in week.breaches] == [
        ("Transfer refused by the token", 1, 1)
    ]
    assert [(one.token, one.reason, one.now) for one in week.refusals] == [
        ("ACME", "Transfer not possible", 1)
    ]
    assert [one.now for one in week.sanctions] == [1]
    assert week.lacking == week.unreadable == []


def test_what_can_not_be_read_or_is_not_there_is_told(tmp_path: Path) -> None:
    folder = write(tmp_path / "out", ALL)
    with next((folder / "events").iterdir()).open("ab") as file:
        file.write(b'{"cut": tru\n')
    for file in (folder / "cases").iterdir():
        file.unlink()
    (folder / "cases").rmdir()
    found = figures(folder)
    assert found.cases is None
    assert len(found.lacking) == len(found.unreadable) == 1
    assert found.unreadable[0].startswith("events/20261123T000000Z-00000001.ndjson:8: ")
