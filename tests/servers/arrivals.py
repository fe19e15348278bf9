"""A list that one thread appends to and another waits on."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Arrivals(Generic[T]):
    """What a server has received, in order. Safe between threads."""

    def __init__(self) -> None:
        self._items: list[T] = []
        self._changed = threading.Condition()

    def append(self, item: T) -> None:
        with self._changed:
            self._items.append(item)
            self._changed.notify_all()

    def clear(self) -> None:
        with self._changed:
            self._items.clear()

    def wait_for(self, count: int, timeout: float = 5) -> list[T]:
        """All items, once there are at least `count`; AssertionError if `timeout` seconds pass."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._items) >= count, timeout):
                raise AssertionError(
                    f"{len(self._items)} of {count} had arrived after {timeout} s: {self._items!r}"
                )
            return list(self._items)

    async def arrive(self, count: int, timeout: float = 5) -> list[T]:
        """As `wait_for`, from asyncio code, which goes on running meanwhile."""
        return await asyncio.to_thread(self.wait_for, count, timeout)

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[T]:
        with self._changed:
            return iter(list(self._items))

    def __getitem__(self, index: int) -> T:
        return self._items[index]

    def __repr__(self) -> str:
        return f"Arrivals({self._items!r})"
