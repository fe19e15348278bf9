"""Reads a source of reference data again and again, and writes what differs from what is known.

A read counts as a whole or not at all. A complete source that suddenly lacks a large part of its
records (an export that broke off, a table that was emptied) withdraws nothing: the read is held
back and said, until it has them again or an operator allows it (`largest_shrink`). What can't
become a record goes to the dead letters, once while it stays as it is; what is known of it stays.
"""

import asyncio
from collections.abc import Sequence

import structlog

from collectors.reference.source import (
    Given,
    Item,
    ReferenceSource,
    Rejected,
    SourceFault,
    Unchanged,
    Withdrawn,
)
from pipeline.bus import Bus, Stream
from pipeline.bus.dead_letters import encode_fitting
from pipeline.bus.publisher import publish_once
from pipeline.bus.reference_outlet import ReferenceOutlet, Written
from pipeline.frames import DeadLetter
from pipeline.metrics import (
    MESSAGES_DEAD,
    REFERENCE_CHANGES,
    REFERENCE_HELD_BACK,
    REFERENCE_RECORDS,
    SOURCE_CONNECTED,
)
from pipeline.reference_changes import (
    PROTOCOL,
    Identity,
    ReferenceChange,
    ReferenceKind,
    change_of,
    key_of,
    kind_of,
    withdrawal,
)
from pipeline.reference_records import ReferenceRecord
from pipeline.source_state import SourceState, now
from pipeline.units import SECOND

log = structlog.get_logger(__name__)

#: Dead letters of one read; what is more is counted in one letter.
MOST_LETTERS = 1_000
#: Fewer records than these may go without being held back: half of two is no alarm.
FEW_RECORDS = 10
#: Seconds that a read may take, from its first record to its last.
LONGEST_READ = 3_600.0
#: The loop is let go after so many records: other sources share it.
_AT_ONCE = 1_000


class HeldBack(SourceFault):
    """A read lacks too much of what was known."""


class Refresher:
    """One source of reference data on the bus."""

    def __init__(
        self,
        bus: Bus,
        name: str,
        source: ReferenceSource,
        outlet: ReferenceOutlet,
        *,
        every: int,
        largest_shrink: float,
        longest_read: float = LONGEST_READ,
    ) -> None:
        """``every`` in nanoseconds; ``largest_shrink`` from 0 to 1; ``longest_read`` in seconds."""
        self._bus = bus
        self._name = name
        self._source = source
        self._every = every / SECOND
        self._largest_shrink = largest_shrink
        self._longest_read = longest_read
        self._told: set[tuple[str, str]] = set()
        #: Whether the newest read was held back.
        self._held_back = False
        #: What of the newest read could not be read, in a sentence.
        self._unread = ""
        self.outlet = outlet
        self.state = SourceState(name, PROTOCOL)

    def reported(self) -> SourceState:
        """The state, and why writing has been waiting for a while, where it has."""
        waiting = self.outlet.waiting
        if waiting:
            self.state.trouble = waiting
        return self.state

    async def rest(self) -> None:
        """Wait until it is time to read again."""
        await asyncio.sleep(self._every)

    async def close(self) -> None:
        """End what the source holds open."""
        await self._source.close()

    async def refresh(self) -> Written | None:
        """Read once, and write what differs; None where that was not possible, or nothing is new.

        Waits for the bus as long as it takes.
        """
        state = self.state
        try:
            changes, rejected = await self._read_safely()
        except Unchanged:
            await self.outlet.put_in_force(now())
            if not self._held_back:  # what was held back is still so
                self._well()
            return None
        except SourceFault as fault:
            if str(fault) != state.trouble:
                log.warning("reference data stays as it is", source=self._name, reason=str(fault))
            state.trouble = str(fault)
            state.connection = "reconnecting"
            SOURCE_CONNECTED.labels(self._name).set(0)
            if isinstance(fault, HeldBack):
                self._held_back = True
                REFERENCE_HELD_BACK.labels(self._name).inc()
            return None
        self._held_back = False
        self._unread = ""
        if rejected:
            self._unread = f"{len(rejected)} records can't be read, the first at {rejected[0]}"
            if self._source.complete and any(one.hides for one in rejected):
                self._unread += "; nothing is withdrawn until it is told which records these are"
        await self._bury(rejected)
        written = await self.outlet.write(changes, read=now())
        self._well()
        if written.count:
            state.frames += 1
            state.last_frame = now()
            for what in ("added", "changed", "withdrawn"):
                REFERENCE_CHANGES.labels(self._name, what).inc(getattr(written, what))
            log.info(
                "reference data changed",
                source=self._name,
                added=written.added,
                changed=written.changed,
                withdrawn=written.withdrawn,
            )
        return written

    def _well(self) -> None:
        state = self.state
        state.connection = "connected"
        state.trouble = self._unread
        state.position = f"{self.outlet.records} records"
        SOURCE_CONNECTED.labels(self._name).set(1)
        REFERENCE_RECORDS.labels(self._name).set(self.outlet.records)

    async def _read_safely(self) -> tuple[list[ReferenceChange], list[Rejected]]:
        # A server that sends a byte now and then is never silent for long.
        limit = asyncio.timeout(self._longest_read)
        try:
            async with limit:
                return await self._read()
        except (SourceFault, Unchanged):
            raise
        except TimeoutError as error:
            if not limit.expired():
                raise SourceFault(f"reading failed: {error}") from error
            minutes = f"{self._longest_read / 60:.3g} min"
            raise SourceFault(
                f"a read did not end within {minutes}: nothing of it counts"
            ) from None
        except Exception as error:
            # An error of ours in one source must not stop all others.
            log.error("reading reference data failed", source=self._name, exc_info=error)
            raise SourceFault(f"reading failed: {type(error).__name__}: {error}") from error

    async def _read(self) -> tuple[list[ReferenceChange], list[Rejected]]:
        """What differs, and what can't be read. Raises SourceFault and Unchanged."""
        changes: list[ReferenceChange] = []
        rejected: list[Rejected] = []
        there: set[Identity] = set()
        count = 0
        async for item in self._source.read():
            self._take(item, changes, rejected, there)
            count += 1
            if count % _AT_ONCE == 0:
                await asyncio.sleep(0)
        if self._source.complete:
            changes += self._gone(there, rejected)
        return changes, rejected

    def _take(
        self,
        item: Item,
        changes: list[ReferenceChange],
        rejected: list[Rejected],
        there: set[Identity],
    ) -> None:
        if isinstance(item, Rejected):
            rejected.append(item)
            return
        if isinstance(item, Withdrawn):
            changes.append(withdrawal(item.identity))
            return
        try:
            change = change_of(item.record)
        except ValueError as error:
            field, _, reason = str(error).partition(": ")
            rejected.append(Rejected(item.place, reason, field, identity=_named(item.record)))
            return
        problem = self._unfit(change, item, there)
        if problem is not None:
            rejected.append(problem)
            return
        if self._source.complete:
            there.add(change.identity)
        if self.outlet.differs(change):
            changes.append(change)

    def _unfit(self, change: ReferenceChange, item: Given, there: set[Identity]) -> Rejected | None:
        if change.identity in there:
            return Rejected(item.place, f"{change.kind} {change.key} is there twice")
        if not self.outlet.fits(change):
            size = len(change.record)
            return Rejected(
                item.place,
                f"a record of {size} bytes is larger than a message of the bus takes",
                identity=change.identity,
            )
        return None

    def _gone(self, there: set[Identity], rejected: Sequence[Rejected]) -> list[ReferenceChange]:
        unread: set[tuple[ReferenceKind, str]] = {
            one.identity[:2] for one in rejected if one.identity is not None
        }
        known = self.outlet.records
        if any(one.hides for one in rejected):
            return []  # any of those that are missing may be the one that can't be read
        gone = [one for one in self.outlet.missing(there) if one[:2] not in unread]
        if known >= FEW_RECORDS and len(gone) > self._largest_shrink * known:
            raise HeldBack(
                f"{len(gone)} of {known} records are missing, more than largest_shrink "
                f"({self._largest_shrink:.0%}) allows: nothing was withdrawn; see to the source, "
                "or allow it"
            )
        return [withdrawal(one) for one in gone]

    async def _bury(self, rejected: Sequence[Rejected]) -> None:
        """A dead letter for each that is new; one for all that are too many."""
        told = {(one.place, one.reason) for one in rejected}
        new = [one for one in rejected if (one.place, one.reason) not in self._told]
        for one in new[:MOST_LETTERS]:
            await self._letter(one)
        if len(new) > MOST_LETTERS:
            rest = len(new) - MOST_LETTERS
            await self._letter(Rejected(new[MOST_LETTERS].place, f"and {rest} more can't be read"))
        self._told = told

    async def _letter(self, rejected: Rejected) -> None:
        letter = DeadLetter(
            stage="collectors",
            source=self._name,
            protocol=PROTOCOL,
            position=rejected.place,
            received=now(),
            reason=rejected.reason,
            field=rejected.field,
            payload=rejected.content,
        )
        await publish_once(
            self._bus,
            self._bus.names.subject(Stream.DEAD, "collectors"),
            encode_fitting(letter, self._bus.largest_payload),
            f"collectors:{self._name}:{rejected.place}:{rejected.reason}"[:500],
        )
        MESSAGES_DEAD.labels("collectors", self._name).inc()


def _named(record: ReferenceRecord) -> Identity | None:
    """What is known of a record that can't be one, as far as it names itself."""
    try:
        return kind_of(record), key_of(record), None
    except ValueError:
        return None
