"""What operators see of a source: connected, where it stands, how far behind, what was missed."""

import time
from typing import Literal

from msgspec import Struct

Connection = Literal["starting", "connected", "backfilling", "reconnecting", "stale", "stopped"]


#: What an operator must look at.
ILL_CONNECTIONS = frozenset[Connection]({"starting", "reconnecting", "stale"})


class SourceState(Struct):
    """State of one collector. The collector changes it in place; the runner publishes it."""

    source: str
    protocol: str
    connection: Connection = "starting"
    endpoint: str = ""
    position: str = ""
    #: Newest position that the source itself is known to have, such as its head block.
    head: str = ""
    #: How far the collector is behind the source, in seconds of the source's time.
    lag_seconds: float = 0.0
    #: When the last frame came, nanoseconds since the epoch by our clock; 0 for never.
    last_frame: int = 0
    frames: int = 0
    gaps: int = 0
    reconnects: int = 0
    #: One sentence on what is wrong now, or empty.
    trouble: str = ""

    def saw_frame(self, position: str, received: int) -> None:
        """Count a frame that was handed on."""
        self.position = position
        self.last_frame = received
        self.frames += 1


def now() -> int:
    """The wall clock in nanoseconds. For collectors and operations; never for detections."""
    return time.time_ns()
