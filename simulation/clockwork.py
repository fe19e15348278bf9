"""Time that moves from one participant's step to the next: a discrete-event simulation."""

import heapq
from collections.abc import Iterator

from demo.venue.clock import SimulatedClock
from pipeline.units import SECOND

Script = Iterator[float]
"""What a participant does: each value is how many seconds it waits before it goes on."""


class Clockwork:
    """Runs scripts in the order of their times; of equal times in the order of their waiting."""

    def __init__(self, start: int) -> None:
        self.clock = SimulatedClock(start)
        self.start_time = start
        self._count = 0
        self._waiting: list[tuple[int, int, Script]] = []

    @property
    def now(self) -> int:
        """Nanoseconds since the epoch."""
        return self.clock.now

    def begin(self, script: Script, after: float = 0.0) -> None:
        """Let a script start `after` seconds from now."""
        self._wait(script, self.now + round(after * SECOND))

    def begin_at(self, script: Script, time: int) -> None:
        """Let a script start at a time, in nanoseconds, that has not passed."""
        self._wait(script, time)

    def run(self, until: int) -> None:
        """Go on until all scripts have ended or wait for later than `until` (ns)."""
        waiting, clock = self._waiting, self.clock
        while waiting and waiting[0][0] <= until:
            time, _, script = heapq.heappop(waiting)
            clock.now = max(clock.now, time)
            pause = next(script, None)
            if pause is not None:
                self._wait(script, clock.now + max(1_000, round(pause * SECOND)))
        clock.now = max(clock.now, until)

    def _wait(self, script: Script, time: int) -> None:
        self._count += 1
        heapq.heappush(self._waiting, (time, self._count, script))
