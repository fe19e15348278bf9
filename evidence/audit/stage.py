"""The stage `audit` on the bus: all streams to the audit log, each message once, whatever dies.

Where each stream was read to is saved once what was read is signed. After a crash the log itself
says what of it came after that. Nothing that is not in the log yet is purged from a stream.
"""

import asyncio
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
import structlog
from msgspec import Raw, Struct

from evidence.audit import facts, outbox
from evidence.audit.entries import EntryUnreadable, Happening, decode, fitted
from evidence.audit.notes import NoteWrong, SigningKey
from evidence.audit.store import AuditFolder, AuditLog, AuditLogFailed
from pipeline.bus import Bus, MessagesExpired, Stream, StreamMessage
from pipeline.bus.command_notes import CommandNotes
from pipeline.bus.positions import Position, created_at
from pipeline.bus.reader import StreamReader
from pipeline.bus.reader_names import audit_reader
from pipeline.bus.status_board import ReaderState
from pipeline.cancellation import raise_if_cancelled
from pipeline.config.audit import Audit
from pipeline.source_state import now
from pipeline.units import SECOND

log = structlog.get_logger(__name__)

#: The name under which COMMANDS is read.
COMMANDS = "COMMANDS"
#: Messages that are taken at once.
_MANY = 64
_WAIT = 1.0
#: Seconds between two looks at how far behind it is.
_LOOK = 1.0

Facts = Callable[[StreamMessage], Iterator[Happening]]
_FACTS: Mapping[str, Facts] = {
    Stream.RAW.value: facts.of_raw,
    Stream.EVENTS.value: facts.of_events,
    Stream.ALERTS.value: facts.of_alerts,
    Stream.REFERENCE.value: facts.of_reference,
    Stream.DEAD.value: facts.of_dead,
    Stream.CASES.value: facts.of_case,
    COMMANDS: facts.of_command,
}
#: Of a message or a note: by its content, its characters, or how deep it is.
_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)
_STREAMS = {one.value: one for one in Stream}


class _Source(Struct):
    """One stream that is recorded."""

    name: str
    state: ReaderState
    #: The stream's life, as by `created_at`; 0 until it is looked at.
    created: int = 0


class Recorded(Struct):
    """How far the log itself says that a stream is recorded."""

    #: The newest message.
    sequence: int = 0
    #: Of this life of the stream, where that began in the files that were read.
    created: int | None = None


class _Begun(Struct):
    """What an entry says of a stream that began."""

    created: int


class AuditStage:
    """Records on a bus. One process at a time may run it."""

    def __init__(self, bus: Bus, settings: Audit, *, sync: bool = True) -> None:
        self._bus = bus
        self._settings = settings
        self._sync = sync
        self._sources = [
            _Source(name, ReaderState(audit_reader(name), name, 0, 0)) for name in _FACTS
        ]
        #: Held while messages are taken, and while what was taken is signed.
        self._at_rest = asyncio.Lock()
        #: Files of entries that there were when positions were saved.
        self._files = 0
        #: Commands that were purged from the bus.
        self._forgotten = 0
        self._log: AuditLog
        self._notes: CommandNotes

    @property
    def states(self) -> list[ReaderState]:
        """Where it stands in each stream of the design."""
        return [source.state for source in self._sources if source.name in _STREAMS]

    @property
    def commands(self) -> ReaderState:
        """Where it stands in what commands noted."""
        (state,) = [source.state for source in self._sources if source.name == COMMANDS]
        return state

    async def run(self) -> None:
        """Record until cancelled."""
        self._notes = await CommandNotes.open(self._bus)
        try:
            key = SigningKey.parse(self._settings.key.reveal())
        except NoteWrong as error:
            raise AuditLogFailed(f"audit.key: {error}: see `tapewatch audit key`") from None
        with await asyncio.to_thread(AuditLog, self._settings.path, key, sync=self._sync) as log:
            self._log, self._files = log, log.files
            recorded = await asyncio.to_thread(newest_recorded, log.folder)
            tasks = [
                asyncio.ensure_future(self._record(source, recorded)) for source in self._sources
            ]
            own = (self._sign(), self._watch(), self._take_left(log))
            tasks += [asyncio.ensure_future(one) for one in own]
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()  # none of them ends but by an error
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                async with self._at_rest:
                    await asyncio.to_thread(log.sign)

    async def _record(self, source: _Source, recorded: Mapping[str, Recorded]) -> None:
        """Take a stream's messages, from behind the last that is recorded."""
        reader = await self._reader(source, recorded)
        try:
            while True:
                try:
                    messages = await reader.batch(_MANY, wait=_WAIT)
                except MessagesExpired as expired:
                    messages = ()
                    await self._take(source, [_lost(source.name, expired)], expired.first_there - 1)
                if messages:
                    happenings = [one for m in messages for one in _happenings(source.name, m)]
                    await self._take(source, happenings, messages[-1].sequence)
                raise_if_cancelled()
        finally:
            await reader.close()

    async def _reader(self, source: _Source, recorded: Mapping[str, Recorded]) -> StreamReader:
        stream = _STREAMS.get(source.name)
        name = self._notes.stream if stream is None else self._bus.names.stream(stream)
        info = await self._bus.jetstream.stream_info(name)
        saved = await self._bus.positions.load(audit_reader(source.name))
        created, after = created_at(info), saved.within(info, source.state.name).sequence
        mine = recorded.get(source.name, Recorded())
        if created == (saved.stream if mine.created is None else mine.created):
            # There may have been a crash between signing and saving.
            after = min(max(after, mine.sequence), info.state.last_seq)
        else:  # what the log has is of another life of the stream, if of any
            await self._take(source, [_begun(source.name, created)], after)
        source.state.position, source.state.last = after, info.state.last_seq
        source.created = created
        if stream is None:
            return self._notes.reader(after, created)
        return self._bus.reader(stream, after=after, created=created)

    async def _take(self, source: _Source, happenings: Sequence[Happening], upto: int) -> None:
        async with self._at_rest:
            self._log.append(happenings)
            source.state.position = upto
            if self._log.files > self._files:
                await self._sign_and_save()  # see `newest_recorded`

    async def _take_left(self, log: AuditLog) -> None:
        """Take what commands left in the outbox, again and again: once it is signed, it goes."""
        known = set(await asyncio.to_thread(_taken_already, log.folder))
        while True:
            paths = await asyncio.to_thread(outbox.waiting, log.folder.path, _MANY)
            if paths:
                async with self._at_rest:
                    told = [(path, *_of_left(path)) for path in paths]
                    log.append([one for _, one, _ in told if one.place not in known])
                    await asyncio.to_thread(log.sign)
                    # What can't be put aside is told once all the same.
                    known.update(one.place for _, one, read in told if not read)
                    await asyncio.to_thread(
                        _put_aside, [path for path, _, read in told if not read]
                    )
                    await asyncio.to_thread(outbox.remove, [path for path, _, read in told if read])
            if len(paths) < _MANY:
                await asyncio.sleep(_LOOK)
            raise_if_cancelled()

    async def _sign(self) -> None:
        """Sign what was taken, and save where that is, again and again."""
        every = self._settings.sign_every / SECOND
        while True:
            await asyncio.sleep(every)
            async with self._at_rest:
                await self._sign_and_save()
            raise_if_cancelled()

    async def _sign_and_save(self) -> None:
        await asyncio.to_thread(self._log.sign)
        for source in self._sources:
            if source.created:
                await self._save(source, source.state.position)
        self._files = self._log.files

    async def _save(self, source: _Source, upto: int) -> None:
        position = Position(stream=source.created, sequence=upto)
        await self._bus.positions.save(audit_reader(source.name), position)
        if source.name == COMMANDS and upto > self._forgotten:
            await self._notes.forget(upto)
            self._forgotten = upto

    async def _watch(self) -> None:
        """Renew the lag until cancelled."""
        while True:
            for source in self._sources:
                stream = _STREAMS.get(source.name)
                if stream is not None:
                    source.state.last = await self._bus.last_sequence(stream)
                else:
                    source.state.last = max(source.state.last, source.state.position)
            await asyncio.sleep(_LOOK)
            raise_if_cancelled()


def newest_recorded(folder: AuditFolder) -> dict[str, Recorded]:
    """The newest message of each stream that the last two files of the log tell of.

    Positions are saved before a third one begins, so what is only in the log is in these.
    """
    found: dict[str, Recorded] = {}
    segments = folder.segments()
    first = segments[-2][0] if len(segments) > 1 else 0
    for line in folder.lines(first):
        try:
            entry = decode(line)
        except EntryUnreadable:
            continue
        if entry.action == "stream-begun" and entry.after is not msgspec.UNSET:
            with suppress(msgspec.MsgspecError):
                begun = msgspec.json.decode(entry.after, type=_Begun)
                found[entry.what] = Recorded(0, begun.created)
            continue
        stream, _, number = (entry.place or entry.what).partition("/")
        if stream in _FACTS and number.isdigit():
            found.setdefault(stream, Recorded()).sequence = int(number)
    return found


def _taken_already(folder: AuditFolder) -> frozenset[str]:
    """A crash may have come between signing and removing."""
    outbox.prepare(folder.path)
    return outbox.taken(folder) if outbox.waiting(folder.path, 1) else frozenset()


def _of_left(path: Path) -> tuple[Happening, bool]:
    """What a note tells, or that it tells nothing; and whether it could be read."""
    try:
        left = outbox.read(path)
    except OSError as error:
        log.error(
            "what was left in the outbox can't be read",
            file=outbox.shown(path),
            error=str(error),
        )
        return fitted(facts.put_aside(path, error)), False
    try:
        return fitted(facts.of_left(left)), True
    except _UNREADABLE as error:
        return fitted(facts.left_unreadable(left, error)), True


def _put_aside(paths: Sequence[Path]) -> None:
    for path in paths:
        try:
            path.rename(path.with_suffix(".unreadable"))
        except OSError:  # somebody's folder is in the way, or the name is too long
            with suppress(OSError):
                path.rename(path.with_name(f"{uuid.uuid4().hex}.unreadable"))


def _happenings(stream: str, message: StreamMessage) -> Iterator[Happening]:
    place = f"{stream}/{message.sequence}"
    try:
        found = [fitted(one) for one in _FACTS[stream](message)]
    except _UNREADABLE as error:
        log.error("a message can't be read: its hash is recorded", stream=stream, place=place)
        found = [fitted(facts.unreadable(message, stream, error))]
    for one in found:
        if one.what != place:
            one.place = place
    return iter(found)


def _begun(stream: str, created: int) -> Happening:
    """The stream is one of which nothing was recorded yet: its messages are counted from 1."""
    return Happening(
        action="stream-begun",
        time=now(),
        who="audit",
        what=stream,
        after=Raw(msgspec.json.encode(_Begun(created))),
    )


def _lost(stream: str, expired: MessagesExpired) -> Happening:
    """Messages were gone before they were recorded."""
    return Happening(
        action="messages-lost",
        time=now(),
        who="audit",
        what=f"{stream} {expired.first_wanted} to {expired.first_there - 1}",
        place=f"{stream}/{expired.first_there - 1}",
        why=str(expired),
        count=expired.count,
    )
