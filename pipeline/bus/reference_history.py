"""The stream REFERENCE as it is read: what a source gave, and what of it was in force where.

Each source has a subject of its own, of which nothing ever goes. What is in force where in RAW, the
frames there say (:class:`pipeline.reference_changes.InForce`). RAW is purged, but the next frame of
a source always says what was in force before it, and the newest is kept
(:mod:`pipeline.bus.bookmarks`). So what was in force at a place can be told as long as somebody
might go on reading there.
"""

from collections.abc import Sequence

import msgspec
import nats.js.errors
from msgspec import Struct
from nats.js.api import RawStreamMsg

from pipeline.bus.connection import Bus
from pipeline.bus.positions import created_at
from pipeline.bus.reader import MessagesExpired
from pipeline.bus.streams import Stream
from pipeline.failure import Failure
from pipeline.frames import Frame, decode_batch
from pipeline.reference_changes import InForce, chained, decode_in_force

_AT_ONCE = 64
#: How long a message that is there may take to come, in seconds.
_PATIENCE = 60.0


class ReferenceLost(Failure):
    """REFERENCE doesn't hold what RAW says to be in force."""


class HistoryMessage(Struct, frozen=True, gc=False):
    """A message of a source: an encoded :class:`pipeline.reference_changes.ChangeChunk`."""

    sequence: int
    data: bytes


class Standing(Struct, frozen=True):
    """What of a source is in force: its messages up to ``upto``, of this life of REFERENCE."""

    upto: int = 0
    stream: int = 0


NOTHING = Standing()


class ReferenceHistory:
    """Reads REFERENCE. Changes nothing."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def sources(self) -> list[str]:
        """Every source that ever gave anything, by name. Raises what the bus raises."""
        prefix = self._bus.names.subject(Stream.REFERENCE, "")
        info = await self._bus.jetstream.stream_info(
            self._bus.names.stream(Stream.REFERENCE), subjects_filter=f"{prefix}>"
        )
        subjects = info.state.subjects or {}
        return sorted(subject.removeprefix(prefix) for subject in subjects)

    async def created(self) -> int:
        """Which life of REFERENCE this is: when it was made, in microseconds since the epoch."""
        return created_at(await self._bus.info(Stream.REFERENCE))

    async def newest(self, source: str) -> int:
        """The sequence of a source's newest message; 0 where there is none."""
        try:
            message = await self._bus.jetstream.get_last_msg(
                self._bus.names.stream(Stream.REFERENCE), self._subject(source)
            )
        except nats.js.errors.NotFoundError:
            return 0
        return message.seq or 0

    async def messages(self, source: str, after: int, upto: int) -> list[HistoryMessage]:
        """A source's messages after one sequence, up to another, both of this life of the stream.

        Raises ReferenceLost, and what the bus raises.
        """
        if upto <= after:
            return []
        newest = await self.newest(source)
        if newest < upto:
            raise ReferenceLost(
                f"REFERENCE holds {source} up to {newest} only, and RAW says that it is in force "
                f"up to {upto}: the stream was cut off"
            )
        reader = self._bus.reader(Stream.REFERENCE, after=after, subjects=[self._subject(source)])
        found: list[HistoryMessage] = []
        try:
            while reader.position < upto:
                batch = await reader.batch(_AT_ONCE, wait=_PATIENCE)
                if not batch:
                    raise ReferenceLost(f"messages of {source} in REFERENCE can't be read")
                found += [
                    HistoryMessage(message.sequence, message.data)
                    for message in batch
                    if message.sequence <= upto
                ]
        except MessagesExpired as expired:
            raise ReferenceLost(f"REFERENCE was purged: {expired}") from expired
        finally:
            await reader.close()
        return found

    async def in_force_at(self, source: str, raw: int) -> Standing:
        """What of a source is in force behind the message of RAW with this sequence.

        Raises what the bus raises.
        """
        newest = await self._bus.writer(Stream.RAW, source).newest()
        marker = marker_of(newest)
        if marker is None or newest is None:
            return NOTHING
        if (newest.seq or 0) <= raw:
            return Standing(marker.upto, marker.stream)
        following = await self._frame_after(source, raw) or marker
        return Standing(following.before, following.stream)

    async def _frame_after(self, source: str, raw: int) -> InForce | None:
        """The first frame of a source behind a place of RAW."""
        stream = self._bus.names.stream(Stream.RAW)
        subject = self._bus.names.subject(Stream.RAW, source)
        try:
            message = await self._bus.jetstream.get_msg(
                stream, seq=raw + 1, subject=subject, next=True
            )
        except nats.js.errors.NotFoundError:
            return None
        return marker_of(message, first=True)

    def _subject(self, source: str) -> str:
        return self._bus.names.subject(Stream.REFERENCE, source)


def marker_of(message: RawStreamMsg | None, *, first: bool = False) -> InForce | None:
    """What a message of RAW says last, or first, of what is in force; None where it says nothing.

    Somebody else may write to the subject: what can't be read says nothing.
    """
    if message is None:
        return None
    try:
        frames: Sequence[Frame] = decode_batch(message.data or b"").frames
        return decode_in_force(frames[0 if first else -1].payload)
    except (msgspec.MsgspecError, IndexError):
        return None


def digest_of(digest: str, messages: Sequence[HistoryMessage]) -> str:
    """The digest of a subject that had ``digest``, with these messages more."""
    for message in messages:
        digest = chained(digest, message.data)
    return digest
