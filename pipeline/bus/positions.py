"""Where stages and sinks stand: the sequence up to which all that a message caused is durable."""

from typing import TYPE_CHECKING, Self

import msgspec
import nats.js.errors
import structlog
from msgspec import Struct
from nats.js import JetStreamContext
from nats.js.api import KeyValueConfig, StorageType, StreamInfo
from nats.js.kv import KeyValue

from pipeline.bus.publisher import SubjectWriter

if TYPE_CHECKING:
    from pipeline.bus.connection import Bus

log = structlog.get_logger(__name__)


class Position(Struct, omit_defaults=True):
    """How far a stream was read: ``sequence`` whole, or of it only the first ``lines`` of output.

    ``stream`` says which life of the stream is meant: when it was created, in microseconds since
    the epoch. A stream that was deleted and made anew counts from 1 again, and all of it is unread.
    ``written``: the sequence of the newest output that the position relies on.
    """

    stream: int = 0
    sequence: int = 0
    lines: int = 0
    written: int = 0

    @property
    def done(self) -> int:
        """The last sequence of which everything is done."""
        return self.sequence - 1 if self.lines else self.sequence

    def text(self) -> str:
        """As a header's value: stream, sequence and lines."""
        return f"{self.stream}:{self.sequence}/{self.lines}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The position in a header's value. Raises ValueError."""
        stream, _, rest = text.partition(":")
        sequence, _, lines = rest.partition("/")
        return cls(int(stream), int(sequence), int(lines))

    def within(self, info: StreamInfo, reader: str) -> "Position":
        """This position, or where to go on when the stream isn't any more what it was.

        A position behind the end of a stream would wait for ever, and pass over what comes.
        """
        created, last = created_at(info), info.state.last_seq
        if self.stream == created and self.done <= last:
            return self
        if self.stream not in (0, created):
            log.error(
                "the stream was deleted and made anew: it is read from its beginning",
                reader=reader,
                stream=info.config.name,
                position=self.sequence,
            )
            return Position(stream=created)
        if self.done > last:
            log.error(
                "the stream has lost its newest messages, as by a power failure: "
                "what comes now is read (bus.sync: always prevents it)",
                reader=reader,
                stream=info.config.name,
                position=self.sequence,
                last=last,
            )
        return Position(stream=created, sequence=min(self.done, last))


def created_at(info: StreamInfo) -> int:
    """When a stream was created, in microseconds since the epoch; every life has its own."""
    return round(info.created.timestamp() * 1e6) if info.created is not None else 0


class Positions:
    """One key per reader, in a JetStream key-value bucket with file storage."""

    def __init__(self, bus: "Bus", bucket: str) -> None:
        self._bus = bus
        self._bucket = bucket
        self._writers: dict[str, SubjectWriter] = {}
        self._saved: dict[str, Position] = {}

    @classmethod
    async def open(cls, bus: "Bus", bucket: str) -> Self:
        """Open the bucket; create it when it isn't there."""
        await open_bucket(bus.jetstream, bucket, history=1)
        return cls(bus, bucket)

    async def load(self, reader: str) -> Position:
        """The reader's position; the beginning when it has none yet."""
        newest = await self._writer(reader).newest()
        if newest is None or not newest.data:
            return Position()
        return msgspec.json.decode(newest.data, type=Position)

    async def save(self, reader: str, position: Position) -> None:
        """Set the position, when it changed. Waits for the bus.

        Raises :class:`pipeline.bus.publisher.AnotherWriter` when two processes save it.
        """
        if self._saved.get(reader) != position:
            await self._writer(reader).write(
                msgspec.json.encode(position), f"{reader}:{position.text()}"
            )
            self._saved[reader] = position

    async def forget(self, reader: str) -> bool:
        """Take a position out; a process that still saves it ends. False if there is none."""
        writer = self._writer(reader)
        newest = await writer.newest()
        # A name with a wildcard finds the position of another.
        if newest is None or not newest.data or newest.subject != writer.subject:
            return False
        # What stays in its place, without data, is behind what such a process has saved.
        await (await self._bus.jetstream.key_value(self._bucket)).purge(reader)
        return True

    def _writer(self, reader: str) -> SubjectWriter:
        if reader not in self._writers:
            self._writers[reader] = SubjectWriter(
                self._bus, f"KV_{self._bucket}", f"$KV.{self._bucket}.{reader}"
            )
        return self._writers[reader]


async def open_bucket(
    jetstream: JetStreamContext, bucket: str, *, history: int, ttl: float | None = None
) -> KeyValue:
    """Open a key-value bucket; create it when it isn't there."""
    try:
        return await jetstream.key_value(bucket)
    except nats.js.errors.BucketNotFoundError:
        return await jetstream.create_key_value(
            KeyValueConfig(bucket=bucket, history=history, ttl=ttl, storage=StorageType.FILE)
        )
