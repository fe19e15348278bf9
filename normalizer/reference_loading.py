"""What is in force, read from the bus for the normalizer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
import nats.errors
import nats.js.errors
import structlog

from normalizer.decoders.collected import Normalized
from normalizer.normalize import Normalizer
from pipeline.bus import Bus
from pipeline.bus.reference_history import HistoryMessage, ReferenceHistory, ReferenceLost
from pipeline.frames import FrameBatch
from pipeline.reference_changes import decode_in_force

log = structlog.get_logger(__name__)

_BUS_ERRORS = (nats.errors.Error, nats.js.errors.Error, TimeoutError, OSError)
_AGAIN_AFTER = 0.5
T = TypeVar("T")


class ReferenceLoading:
    """Loads reference data into a normalizer, as the frames of RAW say."""

    def __init__(self, bus: Bus, normalizer: Normalizer) -> None:
        self._history = ReferenceHistory(bus)
        self._normalizer = normalizer
        #: One sentence on what is missing, or empty.
        self.trouble = ""

    async def restore(self, raw: int) -> None:
        """Take what was in force behind the message of RAW with this sequence."""
        created = await _patiently(self._history.created)
        for source in await _patiently(self._history.sources):
            standing = await _patiently(lambda: self._history.in_force_at(source, raw))  # noqa: B023
            if standing.stream != created:
                continue  # nothing was yet, or REFERENCE was made anew: the next frame tells
            messages = await self._messages(source, 0, standing.upto)
            self._normalizer.reference.restore(source, messages)
            if messages:
                log.info("reference data was restored", source=source, upto=standing.upto)

    async def take(self, raw_sequence: int, batch: FrameBatch) -> Normalized:
        """The events of a batch of frames that say what is in force."""
        created = await _patiently(self._history.created)
        position = self._normalizer.reference.position(batch.source)
        loaded: list[list[HistoryMessage]] = []
        for frame in batch.frames:
            try:
                marker = decode_in_force(frame.payload)
            except (msgspec.MsgspecError, RecursionError):
                loaded.append([])  # a dead letter, as the normalizer will say
                continue
            if marker.stream != created:
                self._tell(f"REFERENCE was made anew since {batch.source} was put in force")
                loaded.append([])
                continue
            loaded.append(await self._messages(batch.source, position, marker.upto))
            position = max(position, marker.upto)
        return self._normalizer.refer(raw_sequence, batch, loaded)

    async def _messages(self, source: str, after: int, upto: int) -> list[HistoryMessage]:
        try:
            return await _patiently(lambda: self._history.messages(source, after, upto))
        except ReferenceLost as lost:
            self._tell(str(lost))
            return []

    def _tell(self, trouble: str) -> None:
        log.error("reference data is missing", reason=trouble)
        self.trouble = trouble


async def _patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """What the bus says, however long it is away."""
    while True:
        try:
            return await ask()
        except _BUS_ERRORS as error:
            log.debug("the bus is asked again", reason=str(error) or type(error).__name__)
            await asyncio.sleep(_AGAIN_AFTER)
