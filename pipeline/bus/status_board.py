"""Where every process writes how it is, for ``tapewatch status`` and ``/readyz``."""

from collections.abc import Sequence
from contextlib import suppress
from typing import TypeVar

import msgspec
import nats.errors
import nats.js.errors
from msgspec import Struct, field
from nats.js import JetStreamContext
from nats.js.kv import KeyValue

from pipeline.bus.positions import open_bucket
from pipeline.bus.reader_names import DETECTIONS
from pipeline.secrets import without_secrets
from pipeline.source_state import SourceState, now

#: An entry that was not renewed for this long is of a process that ended or hangs.
FRESH_SECONDS = 10.0


class ReaderState(Struct):
    """A reader of a stream: a stage, or a sink with one content."""

    name: str
    stream: str
    position: int
    last: int
    trouble: str = ""

    @property
    def lag(self) -> int:
        """Messages not read yet."""
        return max(0, self.last - self.position)


_State = TypeVar("_State", SourceState, ReaderState)


class StageReport(Struct):
    """What one process says of itself. ``at``: nanoseconds since the epoch, wall clock."""

    stage: str
    at: int
    pid: int
    sources: list[SourceState] = field(default_factory=list[SourceState])
    readers: list[ReaderState] = field(default_factory=list[ReaderState])
    #: True when a stage has nothing more to come, such as collectors whose recordings have ended.
    finished: bool = False

    @property
    def fresh(self) -> bool:
        """Whether it was renewed lately."""
        return now() - self.at < FRESH_SECONDS * 1e9


def lanes_nowhere(reports: Sequence[StageReport], lanes: Sequence[str]) -> list[str]:
    """The lanes that no process has of those that reported lately."""
    there = {reader.name for report in reports if report.fresh for reader in report.readers}
    return [lane for lane in lanes if lane not in there]


def without_replaced(reports: Sequence[StageReport], lanes: Sequence[str]) -> list[StageReport]:
    """Without those of workers that are gone and that nobody misses: others have all lanes."""
    if lanes_nowhere(reports, lanes):
        return list(reports)
    return [
        report
        for report in reports
        if report.fresh or not report.stage.startswith(DETECTIONS) or len(lanes) == 1
    ]


def _without_secrets(report: StageReport) -> StageReport:
    """What a server says may repeat what it was sent."""
    return msgspec.structs.replace(
        report,
        sources=[_masked(source) for source in report.sources],
        readers=[_masked(reader) for reader in report.readers],
    )


def _masked(state: _State) -> _State:
    if not state.trouble:
        return state
    return msgspec.structs.replace(state, trouble=without_secrets(state.trouble))


class StatusBoard:
    """One key per stage in a key-value bucket."""

    def __init__(self, bucket: KeyValue) -> None:
        self._bucket = bucket

    @classmethod
    async def open(cls, jetstream: JetStreamContext, bucket: str) -> "StatusBoard":
        """Open the bucket; create it when it isn't there."""
        return cls(await open_bucket(jetstream, bucket, history=1, ttl=24 * 3600))

    async def put(self, report: StageReport) -> None:
        """Write a report. A lost one is made good by the next."""
        try:
            await self._bucket.put(report.stage, msgspec.json.encode(_without_secrets(report)))
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError):
            pass

    async def forget_silent(self) -> None:
        """Take away what was not renewed lately, where whoever is silent is gone for good.

        What can't be taken away now is old news for a while, and no more.
        """
        with suppress(nats.errors.Error, nats.js.errors.Error, TimeoutError):
            for report in await self.reports():
                if not report.fresh:
                    await self._bucket.delete(report.stage)

    async def reports(self) -> list[StageReport]:
        """All reports, by stage."""
        try:
            keys = await self._bucket.keys()
        except nats.js.errors.NoKeysError:
            return []
        found: list[StageReport] = []
        for key in sorted(keys):
            try:
                entry = await self._bucket.get(key)
            except (nats.js.errors.KeyNotFoundError, nats.js.errors.KeyDeletedError):
                continue  # it went meanwhile
            found.append(msgspec.json.decode(entry.value or b"", type=StageReport))
        return found
