"""Event time: how far it has come, and events put back into its order.

Every source has a clock and a way of its own, so each has its own newest event time. The watermark
is the least of these, less the allowed lateness: no event that is in time can be older. What waits
is released once the watermark has passed it, in the order of event time, so that every order of
arrival gives the same in which each source by itself is in order within the lateness.

A source that is silent must not stop all others. It is idle once it is behind the newest event of
all by more than a bound: by event time, so that a replay decides the same at any speed.
"""

import heapq
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

import msgspec

from pipeline.reference_changes import REFERENCE_PROVIDER
from pipeline.social_payload import SOCIAL_PROVIDER
from pipeline.units import SECOND

T = TypeVar("T")

#: What decides between events of one time: source, its sequence number or the place on its chain,
#: event id.
Tie = tuple[str, int, str]
NO_TIE: Tie = ("", -1, "")

#: Sources whose time is known, at most. Beyond it the one furthest behind is forgotten.
MOST_SOURCES = 1_000
_NEVER = -(2**63)
#: When it was known what an address is, is no time of the market; and what was said in an hour is
#: told when that is over.
_NO_CLOCKS = (REFERENCE_PROVIDER, SOCIAL_PROVIDER)


class TimeLimits(msgspec.Struct, frozen=True):
    """How far times may be apart. All in nanoseconds."""

    lateness: int = 0
    """How much later than a newer one of its source an event may come. With 0 nothing waits."""
    idle_after: int = 30 * SECOND
    """A source that is further behind the newest event of all holds nothing up."""
    clock_tolerance: int = 5 * SECOND
    """How much later than its receipt an event may say that it happened."""


TIME_LIMITS = TimeLimits()
"""What is usual."""


def tie(event: Any) -> Tie:
    """What orders a record among those of its time. A source without sequence orders by id.

    Logs of a chain have the order of the chain: all of a block have one time.
    """
    sequence = event.sequence
    if sequence is None:
        log_index = getattr(event, "log_index", None)
        sequence = -1 if log_index is None else _place(event.block_number, log_index)
    return (event.provider, sequence, event.id)


def tie_of(
    provider: Any, sequence: Any, event_id: Any, block_number: Any = None, log_index: Any = None
) -> Tie:
    """The same, of what a document has in these fields."""
    number: int = -1
    if type(sequence) is int:
        number = sequence
    elif type(log_index) is int and type(block_number) is int:
        number = _place(block_number, log_index)
    return ("" if provider is None else str(provider), number, str(event_id))


def _place(block_number: int, log_index: int) -> int:
    """Where a log stands on its chain; no block has 16 million logs."""
    return (block_number << 24) + log_index


class Watermark:
    """How far event time has come, by source and for all of them together.

    It depends on nothing but the events' times, in the order in which they are seen, and never
    goes back.
    """

    def __init__(self, limits: TimeLimits) -> None:
        self.limits = limits
        self.value = _NEVER
        """Older events than this are late."""
        self.lead = _NEVER
        """The newest event time of all sources; what `reach` was told."""
        self.newest: dict[str, int] = {}
        """By source, its newest event time."""
        #: The least time of the sources that aren't idle, and whose it is.
        self._floor = _NEVER
        self._slowest = ""

    def see(self, source: str, time: int) -> bool:
        """An event of this source and time came. Returns whether the watermark has moved."""
        newest = self.newest
        before = newest.get(source, _NEVER)
        if time <= before:
            return False
        if before == _NEVER and source.startswith(_NO_CLOCKS):
            return False
        newest[source] = time
        if len(newest) == 1:  # the usual case, and so without a further look
            self._slowest = source
            if time > self.lead:
                self.lead = time
            self._floor = floor = self.lead
        else:
            if time > self.lead:
                self.lead = time
            floor = self._floor
            if (
                source != self._slowest
                and time >= floor >= self.lead - self.limits.idle_after
                and len(newest) <= MOST_SOURCES
            ):
                return False  # the slowest one is as slow as before
            floor = self._find_floor()
        if floor - self.limits.lateness <= self.value:
            return False
        self.value = floor - self.limits.lateness
        return True

    def plausible(self, time: int, received: int | None) -> tuple[int, int]:
        """When an event happened, and how far its source has come with it.

        An event of the future happened at its receipt, as far as anybody can tell. It may not carry
        the watermark beyond what its source sends in time, which is received some time after it
        happened.
        """
        tolerance = self.limits.clock_tolerance
        if received is None or time <= received + tolerance:
            return time, time
        return received, received - tolerance

    def reach(self, time: int) -> bool:
        """Every source has come this far. Returns whether the watermark has moved."""
        for source, newest in self.newest.items():
            self.newest[source] = max(newest, time)
        self.lead = max(self.lead, time)
        value = self._find_floor() - self.limits.lateness
        moved = value > self.value
        self.value = max(self.value, value)
        return moved

    def restore(self, value: int, lead: int, newest: dict[str, int]) -> None:
        """Take what `value`, `lead` and `newest` were."""
        self.value, self.lead, self.newest = value, lead, dict(newest)
        self._find_floor()

    def _find_floor(self) -> int:
        newest = self.newest
        if len(newest) > MOST_SOURCES:
            del newest[min(newest, key=newest.__getitem__)]
        oldest = self.lead - self.limits.idle_after
        floor, slowest = self.lead, ""
        for source, time in newest.items():
            if oldest <= time and (time < floor or not slowest):
                floor, slowest = time, source
        self._floor, self._slowest = floor, slowest
        return floor


class Waiting(Generic[T]):
    """Holds items until the watermark has passed their time.

    With a lateness of 0 nothing needs to wait, and the caller shouldn't ask.
    """

    def __init__(self) -> None:
        self.items: list[tuple[int, Tie, int, T]] = []
        """A heap."""
        self._count = 0

    def add(self, timestamp: int, order: Tie, item: T) -> None:
        """Let an item wait. It must not be late."""
        # The count keeps the order of arrival where even the ids are the same, and items unlike.
        self._count += 1
        heapq.heappush(self.items, (timestamp, order, self._count, item))

    def release(self, watermark: int) -> Iterator[tuple[int, T]]:
        """Items whose time the watermark has passed, with their times, in order."""
        # Strictly: another event of the watermark's very time would still be in time.
        while self.items and self.items[0][0] < watermark:
            timestamp, _, _, item = heapq.heappop(self.items)
            yield timestamp, item

    def release_all(self) -> Iterator[tuple[int, T]]:
        """Everything, in order: the input has ended."""
        while self.items:
            timestamp, _, _, item = heapq.heappop(self.items)
            yield timestamp, item

    def clear(self) -> None:
        """Forget what waits."""
        self.items.clear()

    def in_order(self) -> list[tuple[int, Tie, T]]:
        """What waits, in order, without releasing it."""
        return [(timestamp, order, item) for timestamp, order, _, item in sorted(self.items)]
