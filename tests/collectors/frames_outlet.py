"""An outlet that keeps frames in a list, can be shut, and can be waited on."""

import asyncio

import msgspec

from pipeline.frames import DeadLetter, Frame, GapNotice
from pipeline.outlet import SentFrame
from pipeline.source_state import SourceState


class FramesOutlet:
    """Counts as the bus does. While ``gate`` is clear, ``send`` waits: nothing is taken."""

    def __init__(self, protocol: str = "coinbase", source: str = "venue") -> None:
        self.state = SourceState(source=source, protocol=protocol)
        self.frames: list[Frame] = []
        self.letters: list[DeadLetter] = []
        self.earlier: Frame | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.flushed = 0

    async def send(self, frame: Frame) -> None:
        await self.gate.wait()
        self.frames.append(frame)
        self.state.saw_frame(frame.position, frame.received)

    async def flush(self) -> None:
        self.flushed = len(self.frames)

    async def last(self) -> Frame | None:
        return self.frames[-1] if self.frames else self.earlier

    async def sent(self, least: int) -> list[SentFrame]:
        return [SentFrame(frame.kind, frame.position) for frame in self.frames]

    async def recent(self, least: int) -> list[Frame]:
        return list(self.frames)

    async def dead(self, letter: DeadLetter) -> None:
        self.letters.append(letter)

    @property
    def payloads(self) -> list[bytes]:
        """Payloads of messages, in order."""
        return [frame.payload for frame in self.frames if frame.kind == "message"]

    @property
    def gaps(self) -> list[GapNotice]:
        """The gap notices, in order."""
        decode = msgspec.json.Decoder(GapNotice).decode
        return [decode(frame.payload) for frame in self.frames if frame.kind == "gap"]

    @property
    def snapshots(self) -> list[Frame]:
        """The snapshot frames, in order."""
        return [frame for frame in self.frames if frame.kind == "snapshot"]
