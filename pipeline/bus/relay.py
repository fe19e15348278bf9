"""From one stream to the next: read, work, write, go on; exactly once in effect.

What messages cause is written to the next stream; the ``Tapewatch-Origin`` header of each write
says up to where the source was read. After any crash the relay goes on from the newest message that
it finds there, and each write must come right behind the one before
(:class:`pipeline.bus.publisher.SubjectWriter`). So nothing depends on how long JetStream remembers
message ids: nothing is written twice, nothing is left out. Work must be a pure function of what was
read. Dead letters are written in the same way. Output by lane goes to several subjects
(:mod:`pipeline.bus.relay_outlets`).
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence

import msgspec
import nats.errors
import nats.js.errors
import structlog
from msgspec import Struct, field

from pipeline.bus.connection import Bus
from pipeline.bus.dead_letters import encode_fitting
from pipeline.bus.lane_order import Mark
from pipeline.bus.positions import Position, created_at
from pipeline.bus.reader import MessagesExpired, StreamMessage, StreamReader
from pipeline.bus.relay_outlets import ENOUGH_OUTPUT, ORIGIN, RelayOutlets, origin_of
from pipeline.bus.status_board import ReaderState
from pipeline.bus.streams import Stream
from pipeline.frames import DeadLetter
from pipeline.metrics import MESSAGES_DEAD, STREAM_LAG
from pipeline.source_state import now

__all__ = ["ENOUGH_OUTPUT", "ORIGIN", "Output", "Relay"]

log = structlog.get_logger(__name__)

#: A position without output is saved at most this often, in seconds.
SAVE_EVERY = 1.0
READ_AT_ONCE = 64


class Output(Struct, gc=False):
    """What one message caused: records for the next stream, each encoded, and dead letters."""

    lines: list[bytes] = field(default_factory=list[bytes])
    dead: list[DeadLetter] = field(default_factory=list[DeadLetter])
    lanes: list[str] | None = None
    """Of each line, the lane's token, or ``everybody`` (:mod:`pipeline.bus.lane_order`); None where
    there is one subject only."""
    marks: list[Mark] | None = None
    """Of each line, the time that it brings; with lanes only."""
    waits: bool = False
    """Nothing was done yet: this message is worked on together with one to come. After a restart
    it is read again."""


Work = Callable[[StreamMessage], Output | Awaitable[Output]]


class Relay:
    """Moves one stream into another. One process at a time may run a relay of a name."""

    def __init__(
        self,
        bus: Bus,
        name: str,
        source: Stream,
        target: Stream,
        work: Work,
        *,
        on_written: Callable[[Sequence[bytes]], None] | None = None,
        lanes: Sequence[str] = (),
        subjects: Sequence[str] = (),
        barrier: Callable[[StreamMessage], bool] | None = None,
    ) -> None:
        """``lanes``: the tokens of the subjects that the output goes to, by lane; without, all of
        it goes to one, named as the relay. ``subjects``: what of the source is read, as tokens;
        all of it without. ``barrier``: before a message for which it is true is worked on, all
        that came before is written; what it causes itself is written right after.
        """
        self._bus = bus
        self._name = name
        self._source = source
        self._target = target
        self._work = work
        self._barrier = barrier
        self._subjects = subjects
        self._outlets = RelayOutlets(bus, name, target, lanes, on_written)
        self._dead = bus.writer(Stream.DEAD, name)
        self._buried = Position()
        self._position = Position()
        #: Whether messages were read that wait to be worked on.
        self._held = False
        self.state = ReaderState(name, source.value, 0, 0)

    def reported(self) -> ReaderState:
        """The state, and why writing has been waiting for a while, where it has."""
        waiting = self._outlets.waiting
        return msgspec.structs.replace(self.state, trouble=waiting) if waiting else self.state

    async def origin(self) -> Position:
        """Where to go on: behind the newest output, or the saved position if that is later."""
        info = await self._bus.info(self._source)
        saved = await self._bus.positions.load(self._name)
        if saved.written > await self._bus.last_sequence(self._target):
            saved = Position()  # the output that it relies on has been lost
        written = await self._outlets.written()
        self._buried = origin_of(await self._dead.newest())
        if self._buried.sequence > info.state.last_seq:
            self._buried = Position()
        created = created_at(info)
        self._outlets.forget_beyond(info.state.last_seq)
        latest = max(written, saved, key=lambda place: (place.stream == created, place.done))
        return latest.within(info, self._name)

    async def run(self, start: Position | None = None) -> None:
        """Work until cancelled."""
        position = start or await self.origin()
        self._outlets.go_on(position)
        self._stand_at(position)
        reader = self._bus.reader(
            self._source,
            after=position.done,
            created=position.stream,
            subjects=[self._bus.names.subject(self._source, token) for token in self._subjects],
        )
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
                    if not messages and self._subjects:
                        await self._pass_over(reader)
                    await self._save()
        finally:
            await reader.close()

    async def _handle(self, messages: Sequence[StreamMessage]) -> None:
        """Work on messages; write their output together, or in parts where it is large."""
        for message in messages:
            barrier = self._barrier is not None and self._barrier(message)
            if barrier:
                await self._write()
            output = self._work(message)
            if inspect.isawaitable(output):
                output = await output
            self._held = output.waits
            if output.waits:
                continue
            await self._take(message, output)
            if barrier:
                await self._write()
        await self._write()

    async def _take(self, message: StreamMessage, output: Output) -> None:
        largest = self._bus.largest_payload
        too_large = [self._too_large(message, line) for line in output.lines if len(line) > largest]
        await self._bury(message.sequence, [*output.dead, *too_large])
        outlets, lanes, marks = self._outlets, output.lanes, output.marks
        outlets.begin(message.sequence)
        if lanes is None and not too_large:
            await outlets.add_all(output.lines)
            outlets.end()
            return
        for number, line in enumerate(output.lines):
            lane = lanes[number] if lanes is not None else None
            if len(line) > largest:
                outlets.skip(lane)
            else:
                await outlets.add(line, lane, marks[number] if marks is not None else None)
        outlets.end()

    async def _write(self) -> None:
        """Write what waits; then the position is where that is from."""
        await self._outlets.flush()
        self._stand_at(self._outlets.complete)

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
        self._outlets.go_on(self._at(last))
        self._stand_at(self._at(last))

    async def _pass_over(self, reader: StreamReader) -> None:
        """Stand behind what is in the stream for others, when nothing is there for us."""
        passed = await reader.pass_over()
        if passed is not None and not self._held:
            self._outlets.go_on(self._at(passed))
            self._stand_at(self._at(passed))

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
        position.written = self._outlets.last
        await self._bus.positions.save(self._name, position)
        try:
            self.state.last = await self._bus.last_sequence(self._source)
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError):
            return  # the next look tells
        STREAM_LAG.labels(self._name, self._name).set(self.state.lag)
