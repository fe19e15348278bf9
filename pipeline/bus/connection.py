"""One process's connection to the bus, with its streams, positions and status board."""

import ssl
from typing import Any, Self

import nats
import nats.errors
import nats.js.errors
import structlog
from nats.aio.client import Client
from nats.js import JetStreamContext

from pipeline.bus.embedded import running_server
from pipeline.bus.positions import Positions
from pipeline.bus.reader import StreamReader
from pipeline.bus.status_board import StatusBoard
from pipeline.bus.streams import Stream, StreamNames, ensure_streams
from pipeline.config.schema import EmbeddedBus, ExternalBus, MicroBatch, Tls

log = structlog.get_logger(__name__)

#: NATS refuses larger messages than its own limit; we stay below it, headers included.
PAYLOAD_MARGIN = 16 * 1024


class BusUnavailable(Exception):
    """No connection to the bus could be made; the text says why and what to do."""


class Bus:
    """The streams, for one process. Use as an asynchronous context manager."""

    def __init__(
        self,
        client: Client,
        jetstream: JetStreamContext,
        config: EmbeddedBus | ExternalBus,
        news: "_News",
    ) -> None:
        self.client = client
        self._news = news
        self.jetstream = jetstream
        self.names = StreamNames(config.prefix if isinstance(config, ExternalBus) else "")
        self.batch: MicroBatch = config.batch
        self._config = config
        self.positions: Positions
        self.status: StatusBoard

    @classmethod
    async def connect(cls, config: EmbeddedBus | ExternalBus, *, name: str) -> Self:
        """Connect, and create or update streams and buckets. Raises :class:`BusUnavailable`."""
        news = _News()
        options = _embedded_options(config) if isinstance(config, EmbeddedBus) else _options(config)
        try:
            client = await nats.connect(
                name=f"tapewatch {name}",
                connect_timeout=5,
                reconnect_time_wait=1,
                max_reconnect_attempts=-1,
                # The first connection must not be tried for ever in silence.
                allow_reconnect=True,
                ping_interval=10,
                error_cb=news.error,
                disconnected_cb=news.disconnected,
                reconnected_cb=news.reconnected,
                pending_size=64 * 1024 * 1024,
                **options,
            )
        except (nats.errors.Error, OSError, TimeoutError, ValueError) as error:
            raise BusUnavailable(
                f"can't connect to NATS: {error or type(error).__name__}; "
                "check bus.urls and its credentials, and that the server runs"
            ) from error
        jetstream = client.jetstream(timeout=10)
        bus = cls(client, jetstream, config, news)
        try:
            await jetstream.account_info()
            await ensure_streams(jetstream, bus.names, config.streams)
            bus.positions = await Positions.open(jetstream, bus.names.bucket("POSITIONS"))
            bus.status = await StatusBoard.open(jetstream, bus.names.bucket("STATUS"))
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError) as error:
            await client.close()
            raise BusUnavailable(
                f"JetStream refused to set up the streams: {error}; "
                "check that JetStream is enabled and that the account may create streams"
            ) from error
        return bus

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection; what was not acknowledged was never said to be durable."""
        self._news.closing = True
        await self.client.close()

    @property
    def largest_payload(self) -> int:
        """Bytes that one message may carry."""
        return self.client.max_payload - PAYLOAD_MARGIN

    def reader(self, stream: Stream, *, after: int, start_time: str | None = None) -> StreamReader:
        """Read a stream from after a sequence, or from a time on."""
        return StreamReader(
            self.client,
            self.jetstream,
            self.names.stream(stream),
            after=after,
            start_time=start_time,
        )

    async def last_sequence(self, stream: Stream) -> int:
        """Sequence of the newest message of a stream."""
        info = await self.jetstream.stream_info(self.names.stream(stream))
        return info.state.last_seq


def _embedded_options(config: EmbeddedBus) -> dict[str, Any]:
    server = running_server(config.path)
    if server is None:
        raise BusUnavailable(
            f"no embedded bus runs on {config.path}: start it with `tapewatch run`"
        )
    return {"servers": [server.url], "token": server.token}


def _options(config: ExternalBus) -> dict[str, Any]:
    options: dict[str, Any] = {"servers": [url.reveal() for url in config.urls]}
    if config.tls is not None:
        options["tls"] = _tls(config.tls)
    if config.credentials is not None:
        options["user_credentials"] = str(config.credentials)
    if config.username is not None:
        options["user"] = config.username
    if config.password is not None:
        options["password"] = config.password.reveal()
    if config.token is not None:
        options["token"] = config.token.reveal()
    return options


def _tls(config: Tls) -> ssl.SSLContext:
    context = ssl.create_default_context(
        cafile=str(config.ca_certificate) if config.ca_certificate else None
    )
    if config.certificate is not None:
        context.load_cert_chain(
            str(config.certificate), str(config.key) if config.key is not None else None
        )
    return context


class _News:
    """Tells the log what becomes of the connection, but for its end by our own will."""

    def __init__(self) -> None:
        self.closing = False

    async def error(self, error: Exception) -> None:
        if not self.closing:
            log.warning("bus", error=str(error) or type(error).__name__)

    async def disconnected(self) -> None:
        if not self.closing:
            log.warning("bus disconnected")

    async def reconnected(self) -> None:
        log.info("bus connected again")
