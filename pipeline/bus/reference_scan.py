"""What REFERENCE says of whom: now, at a time, and in every change since the beginning."""

from collections.abc import AsyncIterator, Collection, Iterator

import msgspec
from msgspec import Struct

from pipeline.bus.connection import Bus
from pipeline.bus.reference_history import ReferenceHistory
from pipeline.reference_changes import (
    Identity,
    ReferenceChange,
    ReferenceKind,
    decode_chunk,
)


class KnownChange(Struct, frozen=True):
    """A change, whose it is, and since when it is known, nanoseconds since the epoch."""

    source: str
    known: int
    change: ReferenceChange
    #: The record that was there before it, as JSON; empty where there was none.
    before: bytes = b""

    @property
    def became(self) -> str:
        """What became of the record."""
        if self.change.withdrawn:
            return "withdrawn"
        return "changed" if self.before else "added"

    def differences(self) -> dict[str, tuple[object, object]]:
        """By field, what it was and what it is."""
        before, after = _fields(self.before), _fields(self.change.record)
        names = dict.fromkeys((*before, *after))
        return {
            name: (before.get(name), after.get(name))
            for name in names
            if before.get(name) != after.get(name)
        }


async def scanned(
    bus: Bus,
    *,
    sources: Collection[str] = (),
    kinds: Collection[ReferenceKind] = (),
    until: int | None = None,
    naming: str | None = None,
) -> AsyncIterator[KnownChange]:
    """The changes of sources (all without), one source after the other, in their order.

    ``until``: only what was known then. ``naming``: only records that hold this text, in their key
    or anywhere; what each was before is told for these. Raises what the bus raises.
    """
    history = ReferenceHistory(bus)
    sought = None if naming is None else naming.lower().encode()
    for source in await history.sources():
        if sources and source not in sources:
            continue
        before: dict[Identity, bytes] = {}
        newest = await history.newest(source)
        for message in await history.messages(source, 0, newest):
            if sought is not None and not _names(message.data, sought, before):
                continue
            chunk = decode_chunk(message.data)
            if until is not None and chunk.read > until:
                break
            for change in _wanted(chunk.changes, kinds, sought, before):
                known = KnownChange(source, chunk.read, change, before.get(change.identity, b""))
                before[change.identity] = change.record
                yield known


async def standing(
    bus: Bus,
    *,
    sources: Collection[str] = (),
    kinds: Collection[ReferenceKind] = (),
    at: int | None = None,
    naming: str | None = None,
) -> list[KnownChange]:
    """The records that were known at a time, or are now, each with the change that made it so."""
    found: dict[tuple[str, Identity], KnownChange] = {}
    scan = scanned(bus, sources=sources, kinds=kinds, until=at, naming=naming)
    async for known in scan:
        place = (known.source, known.change.identity)
        if known.change.withdrawn:
            found.pop(place, None)
        else:
            found[place] = known
    return list(found.values())


def _names(message: bytes, sought: bytes, before: dict[Identity, bytes]) -> bool:
    """Whether a message may be about it: most are not, and need not be decoded."""
    return sought in message.lower() or any(key.encode() in message for _, key, _ in before)


def _wanted(
    changes: list[ReferenceChange],
    kinds: Collection[ReferenceKind],
    sought: bytes | None,
    before: dict[Identity, bytes],
) -> Iterator[ReferenceChange]:
    for change in changes:
        if kinds and change.kind not in kinds:
            continue
        if (
            sought is None
            or sought in change.key.lower().encode()
            or sought in change.record.lower()
            or change.identity in before
        ):
            yield change


def _fields(record: bytes) -> dict[str, object]:
    return msgspec.json.decode(record, type=dict[str, object]) if record else {}
