"""Whether the clocks of sources are right, as far as their events tell.

Between an event and its receipt lies what the source and the network take. An event that happened
after it was received is of a clock that is ahead. A source whose events take much longer than
those of all others has a clock that is behind, or is itself far behind; nobody can tell which.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from msgspec import Struct, field

from normalizer.events import Record
from pipeline.units import SECOND, format_duration

#: Batches of a source that are looked at, and how many it takes to say something.
_LATEST = 64
_ENOUGH = 8


class _Clock(Struct):
    delays: deque[int] = field(default_factory=lambda: deque[int](maxlen=_LATEST))
    """From the event to its receipt, nanoseconds; one of each batch."""
    ahead: deque[int] = field(default_factory=lambda: deque[int](maxlen=_LATEST))
    """By how much the furthest event of each batch was ahead of its receipt; else 0."""
    verdict: str = ""


class SourceClocks:
    """Judges the clocks of all sources, batch by batch."""

    def __init__(self, *, tolerance: int, apart: int) -> None:
        """`tolerance`: how far an event may be ahead of its receipt. `apart`: how much longer a
        source's events may take than those of the others. Both in nanoseconds."""
        self._tolerance = tolerance
        self._apart = apart
        self._clocks: dict[str, _Clock] = {}
        self.noted = 0
        """Batches that were looked at."""

    def note(self, source: str, events: Sequence[Record]) -> int:
        """Take a batch of a source. Returns how many of its events were too far ahead."""
        # What a collector says itself has the time of its receipt.
        delays = [one.ingested - one.timestamp for one in events if one.ingested != one.timestamp]
        if not delays:
            return 0
        self.noted += 1
        clock = self._clocks.setdefault(source, _Clock())
        furthest = -min(delays)
        clock.delays.append(delays[-1])
        clock.ahead.append(furthest if furthest > self._tolerance else 0)
        return sum(-delay > self._tolerance for delay in delays) if clock.ahead[-1] else 0

    def delays(self) -> Mapping[str, int]:
        """By source, how long its events take to be received: the median of the latest batches."""
        return {
            source: int(median(clock.delays))
            for source, clock in self._clocks.items()
            if len(clock.delays) >= _ENOUGH
        }

    def news(self) -> Iterable[tuple[str, str]]:
        """Sources of which something else is to be said than at the last call, with what.

        Empty where the clock is right again.
        """
        delays = self.delays()
        for source, clock in self._clocks.items():
            verdict = self._verdict(source, clock, delays)
            # The numbers in it change all the time, and are no news.
            if bool(verdict) != bool(clock.verdict):
                yield source, verdict
            clock.verdict = verdict

    @property
    def trouble(self) -> str:
        """What is wrong with which clocks, in one sentence; empty where nothing is."""
        return "; ".join(
            f"{name} {one.verdict}" for name, one in self._clocks.items() if one.verdict
        )

    def _verdict(self, source: str, clock: _Clock, delays: Mapping[str, int]) -> str:
        furthest = max(clock.ahead)
        if furthest:
            return f"sends events that are {_about(furthest)} ahead of their receipt: see its clock"
        others = [delay for name, delay in delays.items() if name != source]
        if not others or source not in delays:
            return ""
        more = delays[source] - int(median(others))
        if more <= self._apart:
            return ""
        return (
            f"sends events {_about(delays[source])} after they happened, and other sources "
            f"{_about(int(median(others)))}: its clock is behind, or it is"
        )


def _about(time: int) -> str:
    return format_duration(max(0, round(time / SECOND)) * SECOND)
