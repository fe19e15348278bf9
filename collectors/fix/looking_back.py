"""What an earlier run sent, read back where a bust is of a trade that this one has not seen."""

import asyncio

import structlog

from collectors.fix.trade_names import TradeNames
from pipeline.fix_log import logged_message
from pipeline.outlet import FrameOutlet

#: Frames, at least, as far as RAW still has them.
LOOKED_BACK = 20_000
_PAUSE = 1.0

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class LookingBack:
    """Completes the names of trades, once in a run: busts are rare, and reading takes a moment."""

    def __init__(self, outlet: FrameOutlet, names: TradeNames) -> None:
        self._outlet = outlet
        self._names = names
        self._done = False

    async def trade_of(self, message: bytes) -> str:
        """What the reports of its trade call that, of a bust of which no id is known; or empty."""
        while not self._done:
            try:
                earlier = await self._outlet.recent(LOOKED_BACK)
            except TimeoutError:  # without the bus nothing goes on anyway
                _log.warning("the bus doesn't say what was sent", source=self._outlet.state.source)
                await asyncio.sleep(_PAUSE)
                continue
            found = (logged_message(frame.payload) for frame in earlier)
            self._names.add_earlier(one for one in found if one is not None)
            self._done = True
        return self._names.take(message) or ""
