"""Groups of happenings within a sliding window of event time, bounded in number and size."""

from bisect import insort
from operator import attrgetter
from typing import Generic, Protocol, TypeVar

import msgspec

from detections.idlest import drop_idlest


class Timed(Protocol):
    """What has an event time, in nanoseconds since the epoch."""

    @property
    def timestamp(self) -> int: ...


#: Up to so many times the minimum, a series alerts at each multiple of it.
_EVERY = 5

T = TypeVar("T", bound=Timed)
#: What a group is about: names, and chain ids.
Key = tuple[str | int, ...]
_timestamp = attrgetter("timestamp")


class Group(msgspec.Struct, Generic[T], array_like=True):
    """What happened to one key within the window, in order of event time."""

    items: list[T]
    series_until: int = 0
    """End, by event time, of the series that was alerted; 0 while none was."""
    series_alerts: int = 0
    """Alerts of the series so far."""
    next_alert: int = 0
    """How many items the series must have for its next alert."""
    gone: int = 0
    """Items of the series that were too many to keep."""
    told: int = 0
    """Items, from the first on, that alerts of the series have told of."""


class SlidingGroups(Generic[T]):
    """Sliding windows by key. Bounded: the group longest without news goes first.

    `window` is in nanoseconds, and so is `series`, how long a series of alerts lasts from its first
    item: a window, unless it is said. Where it is said, what no alert of a series has told of is in
    the first one of the next, if that begins before as long again has passed. A group keeps at most
    `most_items`, the newest. The groups themselves are the caller's state, given with each call.
    """

    def __init__(
        self,
        window: int,
        *,
        series: int | None = None,
        most_groups: int = 50_000,
        most_items: int = 1_000,
    ) -> None:
        self.window = window
        self._series = window if series is None else max(window, series)
        self._carries = series is not None
        self._most_groups = most_groups
        self._most_items = most_items

    def add(self, groups: dict[Key, Group[T]], key: Key, item: T) -> Group[T]:
        """The key's group with `item` in it, cleared of what is too old.

        While a series lasts its items stay, so that each further alert has the whole evidence.
        """
        # Taken out and put back at the end, so that the first group is always the idlest.
        group = groups.pop(key, None)
        if group is None:
            group = Group(list[T]())
        groups[key] = group
        drop_idlest(groups, self._most_groups)
        if group.series_until and item.timestamp >= group.series_until:
            self._end(group, item.timestamp)
        insort(group.items, item, key=_timestamp)
        oldest = 0 if group.series_until else group.items[-1].timestamp - self.window
        stale = 0
        while group.items[stale].timestamp < oldest:
            stale += 1
        stale = max(stale, len(group.items) - self._most_items)
        if stale:
            del group.items[:stale]
            if group.series_until:
                group.gone += stale
                group.told = max(0, group.told - stale)
        return group

    def _end(self, group: Group[T], now: int) -> None:
        """End a series. Another begins at once where something wasn't told that is not too old:
        it waits for that one, and no longer."""
        del group.items[: group.told if self._carries else len(group.items)]
        waits = group.series_alerts and now < group.series_until + self._series
        group.series_until = now + self._series if waits and group.items else 0
        group.series_alerts = group.next_alert = group.gone = group.told = 0

    def due(self, group: Group[T], minimum: int) -> bool:
        """Whether the group has enough for an alert, or for the next one of its series.

        A series alerts at `minimum`, at twice, three, four and five times that, and then whenever
        it has doubled, or has a quarter more where it is longer than a window: no trade is without
        an alert for long, and no series makes a flood.
        """
        return group.gone + len(group.items) >= (group.next_alert or minimum)

    def alerted(self, group: Group[T], minimum: int) -> int:
        """Note an alert; returns which one of its series it is, from 1."""
        count = group.gone + len(group.items)
        group.told = len(group.items)
        multiple = count // minimum
        group.series_until = group.series_until or group.items[0].timestamp + self._series
        more = max(minimum, count // 4) if self._carries else count
        group.next_alert = (multiple + 1) * minimum if multiple < _EVERY else count + more
        group.series_alerts += 1
        return group.series_alerts
