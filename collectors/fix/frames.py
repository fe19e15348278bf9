"""Frames, gap notices and dead letters of a FIX session, in their places."""

import msgspec
import structlog

from collectors.fix.numbering import FixPlace, place_of
from collectors.fix.session import Missing, Refused, Session
from collectors.gaps import count_gap
from pipeline.frames import WHOLE_SOURCE, DeadLetter, Frame, GapNotice
from pipeline.outlet import FrameOutlet
from pipeline.secrets import DEFAULT_RESOLVER
from pipeline.source_state import now
from pipeline.trade_sides import LineContext, encode_context

_MOST_KEPT = 64 * 1024

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)
_encode = msgspec.json.Encoder().encode


class FixFrames:
    """Hands on what comes from a session. It remembers the place of the last message."""

    def __init__(self, outlet: FrameOutlet) -> None:
        self.outlet = outlet
        self.state = outlet.state
        self.place = FixPlace(0, 0)
        self._notes = 0
        self._log = _log.bind(source=outlet.state.source)

    async def resume(self) -> Frame | None:
        """The last durable frame of an earlier run, whose place is taken over."""
        last = await self.outlet.last()
        place = None if last is None else place_of(last.position)
        if place is not None:
            self.place = place
        elif not self.place.numbering:
            self.place = FixPlace(now(), 0)
        return last

    def renumber(self, sequence: int = 0) -> None:
        """Their numbers began anew; ``sequence`` is the last one taken."""
        # A clock that was set back must not give a place twice.
        self.place = FixPlace(max(now(), self.place.numbering + 1), sequence)

    async def send(self, place: FixPlace, message: bytes, context: LineContext) -> None:
        """Hand a message on. Waits while too much is not yet durable."""
        self.place = place
        await self.outlet.send(
            Frame(place.text, now(), message, "message", encode_context(context))
        )

    async def gap(self, notice: GapNotice, context: LineContext) -> None:
        """Say, in this place, that something is missing."""
        self._notes += 1
        count_gap(self.state)
        position = f"{self.place.text}#{now()}.{self._notes}"
        await self.outlet.send(
            Frame(position, now(), _encode(notice), "gap", encode_context(context))
        )

    async def missing(self, found: Missing, session: Session) -> None:
        """Tell of messages that will not come."""
        if found.received < found.expected:
            self.renumber(max(0, found.received - 1))
        notice = GapNotice(
            instrument=WHOLE_SOURCE,
            reason=found.reason,
            expected=found.expected,
            received=found.received,
        )
        await self.gap(notice, LineContext(sending=session.sending))

    def refused(self, found: Refused) -> None:
        """Show what the other side doesn't like."""
        reason = DEFAULT_RESOLVER.mask(found.reason)
        self.state.trouble = reason
        self._log.warning("refused", reason=reason)

    async def garbled(self, reason: str, data: bytes) -> None:
        """Put on record what was no message. If it was one, it is asked for again."""
        self._notes += 1
        self._log.warning("no message of FIX", reason=reason)
        await self.outlet.dead(
            DeadLetter(
                stage="collectors",
                source=self.state.source,
                protocol=self.state.protocol,
                position=f"{self.place.text}#{now()}.{self._notes}",
                received=now(),
                reason=f"no message of FIX: {reason}",
                payload=data[:_MOST_KEPT],
                truncated=len(data) > _MOST_KEPT,
            )
        )
