"""The stage `reports`: makes reports when they are due, while Tapewatch runs."""

import asyncio

import structlog

from evidence.reports.scheduled import ReportSchedule
from pipeline.cancellation import raise_if_cancelled
from pipeline.failure import Failure
from pipeline.units import SECOND

log = structlog.get_logger(__name__)


class ReportStage:
    """Looks again and again whether a report is due."""

    def __init__(self, schedule: ReportSchedule, *, check_every: int, settle: int) -> None:
        """`check_every`: nanoseconds; so is `settle`, which it waits before the first look."""
        self._schedule = schedule
        self._every = check_every / SECOND
        self._settle = settle / SECOND

    async def run(self) -> None:
        """Until cancelled. What can't be made or sent is tried again at the next look."""
        await asyncio.sleep(self._settle)
        while True:
            try:
                made = await asyncio.to_thread(self._schedule.run)
            except Failure as failure:
                log.warning("a report could not be made", reason=str(failure))
            else:
                for one in made:
                    done = "sent by e-mail" if one.mailed else "made"
                    log.info(f"report {done}", schedule=one.schedule, period=one.period)
            await asyncio.sleep(self._every)
            raise_if_cancelled()
