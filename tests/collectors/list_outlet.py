"""An outlet that can be slow, and can be read by a second run."""

import asyncio

from pipeline.frames import Frame
from tests.collectors.frames_outlet import FramesOutlet


class ListOutlet(FramesOutlet):
    """Of a chain. `seconds_per_frame` makes it slow; `reopened()` is the same stream for another
    run."""

    def __init__(self, *, seconds_per_frame: float = 0.0) -> None:
        super().__init__("evm", "chain")
        self.seconds_per_frame = seconds_per_frame

    async def send(self, frame: Frame) -> None:
        if self.seconds_per_frame:
            await asyncio.sleep(self.seconds_per_frame)
        await super().send(frame)

    def reopened(self) -> "ListOutlet":
        other = ListOutlet(seconds_per_frame=self.seconds_per_frame)
        other.frames = self.frames
        other.letters = self.letters
        return other
