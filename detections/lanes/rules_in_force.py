"""Which rules are in force where in the stream EVENTS: it says so itself.

The first rules are in force from the beginning. A record ``rules-changed``, on a subject of its
own, puts another set into force for all that follows. What the set holds is in the archive
(:mod:`pipeline.bus.rule_archive`), so whoever reads the stream later runs the same rules at the
same place. Old messages leave the stream; a change tells the set before it as well, and what is in
force now is kept beside the stream.
"""

from collections.abc import Sequence
from typing import Self

import msgspec
import nats.js.errors
from msgspec import Struct
from nats.js.kv import KeyValue

from detections.identity import fingerprint
from detections.lanes.event_messages import decode_record
from normalizer.events import RulesChanged
from pipeline.bus import Bus, Stream
from pipeline.bus.positions import open_bucket
from pipeline.bus.publisher import SubjectWriter
from pipeline.bus.rule_archive import RuleArchive

#: The last token of the subject of such records.
RULES = "rules"
_KEY = "in-force"
_BUCKET = "RULES_IN_FORCE"
_ARCHIVE = "RULES"
_encode = msgspec.json.Encoder().encode


async def existing_archive(bus: Bus) -> RuleArchive | None:
    """The rule sets that ever were in force; None where none was."""
    return await RuleArchive.existing(bus.jetstream, bus.names.bucket(_ARCHIVE))


class Change(Struct, frozen=True):
    """A change of rules, and the message of EVENTS that it is."""

    sequence: int
    record: RulesChanged


class RulesInForce:
    """Reads and announces which rules are in force."""

    def __init__(self, bus: Bus, archive: RuleArchive, kept: KeyValue) -> None:
        self._bus = bus
        self._kept = kept
        self.archive = archive

    @classmethod
    async def open(cls, bus: Bus) -> Self:
        """Open the archive and what is kept beside the stream; create them where they aren't."""
        archive = await RuleArchive.open(bus.jetstream, bus.names.bucket(_ARCHIVE))
        kept = await open_bucket(bus.jetstream, bus.names.bucket(_BUCKET), history=1)
        return cls(bus, archive, kept)

    async def changes(self) -> Sequence[Change]:
        """All changes that the stream still has, in order."""
        stream = self._bus.names.stream(Stream.EVENTS)
        subject = self._bus.names.subject(Stream.EVENTS, RULES)
        found: list[Change] = []
        sequence = 1
        while True:
            try:
                message = await self._bus.jetstream.get_msg(
                    stream, sequence, subject=subject, next=True
                )
            except nats.js.errors.NotFoundError:
                return found
            sequence = (message.seq or sequence) + 1
            record = decode_record(message.data or b"")
            if isinstance(record, RulesChanged):
                found.append(Change(sequence - 1, record))

    async def now(self) -> str | None:
        """The hash of the set that is in force at the stream's end; None if there never was one."""
        newest = await self._writer().newest()
        if newest is not None:
            record = decode_record(newest.data or b"")
            if isinstance(record, RulesChanged):
                return record.rules
        return await self._remembered()

    async def at(self, sequence: int) -> str | None:
        """The hash of the set that is in force for the message of this number, or was."""
        changes = await self.changes()
        before = [one for one in changes if one.sequence <= sequence]
        if before:
            return before[-1].record.rules
        if (
            changes
        ):  # the first set that ever was in force was so from the beginning, for all we know
            return changes[0].record.previous or changes[0].record.rules
        return await self._remembered()

    async def announce(self, record: RulesChanged) -> int:
        """Put a set that is in the archive into force; the message of EVENTS that says so.

        It is there once, whatever dies on the way. The record's id is made here, of both sets and
        the change before. Raises AnotherWriter if somebody else announced one at the same time.
        """
        writer = self._writer()
        await writer.newest()
        identity = fingerprint([record.previous or "", record.rules, str(writer.last)])
        record = msgspec.structs.replace(record, id=identity)
        await writer.write(_encode(record), f"{RULES}:{record.id}")
        await self._kept.put(_KEY, record.rules.encode())
        return writer.last

    async def remember(self, digest: str) -> None:
        """Keep what is in force beside the stream, where a crash prevented it."""
        if await self._remembered() != digest:
            await self._kept.put(_KEY, digest.encode())

    def _writer(self) -> SubjectWriter:
        return self._bus.writer(Stream.EVENTS, RULES)

    async def _remembered(self) -> str | None:
        try:
            entry = await self._kept.get(_KEY)
        except nats.js.errors.KeyNotFoundError:
            return None
        return entry.value.decode() if entry.value else None
