"""A source that is asked again and again over HTTP, and what operators see of it meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn

import structlog

from collectors.reference.source import SourceFault
from pipeline.config.sources import Reconnection
from pipeline.metrics import SOURCE_CONNECTED
from pipeline.source_state import SourceState
from pipeline.units import SECOND

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Polling:
    """Reads every so often. After a fault it waits longer each time, and starts over with short
    waits once it could read."""

    def __init__(self, state: SourceState, every: int, reconnection: Reconnection) -> None:
        """`every` is in nanoseconds."""
        self._state = state
        self._every = every
        self._reconnection = reconnection
        self._failures = 0

    async def run(self, read: Callable[[], Awaitable[None]]) -> NoReturn:
        """Until cancelled. `read` raises SourceFault where it can't, and is tried again."""
        try:
            while True:
                try:
                    await read()
                    self._failures = 0
                    wait = self._every / SECOND
                except SourceFault as fault:
                    wait = self._failed(str(fault))
                await asyncio.sleep(wait)
        finally:
            self._state.connection = "stopped"
            SOURCE_CONNECTED.labels(self._state.source).set(0)

    def connected(self, endpoint: str, trouble: str = "") -> None:
        """It answers."""
        state = self._state
        state.connection, state.endpoint, state.trouble = "connected", endpoint, trouble
        SOURCE_CONNECTED.labels(state.source).set(1)

    def _failed(self, reason: str) -> float:
        """Seconds to wait."""
        state = self._state
        state.connection, state.trouble = "reconnecting", reason
        SOURCE_CONNECTED.labels(state.source).set(0)
        _log.warning("the source can't be read", source=state.source, reason=reason)
        policy = self._reconnection
        # Each question has been asked several times by now, with jitter between.
        wait = min(policy.maximum, policy.initial << min(self._failures, 20))
        self._failures += 1
        return wait / SECOND
