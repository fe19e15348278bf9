"""HTTP towards a sink: URLs whose secrets never show, clients, and what failures mean.

A URL may hold a user and password, and a webhook's path is often a secret itself. So only scheme,
host and port of a URL are ever shown, and httpx's own log of whole URLs is switched off.
"""

import base64
import logging
import ssl
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx
from msgspec import Struct

from delivery.sink import SinkUnavailable
from pipeline.secrets import SecretError, SecretText
from pipeline.units import SECOND

# httpx logs every request's whole URL at level INFO, httpcore its headers at DEBUG.
for _library in ("httpx", "httpcore"):
    logging.getLogger(_library).setLevel(logging.WARNING)

_DEFAULT_PORTS = {"http": 80, "https": 443}


class EndpointError(ValueError):
    """A URL can't be used. The message shows no part of it."""


class Endpoint:
    """A URL taken apart. `shown` is all that may be shown: scheme, host and port."""

    __slots__ = ("_authorization", "_url", "shown")

    def __init__(self, url: str) -> None:
        """Raises EndpointError unless it is an http or https URL with a host."""
        try:
            parts = urlsplit(url.strip())
            host, port = parts.hostname, parts.port
        except ValueError:
            raise EndpointError("this isn't a URL") from None
        if parts.scheme not in _DEFAULT_PORTS or not host:
            raise EndpointError("the URL must be of the form https://host:port/path")
        bracketed = f"[{host}]" if ":" in host else host
        self.shown = f"{parts.scheme}://{bracketed}:{port or _DEFAULT_PORTS[parts.scheme]}"
        self._url = parts._replace(netloc=self.shown.partition("://")[2], fragment="").geturl()
        self._authorization: str | None = None
        if parts.username is not None:
            login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._authorization = "Basic " + base64.b64encode(login.encode()).decode()

    def url(self, path: str = "") -> str:
        """The whole URL without user and password, `path` put behind it. Never to be shown."""
        if not path:
            return self._url
        head, mark, query = self._url.partition("?")
        return f"{head.rstrip('/')}{path}{mark}{query}"

    @property
    def authorization(self) -> str | None:
        """The `Authorization` header of the URL's user and password. Never to be shown."""
        return self._authorization

    def __repr__(self) -> str:
        return f"Endpoint({self.shown})"


class HttpOptions(Struct, frozen=True, kw_only=True):
    """How to reach a server. `timeout` is in nanoseconds, for each of connect, write and read."""

    timeout: int
    ca_certificate: Path | None = None
    verify_certificates: bool = True


def tls_context(ca_certificate: Path | None, verify: bool) -> ssl.SSLContext:
    """What a server's certificate is verified with: the given CA's, else the well-known ones.

    Raises SinkUnavailable when the CA certificate can't be read.
    """
    if not verify or ca_certificate is None:
        return httpx.create_ssl_context(verify=verify)
    try:
        return ssl.create_default_context(cafile=str(ca_certificate))
    except (OSError, ssl.SSLError) as error:
        raise SinkUnavailable(
            f"the CA certificate {ca_certificate} can't be used: "
            f"{error.strerror or 'it is no PEM certificate'}"
        ) from error


def http_client(options: HttpOptions) -> httpx.AsyncClient:
    """A client that verifies certificates by default and follows no redirect.

    Raises SinkUnavailable when the CA certificate can't be read.
    """
    return httpx.AsyncClient(
        verify=tls_context(options.ca_certificate, options.verify_certificates),
        timeout=options.timeout / SECOND,
        follow_redirects=False,
        headers={"User-Agent": "tapewatch"},
    )


def revealed(secret: SecretText, purpose: str) -> str:
    """The secret's text. Raises SinkUnavailable when it can't be had now."""
    try:
        return secret.reveal()
    except SecretError as error:
        raise SinkUnavailable(f"{purpose}: {error}") from None


def endpoint_of(secret: SecretText) -> Endpoint:
    """The endpoint of a configured URL. Raises SinkUnavailable when it is none."""
    try:
        return Endpoint(revealed(secret, "the URL"))
    except EndpointError as error:
        raise SinkUnavailable(f"{error}: set `url` in the configuration") from None


def unreachable(shown: str, error: httpx.HTTPError) -> SinkUnavailable:
    """What a failure to exchange a request and its answer means, without the URL."""
    text = str(error)
    if isinstance(error, httpx.LocalProtocolError):  # its text quotes the header
        what = "the URL or a header holds characters that HTTP doesn't allow"
    elif isinstance(error, httpx.TimeoutException):
        what = "no answer in time"
    elif "CERTIFICATE" in text.upper():
        what = f"its certificate was refused ({text}); give `ca_certificate`"
    elif isinstance(error, httpx.ConnectError):
        what = f"can't connect: {text}"
    else:
        what = f"the connection broke: {text or type(error).__name__}"
    return SinkUnavailable(f"{shown}: {what}")
