"""Venue time: integer nanoseconds since the epoch, UTC, and the text that Coinbase prints."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

Clock = Callable[[], int]
"""Returns nanoseconds since the epoch, UTC. `time.time_ns` is one."""

NANOSECONDS = 1_000_000_000


@lru_cache(maxsize=8)
def _second_text(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def iso_time(nanoseconds: int) -> str:
    """The instant as Coinbase prints it, e.g. `2014-11-07T08:19:27.028459Z` (microseconds)."""
    second, rest = divmod(nanoseconds, NANOSECONDS)
    return f"{_second_text(second)}.{rest // 1000:06d}Z"


class SimulatedClock:
    """A clock that moves only when told to, and never backwards."""

    def __init__(self, start: int) -> None:
        self.now = start

    def __call__(self) -> int:
        return self.now

    def move_to(self, instant: int) -> None:
        """Move to `instant` (ns); raise ValueError if that is in the past."""
        if instant < self.now:
            raise ValueError(f"the clock stands at {self.now} ns and cannot go back to {instant}")
        self.now = instant
