"""Weeks and months by the calendar of a time zone."""

import pytest

from evidence.reports.period import PeriodWrong, following, last_whole, named, previous
from pipeline.time_zones import time_zone
from pipeline.units import DAY, HOUR
from tests.evidence.reports.recorded_weeks import at

LONDON, NEW_YORK = time_zone("Europe/London"), time_zone("America/New_York")


def test_a_week_is_from_monday_to_sunday_by_the_venues_clock() -> None:
    week = named("weekly", "2026-W47", NEW_YORK)
    assert (week.first.isoformat(), week.days[-1].isoformat()) == ("2026-11-16", "2026-11-22")
    assert week.start == at("2026-11-16T05:00")
    assert week.end == at("2026-11-23T05:00")


def test_a_week_in_which_the_clock_is_changed_has_another_length() -> None:
    week = named("weekly", "2026-W43", LONDON)  # 25 October: back by an hour
    assert week.end - week.start == 7 * DAY + HOUR
    starts = week.day_starts()
    assert starts[-1] - starts[-2] == DAY
    assert week.end - starts[-1] == DAY + HOUR


@pytest.mark.parametrize("text", ["2026-11", "2026-11-01", "2026-11-30"])
def test_a_month_is_named_by_itself_or_by_a_day(text: str) -> None:
    month = named("monthly", text, LONDON)
    assert (month.name, len(month.days)) == ("2026-11", 30)
    assert previous(month).name == "2026-10"
    assert following(month).name == "2026-12"


def test_the_last_whole_one_has_ended() -> None:
    just_before = at("2026-11-22T23:59:59")
    assert last_whole("weekly", just_before, LONDON).name == "2026-W46"
    assert last_whole("weekly", just_before + 1_000_000_000, LONDON).name == "2026-W47"
    assert last_whole("monthly", at("2026-12-01"), LONDON).name == "2026-11"


@pytest.mark.parametrize(
    ("kind", "text"),
    [("weekly", "2026-W54"), ("weekly", "2026-11"), ("monthly", "2026-13"), ("monthly", "2026-W47"),
     ("weekly", "2026-02-30"), ("weekly", "9999-12-31"), ("weekly", ""), ("monthly", "0000-01")],
)  # fmt: skip
def test_what_is_no_period_is_told(kind: str, text: str) -> None:
    with pytest.raises(PeriodWrong):
        named(kind, text, LONDON)  # type: ignore[arg-type]
