"""How a running supervisor is asked to reload: by a request on the bus, or by SIGHUP."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress

import msgspec
import nats.errors
import structlog
from nats.aio.msg import Msg

from pipeline.bus.connection import Bus
from pipeline.cancellation import raise_if_cancelled
from pipeline.reload import Reloaded, Reloader, ReloadRequest, reload_subject

log = structlog.get_logger(__name__)

#: Does what was asked, with a bus that is there.
Reload = Callable[[Reloader, Bus, ReloadRequest], Awaitable[Reloaded]]
_WAIT = 0.5
_SIGNAL = "SIGHUP"
_decode = msgspec.json.Decoder(ReloadRequest).decode


class Reloads:
    """Serves requests one after the other."""

    def __init__(self, reloader: Reloader, bus: Callable[[], Bus | None]) -> None:
        """`bus`: the connection as it is now; a new one after the old was lost."""
        self._reloader = reloader
        self._bus = bus
        self._asked: asyncio.Queue[Msg | None] = asyncio.Queue()

    async def serve(self, reload: Reload) -> None:
        """Answer until cancelled."""
        had_terminal = sys.stdin is not None and sys.stdin.isatty()

        def hung_up() -> None:
            # The same signal says that the terminal was closed, which is an end as by Ctrl-C.
            if had_terminal and not sys.stdin.isatty():
                signal.raise_signal(signal.SIGTERM)
            else:
                self._asked.put_nowait(None)

        if sys.platform != "win32":
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hung_up)
        listened: Bus | None = None
        while True:
            raise_if_cancelled()
            bus = self._bus()
            if bus is None or bus.client.is_closed:
                await asyncio.sleep(_WAIT)
                continue
            if bus is not listened:
                await bus.client.subscribe(reload_subject(bus.names), cb=self._asked.put)
                listened = bus
            with suppress(TimeoutError):
                async with asyncio.timeout(_WAIT):
                    message = await self._asked.get()
                await self._answer(reload, bus, message)

    async def _answer(self, reload: Reload, bus: Bus, message: Msg | None) -> None:
        request = ReloadRequest(reason=_SIGNAL)
        if message is not None:
            with suppress(msgspec.MsgspecError):
                request = _decode(message.data)
        try:
            found = await reload(self._reloader, bus, request)
        except Exception as error:  # whatever it is, the old rules and stages go on
            log.error("a reload failed", exc_info=error)
            found = Reloaded(refused=f"error: {type(error).__name__}: {error}")
        if found.refused:
            log.error("nothing was reloaded", reason=found.refused)
        else:
            log.info(
                "reloaded",
                rules=found.rules.rules if found.rules else "unchanged",
                restarted=[restarted.stage for restarted in found.restarted],
            )
        if message is not None and message.reply:
            with suppress(nats.errors.Error):
                await message.respond(msgspec.json.encode(found))
