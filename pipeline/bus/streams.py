"""The streams: their names, subjects and limits."""

import asyncio
from enum import Enum

import nats.js.errors
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig, StreamInfo

from pipeline.config.schema import StreamLimits, Streams
from pipeline.units import SECOND

#: JetStream's error codes when storage is used up.
_NO_ROOM = (10002, 10023, 10047)
#: Seconds after which is looked again whether there is a stream that there was no room for.
_LOOK_AGAIN = (0.05, 0.2, 0.5)


class Stream(Enum):
    """A stream of the design; its value is its name without the deployment's prefix."""

    RAW = "RAW"
    EVENTS = "EVENTS"
    ALERTS = "ALERTS"
    DEAD = "DEAD"
    REFERENCE = "REFERENCE"
    CASES = "CASES"


class StreamNames:
    """Names of streams and subjects of one deployment."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def stream(self, stream: Stream) -> str:
        """The stream's name on the server."""
        return f"{self._prefix}{stream.value}"

    def subject(self, stream: Stream, token: str) -> str:
        """A subject of the stream. ``token`` is a source, a stage, or ``>`` for all."""
        return f"{self.token(stream.value)}.{token}"

    def token(self, name: str) -> str:
        """What the subjects of a stream begin with."""
        base = name.lower()
        return f"{self._prefix}.{base}" if self._prefix else base

    def bucket(self, name: str) -> str:
        """The name of a key-value bucket, or of a stream that is none of the design's."""
        return f"{self._prefix}{name}"


def stream_configuration(names: StreamNames, stream: Stream, limits: StreamLimits) -> StreamConfig:
    """What JetStream is asked for.

    All but DEAD refuse what has no room: JetStream itself drops nothing of them, neither by size
    nor by age. What all readers have taken is purged by :mod:`pipeline.bus.retention`, but for
    REFERENCE and CASES, which are needed from their beginning on. Dead letters have no reader that
    would make room: the oldest go.
    """
    dead = stream is Stream.DEAD
    return StreamConfig(
        name=names.stream(stream),
        subjects=[names.subject(stream, ">")],
        retention=RetentionPolicy.LIMITS,
        discard=DiscardPolicy.OLD if dead else DiscardPolicy.NEW,
        storage=StorageType.FILE,
        max_age=limits.max_age / SECOND if dead else 0,
        max_bytes=limits.max_size,
        duplicate_window=min(limits.duplicate_window, limits.max_age) / SECOND,
        num_replicas=limits.replicas,
        allow_direct=True,
    )


async def ensure_streams(jetstream: JetStreamContext, names: StreamNames, limits: Streams) -> None:
    """Create the streams, or bring them to the configuration; nothing happens when they are."""
    by_stream = {
        Stream.RAW: limits.raw,
        Stream.EVENTS: limits.events,
        Stream.ALERTS: limits.alerts,
        Stream.DEAD: limits.dead,
        Stream.REFERENCE: StreamLimits(
            max_size=limits.reference.max_size, replicas=limits.reference.replicas
        ),
        Stream.CASES: StreamLimits(max_size=limits.cases.max_size, replicas=limits.cases.replicas),
    }
    for stream, stream_limits in by_stream.items():
        wanted = stream_configuration(names, stream, stream_limits)
        info = await _made(jetstream, wanted)
        if not _same(info.config, wanted):
            await jetstream.update_stream(wanted)


async def _made(jetstream: JetStreamContext, wanted: StreamConfig) -> StreamInfo:
    """The stream, made if it isn't there, which another process may be doing at this moment.

    JetStream counts the room of both, and refuses the second even once the first is there.
    """
    assert wanted.name is not None
    for wait in (*_LOOK_AGAIN, None):
        try:
            return await jetstream.stream_info(wanted.name)
        except nats.js.errors.NotFoundError:
            pass
        try:
            return await jetstream.add_stream(wanted)
        except nats.js.errors.APIError as error:
            if wait is None or error.err_code not in _NO_ROOM:
                raise
        await asyncio.sleep(wait)
    raise AssertionError("unreachable: the last attempt returns or raises")


def _same(there: StreamConfig, wanted: StreamConfig) -> bool:
    return all(
        getattr(there, key) == getattr(wanted, key)
        for key in (
            "subjects", "max_age", "max_bytes", "duplicate_window", "num_replicas", "discard",
        )
    )  # fmt: skip
