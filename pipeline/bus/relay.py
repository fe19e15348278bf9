"""From one stream to the next: read, work, write, go on; exactly once in effect.

What a message causes is written as one message to the next stream; its ``Tapewatch-Origin`` header
says up to where the source was read. After any crash the relay goes on from the newest message that
it finds there, so it never depends on how long JetStream remembers message ids: nothing is written
twice, nothing is left out. Work must be a pure function of what was read.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import cast

import nats.errors
import nats.js.errors
import structlog
from msgspec import Struct, field

from pipeline.bus.connection import Bus
from pipeline.bus.publisher import publish_once
from pipeline.bus.reader import MessagesExpired, StreamMessage
from pipeline.bus.status_board import ReaderState
from pipeline.bus.streams import Stream
from pipeline.frames import DeadLetter, encode_dead_letter
from pipeline.metrics import MESSAGES_DEAD, STREAM_LAG

log = structlog.get_logger(__name__)

ORIGIN = "Tapewatch-Origin"
#: A position without output is saved at most this often, in seconds.
SAVE_EVERY = 1.0
READ_AT_ONCE = 64


class Output(Struct, gc=False):
    """What one message caused: records for the next stream, each encoded, and dead letters."""

    lines: list[bytes] = field(default_factory=list[bytes])
    dead: list[DeadLetter] = field(default_factory=list[DeadLetter])


class Origin(Struct):
    """How far the source was read: all of ``sequence``, and ``lines`` of what comes behind it."""

    sequence: int
    lines: int

    def text(self) -> str:
        """As a header value."""
        return f"{self.sequence}/{self.lines}"


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
        self._subject = bus.names.subject(target, name)
        self.state = ReaderState(name, source.value, 0, 0)

    async def origin(self) -> Origin:
        """Where to go on: behind the newest output, or the saved position if that is later."""
        saved = await self._bus.positions.load(self._name)
        written = await self._written()
        return written if written.sequence >= saved else Origin(saved, 0)

    async def _written(self) -> Origin:
        try:
            last = await self._bus.jetstream.get_last_msg(
                self._bus.names.stream(self._target), self._subject
            )
        except nats.js.errors.NotFoundError:
            return Origin(0, 0)
        headers = cast("dict[str, str]", last.headers or {})
        sequence, _, lines = headers.get(ORIGIN, "0/0").partition("/")
        return Origin(int(sequence), int(lines or "0"))

    async def run(self, start: Origin | None = None) -> None:
        """Work until cancelled."""
        origin = start or await self.origin()
        self.state.position = origin.sequence
        reader = self._bus.reader(self._source, after=origin.sequence)
        loop = asyncio.get_running_loop()
        next_save = loop.time() + SAVE_EVERY
        skip = origin.lines
        try:
            while True:
                try:
                    messages = await reader.batch(READ_AT_ONCE, wait=SAVE_EVERY)
                except MessagesExpired as expired:
                    self.state.trouble = str(expired)
                    log.error("messages were lost", reader=self._name, reason=str(expired))
                    continue
                if messages:
                    await self._handle(messages, skip)
                    skip = 0
                if loop.time() >= next_save:
                    next_save = loop.time() + SAVE_EVERY
                    await self._save()
        finally:
            await reader.close()

    async def _handle(self, messages: list[StreamMessage], skip: int) -> None:
        """Work on messages; write their output as one message, or several where it is too large."""
        pending: list[bytes] = []
        size = 0
        done = messages[0].sequence - 1
        for message in messages:
            output = self._work(message)
            for index, letter in enumerate(output.dead):
                await self._bury(letter, f"{self._name}:{message.sequence}:{index}")
            lines = output.lines[skip:] if skip else output.lines
            written_of_message = skip
            skip = 0
            for line in lines:
                if len(line) > self._bus.largest_payload:
                    await self._bury(
                        self._too_large(message, line), f"{self._name}:{message.sequence}:large"
                    )
                    written_of_message += 1
                    continue
                if size + len(line) + 1 > self._bus.largest_payload and pending:
                    await self._write(pending, Origin(done, written_of_message))
                    pending, size = [], 0
                pending.append(line)
                size += len(line) + 1
                written_of_message += 1
            done = message.sequence
        if pending:
            await self._write(pending, Origin(done, 0))
        self.state.position = done

    async def _write(self, lines: list[bytes], origin: Origin) -> None:
        text = origin.text()
        await publish_once(
            self._bus.jetstream,
            self._subject,
            b"\n".join(lines),
            f"{self._name}:{text}",
            {ORIGIN: text},
        )
        if self._on_written is not None:
            self._on_written(lines)

    async def _bury(self, letter: DeadLetter, message_id: str) -> None:
        await publish_once(
            self._bus.jetstream,
            self._bus.names.subject(Stream.DEAD, self._name),
            encode_dead_letter(letter),
            message_id,
        )
        MESSAGES_DEAD.labels(self._name, letter.source).inc()

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

    async def _save(self) -> None:
        try:
            await self._bus.positions.save(self._name, self.state.position)
            self.state.last = await self._bus.last_sequence(self._source)
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError):
            return  # the newest output says it too; it is saved with the next
        STREAM_LAG.labels(self._name, self._name).set(self.state.lag)
