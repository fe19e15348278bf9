"""A stage's state, saved now and then in JetStream's object store, with its place in the stream.

Each checkpoint is an object of its own, whole or not there at all; the newest few are kept. One
that is ahead of what the stage has written is of no use after a crash: the outputs that it takes
for done may be lost. So the one to restore is the newest that is not.
"""

import asyncio
import re
import zlib
from typing import Self

import msgspec
import nats.errors
import nats.js.errors
import structlog
from nats.js import JetStreamContext
from nats.js.api import ObjectStoreConfig, StorageType
from nats.js.errors import BucketNotFoundError
from nats.js.object_store import ObjectStore

from pipeline.bus.positions import Position

log = structlog.get_logger(__name__)

#: How many are kept of a stage.
KEPT = 3
_NAME = re.compile(r"(?P<stage>[a-z_]+)\.(?P<stream>[0-9]+)\.(?P<sequence>[0-9]+)")


class Checkpoint(msgspec.Struct, frozen=True):
    """A state that was saved."""

    sequence: int
    """The message of the source stream up to which it holds, that one included."""
    data: bytes


class Checkpoints:
    """The checkpoints of one stage."""

    def __init__(self, store: ObjectStore, stage: str) -> None:
        self._store = store
        self._stage = stage

    @classmethod
    async def open(cls, jetstream: JetStreamContext, bucket: str, stage: str) -> Self:
        """Open the store; create it where it isn't there."""
        try:
            store = await jetstream.object_store(bucket)
        except BucketNotFoundError:
            config = ObjectStoreConfig(bucket=bucket, storage=StorageType.FILE)
            store = await jetstream.create_object_store(bucket, config)
        return cls(store, stage)

    async def save(self, stream: int, sequence: int, data: bytes) -> None:
        """Save the state up to a message; `stream` is when its stream was created.

        Old ones are removed. Raises what the bus raises.
        """
        # Megabytes take a while to compress, during which the stage can go on.
        packed = await asyncio.to_thread(zlib.compress, data, 1)
        await self._store.put(f"{self._stage}.{stream}.{sequence:020}", packed)
        for _, _, name in (await self._names())[:-KEPT]:
            await self._store.delete(name)

    async def newest(self, until: Position) -> Checkpoint | None:
        """The newest one that isn't beyond a position, and can be read."""
        for stream, sequence, name in reversed(await self._names()):
            if stream != until.stream or sequence > until.done:
                continue
            try:
                found = await self._store.get(name)
                return Checkpoint(sequence, zlib.decompress(found.data or b""))
            except (zlib.error, nats.errors.Error, nats.js.errors.Error) as error:
                log.warning("a checkpoint can't be read", name=name, reason=str(error))
        return None

    async def oldest(self, stream: int) -> int | None:
        """The sequence of the oldest one of a stream's life; None when there is none."""
        return next((place for life, place, _ in await self._names() if life == stream), None)

    async def _names(self) -> list[tuple[int, int, str]]:
        """When the stream was created, the sequence, and the name, in that order."""
        try:
            entries = await self._store.list(ignore_deletes=True)
        except nats.js.errors.NotFoundError:
            return []
        found: list[tuple[int, int, str]] = []
        for entry in entries:
            name = _NAME.fullmatch(entry.name or "")
            if name is not None and name["stage"] == self._stage and not entry.deleted:
                found.append((int(name["stream"]), int(name["sequence"]), name[0]))
        return sorted(found)
