"""The collector of order logs: their lines, whole, with gaps told."""

import asyncio
from collections.abc import Sequence

from collectors.order_log.growing_fix_logs import EARLIER_FRAMES, GrowingFixLogs
from collectors.order_log.log_follower import Lines, LogFollower
from collectors.order_log.log_kinds import fix_logs_among
from pipeline.config.sources import OrderLogSource
from pipeline.csv_header import ColumnFault
from pipeline.frames import Frame
from pipeline.order_log_columns import header_faults
from pipeline.outlet import FrameOutlet
from pipeline.source_state import now
from pipeline.trade_sides import decode_context


class OrderLogCollector(LogFollower):
    """Sends the lines of one order log, until cancelled."""

    protocol = "order_log"

    def __init__(self, config: OrderLogSource, outlet: FrameOutlet) -> None:
        super().__init__(config, outlet)
        self.each_side = config.trade_sides == "each"
        self._longest, self._settle = config.max_frame, config.settle

    async def lines(self, last: Frame | None) -> Lines | None:
        """Logs of FIX are merged, all that there are; of others one goes on where one ended.

        Once they were merged they are, whatever else lies beside them by now. One that is named by
        its own name is read alone.
        """
        if self.files.is_one:
            return await super().lines(last)
        fix = await asyncio.to_thread(fix_logs_among, self.files)
        if fix is None:
            return None
        if fix == "none" or (fix == "some" and not await self._were_merged(last)):
            return await super().lines(last)
        return GrowingFixLogs(
            self.files,
            longest=self._longest,
            settle=self._settle,
            clock=now,
            names=self.names,
            earlier=() if last is None else await self.outlet.recent(EARLIER_FRAMES),
        )

    async def _were_merged(self, last: Frame | None) -> bool:
        if last is None:
            return False
        # A gap doesn't say it.
        newest = [last] if last.kind == "message" else await self.outlet.recent(EARLIER_FRAMES)
        return any(
            decode_context(frame.context).merged for frame in newest if frame.kind == "message"
        )

    def wrong_columns(self, header: str) -> Sequence[ColumnFault]:
        return header_faults(header)
