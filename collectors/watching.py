"""A task that watches the newest of something, beside who waits for it."""

import asyncio
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Watching(ABC):
    """Watches within ``async with``. Only the newest is kept: memory stays bounded however slow the
    reader is. What ends the watching is raised where somebody waits."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()
        self._failed: Exception | None = None
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
            self._failed = _first(error)
            self._changed.set()


def _first(error: Exception) -> Exception:
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return error  # pyright: ignore[reportUnknownVariableType]
