"""From one stream to the next: read, work, write, go on; exactly once in effect.

What messages cause is written to the next stream; the ``Tapewatch-Origin`` header of each write
says up to where the source was read. After any crash the relay goes on from the newest message that
it finds there, and each write must come right behind the one before
(:class:`pipeline.bus.publisher.SubjectWriter`). So nothing depends on how long JetStream remembers
message ids: nothing is written twice, nothing is left out. Work must be a pure function of what was
read. Dead letters are written in the same way.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import cast

import nats.errors
import nats.js.errors
import structlog
from msgspec import Struct, field
from nats.js.api import RawStreamMsg

from pipeline.bus.connection import Bus
from pipeline.bus.dead_letters import encode_fitting
from pipeline.bus.positions import Position, created_at
from pipeline.bus.reader import MessagesExpired, StreamMessage
from pipeline.bus.status_board import ReaderState
from pipeline.bus.streams import Stream
from pipeline.frames import DeadLetter
from pipeline.metrics import MESSAGES_DEAD, STREAM_LAG
from pipeline.source_state import now

log = structlog.get_logger(__name__)

ORIGIN = "Tapewatch-Origin"
#: A position without output is saved at most this often, in seconds.
SAVE_EVERY = 1.0
READ_AT_ONCE = 64
#: Output is written when it reaches this size, so that readers' windows stay small in memory.
ENOUGH_OUTPUT = 1024 * 1024


class Output(Struct, gc=False):
    """What one message caused: records for the next stream, each encoded, and dead letters."""

    lines: list[bytes] = field(default_factory=list[bytes])
    dead: list[DeadLetter] = field(default_factory=list[DeadLetter])


class Relay:
    """Moves one stream into another. One process at a time may run a relay of a name."""

    def __init__(
        self,
        bus: Bus,
        name: str,
        source: Stream,
        target: Stream,
        work: Callable[[StreamMessage], Output],
        *,
        on_written: Callable[[Sequence[bytes]], None] | None = None,
    ) -> None:
        self._bus = bus
        self._name = name
        self._source = source
        self._target = target
        self._work = work
        self._on_written = on_written
        self._output = bus.writer(target, name)
        self._dead = bus.writer(Stream.DEAD, name)
        self._buried = Position()
        self._position = Position()
        self.state = ReaderState(name, source.value, 0, 0)

    async def origin(self) -> Position:
        """Where to go on: behind the newest output, or the saved position if that is later."""
        info = await self._bus.info(self._source)
        saved = await self._bus.positions.load(self._name)
        if saved.written > await self._bus.last_sequence(self._target):
            saved = Position()  # the output that it relies on has been lost
        written = _origin(await self._output.newest())
        self._buried = _origin(await self._dead.newest())
        if self._buried.sequence > info.state.last_seq:
            self._buried = Position()
        created = created_at(info)
        latest = max(written, saved, key=lambda place: (place.stream == created, place.done))
        return latest.within(info, self._name)

    async def run(self, start: Position | None = None) -> None:
        """Work until cancelled."""
        position = start or await self.origin()
        self._stand_at(position)
        reader = self._bus.reader(self._source, after=position.done, created=position.stream)
        loop = asyncio.get_running_loop()
        next_save = loop.time() + SAVE_EVERY
        try:
            while True:
                try:
                    messages = await reader.batch(READ_AT_ONCE, wait=SAVE_EVERY)
                except MessagesExpired as expired:
                    await self._tell_loss(expired)
                    continue
                if messages:
                    await self._handle(messages)
                    self.state.trouble = ""
                if loop.time() >= next_save:
                    next_save = loop.time() + SAVE_EVERY
                    await self._save()
        finally:
            await reader.close()

    async def _handle(self, messages: Sequence[StreamMessage]) -> None:
        """Work on messages; write their output together, or in parts where it is large."""
        pending: list[bytes] = []
        size = 0
        reached = self._position
        for message in messages:
            output = self._work(message)
            largest = self._bus.largest_payload
            too_large = [
                self._too_large(message, line) for line in output.lines if len(line) > largest
            ]
            await self._bury(message.sequence, [*output.dead, *too_large])
            written = 0
            if reached.sequence == message.sequence:
                written = reached.lines
            for number, line in enumerate(output.lines[written:], written):
                if len(line) > largest:
                    continue
                if pending and size + len(line) >= min(ENOUGH_OUTPUT, largest):
                    if number:
                        reached = self._at(message.sequence, number)
                    await self._write(pending, reached)
                    pending, size = [], 0
                pending.append(line)
                size += len(line) + 1
            reached = self._at(message.sequence)
        if pending:
            await self._write(pending, reached)
        self._stand_at(reached)

    async def _write(self, lines: list[bytes], origin: Position) -> None:
        text = origin.text()
        await self._output.write(b"\n".join(lines), f"{self._name}:{text}", {ORIGIN: text})
        if self._on_written is not None:
            self._on_written(lines)

    async def _bury(self, sequence: int, letters: Sequence[DeadLetter]) -> None:
        """Write the dead letters of a message, but for those that an earlier process has."""
        for number, letter in enumerate(letters, 1):
            place = self._at(sequence, number)
            buried = self._buried
            if buried.stream == place.stream and (
                (sequence, number) <= (buried.sequence, buried.lines)
            ):
                continue
            await self._write_letter(letter, place)

    async def _write_letter(self, letter: DeadLetter, place: Position) -> None:
        text = place.text()
        payload = encode_fitting(letter, self._bus.largest_payload)
        await self._dead.write(payload, f"{self._name}:{text}", {ORIGIN: text})
        self._buried = place
        MESSAGES_DEAD.labels(self._name, letter.source).inc()

    async def _tell_loss(self, expired: MessagesExpired) -> None:
        self.state.trouble = str(expired)
        log.error("messages were lost", reader=self._name, reason=str(expired))
        last = expired.first_there - 1
        letter = DeadLetter(
            stage=self._name,
            source=self._source.value,
            position=f"{expired.first_wanted}-{last}",
            received=now(),
            reason=str(expired),
        )
        await self._bury(last, [letter])
        self._stand_at(self._at(last))

    def _too_large(self, message: StreamMessage, line: bytes) -> DeadLetter:
        return DeadLetter(
            stage=self._name,
            source=message.subject,
            position=str(message.sequence),
            received=message.stored,
            reason=f"a record of {len(line)} bytes is larger than the bus takes "
            f"({self._bus.largest_payload}): raise max_payload of the NATS server",
            original=f"{self._source.value}/{message.sequence}",
            payload=line[:65536],
            truncated=True,
        )

    def _at(self, sequence: int, lines: int = 0) -> Position:
        return Position(self._position.stream, sequence, lines)

    def _stand_at(self, position: Position) -> None:
        self._position = position
        self.state.position = position.done

    async def _save(self) -> None:
        position = self._at(self._position.sequence, self._position.lines)
        position.written = self._output.last
        await self._bus.positions.save(self._name, position)
        try:
            self.state.last = await self._bus.last_sequence(self._source)
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError):
            return  # the next look tells
        STREAM_LAG.labels(self._name, self._name).set(self.state.lag)


def _origin(message: RawStreamMsg | None) -> Position:
    headers = cast("dict[str, str] | None", message.headers) if message is not None else None
    return Position.parse(headers[ORIGIN]) if headers and ORIGIN in headers else Position()
