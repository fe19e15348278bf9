"""The collector of order logs: their lines, whole, with gaps told."""

import asyncio
from collections.abc import Sequence

from collectors.order_log.growing_fix_logs import EARLIER_FRAMES, GrowingFixLogs
from collectors.order_log.log_follower import Lines, LogFollower
from collectors.order_log.merged_fix_logs import all_fix_logs
from pipeline.config.sources import OrderLogSource
from pipeline.csv_header import ColumnFault
from pipeline.frames import Frame
from pipeline.order_log_columns import header_faults
from pipeline.outlet import FrameOutlet
from pipeline.source_state import now


class OrderLogCollector(LogFollower):
    """Sends the lines of one order log, until cancelled."""

    protocol = "order_log"

    def __init__(self, config: OrderLogSource, outlet: FrameOutlet) -> None:
        super().__init__(config, outlet)
        self.each_side = config.trade_sides == "each"
        self._longest, self._settle = config.max_frame, config.settle

    async def lines(self, last: Frame | None) -> Lines | None:
        """Logs of FIX are merged, all that there are; of others one goes on where one ended."""
        fix = await asyncio.to_thread(all_fix_logs, self.files)
        if fix is None:
            return None
        if not fix:
            return await super().lines(last)
        return GrowingFixLogs(
            self.files,
            longest=self._longest,
            settle=self._settle,
            clock=now,
            names=self.names,
            earlier=() if last is None else await self.outlet.recent(EARLIER_FRAMES),
        )

    def wrong_columns(self, header: str) -> Sequence[ColumnFault]:
        return header_faults(header)
