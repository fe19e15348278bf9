"""Asks HTTP interfaces of providers: bounded, paced, patient with faults, and silent on secrets.

Answers are decoded into records that name only the fields that are wanted, so whatever else a
provider tells of a person is never kept. Messages say which interface failed and how; they quote
neither what was asked nor what was answered, which may name somebody.
"""

import asyncio
import base64
import logging
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import httpx
import msgspec
from msgspec import Struct
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from collectors.endpoint_text import redacted
from collectors.loopback import is_loopback
from collectors.reference.source import SourceFault
from pipeline.retry_after import retry_after
from pipeline.secrets import SecretError, SecretText
from pipeline.units import SECOND

# At level INFO these write the request line, and with it an address or a key.
for _library in ("httpx", "httpcore"):
    logging.getLogger(_library).setLevel(logging.WARNING)

T = TypeVar("T")

ATTEMPTS = 6
LONGEST_WAIT = 60.0
#: A server that asks for more patience than this is left alone until the next read.
MOST_RETRY_AFTER = 300.0
_TRY_AGAIN = frozenset((408, 425, 429, 500, 502, 503, 504))


class HttpSettings(Struct, frozen=True, kw_only=True):
    """How an interface is asked. ``timeout`` in nanoseconds, ``per_second`` requests at most."""

    timeout: int = 30 * SECOND
    per_second: float = 5.0
    most_bytes: int = 16 * 1024 * 1024
    ca_certificate: Path | None = None


class Authorization(Protocol):
    """What a request is authorised by."""

    async def headers(self, client: "HttpApi") -> Mapping[str, str]:
        """The headers, fetched now. Raises :class:`SourceFault`."""
        ...

    def refused(self) -> bool:
        """Told that the headers were refused (401): whether other ones may be had."""
        ...


class HeaderKey:
    """A key in a header of its own: ``X-API-Key: …``."""

    def __init__(self, name: str, key: SecretText) -> None:
        self._name = name
        self._key = key

    async def headers(self, client: "HttpApi") -> Mapping[str, str]:
        return {self._name: revealed(self._key, self._name)}

    def refused(self) -> bool:
        return False


class BearerKey:
    """A key as a bearer token (RFC 6750), as The Graph's gateway and LunarCrush take it."""

    def __init__(self, key: SecretText) -> None:
        self._key = key

    async def headers(self, client: "HttpApi") -> Mapping[str, str]:
        return {"Authorization": f"Bearer {revealed(self._key, 'api_key')}"}

    def refused(self) -> bool:
        return False


class BasicKey:
    """HTTP Basic with the key as user and as password, as TRM wants it."""

    def __init__(self, key: SecretText) -> None:
        self._key = key

    async def headers(self, client: "HttpApi") -> Mapping[str, str]:
        key = revealed(self._key, "the API key")
        return {"Authorization": "Basic " + base64.b64encode(f"{key}:{key}".encode()).decode()}

    def refused(self) -> bool:
        return False


class _Busy(Exception):
    """The interface couldn't answer now. `after`: seconds that it asks to wait."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        self.reason = reason
        self.after = after
        super().__init__(reason)


class HttpApi:
    """One interface at one base URL. Use from one task at a time."""

    def __init__(
        self, base: SecretText, settings: HttpSettings, authorization: Authorization | None = None
    ) -> None:
        self._base = base
        self._settings = settings
        self._authorization = authorization
        self._client: httpx.AsyncClient | None = None
        self._free_at = 0.0
        self._backoff = wait_random_exponential(multiplier=0.5, max=LONGEST_WAIT, min=0.25)

    @property
    def shown(self) -> str:
        """The base URL, fit to be shown."""
        return redacted(self._url(""))

    async def close(self) -> None:
        """Close its connections. It may be used again."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def get(
        self, path: str, type_: type[T], *, params: Mapping[str, str] | None = None
    ) -> T | None:
        """The answer; None where there is nothing of that name (404). Raises SourceFault."""
        return await self._asked("GET", path, type_, params=params)

    async def post(self, path: str, type_: type[T], body: object) -> T:
        """The answer to a JSON body. Raises SourceFault."""
        found = await self._asked("POST", path, type_, json=msgspec.json.encode(body))
        if found is None:
            raise SourceFault(f"{self.shown}: there is no such interface (HTTP 404)")
        return found

    async def post_form(
        self, path: str, type_: type[T], form: Mapping[str, str], headers: Mapping[str, str]
    ) -> T:
        """The answer to a form, such as of a token's request. Raises SourceFault."""
        found = await self._asked("POST", path, type_, form=form, headers=headers)
        if found is None:
            raise SourceFault(f"{self.shown}: there is no such interface (HTTP 404)")
        return found

    async def _asked(
        self,
        method: str,
        path: str,
        type_: type[T],
        *,
        params: Mapping[str, str] | None = None,
        json: bytes | None = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> T | None:
        retrying = AsyncRetrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=self._wait,
            retry=retry_if_exception_type(_Busy),
            reraise=True,
        )
        try:
            async for attempt in retrying:
                with attempt:
                    body = await self._exchange(method, path, params, json, form, headers)
                    if body is None:
                        return None
                    return self._decoded(body, type_)
        except _Busy as busy:
            raise SourceFault(f"{self.shown}: {busy.reason}") from None
        raise AssertionError("an attempt returns or raises")

    async def _exchange(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        json: bytes | None,
        form: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
    ) -> bytes | None:
        while True:
            sent = {"Accept": "application/json", **(headers or {})}
            if json is not None:
                sent["Content-Type"] = "application/json"
            authorization = self._authorization
            if authorization is not None:
                sent |= await authorization.headers(self)
            await self._pace()
            async with self._answer(
                method, self._url(path), params=params, content=json, data=form, headers=sent
            ) as response:
                another = response.status_code == 401 and (
                    authorization is not None and authorization.refused()
                )
                if not another:
                    return await self._body(response)

    @asynccontextmanager
    async def _answer(self, method: str, url: str, **sent: Any) -> AsyncGenerator[httpx.Response]:
        client = self._client = self._client or http_client(self._settings)
        try:
            async with client.stream(method, url, **sent) as response:
                yield response
        except httpx.TimeoutException:
            raise _Busy("no answer in time") from None
        except httpx.ConnectError as error:
            # Its text is of the operating system or of TLS, and names no more than the host.
            raise _Busy(f"can't connect: {error}") from None
        except httpx.HTTPError as error:
            raise _Busy(f"the connection broke: {type(error).__name__}") from None
        except (httpx.InvalidURL, UnicodeEncodeError, ValueError):
            raise SourceFault(
                f"{self.shown}: the URL or a header holds characters that HTTP doesn't allow"
            ) from None

    async def _body(self, response: httpx.Response) -> bytes | None:
        status = response.status_code
        if status == 404:
            return None
        if status in (401, 403):
            raise SourceFault(
                f"{self.shown}: HTTP {status}: compare the key and its rights with the provider's"
            )
        if status in _TRY_AGAIN:
            after = retry_after(response.headers.get("Retry-After"))
            if after is not None and after > MOST_RETRY_AFTER:
                raise SourceFault(f"{self.shown}: HTTP {status}: it asks to wait {after:.0f} s")
            raise _Busy(f"HTTP {status}", after)
        if response.is_redirect:
            raise SourceFault(
                f"{self.shown}: it redirects (HTTP {status}), which is not followed: set its URL "
                "to where it leads"
            )
        if not response.is_success:
            raise SourceFault(f"{self.shown}: HTTP {status}")
        return await bounded(response, self._settings.most_bytes, self.shown)

    def _decoded(self, body: bytes, type_: type[T]) -> T:
        try:
            return msgspec.json.decode(body, type=type_)
        except msgspec.ValidationError as error:
            # The message names the place and what was expected there, not what stood there.
            raise SourceFault(f"{self.shown}: another answer than documented: {error}") from None
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            raise SourceFault(f"{self.shown}: its answer is no JSON") from None

    def _url(self, path: str) -> str:
        base = revealed(self._base, "the URL")
        if not base.startswith("https://") and not is_loopback(base):
            raise SourceFault("the URL must begin with https://")
        return base.rstrip("/") + path

    async def _pace(self) -> None:
        """Wait until the next request may be made."""
        loop = asyncio.get_running_loop()
        start = max(loop.time(), self._free_at)
        self._free_at = start + 1 / self._settings.per_second
        await asyncio.sleep(start - loop.time())

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome is not None else None
        if isinstance(error, _Busy) and error.after is not None:
            return error.after
        return self._backoff(state)


def http_client(settings: HttpSettings, *, follow_redirects: bool = False) -> httpx.AsyncClient:
    """A client that verifies certificates. Raises SourceFault when the CA's can't be read."""
    try:
        if settings.ca_certificate is None:
            verify = httpx.create_ssl_context()
        else:
            verify = ssl.create_default_context(cafile=str(settings.ca_certificate))
    except (OSError, ssl.SSLError) as error:
        raise SourceFault(
            f"the CA certificate {settings.ca_certificate} can't be used: "
            f"{error.strerror or 'it is no PEM certificate'}"
        ) from None
    return httpx.AsyncClient(
        verify=verify,
        timeout=settings.timeout / SECOND,
        follow_redirects=follow_redirects,
        max_redirects=5,
        headers={"User-Agent": "tapewatch"},
    )


async def bounded(response: httpx.Response, most: int, shown: str) -> bytes:
    """The whole body. Raises SourceFault where it is larger than ``most`` bytes."""
    body = bytearray()
    async for part in response.aiter_bytes():
        body += part
        if len(body) > most:
            raise SourceFault(f"{shown}: its answer is larger than {most} bytes")
    return bytes(body)


def revealed(secret: SecretText, purpose: str) -> str:
    """The secret's text. Raises SourceFault when it can't be had now."""
    try:
        return secret.reveal()
    except SecretError as error:
        raise SourceFault(f"{purpose}: {error}") from None
