"""Frames of one source into RAW: in micro-batches, in order, with backpressure."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import msgspec

from pipeline.bus.connection import Bus
from pipeline.bus.dead_letters import encode_fitting
from pipeline.bus.publisher import publish_once
from pipeline.bus.reader import MessagesExpired
from pipeline.bus.streams import Stream
from pipeline.frames import (
    DeadLetter,
    Frame,
    FrameBatch,
    decode_batch,
    encode_batch,
)
from pipeline.metrics import MESSAGES_DEAD, MESSAGES_IN
from pipeline.outlet import SentFrame
from pipeline.source_state import SourceState

#: What a frame costs in a batch besides its payload.
FRAME_OVERHEAD = 96
_AT_ONCE = 256
#: For the next message, in seconds.
_PATIENCE = 10.0
#: Messages of the stream, of all sources, that are looked through at first for a source's own.
_FIRST_LOOK = 512

_Kept = TypeVar("_Kept", Frame, SentFrame)


class RawOutlet:
    """The :class:`pipeline.outlet.FrameOutlet` of a source.

    One message is on its way at a time, so that a retry can't change the order; frames that come
    meanwhile make the next message larger, and throughput follows. ``send`` waits when ``buffer``
    bytes are not durable yet.
    """

    def __init__(self, bus: Bus, state: SourceState, *, buffer: int) -> None:
        self.state = state
        self._bus = bus
        self._buffer = buffer
        self._frames: list[Frame] = []
        self._bytes = 0
        self._in_flight = 0
        self._unsent = asyncio.Event()
        self._taken = asyncio.Condition()
        self._writer = bus.writer(Stream.RAW, state.source)
        self._counter = MESSAGES_IN.labels("collectors", state.source)

    async def send(self, frame: Frame) -> None:
        """Take a frame. Waits while too much is not yet durable."""
        size = _size(frame)
        if size > self._bus.largest_payload:
            await self.dead(self._too_large(frame))
            return
        while self._bytes + self._in_flight >= self._buffer:
            async with self._taken:
                await self._taken.wait()
        self._frames.append(frame)
        self._bytes += size
        self.state.saw_frame(frame.position, frame.received)
        self._unsent.set()

    async def flush(self) -> None:
        """Return when everything sent so far is durable."""
        while self._frames or self._in_flight:
            async with self._taken:
                await self._taken.wait()

    async def last(self) -> Frame | None:
        """The newest durable frame of this source."""
        message = await self._writer.newest()
        if message is None:
            return None
        return decode_batch(message.data or b"").frames[-1]

    async def sent(self, least: int) -> list[SentFrame]:
        """At least the newest ``least`` durable frames, oldest first; fewer where there are fewer.

        Raises what the bus raises.
        """
        return await self._newest(least, _sent)

    async def recent(self, least: int) -> list[Frame]:
        """The same, whole."""
        return await self._newest(least, _whole)

    async def _newest(self, least: int, kept: Callable[[Frame], _Kept]) -> list[_Kept]:
        newest = await self._writer.newest()
        if newest is None:
            return []
        last = newest.seq or 0
        back = _FIRST_LOOK
        while True:
            frames = await self._after(max(0, last - back), last, kept)
            if len(frames) >= least or back >= last:
                break
            back *= 4
        if not frames:  # retention took all of them, and kept the newest message as a bookmark
            batch = decode_batch(newest.data or b"")
            frames = [kept(frame) for frame in batch.frames]
        return frames

    async def _after(self, sequence: int, last: int, kept: Callable[[Frame], _Kept]) -> list[_Kept]:
        frames: list[_Kept] = []
        first = (await self._bus.info(Stream.RAW)).state.first_seq
        if first > last:
            return frames  # nothing is left but the bookmark
        subjects = [self._writer.subject]
        reader = self._bus.reader(Stream.RAW, after=max(sequence, first - 1), subjects=subjects)
        try:
            while reader.position < last:
                try:
                    messages = await reader.batch(_AT_ONCE, _PATIENCE)
                except MessagesExpired:
                    continue  # what is left comes then
                if not messages:
                    raise TimeoutError(f"RAW gives nothing behind {reader.position}")
                for message in messages:
                    batch = decode_batch(message.data)
                    frames += [kept(frame) for frame in batch.frames]
        finally:
            await reader.close()
        return frames

    def reported(self) -> SourceState:
        """The state, and why writing has been waiting for a while, where it has."""
        waiting = self._writer.waiting
        if not waiting:
            return self.state
        return msgspec.structs.replace(self.state, trouble=waiting)

    async def dead(self, letter: DeadLetter) -> None:
        """Put what can't enter RAW into the dead letters."""
        await publish_once(
            self._bus,
            self._bus.names.subject(Stream.DEAD, "collectors"),
            encode_fitting(letter, self._bus.largest_payload),
            f"collectors:{letter.source}:{letter.position}",
        )
        MESSAGES_DEAD.labels("collectors", letter.source).inc()

    async def run(self) -> None:
        """Write what was sent, until cancelled."""
        batch = self._bus.batch
        delay = batch.max_delay / 1e9
        while True:
            await self._unsent.wait()
            if self._bytes < batch.max_bytes and len(self._frames) < batch.max_frames:
                await asyncio.sleep(delay)
            frames = self._take(min(batch.max_bytes, self._bus.largest_payload), batch.max_frames)
            payload = encode_batch(FrameBatch(self.state.source, self.state.protocol, frames))
            await self._writer.write(
                payload, f"{self.state.source}:{frames[0].position}:{frames[-1].position}"
            )
            self._counter.inc(len(frames))
            self._in_flight = 0
            async with self._taken:
                self._taken.notify_all()

    def _take(self, max_bytes: int, max_frames: int) -> list[Frame]:
        size = 0
        count = 0
        for frame in self._frames:
            frame_size = _size(frame)
            if count and (size + frame_size > max_bytes or count == max_frames):
                break
            size += frame_size
            count += 1
        frames, self._frames = self._frames[:count], self._frames[count:]
        self._bytes -= size
        self._in_flight = size
        if not self._frames:
            self._unsent.clear()
        return frames

    def _too_large(self, frame: Frame) -> DeadLetter:
        return DeadLetter(
            stage="collectors",
            source=self.state.source,
            protocol=self.state.protocol,
            position=frame.position,
            received=frame.received,
            reason=f"a frame of {_size(frame) - FRAME_OVERHEAD} bytes is larger than the bus takes "
            f"({self._bus.largest_payload}): raise max_payload of the NATS server",
            kind=frame.kind,
            context=frame.context,
            payload=frame.payload[:65536],
            truncated=True,
        )


def _size(frame: Frame) -> int:
    # What goes with a frame may be as long as that is: the other side of a trade.
    return len(frame.payload) + len(frame.context) + FRAME_OVERHEAD


def _sent(frame: Frame) -> SentFrame:
    return SentFrame(frame.kind, frame.position)


def _whole(frame: Frame) -> Frame:
    return frame
