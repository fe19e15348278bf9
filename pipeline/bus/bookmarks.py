"""The newest message of every subject, kept where retention takes it out of its stream.

A writer goes on behind its own newest message: a collector asks RAW for its newest frame, a relay
its output for the origin. Where the whole of a quiet source was taken and then purged to make
room, that message is kept here, one for each subject.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Self, cast

import msgspec
import nats.js.errors
from msgspec import Struct
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg
from nats.js.errors import APIError, KeyNotFoundError, NotFoundError
from nats.js.kv import KeyValue

from pipeline.bus.positions import created_at, open_bucket

if TYPE_CHECKING:
    from collections.abc import Mapping


class _Kept(Struct, array_like=True):
    subject: str
    sequence: int
    #: When the stream was created, in microseconds since the epoch: sequences are of that life.
    stream: int
    data: bytes
    headers: dict[str, str]
    stored: datetime | None


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Kept)


class Bookmarks:
    """One key per subject in a key-value bucket."""

    def __init__(self, jetstream: JetStreamContext, bucket: KeyValue) -> None:
        self._jetstream = jetstream
        self._bucket = bucket

    @classmethod
    async def open(cls, jetstream: JetStreamContext, bucket: str) -> Self:
        """Open the bucket; create it when it isn't there."""
        return cls(jetstream, await open_bucket(jetstream, bucket, history=1))

    async def find(self, stream: str, subject: str) -> RawStreamMsg | None:
        """The newest message of a subject that was purged; None when none ever was.

        It is only for when the stream itself has none of the subject.
        """
        try:
            entry = await self._bucket.get(subject)
        except KeyNotFoundError:
            return None
        kept = _decoder.decode(entry.value or b"")
        if kept.stream != created_at(await self._jetstream.stream_info(stream)):
            return None
        return RawStreamMsg(
            subject=kept.subject,
            seq=kept.sequence,
            data=kept.data,
            headers=kept.headers,
            time=kept.stored,
        )

    async def keep(self, stream: str, created: int, until: int) -> bool:
        """Keep the newest message of every subject that has none beyond ``until``.

        True when the stream may be purged up to there; False when another did the same meanwhile,
        with what may be newer: look again. Raises what the bus raises.
        """
        info = await self._jetstream.stream_info(stream, subjects_filter=">")
        for subject in cast("Mapping[str, int]", info.state.subjects or {}):
            if not await self._keep(stream, created, subject, until):
                return False
        return True

    async def _keep(self, stream: str, created: int, subject: str, until: int) -> bool:
        # The revision first: whoever keeps a newer message after this makes our write fail.
        try:
            revision = (await self._bucket.get(subject)).revision
        except KeyNotFoundError:
            revision = None
        try:
            newest = await self._jetstream.get_last_msg(stream, subject)
        except NotFoundError:
            return True
        if (newest.seq or 0) > until:
            return True
        headers = cast("dict[str, str]", newest.headers or {})
        kept = _Kept(subject, newest.seq or 0, created, newest.data or b"", headers, newest.time)
        try:
            if revision is None:
                await self._bucket.create(subject, _encoder.encode(kept))
            else:
                await self._bucket.update(subject, _encoder.encode(kept), last=revision)
        except (nats.js.errors.KeyWrongLastSequenceError, APIError):
            return False
        return True
