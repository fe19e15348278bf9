"""Which reports are due. Pure: the clock, and what was made, come in."""

from collections.abc import Container
from datetime import datetime, time

from evidence.reports.period import Period, containing, following, local_day, previous
from pipeline.config.reports import ScheduledReport
from pipeline.time_zones import time_zone
from pipeline.units import SECOND


def due_at(scheduled: ScheduledReport, period: Period) -> int:
    """When the report of a period is made: nanoseconds since the epoch."""
    hours, minutes = scheduled.at.split(":")
    zone = time_zone(scheduled.time_zone)
    moment = datetime.combine(period.after, time(int(hours), int(minutes)), zone)
    return int(moment.timestamp()) * SECOND


def due(scheduled: ScheduledReport, *, since: int, now: int, made: Container[str]) -> list[Period]:
    """Periods whose report is to be made by now and isn't, the oldest first.

    Those that ended after `since`, when the schedule began, and not longer ago than it catches up.
    """
    begin = max(since, now - scheduled.catch_up)
    period = _around(scheduled, begin)
    found: list[Period] = []
    while due_at(scheduled, period) <= now:
        if period.end > begin and period.name not in made:
            found.append(period)
        period = following(period)
    return found


def next_due(scheduled: ScheduledReport, now: int) -> tuple[Period, int]:
    """The next one that will be made after now, and when."""
    period = previous(_around(scheduled, now))
    while due_at(scheduled, period) <= now:
        period = following(period)
    return period, due_at(scheduled, period)


def _around(scheduled: ScheduledReport, moment: int) -> Period:
    zone = time_zone(scheduled.time_zone)
    return containing(scheduled.report, local_day(moment, zone), zone)
