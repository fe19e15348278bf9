"""A task that watches the newest of something, beside who waits for it."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Protocol, Self

from pipeline.exception_groups import first_leaf
from pipeline.units import SECOND


class Watching(ABC):
    """Watches within ``async with``. Only the newest is kept: memory stays bounded however slow the
    reader is. What ends the watching is raised where somebody waits."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()
        self._failed: BaseException | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    @abstractmethod
    async def _watch(self) -> None:
        """Watch until cancelled, and call `_tell` on what is new."""

    def _tell(self) -> None:
        self._changed.set()

    async def _told(self) -> None:
        """Wait until there is something new since the last call. Raises what ended the watching."""
        await self._changed.wait()
        if self._failed is not None:
            raise self._failed
        self._changed.clear()

    async def _run(self) -> None:
        try:
            await self._watch()
        except Exception as error:
            # Whoever waits must hear of it, whatever it was.
            self._failed = first_leaf(error)
            self._changed.set()


class Follower(Protocol):
    """Sends the blocks of a chain."""

    async def catch_up(self) -> None:
        """Send all that there is."""
        ...

    async def tell_finality(self) -> None:
        """Ask how final blocks are, and say it."""
        ...


async def follow(
    changed: Callable[[], Awaitable[object]], follower: Follower, *, finality_every: int
) -> None:
    """Send what comes until it is time to ask for finality, which is asked for then.

    `changed` waits for something new. `finality_every` is in nanoseconds; 0: never, so this doesn't
    end.
    """
    loop = asyncio.get_running_loop()
    due = loop.time() + finality_every / SECOND if finality_every else None
    while due is None or loop.time() < due:
        try:
            async with asyncio.timeout_at(due):
                await changed()
        except TimeoutError:
            break
        await follower.catch_up()
    await follower.tell_finality()
