"""Event time: how far it has come, and events put back into its order.

The watermark is the newest event time seen, less the allowed lateness: no event that is in time can
be older. What waits is released once the watermark has passed it, in the order of event time, so
that every order of arrival within the lateness gives the same.
"""

import heapq
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

T = TypeVar("T")

#: What decides between events of one time: source, its sequence number, event id.
Tie = tuple[str, int, str]
NO_TIE: Tie = ("", -1, "")


def tie(event: Any) -> Tie:
    """What orders a record among those of its time. A source without sequence orders by id."""
    return (event.provider, -1 if event.sequence is None else event.sequence, event.id)


def tie_of(provider: Any, sequence: Any, event_id: Any) -> Tie:
    """The same, of what a document has in these fields."""
    number: int = sequence if type(sequence) is int else -1
    return ("" if provider is None else str(provider), number, str(event_id))


class Waiting(Generic[T]):
    """Holds items until the watermark has passed their time.

    `lateness` is in nanoseconds. With 0 nothing needs to wait, and the caller shouldn't ask.
    """

    def __init__(self, lateness: int) -> None:
        self.lateness = lateness
        self.newest = 0
        """The newest event time seen; 0 before the first."""
        self._heap: list[tuple[int, Tie, int, T]] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def watermark(self) -> int:
        """Older events than this are late."""
        return self.newest - self.lateness

    def add(self, timestamp: int, order: Tie, item: T) -> None:
        """Let an item wait. It must not be late."""
        # The count keeps the order of arrival where even the ids are the same, and items unlike.
        self._count += 1
        heapq.heappush(self._heap, (timestamp, order, self._count, item))

    def release(self) -> Iterator[tuple[int, T]]:
        """Items whose time the watermark has passed, with their times, in order."""
        # Strictly: another event of the watermark's very time would still be in time.
        while self._heap and self._heap[0][0] < self.newest - self.lateness:
            timestamp, _, _, item = heapq.heappop(self._heap)
            yield timestamp, item

    def release_all(self) -> Iterator[tuple[int, T]]:
        """Everything, in order: the input has ended."""
        while self._heap:
            timestamp, _, _, item = heapq.heappop(self._heap)
            yield timestamp, item

    def clear(self, newest: int) -> None:
        """Forget what waits; the newest event time is this."""
        self._heap.clear()
        self.newest = newest

    def items(self) -> list[tuple[int, Tie, T]]:
        """What waits, in order, without releasing it."""
        return [(timestamp, order, item) for timestamp, order, _, item in sorted(self._heap)]
