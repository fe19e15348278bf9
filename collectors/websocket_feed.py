"""The frames of one venue's WebSocket feed: their positions, gap notices, and what is too large."""

import msgspec

from collectors.connection import LinkLost
from collectors.gaps import count_gap, interruption
from pipeline.frames import DeadLetter, Frame, FrameKind, GapNotice
from pipeline.outlet import FrameOutlet
from pipeline.source_state import now

_encode = msgspec.json.Encoder().encode


class WebSocketFeed:
    """Numbers frames in the order in which they are handed on, and counts gaps.

    A position is ``<start of the connection in ns>.<number>``: a venue's feed can't be asked to go
    on from somewhere, so a position only has to be unique and to say what came before what.
    """

    def __init__(self, outlet: FrameOutlet) -> None:
        self.outlet = outlet
        self.state = outlet.state
        self._started = 0
        self._prefix = ""
        self._number = 0
        self._first = True

    def begin(self) -> None:
        """A connection was made."""
        # A clock that was set back must not give a position twice.
        self._started = max(now(), self._started + 1)
        self._prefix = f"{self._started}."
        self._number = 0

    def next_position(self) -> str:
        """The position of the next frame."""
        self._number += 1
        return f"{self._prefix}{self._number:012d}"

    async def send(
        self, payload: bytes, received: int, kind: FrameKind = "message", context: str = ""
    ) -> None:
        """Hand a frame on. Waits while too much is not yet durable."""
        await self.outlet.send(Frame(self.next_position(), received, payload, kind, context))

    async def gap(self, notice: GapNotice) -> None:
        """Say, in this place of the feed, that something is missing."""
        count_gap(self.state)
        await self.send(_encode(notice), now(), "gap", notice.instrument)

    async def tell_of_interruption(self, *, after_a_loss: bool = True) -> None:
        """Say, as a connection begins, that what came since the one before is missing.

        On a run's first connection: since the run before, if there was one. `after_a_loss`: on
        later ones as well; False where numbers show what was missed.
        """
        first, self._first = self._first, False
        missed = await self.outlet.last() is not None if first else after_a_loss
        if missed:
            await self.gap(interruption(first=first))

    async def too_large(self, lost: LinkLost, limit: int) -> None:
        """Put on record that a frame exceeded the limit. Its content was never taken in."""
        await self.dead(
            f"{lost.endpoint} sent a frame larger than max_frame ({limit} bytes), which closed the "
            f"connection ({lost.reason}): raise max_frame of this source if it is legitimate"
        )

    async def dead(self, reason: str, *, context: str = "", kind: FrameKind = "message") -> None:
        """A dead letter about something of which no payload is there."""
        await self.outlet.dead(
            DeadLetter(
                stage="collectors",
                source=self.state.source,
                protocol=self.state.protocol,
                position=self.next_position(),
                received=now(),
                reason=reason,
                kind=kind,
                context=context,
                truncated=True,
            )
        )


def encode_notice(notice: GapNotice) -> bytes:
    """The payload of a gap frame."""
    return _encode(notice)
