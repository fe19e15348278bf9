"""The collector of order logs: their lines, whole, with gaps told."""

from collections.abc import Sequence

from collectors.order_log.log_follower import LogFollower
from pipeline.config.sources import OrderLogSource
from pipeline.csv_header import ColumnFault
from pipeline.order_log_columns import header_faults
from pipeline.outlet import FrameOutlet


class OrderLogCollector(LogFollower):
    """Sends the lines of one order log, until cancelled."""

    protocol = "order_log"

    def __init__(self, config: OrderLogSource, outlet: FrameOutlet) -> None:
        super().__init__(config, outlet)
        self.each_side = config.trade_sides == "each"

    def wrong_columns(self, header: str) -> Sequence[ColumnFault]:
        return header_faults(header)
