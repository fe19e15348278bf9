"""Reports by a schedule: each period once, none missed after a downtime, by the venue's clock."""

import asyncio
from pathlib import Path

import pytest

from evidence.reports.schedule import due, due_at, next_due
from evidence.reports.scheduled import Made, ReportSchedule
from evidence.reports.source import FolderSource, ReportSource
from evidence.reports.stage import ReportStage
from pipeline.config.reports import ReportMail, Reports, ScheduledReport
from pipeline.failure import Failure
from pipeline.units import DAY, HOUR, SECOND, WEEK
from tests.evidence.reports.recorded_weeks import ALL, at, write
from tests.servers.mail import MailReceiver

#: In the week of 16 November, whatever the time zone.
MONDAY = at("2026-11-16T12:00")


def weekly(zone: str = "America/New_York", **more: object) -> ScheduledReport:
    return ScheduledReport(
        name="weekly", report="weekly", time_zone=zone, at="06:30", sink="files", **more  # type: ignore[arg-type]
    )  # fmt: skip


def names(
    scheduled: ScheduledReport, since: int, now: int, made: tuple[str, ...] = ()
) -> list[str]:
    return [one.name for one in due(scheduled, since=since, now=now, made=made)]


def test_a_report_is_due_on_the_morning_after_by_the_venues_clock() -> None:
    half_past = at("2026-11-23T11:30")  # 6:30 in New York
    assert names(weekly(), MONDAY, half_past - 1) == []
    assert names(weekly(), MONDAY, half_past) == ["2026-W47"]
    assert names(weekly("Europe/London"), MONDAY, at("2026-11-23T06:30")) == ["2026-W47"]


def test_what_a_downtime_missed_is_made_after_it() -> None:
    now = MONDAY + 3 * WEEK
    assert names(weekly(), MONDAY, now, ("2026-W48",)) == ["2026-W47", "2026-W49"]


def test_what_ended_before_the_schedule_began_is_not_made() -> None:
    assert names(weekly(), MONDAY + 10 * DAY, MONDAY + 3 * WEEK) == ["2026-W48", "2026-W49"]


def test_it_catches_up_no_further_than_it_is_told() -> None:
    late = weekly(catch_up=2 * WEEK)
    assert names(late, MONDAY, MONDAY + 52 * WEEK + 3 * DAY) == ["2027-W44", "2027-W45"]


def test_a_time_that_the_clock_skips_is_still_due_once() -> None:
    skipped = ScheduledReport(
        name="monthly", report="monthly", time_zone="America/Santiago", at="00:00", sink="files"
    )
    period, moment = next_due(skipped, MONDAY)
    assert (period.name, moment) == ("2026-11", due_at(skipped, period))
    assert next_due(skipped, moment)[0].name == "2026-12"


class Clock:
    def __init__(self, now: int) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


class Office:
    """A schedule over files, with a clock of its own."""

    def __init__(self, folder: Path, *, mail: ReportMail | None = None) -> None:
        self.folder = folder
        self.clock = Clock(MONDAY)
        self.notes: list[str] = []
        write(folder / "out", ALL)
        self.settings = Reports(path=folder / "reports", schedule=[weekly(mail=mail)])

    def source(self) -> ReportSource:
        return FolderSource(self.folder / "out")

    def schedule(self) -> ReportSchedule:
        return ReportSchedule(
            self.settings,
            {"weekly": self.source},
            version="1.0",
            clock=self.clock,
            note=lambda what, where: self.notes.append(what),
        )

    def run(self) -> list[Made]:
        return self.schedule().run()


def test_each_is_made_once_however_often_it_is_looked(tmp_path: Path) -> None:
    office = Office(tmp_path)
    assert office.run() == []
    office.clock.now += WEEK + DAY
    assert [one.period for one in office.run()] == ["2026-W47"]
    made = tmp_path / "reports" / "weekly" / "2026-W47"
    before = {one.name: one.read_bytes() for one in made.iterdir()}
    assert office.run() == []
    office.clock.now += 2 * WEEK  # nobody looked for two weeks
    assert [one.period for one in office.run()] == ["2026-W48", "2026-W49"]
    assert {one.name: one.read_bytes() for one in made.iterdir()} == before
    assert office.notes == [f"weekly report 2026-W{week}" for week in (47, 48, 49)]


def test_one_that_fails_is_made_the_next_time(tmp_path: Path) -> None:
    office = Office(tmp_path)
    office.run()
    office.clock.now += WEEK + DAY
    (tmp_path / "out" / "alerts").rename(tmp_path / "gone")
    with pytest.raises(Failure, match="weekly: "):
        office.run()
    (tmp_path / "gone").rename(tmp_path / "out" / "alerts")
    assert [one.period for one in office.run()] == ["2026-W47"]


def mailed_to(receiver: MailReceiver) -> ReportMail:
    return ReportMail(
        host="localhost", port=receiver.port, security="none", sender="tapewatch@acme.example",
        recipients=["compliance@acme.example"],
    )  # fmt: skip


def test_what_can_not_be_marked_as_sent_is_not_sent_again_and_again(tmp_path: Path) -> None:
    with MailReceiver(tmp_path, security="none") as receiver:
        office = Office(tmp_path, mail=mailed_to(receiver))
        office.run()
        office.clock.now += WEEK + 12 * HOUR
        marks, aside = tmp_path / "reports" / "weekly" / ".mailed", tmp_path / "marks"
        marks.rename(aside)
        marks.write_text("no folder")
        for _ in range(2):
            with pytest.raises(Failure, match="can't write"):
                office.run()
        assert receiver.messages == []
        marks.unlink()
        aside.rename(marks)
        assert [one.mailed for one in office.run()] == [True]
        assert len(receiver.messages) == 1


def test_it_is_sent_by_e_mail_once_and_later_when_nobody_takes_it(tmp_path: Path) -> None:
    with MailReceiver(tmp_path, security="none") as receiver:
        office = Office(tmp_path, mail=mailed_to(receiver))
        office.run()
        office.clock.now += WEEK + 12 * HOUR
        receiver.answers = ["451 later, please"]
        with pytest.raises(Failure, match="451"):
            office.run()
        assert [(one.period, one.mailed) for one in office.run()] == [("2026-W47", True)]
        assert office.run() == []
        (sent,) = receiver.messages
        assert sent["Subject"] == "Weekly summary: 16 to 22 November 2026"
        assert sent["Message-ID"].startswith("<report-")
        assert sent["Date"]
        attached = [one.get_filename() for one in sent.iter_attachments()]
        assert attached == ["2026-W47-report.pdf", "2026-W47-report.html"]


def test_mail_that_is_added_later_sends_what_is_made_from_then_on(tmp_path: Path) -> None:
    with MailReceiver(tmp_path, security="none") as receiver:
        old = Office(tmp_path)
        old.run()
        old.clock.now += 2 * WEEK + DAY
        assert len(old.run()) == 2
        office = Office(tmp_path, mail=mailed_to(receiver))
        office.clock.now = old.clock.now
        assert office.run() == []
        office.clock.now += WEEK
        assert [(one.period, one.mailed) for one in office.run()] == [
            ("2026-W49", False), ("2026-W49", True),
        ]  # fmt: skip
        assert len(receiver.messages) == 1


def test_what_was_made_while_mail_was_taken_away_is_not_sent_afterwards(tmp_path: Path) -> None:
    with MailReceiver(tmp_path, security="none") as receiver:
        mailing, silent = Office(tmp_path, mail=mailed_to(receiver)), Office(tmp_path)
        mailing.run()
        silent.clock.now += WEEK + DAY
        assert [one.period for one in silent.run()] == ["2026-W47"]
        mailing.clock.now = silent.clock.now
        assert mailing.run() == []
        assert receiver.messages == []


async def test_the_stage_looks_again_and_again(tmp_path: Path) -> None:
    office = Office(tmp_path)
    office.run()
    office.clock.now += WEEK + DAY
    stage = ReportStage(office.schedule(), check_every=SECOND // 100, settle=0)
    running = asyncio.create_task(stage.run())
    made = tmp_path / "reports" / "weekly" / "2026-W47" / "report.html"
    async with asyncio.timeout(20):
        while not made.exists():
            await asyncio.sleep(0.01)
    assert not running.done()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
