"""Market data by FIX 4.4 into raw frames, such as tZERO's, each message byte for byte.

Source: https://apidocs.tzero.com/docs/fix/market-data (December 2025, version 8). A session begins
at 1 with each logon: what came in between is told as a gap, and the books come anew as snapshots.
"""

from collectors.connection import EndpointFault
from collectors.fix.frames import FixFrames
from collectors.fix.link import FixLink
from collectors.fix.numbering import FixPlace
from collectors.fix.session import (
    Application,
    LoggedOn,
    Missing,
    Outcome,
    Refused,
    Session,
)
from collectors.gaps import interruption
from pipeline.config.sources import FixMarketDataSource
from pipeline.fix_message import BadMessage, Garbled, fields_of, values_of
from pipeline.fix_text import free_text
from pipeline.outlet import FrameOutlet
from pipeline.source_state import now
from pipeline.trade_sides import LineContext

#: In the context of frames whose book is by order.
BY_ORDER = "orders"
#: Bids, offers, trades.
_ENTRY_TYPES = ("0", "1", "2")
_REJECTS = frozenset((b"Y", b"j"))


class FixMarketDataCollector:
    """Collects the frames of one source until cancelled."""

    def __init__(self, config: FixMarketDataSource, outlet: FrameOutlet) -> None:
        """Raises SourceMisconfigured."""
        self._config = config
        self._outlet = outlet
        self._frames = FixFrames(outlet)
        self._link = FixLink(config, outlet.state, reset=True)
        self._by_order = BY_ORDER if not config.aggregated_book else None
        self._first = True
        #: Whether anything came since a gap was told.
        self._came = False
        self._requests = 0

    async def run(self) -> None:
        """Connect, and stay connected, until cancelled."""
        await self._link.run(self)

    async def begin(self) -> tuple[int, int]:
        """Both sides begin at 1."""
        first, self._first = self._first, False
        before = await self._frames.resume() if first else None
        if (not first and self._came) or before is not None:
            # Told once, however often a logon is refused.
            self._came = False
            await self._frames.gap(interruption(first=first), LineContext())
        self._frames.renumber()
        return 1, 1

    def end(self, session: Session) -> None:
        """Nothing of the session goes on."""

    async def take(self, outcome: Outcome, session: Session) -> None:
        """Something came out of the session."""
        match outcome:
            case LoggedOn():
                self._ask(session)
            case Application(sequence, message):
                self._look(message)
                self._came = True
                place = FixPlace(self._frames.place.numbering, sequence)
                await self._frames.send(place, message, LineContext(columns=self._by_order))
            case Missing():
                await self._frames.missing(outcome, session)
                # Only a new subscription brings whole books.
                raise EndpointFault(outcome.reason)
            case Refused():
                self._frames.refused(outcome)
            case _:
                pass

    async def garbled(self, found: Garbled) -> None:
        """Something came that is no message."""
        await self._frames.garbled(found.reason, found.data)

    async def idle(self, session: Session) -> None:
        """Nothing came for a moment."""

    def _ask(self, session: Session) -> None:
        config = self._config
        number = f"tapewatch-{now()}-"
        request: list[tuple[int, str | int]] = [
            (262, number + "md"),
            (263, 1),
            (264, 0),
            (265, 1),
            (266, "Y" if config.aggregated_book else "N"),
            (267, len(_ENTRY_TYPES)),
            *((269, kind) for kind in _ENTRY_TYPES),
            (146, len(config.symbols)),
            *((55, symbol) for symbol in config.symbols),
        ]
        at = session.spoke
        session.send("V", request, at, now())
        if config.trading_status:
            session.send("g", [(335, number + "session"), (263, 1)], at, now())
            for index, symbol in enumerate(config.symbols):
                body: list[tuple[int, str | int]] = [
                    (324, f"{number}status-{index}"),
                    (55, symbol),
                    (263, 1),
                ]
                session.send("e", body, at, now())

    def _look(self, message: bytes) -> None:
        """Show operators what was refused; the normalizer counts it."""
        if not (b"\x0135=Y\x01" in message or b"\x0135=j\x01" in message):
            return
        try:
            values = values_of(fields_of(message))
        except BadMessage:
            return
        if values.get(35) in _REJECTS:
            text = free_text(values)[:300]
            reason = values.get(281, values.get(380, b"")).decode("latin-1")
            self._frames.refused(
                Refused(f"the venue refused a request (reason {reason or 'not given'}): {text}")
            )
