"""A FIX drop copy into raw frames, each message byte for byte.

After a restart or a break the session goes on behind the last durable message: the other side is
asked for everything after it. So nothing is missed as long as the venue keeps its messages.
"""

from collectors.fix.frames import FixFrames
from collectors.fix.link import FixLink
from collectors.fix.looking_back import LookingBack
from collectors.fix.numbering import FixPlace
from collectors.fix.report_sides import is_report, side_of_trade
from collectors.fix.session import Application, LoggedOn, Missing, Outcome, Refused, Session
from collectors.fix.trade_names import TradeNames
from collectors.trade_halves import SideKey, TradeHalves
from pipeline.config.sources import FixDropCopySource
from pipeline.fix_message import BadMessage, Garbled, fields_of, values_of
from pipeline.fix_text import free_text
from pipeline.frames import WHOLE_SOURCE, GapNotice
from pipeline.outlet import FrameOutlet
from pipeline.source_state import now
from pipeline.trade_sides import LineContext, Side, decode_context

#: Messages of ours that an earlier run may have sent after its last frame, at least.
_SKIPPED = 100
_LOST = GapNotice(
    instrument=WHOLE_SOURCE,
    reason="sequence numbers begin anew with each logon; what came in between is missing",
)


class FixDropCopyCollector:
    """Collects the frames of one source until cancelled."""

    def __init__(self, config: FixDropCopySource, outlet: FrameOutlet) -> None:
        """Raises SourceMisconfigured."""
        self._config = config
        self._frames = FixFrames(outlet)
        self._link = FixLink(config, outlet.state, reset=config.reset_on_logon)
        self._halves = TradeHalves()
        self._names = TradeNames()
        self._back = LookingBack(outlet, self._names)
        #: When each first side that waits came, by its number.
        self._since: dict[int, int] = {}
        #: Up to here frames are durable or on their way; what comes again is only looked at.
        self._done = 0
        self._expected = 0
        self._sending = 1
        self._begun = False
        #: Whether there was a session before, in an earlier run perhaps.
        self._was_on = False

    async def run(self) -> None:
        """Connect, and stay connected, until cancelled."""
        await self._link.run(self)

    async def begin(self) -> tuple[int, int]:
        """The numbers to go on with."""
        if not self._begun:
            self._begun = True
            await self._resume()
        return max(1, self._expected), self._sending

    async def _resume(self) -> None:
        last = await self._frames.resume()
        self._was_on = last is not None
        self._done = self._frames.place.sequence
        self._expected = self._done + 1
        if last is None or not self._done:
            return
        context = decode_context(last.context)
        if context.needed:
            self._expected = min(context.needed, self._expected)
        silence = max(0, now() - last.received) // max(1, self._config.heartbeat)
        # Too high is mended by the protocol, too low is not.
        self._sending = context.sending + _SKIPPED + 3 * silence

    def end(self, session: Session) -> None:
        """Remember the numbers for the next connection."""
        self._expected, self._sending = session.expected, session.sending

    async def take(self, outcome: Outcome, session: Session) -> None:
        """Something came out of the session."""
        match outcome:
            case Application(sequence, message):
                await self._message(sequence, message, session)
            case Missing():
                if outcome.received < outcome.expected:
                    await self._tell_alone(session)
                await self._frames.missing(outcome, session)
                if outcome.received < outcome.expected:
                    self._done = outcome.received - 1
            case LoggedOn(reset):
                if reset:
                    await self._tell_alone(session)
                    if self._config.reset_on_logon and self._was_on:
                        await self._frames.gap(_LOST, LineContext(sending=session.sending))
                    self._frames.renumber()
                    self._done = 0
                self._was_on = True
            case Refused():
                self._frames.refused(outcome)
            case _:
                pass

    async def garbled(self, found: Garbled) -> None:
        """Something came that is no message."""
        await self._frames.garbled(found.reason, found.data)

    async def idle(self, session: Session) -> None:
        """Tell first sides alone whose other has not come in time."""
        await self._tell_alone(session, now() - self._config.other_side_within)

    async def _tell_alone(self, session: Session, limit: int | None = None) -> None:
        """Tell first sides that came up to ``limit``; all, where numbers begin anew."""
        while self._since:
            number, since = next(iter(self._since.items()))
            if limit is not None and since > limit:
                return
            half = self._halves.drop(number)
            del self._since[number]
            if half is not None:
                place = FixPlace(self._frames.place.numbering, self._done, number)
                context = self._context(session, "alone")
                await self._frames.send(place, half.text.encode("latin-1"), context)

    async def _message(self, sequence: int, message: bytes, session: Session) -> None:
        key = self._key(message)
        trade = await self._trade(message)
        context = self._context(session, trade=trade)
        if key is not None:
            other = self._halves.take(key, sequence, message.decode("latin-1"))
            if other is None:
                self._since[sequence] = now()
                context = self._context(session, "first")
            else:
                self._since.pop(other.number, None)
                context = self._context(session, "second", other.text)
        if sequence <= self._done:
            return
        self._done = sequence
        place = FixPlace(self._frames.place.numbering, sequence)
        await self._frames.send(place, message, context)
        await self.idle(session)  # a steady stream leaves no idle moment

    def _context(
        self, session: Session, side: Side | None = None, other: str = "", trade: str = ""
    ) -> LineContext:
        needed = next(iter(self._since), 0)
        return LineContext(
            side=side, other=other, trade=trade, sending=session.sending, needed=needed
        )

    async def _trade(self, message: bytes) -> str:
        """Of a bust or correction: what its trade's reports call that, where that is another id."""
        trade = self._names.take(message)
        return await self._back.trade_of(message) if trade is None else trade

    def _key(self, message: bytes) -> SideKey | None:
        """What the two reports of a trade share; None for what is no report of one side of it."""
        if not is_report(message):
            self._look(message)
            return None
        return side_of_trade(message) if self._config.trade_sides == "each" else None

    def _look(self, message: bytes) -> None:
        """Show operators what the other side can't do; the normalizer counts it."""
        if b"\x0135=j\x01" in message:
            try:
                said = free_text(values_of(fields_of(message)))[:300]
            except BadMessage:
                return
            self._frames.refused(Refused(f"the other side can't process a message: {said}"))
