"""The connection to a NATS server: how it is made first, encrypted where that is wanted, and kept.

Once it was there it is made again for ever, whenever it breaks. The first time it either comes
about within seconds, or :class:`BusUnavailable` says what to look at.
"""

import asyncio
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg

from pipeline.bus.embedded import running_server
from pipeline.cancellation import nothing_swallowed
from pipeline.config.schema import EmbeddedBus, ExternalBus, Tls
from pipeline.failure import Failure
from pipeline.masking import masked
from pipeline.secrets import SecretError, SecretText

log = structlog.get_logger(__name__)

#: For a TCP connection, a TLS handshake, or the server's answer, in seconds.
STEP_TIMEOUT = 4
#: Each server of bus.urls is tried again this often before the first connection is given up, unless
#: it doesn't answer at all.
FIRST_RETRIES = 1
#: All of the first connection, in seconds.
FIRST_CONNECTION = 10
FOR_EVER = -1
_SCHEMES = ("nats", "tls", "ws", "wss")
_MOST_REASONS = 3


class BusUnavailable(Failure):
    """No connection to the bus could be made."""


async def connect_client(config: EmbeddedBus | ExternalBus, name: str, news: "News") -> Client:
    """Connect. Raises :class:`BusUnavailable`, which never shows a secret."""
    if isinstance(config, EmbeddedBus):
        options = _embedded_options(config)
    else:
        try:
            options = _options(config)
        except SecretError as error:
            raise BusUnavailable(f"bus: {error}") from None
    client = _CarefulClient()
    step = _first_step(config)
    try:
        # nats-py can wait without end for a connection to close whose TLS handshake failed.
        async with asyncio.timeout(FIRST_CONNECTION):
            await client.connect(
                name=f"tapewatch {name}",
                connect_timeout=step,
                reconnect_time_wait=1,
                max_reconnect_attempts=FIRST_RETRIES,
                ping_interval=10,
                error_cb=news.error,
                disconnected_cb=news.disconnected,
                reconnected_cb=news.reconnected,
                pending_size=64 * 1024 * 1024,
                **options,
            )
    except (nats.errors.Error, OSError, TimeoutError, ValueError, ImportError) as error:
        # From here on nobody asks for the exception itself, which may hold what the URL holds.
        raise BusUnavailable(_explain(config, [*news.errors, error])) from None
    except BaseException:
        await client.close()
        raise
    client.take_back()
    client.options["max_reconnect_attempts"] = FOR_EVER
    client.options["connect_timeout"] = STEP_TIMEOUT
    news.connected = True
    return client


class News:
    """What becomes of the connection: kept at first, told to the log once it had come about."""

    def __init__(self) -> None:
        self.connected = False
        self.closing = False
        self.errors: list[Exception] = []

    async def error(self, error: Exception) -> None:
        """Something went wrong."""
        if not self.connected:
            self.errors.append(error)
        elif not self.closing:
            log.warning("bus", error=str(error) or type(error).__name__)

    async def disconnected(self) -> None:
        """The connection broke, or was closed."""
        if self.connected and not self.closing:
            log.warning("bus disconnected")

    async def reconnected(self) -> None:
        """The connection is there again."""
        log.info("bus connected again")


class _NotEncrypted(nats.errors.Error):
    pass


class _CarefulClient(Client):
    """A client that can be stopped, and that tells nobody a password in clear.

    nats-py waits for answers by ``asyncio.wait_for``, which in Python 3.11 can swallow a
    cancellation. And it encrypts when the server's first line says so. That line is in clear:
    whoever sits in between can change it. A server that doesn't answer is not tried again before
    there was a connection: who refuses may be about to start, who is silent has been waited for.
    """

    def __init__(self) -> None:
        super().__init__()
        self._silent: list[Any] = []

    def take_back(self) -> None:
        """Count on servers again that didn't answer at first: now there is a connection."""
        self._server_pool += [one for one in self._silent if one not in self._server_pool]

    async def request(self, *args: Any, **options: Any) -> Msg:
        with nothing_swallowed():
            return await super().request(*args, **options)

    async def _connect_to_server(self, s: Any) -> None:
        try:
            await super()._connect_to_server(s)
        except TimeoutError:
            self._give_up(s)
            raise

    async def _process_connect_init(self) -> None:
        try:
            await super()._process_connect_init()
        except TimeoutError:
            self._give_up(self._current_server)
            raise

    def _give_up(self, server: Any) -> None:
        if self.options["max_reconnect_attempts"] != FOR_EVER:
            server.reconnects = FIRST_RETRIES
            self._silent.append(server)

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        server = self._current_server
        scheme = server.uri.scheme if server is not None else ""
        if initial_connection and (scheme == "tls" or "tls" in self.options) and scheme != "wss":
            info["tls_required"] = info.get("tls_required") or info.get("tls_available")
            if not info["tls_required"] or scheme == "ws":
                raise _NotEncrypted("the server offers no encryption (TLS)")
        await super()._process_info(info, initial_connection)


def _first_step(config: EmbeddedBus | ExternalBus) -> int:
    """For a step of the first connection: each of several servers has its turn."""
    servers = len(config.urls) if isinstance(config, ExternalBus) else 1
    return max(1, min(STEP_TIMEOUT, (FIRST_CONNECTION - 1) // servers))


def _embedded_options(config: EmbeddedBus) -> dict[str, Any]:
    server = running_server(config.path)
    if server is None:
        raise BusUnavailable(
            f"no embedded bus runs on {config.path}: start it with `tapewatch run`"
        )
    return {"servers": [server.url], "token": server.token}


def _options(config: ExternalBus) -> dict[str, Any]:
    options: dict[str, Any] = {"servers": [_checked(url) for url in config.urls]}
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


def _checked(url: SecretText) -> str:
    """The URL of a server, revealed. Raises :class:`BusUnavailable`, SecretError."""
    revealed = url.reveal()
    try:
        parts = urlsplit(revealed)
        good = parts.scheme in _SCHEMES and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise BusUnavailable(
            f"bus.urls: {url} isn't the URL of a NATS server: "
            "expected nats://host:4222 or tls://host:4222"
        )
    return revealed


def _tls(config: Tls) -> ssl.SSLContext:
    reading = config.ca_certificate
    try:
        context = ssl.create_default_context(cafile=str(reading) if reading else None)
        reading = config.certificate
        if reading is not None:
            # A password would be asked for at the terminal; there is nobody to answer.
            context.load_cert_chain(str(reading), _text(config.key), password=lambda: "")
    except OSError as error:
        which = "ca_certificate" if reading == config.ca_certificate else "certificate or key"
        raise BusUnavailable(
            f"bus.tls: {which} can't be used: {reading}: {error.strerror or error}; "
            "expected PEM files, a key without a passphrase"
        ) from None
    return context


def _text(path: Path | None) -> str | None:
    return str(path) if path is not None else None


def _explain(config: EmbeddedBus | ExternalBus, errors: list[Exception]) -> str:
    """What failed and what to look at, from all that the attempts met."""
    told = [error for error in errors if not isinstance(error, nats.errors.NoServersError)]
    step = _first_step(config)
    reasons = list(dict.fromkeys(_reason(error, step) for error in told))
    advice = list(dict.fromkeys(_advice(config, error) for error in told))
    if not told:
        reasons, advice = ["no server answered"], ["check bus.urls"]
    return (
        f"can't connect to NATS at {_places(config)}: {'; '.join(reasons[:_MOST_REASONS])}\n"
        + "\n".join(f"  → {sentence}" for sentence in advice[:_MOST_REASONS])
    )


def _places(config: EmbeddedBus | ExternalBus) -> str:
    if isinstance(config, EmbeddedBus):
        return str(config.path)
    places: list[str] = []
    for url in config.urls:
        parts = urlsplit(url.reveal())
        places.append(f"{parts.hostname}:{parts.port or 4222}")
    return ", ".join(places)


def _reason(error: Exception, step: int) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or error}"
    if isinstance(error, TimeoutError):
        return f"no answer within {step} s"
    if isinstance(error, OSError):
        return masked(error.strerror or str(error) or type(error).__name__)
    return masked(str(error).removeprefix("nats: ") or type(error).__name__)


def _advice(config: EmbeddedBus | ExternalBus, error: Exception) -> str:
    if isinstance(config, EmbeddedBus):
        return "see server.log there, or start it again with `tapewatch run`"
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            "check that bus.tls.ca_certificate holds the authority that signed it, "
            "and that the certificate names the host of bus.urls"
        )
    if isinstance(error, ssl.SSLError):
        return "check bus.tls: a server may ask for certificate and key of the client"
    if isinstance(error, _NotEncrypted):
        return "enable TLS at the server, or take bus.tls away and write nats:// where that is safe"
    if isinstance(error, ImportError):
        return f"install the Python package {error.name}"
    if "authorization" in str(error).lower():
        given = [
            name
            for name in ("credentials", "username", "password", "token")
            if getattr(config, name, None) is not None
        ]
        return f"check bus.{' and bus.'.join(given)}" if given else "check who logs in by bus.urls"
    hung_up = isinstance(error, ConnectionError) and not isinstance(error, ConnectionRefusedError)
    if config.tls is not None and (hung_up or isinstance(error, nats.errors.Error)):
        # With TLS 1.3 a server refuses a client's certificate, or its absence, by hanging up.
        return "see the server's log; it may ask for a certificate of ours: check bus.tls"
    return "check bus.urls, the firewall, and that the server runs"
