"""An outlet that keeps frames in a list, can be slow, and can be read by a second run."""

import asyncio

from pipeline.frames import DeadLetter, Frame
from pipeline.outlet import SentFrame
from pipeline.source_state import SourceState


class ListOutlet:
    """`seconds_per_frame` makes it slow. `reopened()` is the same stream for another run."""

    def __init__(self, *, seconds_per_frame: float = 0.0) -> None:
        self.state = SourceState(source="chain", protocol="evm")
        self.frames: list[Frame] = []
        self.letters: list[DeadLetter] = []
        self.seconds_per_frame = seconds_per_frame

    async def send(self, frame: Frame) -> None:
        if self.seconds_per_frame:
            await asyncio.sleep(self.seconds_per_frame)
        self.frames.append(frame)

    async def flush(self) -> None:
        pass

    async def last(self) -> Frame | None:
        return self.frames[-1] if self.frames else None

    async def sent(self, least: int) -> list[SentFrame]:
        return [SentFrame(frame.kind, frame.position) for frame in self.frames]

    async def dead(self, letter: DeadLetter) -> None:
        self.letters.append(letter)

    def reopened(self) -> "ListOutlet":
        other = ListOutlet(seconds_per_frame=self.seconds_per_frame)
        other.frames = self.frames
        other.letters = self.letters
        return other
