"""Plays scripts in the order of their due times, in simulated or in real time.

The order of actions depends on the due times alone, so both modes play the same session.
"""

import asyncio
import heapq

from demo.venue.clock import NANOSECONDS, SimulatedClock
from demo.venue.desk import Script


class Stage:
    """Scripts and when each acts next, in seconds since the session's start."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Script]] = []
        self._added = 0

    def add(self, at: float, script: Script) -> None:
        """Let a script act for the first time `at` seconds after the start."""
        self._added += 1
        heapq.heappush(self._due, (at, self._added, script))

    def play(self, clock: SimulatedClock, until: float) -> None:
        """Play up to `until` seconds at once, moving the clock along."""
        start = clock()
        while self._due and self._due[0][0] <= until:
            clock.move_to(start + round(self._due[0][0] * NANOSECONDS))
            self._act()
        clock.move_to(start + round(until * NANOSECONDS))

    async def perform(self, until: float, speed: float = 1.0) -> None:
        """Play up to `until` seconds in real time; speed 2 takes half the time."""
        if speed <= 0:
            raise ValueError(f"speed must be above 0, not {speed}")
        loop = asyncio.get_running_loop()
        start = loop.time()
        while self._due and self._due[0][0] <= until:
            await asyncio.sleep(max(0.0, start + self._due[0][0] / speed - loop.time()))
            self._act()
        await asyncio.sleep(max(0.0, start + until / speed - loop.time()))

    def _act(self) -> None:
        due, number, script = heapq.heappop(self._due)
        try:
            pause = next(script)
        except StopIteration:
            return
        heapq.heappush(self._due, (due + pause, number, script))
