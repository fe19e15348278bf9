"""Writing reference data: what differs from what the stream has, and from when on it is in force.

First the changes go to the source's subject of REFERENCE, then a frame to its subject of RAW says
that they are in force. A crash between the two loses nothing: at the next start the outlet knows
from the stream what is there, and the next frame is for all of it.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Self, cast

import structlog
from msgspec import Struct

from pipeline.bus.connection import Bus
from pipeline.bus.publisher import SubjectWriter
from pipeline.bus.reference_history import ReferenceHistory, marker_of
from pipeline.bus.streams import Stream
from pipeline.frames import Frame, FrameBatch, encode_batch
from pipeline.reference_changes import (
    PROTOCOL,
    ChangeChunk,
    Identity,
    InForce,
    ReferenceChange,
    chained,
    decode_chunk,
    decode_record,
    encode_chunk,
    encode_in_force,
    withdrawal,
)
from pipeline.reference_records import Token

log = structlog.get_logger(__name__)

#: Bytes of changes in one message; it is packed a little larger.
CHUNK_BYTES = 512 * 1024
_CHANGE_OVERHEAD = 48


class Written(Struct, frozen=True):
    """What became of the changes of one read."""

    added: int = 0
    changed: int = 0
    withdrawn: int = 0

    @property
    def count(self) -> int:
        """All of them."""
        return self.added + self.changed + self.withdrawn


class ReferenceOutlet:
    """The one writer of a source's reference data. Not for concurrent use.

    Of each record it remembers what names it and 16 bytes of hash: 1 million records take some
    300 MB.
    """

    def __init__(self, bus: Bus, source: str) -> None:
        self.source = source
        self._writer = bus.writer(Stream.REFERENCE, source)
        self._markers = bus.writer(Stream.RAW, source)
        self._largest = min(CHUNK_BYTES, bus.largest_payload // 2)
        self._most = bus.largest_payload - 1024
        self._history = ReferenceHistory(bus)
        self._held: dict[Identity, bytes] = {}
        #: Tokens as JSON: who collects must know their contracts.
        self._tokens: dict[Identity, ReferenceChange] = {}
        self._digest = ""
        self._position = 0
        self._stream = 0
        self._in_force = 0
        #: When what the newest message is from was read, nanoseconds since the epoch.
        self._read_at = 0

    @classmethod
    async def open(cls, bus: Bus, source: str) -> Self:
        """Read what the stream has of the source. Raises what the bus raises."""
        outlet = cls(bus, source)
        await outlet._read()
        return outlet

    async def _read(self) -> None:
        self._stream = await self._history.created()
        newest = await self._writer.newest()
        self._position = (newest.seq or 0) if newest is not None else 0
        for message in await self._history.messages(self.source, 0, self._position):
            self._digest = chained(self._digest, message.data)
            chunk = decode_chunk(message.data)
            self._read_at = chunk.read
            for change in chunk.changes:
                self._note(change)
        marker = marker_of(await self._markers.newest())
        if marker is not None and marker.stream == self._stream:
            self._in_force = marker.upto

    @property
    def records(self) -> int:
        """How many records the stream has of the source."""
        return len(self._held)

    @property
    def waiting(self) -> str:
        """Why a write has been waiting for a while; empty when none does."""
        return self._writer.waiting or self._markers.waiting

    def fits(self, change: ReferenceChange) -> bool:
        """Whether a message can hold the change."""
        return len(change.record) + len(change.key) + _CHANGE_OVERHEAD <= self._most

    def differs(self, change: ReferenceChange) -> bool:
        """Whether a change changes anything."""
        return self._held.get(change.identity, b"") != _fingerprint(change)

    def missing(self, there: "set[Identity]") -> Iterator[Identity]:
        """Records that the stream has and a complete source no longer gives."""
        return (identity for identity in self._held if identity not in there)

    async def write(self, changes: Iterable[ReferenceChange], *, read: int) -> Written:
        """Write what differs, and put it in force; once, whatever dies on the way.

        ``read``: when the source was read, nanoseconds since the epoch. It waits as long as the bus
        takes. Raises :class:`pipeline.bus.publisher.AnotherWriter`.
        """
        added = changed = withdrawn = 0
        part: list[ReferenceChange] = []
        size = 0
        for change in changes:
            if not self.differs(change):
                continue
            if change.withdrawn:
                withdrawn += 1
            elif change.identity in self._held:
                changed += 1
            else:
                added += 1
            cost = len(change.record) + len(change.key) + _CHANGE_OVERHEAD
            if part and size + cost > self._largest:
                await self._write_part(part, read)
                part, size = [], 0
            part.append(change)
            size += cost
            self._note(change)
        if part:
            await self._write_part(part, read)
        await self.put_in_force(read)
        return Written(added, changed, withdrawn)

    async def withdraw_all(self, *, read: int) -> Written:
        """Withdraw every record: of a source that isn't wanted any more."""
        return await self.write([withdrawal(identity) for identity in list(self._held)], read=read)

    async def put_in_force(self, read: int) -> None:
        """Say in RAW that all that was written is in force, where it doesn't say so yet."""
        if self._position == self._in_force:
            return
        marker = InForce(
            self._in_force, self._position, self._stream, self._digest, len(self._held)
        )
        frame = Frame(str(self._position), read, encode_in_force(marker))
        payload = encode_batch(FrameBatch(self.source, PROTOCOL, [frame]))
        await self._markers.write(payload, f"{self.source}:{self._stream}:{self._position}")
        self._in_force = self._position

    async def _write_part(self, changes: Sequence[ReferenceChange], read: int) -> None:
        payload = encode_chunk(ChangeChunk(self.source, read, list(changes)))
        self._position = await _written(
            self._writer, payload, f"{self.source}:{read}:{hashlib.sha256(payload).hexdigest()}"
        )
        self._digest = chained(self._digest, payload)

    @property
    def tokens(self) -> list[Token]:
        """The tokens that the source has, at any time."""
        return [cast(Token, decode_record(one)) for one in self._tokens.values()]

    def _note(self, change: ReferenceChange) -> None:
        if change.kind == "token":
            if change.withdrawn:
                self._tokens.pop(change.identity, None)
            else:
                self._tokens[change.identity] = change
        if change.withdrawn:
            self._held.pop(change.identity, None)
        else:
            self._held[change.identity] = _fingerprint(change)


async def _written(writer: SubjectWriter, payload: bytes, message_id: str) -> int:
    await writer.write(payload, message_id)
    return writer.last


def _fingerprint(change: ReferenceChange) -> bytes:
    """Empty for what is withdrawn, so that it equals what isn't there."""
    if change.withdrawn:
        return b""
    digest = hashlib.blake2b(change.record, digest_size=16)
    digest.update(repr(change.valid_to).encode())
    return digest.digest()
