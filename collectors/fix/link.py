"""A FIX session over TCP, made anew whenever it ends."""

import asyncio
import ssl
from typing import Protocol

import structlog

from collectors.connection import EndpointFault, SourceMisconfigured
from collectors.fix.session import Ended, Outcome, Session, Terms
from collectors.reconnecting import Reconnecting
from pipeline.config.sources import FixDropCopySource, FixMarketDataSource
from pipeline.fix_message import Framing, Garbled, TooLong
from pipeline.secrets import Secret, SecretError
from pipeline.source_state import SourceState, now
from pipeline.units import SECOND

OPEN_TIMEOUT = 10.0
_AT_ONCE = 64 * 1024
_TICK = 0.25

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Handler(Protocol):
    """What becomes of a session's messages."""

    async def begin(self) -> tuple[int, int]:
        """A connection was made: the numbers of their next message, and of ours."""
        ...

    async def take(self, outcome: Outcome, session: Session) -> None:
        """Something came out of the session."""
        ...

    async def garbled(self, found: Garbled) -> None:
        """Something came that is no message."""
        ...

    async def idle(self, session: Session) -> None:
        """Nothing came for a moment."""
        ...

    def end(self, session: Session) -> None:
        """The connection is over; the session's numbers are as they were last."""
        ...


class FixLink:
    """Connects, and keeps a session going until cancelled."""

    def __init__(
        self,
        config: FixDropCopySource | FixMarketDataSource,
        state: SourceState,
        *,
        reset: bool,
    ) -> None:
        self._config = config
        self._state = state
        self._reset = reset
        self._tls = tls_context(config)
        self._shown = f"{config.host}:{config.port}"
        self._reconnecting = Reconnecting(config.reconnection, state, _log.bind(source=config.name))

    async def run(self, handler: Handler) -> None:
        """Until cancelled. What a handler raises, other than of the network, ends it."""
        try:
            async for attempt in self._reconnecting.attempts(EndpointFault, OSError):
                with attempt:
                    await self._attempt(handler)
        finally:
            self._reconnecting.stopped()

    async def _attempt(self, handler: Handler) -> None:
        self._reconnecting.begin()
        reader, writer = await self._open()
        opened = asyncio.get_running_loop().time()
        expected, sending = await handler.begin()
        session = Session(terms=self._terms(), expected=expected, sending=sending)
        beating = asyncio.create_task(self._beat(session, writer))
        try:
            await self._converse(session, handler, reader, writer)
        except asyncio.CancelledError:
            session.logout(_loop_time(), now())
            self._flush(session, writer)
            raise
        finally:
            beating.cancel()
            handler.end(session)
            lasted = asyncio.get_running_loop().time() - opened
            self._reconnecting.lost(lasted if session.logged_on else 0.0)
            writer.close()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            async with asyncio.timeout(OPEN_TIMEOUT):
                return await asyncio.open_connection(
                    self._config.host, self._config.port, ssl=self._tls, limit=4 * _AT_ONCE
                )
        except (OSError, TimeoutError) as error:
            reason = str(error) or type(error).__name__
            raise EndpointFault(f"{self._shown}: {reason}") from None

    async def _converse(
        self,
        session: Session,
        handler: Handler,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        framing = Framing(self._config.max_frame)
        session.logon(_loop_time(), now())
        while True:
            self._flush(session, writer)
            try:
                async with asyncio.timeout(_TICK):
                    data = await reader.read(_AT_ONCE)
            except TimeoutError:
                await handler.idle(session)
                at = _loop_time()
            else:
                # What then waits for an outlet that is full is no silence of the other side.
                at = _loop_time()
                if not data:
                    raise EndpointFault(f"{self._shown}: the other side closed the connection")
                framing.feed(data)
                try:
                    for found in framing.messages():
                        if isinstance(found, Garbled):
                            await handler.garbled(found)
                            continue
                        outcomes = session.take(found, _loop_time(), now())
                        await self._hand(outcomes, session, handler, writer)
                except TooLong as error:
                    raise EndpointFault(
                        f"{self._shown}: a message is larger than max_frame ({error})"
                    ) from None
            await self._hand(session.tick(at, now()), session, handler, writer)

    async def _hand(
        self,
        outcomes: list[Outcome],
        session: Session,
        handler: Handler,
        writer: asyncio.StreamWriter,
    ) -> None:
        for outcome in outcomes:
            if isinstance(outcome, Ended):
                self._flush(session, writer)
                raise EndpointFault(f"{self._shown}: {outcome.reason}")
            if session.logged_on and self._state.connection != "connected":
                self._reconnecting.connected(self._shown, "logged on")
            await handler.take(outcome, session)

    async def _beat(self, session: Session, writer: asyncio.StreamWriter) -> None:
        """Heartbeats go out also while an outlet that is full holds up everything else."""
        while True:
            await asyncio.sleep(_TICK)
            session.beat(_loop_time(), now())
            self._flush(session, writer)

    def _flush(self, session: Session, writer: asyncio.StreamWriter) -> None:
        if session.outbox:
            data = b"".join(session.outbox)
            session.outbox.clear()
            if not writer.is_closing():
                writer.write(data)

    def _terms(self) -> Terms:
        config = self._config
        return Terms(
            begin_string=config.begin_string,
            sender=config.sender_comp_id,
            target=config.target_comp_id,
            target_sub=config.target_sub_id,
            heartbeat=max(1, config.heartbeat // SECOND),
            username=_revealed(config.username),
            password=_revealed(config.password),
            reset=self._reset,
        )


def tls_context(config: FixDropCopySource | FixMarketDataSource) -> ssl.SSLContext | None:
    """The TLS that the configuration asks for. Raises SourceMisconfigured."""
    if not config.tls:
        return None
    try:
        context = ssl.create_default_context(
            cafile=None if config.ca_certificate is None else str(config.ca_certificate)
        )
        if config.certificate is not None:
            context.load_cert_chain(config.certificate, config.key)
    except (OSError, ssl.SSLError) as error:
        raise SourceMisconfigured(f"source {config.name}: TLS: {error}") from None
    return context


def _revealed(secret: Secret | None) -> str | None:
    if secret is None:
        return None
    try:
        return secret.reveal()
    except SecretError as error:
        raise EndpointFault(str(error)) from None


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
