"""Groups of happenings within a sliding window of event time, bounded in number and size."""

from bisect import insort
from collections.abc import Hashable
from operator import attrgetter
from typing import Generic, Protocol, TypeVar

import msgspec


class Timed(Protocol):
    """What has an event time, in nanoseconds since the epoch."""

    @property
    def timestamp(self) -> int: ...


T = TypeVar("T", bound=Timed)
_timestamp = attrgetter("timestamp")


class Group(msgspec.Struct, Generic[T]):
    """What happened to one key within the window, in order of event time."""

    items: list[T]
    muted_until: int = 0
    """Nothing before this event time is collected: an alert covers it."""
    muted: int = 0
    """How much was left out while muted."""


class SlidingGroups(Generic[T]):
    """Sliding windows by key. Bounded: the group longest without news goes first.

    `window` is in nanoseconds. A group keeps at most `most_items`, the newest.
    """

    def __init__(self, window: int, *, most_groups: int = 50_000, most_items: int = 1_000) -> None:
        self.window = window
        self._most_groups = most_groups
        self._most_items = most_items
        self._groups: dict[Hashable, Group[T]] = {}

    def add(self, key: Hashable, item: T) -> Group[T] | None:
        """The key's group with `item` in it, cleared of what is too old; None while it is muted."""
        # Taken out and put back at the end, so that the first group is always the idlest.
        group = self._groups.pop(key, None)
        if group is None:
            group = Group(list[T]())
        self._groups[key] = group
        if len(self._groups) > self._most_groups:
            del self._groups[next(iter(self._groups))]
        if item.timestamp < group.muted_until:
            group.muted += 1
            return None
        insort(group.items, item, key=_timestamp)
        oldest = group.items[-1].timestamp - self.window
        stale = 0
        while group.items[stale].timestamp < oldest:
            stale += 1
        stale = max(stale, len(group.items) - self._most_items)
        if stale:
            del group.items[:stale]
        return group

    def mute(self, group: Group[T]) -> int:
        """Let the group be silent for one window from its first item, and empty it.

        Returns how many were left out by the mute before.
        """
        before, group.muted = group.muted, 0
        group.muted_until = group.items[0].timestamp + self.window
        group.items.clear()
        return before
