"""Where collectors put frames. The bus implements it; a list does for offline use."""

from typing import Protocol

from msgspec import Struct

from pipeline.frames import DeadLetter, Frame, FrameKind
from pipeline.source_state import SourceState


class SentFrame(Struct, frozen=True):
    """What is remembered of a durable frame: its kind and position."""

    kind: FrameKind
    position: str


class FrameOutlet(Protocol):
    """Takes the frames of one source, in order, and makes them durable."""

    state: SourceState

    async def send(self, frame: Frame) -> None:
        """Take a frame. Waits while too much is not yet durable (backpressure)."""
        ...

    async def flush(self) -> None:
        """Return when everything sent so far is durable."""
        ...

    async def last(self) -> Frame | None:
        """The newest durable frame of this source from any earlier run, to go on behind it."""
        ...

    async def sent(self, least: int) -> list[SentFrame]:
        """At least the newest ``least`` durable frames of this source, as far as they are still
        there, oldest first.
        """
        ...

    async def recent(self, least: int) -> list[Frame]:
        """The same, whole."""
        ...

    async def dead(self, letter: DeadLetter) -> None:
        """Put what can't enter RAW into the dead letters."""
        ...
