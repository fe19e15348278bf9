"""A lane's state, saved now and then in JetStream's object store, with its place in the stream.

Each checkpoint is an object of its own, whole or not there at all; the newest few are kept, and a
few older ones to go back to (:mod:`pipeline.bus.checkpoint_ages`). One that is ahead of what the
lane has written is of no use after a crash: the outputs that it takes for done may be lost. So the
one to restore is the newest that is not.
"""

import asyncio
import base64
import io
import re
import zlib
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Self

import msgspec
import nats.errors
import nats.js.errors
import structlog
from nats.js import JetStreamContext
from nats.js.api import ObjectInfo, ObjectMeta, ObjectStoreConfig, StorageType
from nats.js.errors import BucketNotFoundError
from nats.js.object_store import ObjectStore

from pipeline.bus.checkpoint_ages import NEWEST, superfluous
from pipeline.bus.positions import Position

log = structlog.get_logger(__name__)

#: Level of compression: a state is large, and mostly names that come again and again.
_LEVEL = 1
_CHUNK = 1 << 18
#: Reading one may take so many seconds, and another one for so many bytes.
_PATIENCE, _BYTES_PER_SECOND = 60.0, 500_000
#: What was left of one that was never finished is removed when it is this old, in seconds.
_ABANDONED = 3_600.0
_NAME = re.compile(r"(?P<lane>[A-Za-z0-9_-]+)\.(?P<stream>[0-9]+)\.(?P<sequence>[0-9]+)")


class Saved(msgspec.Struct, frozen=True, order=True):
    """A checkpoint that is there."""

    lane: str
    stream: int
    """When its stream was created."""
    sequence: int
    """The message of the source stream up to which it holds, that one included."""
    at: str
    """When it was saved, in ISO 8601."""
    size: int
    """In bytes, as it is stored."""
    rules: str
    """Hash of the rules that it is of; empty if it doesn't say."""
    name: str


class Checkpoint(msgspec.Struct, frozen=True):
    """A state that was saved."""

    sequence: int
    """The message of the source stream up to which it holds, that one included."""
    stored: bytes
    """As it is stored."""

    def chunks(self) -> Iterator[bytes]:
        """The state, chunk by chunk. Raises zlib.error if it is damaged."""
        unpacking = zlib.decompressobj()
        for at in range(0, len(self.stored), _CHUNK):
            yield unpacking.decompress(self.stored[at : at + _CHUNK])
        yield unpacking.flush()

    @property
    def data(self) -> bytes:
        """The whole state. Raises zlib.error if it is damaged."""
        return b"".join(self.chunks())


def packed(parts: Iterable[bytes]) -> Iterator[bytes]:
    """A state as it is stored, chunk by chunk."""
    packing = zlib.compressobj(_LEVEL)
    for part in parts:
        if chunk := packing.compress(part):
            yield chunk
    yield packing.flush()


class Checkpoints:
    """The checkpoints of one lane, or with an empty name of all."""

    def __init__(self, jetstream: JetStreamContext, bucket: str, store: ObjectStore, lane: str):
        self._jetstream = jetstream
        self._bucket = bucket
        self._store = store
        self._lane = lane
        self._swept = 0.0

    @classmethod
    async def open(cls, jetstream: JetStreamContext, bucket: str, lane: str) -> Self:
        """Open the store; create it where it isn't there."""
        try:
            store = await jetstream.object_store(bucket)
        except BucketNotFoundError:
            config = ObjectStoreConfig(bucket=bucket, storage=StorageType.FILE)
            store = await jetstream.create_object_store(bucket, config)
        return cls(jetstream, bucket, store, lane)

    async def save(
        self, stream: int, sequence: int, stored: bytes | io.RawIOBase, *, rules: str = ""
    ) -> int:
        """Save a state (see `packed`) up to a message; returns its size in bytes.

        `stream` is when its stream was created, and `rules` the hash of the rules that it is of. It
        is read in another thread. Old ones are removed. Raises what the bus and reading raise, and
        then nothing was saved.
        """
        name = f"{self._lane}.{stream}.{sequence:020}"
        source: Any = stored  # nats-py takes whatever has `readinto`
        info = await self._store.put(name, source, ObjectMeta(description=rules or None))
        there = await self.all()
        times = [datetime.fromisoformat(one.at) for one in there]
        for place in superfluous(times, datetime.now(UTC)):
            await self.remove(there[place])
        await self._sweep()
        return info.size or 0

    async def newest(self, until: Position) -> Checkpoint | None:
        """The newest one that isn't beyond a position, and can be read."""
        async for found in self.until(until):
            return found
        return None

    async def until(
        self, until: Position, usable: Callable[[int], bool] = lambda sequence: True
    ) -> AsyncGenerator[Checkpoint, None]:
        """Those that aren't beyond a position and can be read, the newest first.

        `usable` is asked for each, by its sequence, before it is read.
        """
        for one in reversed(await self.all()):
            if one.stream != until.stream or one.sequence > until.done or not usable(one.sequence):
                continue
            try:
                yield Checkpoint(one.sequence, await self._read(one))
            except (TimeoutError, nats.errors.Error, nats.js.errors.Error) as error:
                reason = str(error) or type(error).__name__
                log.warning("a checkpoint can't be read", name=one.name, reason=reason)

    async def needed(self, stream: int, position: int, *, spare: bool) -> int | None:
        """The sequence behind which a stream's life must stay; None without any checkpoint.

        It is that of the newest one that isn't beyond a position of the lane; with `spare`, of the
        oldest of the newest few. Older checkpoints are of use for as long as there is room.
        """
        there = [one.sequence for one in await self.all() if one.stream == stream]
        oldest = min(there[-NEWEST:], default=None)
        if spare or oldest is None:
            return oldest
        return max((one for one in there if one <= position), default=oldest)

    async def all(self) -> list[Saved]:
        """What is there, by lane and age."""
        try:
            entries = await self._store.list(ignore_deletes=True)
        except nats.js.errors.NotFoundError:
            return []
        found: list[Saved] = []
        for entry in entries:
            name = _NAME.fullmatch(entry.name or "")
            if name is not None and self._lane in ("", name["lane"]) and not entry.deleted:
                found.append(_saved(name, entry))
        return sorted(found)

    async def remove(self, one: Saved) -> None:
        """Remove it, with all traces."""
        try:
            info = await self._store.get_info(one.name)
        except nats.js.errors.NotFoundError:
            return
        # What says that it is there goes first: so it is there whole, or not at all. The object
        # store's own way to delete leaves a note for each, of which there would be ever more.
        encoded = base64.urlsafe_b64encode(one.name.encode()).decode()
        await self._purge(f"$O.{self._bucket}.M.{encoded}")
        await self._purge(f"$O.{self._bucket}.C.{info.nuid}")

    async def _read(self, one: Saved) -> bytes:
        whole = io.BytesIO()
        async with asyncio.timeout(_PATIENCE + one.size / _BYTES_PER_SECOND):
            await self._store.get(one.name, writeinto=whole)
        return whole.getvalue()

    async def _purge(self, subject: str) -> None:
        await self._jetstream.purge_stream(f"OBJ_{self._bucket}", subject=subject)

    async def _sweep(self) -> None:
        """Remove what is left of checkpoints that were never finished, as after a crash."""
        now = datetime.now(UTC).timestamp()
        if now - self._swept < _ABANDONED:
            return
        self._swept = now
        stream, prefix = f"OBJ_{self._bucket}", f"$O.{self._bucket}.C."
        state = (await self._jetstream.stream_info(stream, f"{prefix}>")).state
        known = {prefix + entry.nuid for entry in await self._store.list(ignore_deletes=True)}
        for subject in set(state.subjects or ()) - known:
            try:
                last = await self._jetstream.get_last_msg(stream, subject)
            except nats.js.errors.NotFoundError:
                continue  # another lane was removing it
            if last.time is not None and now - last.time.timestamp() > _ABANDONED:
                await self._purge(subject)


def _saved(name: re.Match[str], entry: ObjectInfo) -> Saved:
    return Saved(
        lane=name["lane"],
        stream=int(name["stream"]),
        sequence=int(name["sequence"]),
        at=entry.mtime or "",
        size=entry.size or 0,
        rules=entry.description or "",
        name=name[0],
    )
