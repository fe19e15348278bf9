"""Sessions and reference times of venues: by their clocks, through DST, holidays and half days."""

import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from normalizer.enrichment import Enrichment
from normalizer.events.market import Trade
from normalizer.reference import Reference
from normalizer.reference_files import load_reference
from normalizer.venue_calendar import NEAR, VenueCalendar
from pipeline.problems import ProblemsFound
from pipeline.reference_changes import change_of
from pipeline.reference_records import Venue, moment
from pipeline.time_zones import UnknownZone, time_zone, zone_names
from pipeline.units import DAY, HOUR, MINUTE
from pipeline.venue_sessions import ReferenceTime, Session, SpecialDay
from tests.detections.samples import Tape

LONDON: dict[str, Any] = {
    "id": "v",
    "time_zone": "Europe/London",
    "sessions": (
        Session(phase="pre-open", start="07:50", end="08:00"),
        Session(phase="opening-auction", start="08:00", end="08:00:30"),
        Session(phase="continuous", start="08:00:30", end="16:30"),
        Session(phase="closing-auction", start="16:30", end="16:35"),
    ),
    "references": (
        ReferenceTime(name="wmr-4pm", at="16:00"),
        ReferenceTime(name="close", at="16:35", purpose="close"),
    ),
}


def around(calendar: VenueCalendar, text: str) -> tuple[str, str | None, int | None]:
    time = moment(text)
    found = calendar.around(time)
    assert found.since <= time < found.until
    return found.phase, found.reference, time - found.at if found.reference else None


def test_phases_follow_one_another_and_the_next_reference_is_told() -> None:
    calendar = VenueCalendar(Venue(**LONDON))
    assert around(calendar, "2026-01-14T07:49:59Z") == ("closed", None, None)
    assert around(calendar, "2026-01-14T07:50:00Z") == ("pre-open", None, None)
    assert around(calendar, "2026-01-14T08:00:00Z")[0] == "opening-auction"
    assert around(calendar, "2026-01-14T08:00:30Z")[0] == "continuous"
    assert around(calendar, "2026-01-14T14:59:59Z") == ("continuous", None, None)
    assert around(calendar, "2026-01-14T15:00:00Z") == ("continuous", "wmr-4pm", -HOUR)
    assert around(calendar, "2026-01-14T16:00:00Z") == ("continuous", "wmr-4pm", 0)
    assert around(calendar, "2026-01-14T16:00:00.000000001Z")[1] == "close"
    assert around(calendar, "2026-01-14T16:18:00Z")[1:] == ("close", -17 * MINUTE)
    assert around(calendar, "2026-01-14T16:34:59Z")[0] == "closing-auction"
    assert around(calendar, "2026-01-14T16:35:00Z") == ("closed", "close", 0)
    assert around(calendar, "2026-01-14T17:35:00.000000001Z") == ("closed", None, None)


def test_in_summer_the_same_clock_is_an_hour_earlier() -> None:
    calendar = VenueCalendar(Venue(**LONDON))
    assert around(calendar, "2026-07-14T15:00:00Z") == ("continuous", "wmr-4pm", 0)
    assert around(calendar, "2026-03-27T16:00:00Z")[1:] == ("wmr-4pm", 0)  # before the clocks go
    assert around(calendar, "2026-03-30T15:00:00Z")[1:] == ("wmr-4pm", 0)


def test_weekends_holidays_and_half_days() -> None:
    half = SpecialDay(
        date=datetime.date(2026, 12, 24),
        sessions=(Session(phase="continuous", start="08:00", end="12:30"),),
        references=(ReferenceTime(name="close", at="12:30", purpose="close"),),
    )
    calendar = VenueCalendar(
        Venue(**LONDON, holidays=(datetime.date(2026, 12, 25),), special_days=(half,))
    )
    assert around(calendar, "2026-12-23T16:00:00Z")[1:] == ("wmr-4pm", 0)
    assert around(calendar, "2026-12-24T12:29:00Z") == ("continuous", "close", -MINUTE)
    assert around(calendar, "2026-12-24T16:00:00Z") == ("closed", None, None)
    assert around(calendar, "2026-12-25T12:00:00Z") == ("closed", None, None)
    assert around(calendar, "2026-12-26T12:00:00Z") == ("closed", None, None)  # a Saturday


def test_a_session_may_go_over_midnight() -> None:
    night = Session(phase="continuous", start="18:00", end="17:00", days=("sun", "mon"))
    calendar = VenueCalendar(Venue(id="v", time_zone="America/New_York", sessions=(night,)))
    assert around(calendar, "2026-01-11T22:59:59Z")[0] == "closed"  # Sunday, 17:59:59
    assert around(calendar, "2026-01-11T23:00:00Z")[0] == "continuous"
    assert around(calendar, "2026-01-12T21:59:59Z")[0] == "continuous"
    assert around(calendar, "2026-01-12T22:00:00Z")[0] == "closed"  # an hour's break
    assert around(calendar, "2026-01-13T21:59:59Z")[0] == "continuous"
    assert around(calendar, "2026-01-14T12:00:00Z")[0] == "closed"


def test_who_never_closes_has_reference_times_each_day_and_in_any_zone() -> None:
    references = (
        ReferenceTime(name="daily", at="24:00", purpose="close"),
        ReferenceTime(name="nav", at="16:00", purpose="nav", time_zone="America/New_York"),
    )
    calendar = VenueCalendar(Venue(id="v", references=references))
    assert around(calendar, "2026-01-11T00:00:00Z") == ("continuous", "daily", 0)
    assert around(calendar, "2026-01-10T23:59:59Z")[1:] == ("daily", -1_000_000_000)
    assert around(calendar, "2026-01-11T21:00:00Z")[1:] == ("nav", 0)
    assert around(calendar, "2026-07-11T20:00:00Z")[1:] == ("nav", 0)


@given(st.integers(0, 60 * 365 * 24 * 60))
def test_each_moment_has_the_phase_of_the_clock_on_the_wall(minute: int) -> None:
    time = minute * MINUTE
    local = datetime.datetime.fromtimestamp(minute * 60, ZoneInfo("Europe/London"))
    phase = "closed"
    if local.weekday() < 5:
        clock = local.time()
        for session in LONDON["sessions"]:
            since, until = (
                datetime.time.fromisoformat(one) for one in (session.start, session.end)
            )
            if since <= clock < until:
                phase = session.phase
    found = VenueCalendar(Venue(**LONDON)).around(time)
    assert (found.phase, found.since <= time < found.until) == (phase, True)
    fixing = local.replace(hour=16, minute=0)
    if phase == "continuous" and local.hour == 15:
        assert found.at == int(fixing.timestamp()) * 10**9
    if found.reference is not None:
        assert abs(time - found.at) <= NEAR


def test_times_before_and_long_after_any_calendar_do_no_harm() -> None:
    calendar = VenueCalendar(Venue(**LONDON))
    for time in (-(1 << 63), -DAY, 0, (1 << 63) - 1):
        assert calendar.around(time).phase in ("closed", "pre-open", "continuous")


def test_events_are_stamped_by_the_version_that_holds_and_what_the_venue_says_counts() -> None:
    enrichment = Enrichment(Reference())
    first = Venue(**LONDON, valid_to="2026-06-30")
    later = Venue(id="v", valid_from="2026-07-01")
    for record in (first, later):
        enrichment.put("files", change_of(record), record)
    enrichment.settle()
    tape = Tape(venue="v")
    before, halted = tape.trade(0, 10, 1), tape.trade(0, 10, 1)
    before.timestamp = halted.timestamp = moment("2026-01-14T15:59:00Z")
    halted.phase = "halted"
    after, other = tape.trade(0, 10, 1), tape.trade(0, 10, 1, venue="w")
    after.timestamp = moment("2026-07-14T15:00:00Z")
    enrichment.stamps.stamp([before, halted, after, other])
    assert (before.phase, before.reference_offset) == ("continuous", -MINUTE)
    assert (before.reference, before.reference_purpose) == ("wmr-4pm", "fixing")
    assert before.phase_began == moment("2026-01-14T08:00:30Z")
    assert after.phase_began is None
    assert (halted.phase, halted.reference) == ("halted", "wmr-4pm")
    assert (after.phase, after.reference) == ("continuous", None)
    assert (other.phase, other.reference) == (None, None)


def test_without_any_calendar_nothing_is_done() -> None:
    assert not Enrichment(Reference()).stamps


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"time_zone": "Europe/Lundon"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"references": (ReferenceTime(name="a", at="16:00", time_zone="X"),)}, "references"),
        ({"references": (ReferenceTime(name="a", at="16:00"),) * 2}, "references"),
        ({"special_days": (SpecialDay(date=datetime.date(2026, 1, 1)),) * 2}, "special_days"),
    ],
)
def test_a_calendar_that_can_not_be_is_refused(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(ValueError, match=rf"^{field}: "):
        change_of(Venue(**{**LONDON, **wrong}))


def test_all_zones_can_be_read_and_no_other() -> None:
    for name in sorted(zone_names()):
        assert time_zone(name).utcoffset(datetime.datetime(2026, 1, 1)) is not None
    with pytest.raises(UnknownZone):
        time_zone("Mars/Olympus")


def test_it_is_read_from_a_file_and_wrong_times_are_told_with_their_place(tmp_path: Path) -> None:
    text = """
venues:
  - id: v
    time_zone: Europe/London
    sessions:
      - {phase: continuous, start: "08:00", end: "16:30"}
    holidays: [2026-12-25]
    special_days:
      - {date: 2026-12-24, sessions: [{phase: continuous, start: "08:00", end: "12:30"}]}
    references:
      - {name: close, at: "16:30", purpose: close, days: [mon, tue]}
"""
    path = tmp_path / "reference.yaml"
    path.write_text(text)
    (venue,) = load_reference([path]).venues
    assert venue.holidays == (datetime.date(2026, 12, 25),)
    assert venue.references[0].days == ("mon", "tue")
    path.write_text(text.replace('16:30", purpose', '25:30", purpose'))
    with pytest.raises(ProblemsFound, match="a time of day"):
        load_reference([path])
    path.write_text(text.replace("Europe/London", "Europe/Lundon"))
    with pytest.raises(ProblemsFound, match=r"Europe/Lundon is no time zone"):
        load_reference([path])
    path.write_text(text + "  - {id: v}\n")
    with pytest.raises(ProblemsFound, match="twice"):
        load_reference([path])


def test_trades_carry_it_on_the_bus() -> None:
    import msgspec

    trade = Tape().trade(0, 10, 1, phase="continuous", reference="close", reference_offset=-5)
    sent = msgspec.json.encode(trade)
    assert b'"market.session.phase":"continuous"' in sent
    assert msgspec.json.decode(sent, type=Trade) == trade
