"""A client of Kibana's HTTP API.

Every request carries an API key and `kbn-xsrf`; the space is part of the path. What may pass (429,
5xx, a lost connection) is tried again, with growing waits and as `Retry-After` says; whoever sends
a request a second time must be able to, so each is either idempotent or says so by `once`.

Source: elastic/kibana, `oas_docs/output/kibana.yaml`.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, TypeVar

import httpx
import msgspec
from msgspec import Struct, field

from delivery.endpoint import HttpOptions, endpoint_of, http_client, revealed, unreachable
from delivery.sink import SinkUnavailable
from pipeline.retry_after import retry_after
from pipeline.secrets import SecretText
from pipeline.units import MIB, SECOND

T = TypeVar("T")
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
#: What an answer may hold; an export of ours is far smaller.
_MOST_READ = 64 * MIB
_PASSING = frozenset((408, 425, 429, 500, 502, 503, 504))
_FIRST_WAIT = 0.25
_LONGEST_WAIT = 30.0
ATTEMPTS = 5
#: What Kibana's own pages call the version of its public API.
_API_VERSION = "2023-10-31"

Sleep = Callable[[float], Awaitable[None]]


class KibanaRefused(Exception):
    """Kibana answered with an error that trying again doesn't mend.

    `status` is HTTP's, `reason` what Kibana says, `attributes` what it says besides.
    """

    def __init__(self, status: int, reason: str, what: str, attributes: Any = None) -> None:
        self.status = status
        self.reason = reason
        self.attributes = attributes
        super().__init__(f"{what}: HTTP {status}, {reason}")


class _Error(Struct):
    """Both forms of Kibana's errors: the platform's, and Elastic Security's."""

    message: Any = ""
    status_code: int = 0
    attributes: Any = None


class _Version(Struct):
    number: str
    build_flavor: str = ""


class _Overall(Struct):
    level: str = ""


class _StatusOf(Struct):
    overall: _Overall = field(default_factory=_Overall)


class Status(Struct):
    """What `/api/status` says. Without a valid key Kibana tells no version."""

    version: _Version | None = None
    status: _StatusOf = field(default_factory=_StatusOf)


class KibanaClient:
    """One Kibana and one space. Use as an asynchronous context manager.

    Every method raises KibanaRefused, or SinkUnavailable when there is no answer to be had.
    """

    def __init__(
        self,
        url: SecretText,
        api_key: SecretText,
        options: HttpOptions,
        *,
        space: str = "default",
        attempts: int = ATTEMPTS,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._url = url
        self._api_key = api_key
        self._options = options
        self.space = space
        self._attempts = attempts
        self._sleep = sleep
        self._client: httpx.AsyncClient | None = None

    async def __aenter__(self) -> "KibanaClient":
        self._endpoint = endpoint_of(self._url)
        self._client = http_client(self._options)
        return self

    async def __aexit__(self, *_: object) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    @property
    def shown(self) -> str:
        """Scheme, host and port: all of the URL that may be shown."""
        return self._endpoint.shown

    async def status(self) -> Status:
        """Version and health. It belongs to no space."""
        return await self.get("/api/status", Status, spaced=False)

    async def get(
        self,
        path: str,
        kind: type[T],
        *,
        query: Mapping[str, str] | None = None,
        spaced: bool = True,
    ) -> T:
        """GET, the answer decoded as `kind`."""
        content = await self._send("GET", path, query=query, spaced=spaced)
        return self._decoded(content, kind, f"GET {path}")

    async def find(
        self, path: str, kind: type[T], *, query: Mapping[str, str] | None = None
    ) -> T | None:
        """As `get`, and None where there is none (404)."""
        try:
            return await self.get(path, kind, query=query)
        except KibanaRefused as refused:
            if refused.status == 404:
                return None
            raise

    async def send(
        self,
        method: Method,
        path: str,
        body: Any,
        kind: type[T],
        *,
        query: Mapping[str, str] | None = None,
        spaced: bool = True,
        once: bool = False,
    ) -> T:
        """`body` as JSON, the answer decoded as `kind`. `once`: a second one would do harm."""
        content = await self._send(
            method,
            path,
            body=msgspec.json.encode(body),
            media_type="application/json",
            query=query,
            spaced=spaced,
            once=once,
        )
        return self._decoded(content, kind, f"{method} {path}")

    async def upload(
        self, path: str, ndjson: bytes, kind: type[T], *, query: Mapping[str, str] | None = None
    ) -> T:
        """POST of an NDJSON file, as all imports of Kibana take it."""
        boundary = f"tapewatch-{secrets.token_hex(16)}"
        head = (
            f"--{boundary}\r\n"
            'Content-Disposition: form-data; name="file"; filename="tapewatch.ndjson"\r\n'
            "Content-Type: application/x-ndjson\r\n\r\n"
        )
        body = head.encode() + ndjson + f"\r\n--{boundary}--\r\n".encode()
        content = await self._send(
            "POST",
            path,
            body=body,
            media_type=f"multipart/form-data; boundary={boundary}",
            query=query,
        )
        return self._decoded(content, kind, f"POST {path}")

    async def export(self, path: str, body: Any) -> list[dict[str, Any]]:
        """POST, whose answer is NDJSON."""
        content = await self._send(
            "POST", path, body=msgspec.json.encode(body), media_type="application/json"
        )
        kind = dict[str, Any]
        return [
            self._decoded(line, kind, f"POST {path}")
            for line in content.splitlines()
            if line.strip()
        ]

    def _decoded(self, content: bytes, kind: type[T], what: str) -> T:
        try:
            return msgspec.json.decode(content, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise SinkUnavailable(
                f"{self.shown}: {what} gave an answer that isn't Kibana's ({error})"
            ) from None

    async def _send(
        self,
        method: Method,
        path: str,
        *,
        body: bytes | None = None,
        media_type: str | None = None,
        query: Mapping[str, str] | None = None,
        spaced: bool = True,
        once: bool = False,
    ) -> bytes:
        for attempt in range(1, self._attempts + 1):
            try:
                response = await self._exchange(method, path, body, media_type, query, spaced)
            except SinkUnavailable:
                if once or attempt == self._attempts:
                    raise
                await self._sleep(_wait(attempt, None))
                continue
            if response.is_success:
                return response.content
            refusal = _refusal(response, f"{method} {path}")
            if response.is_redirect:
                raise SinkUnavailable(
                    f"{self.shown} redirects, which is not followed: set `url` to where it leads"
                )
            if response.status_code not in _PASSING:
                raise refusal
            # 429 says that nothing was done, whatever was asked.
            if attempt == self._attempts or (once and response.status_code != 429):
                raise SinkUnavailable(f"{self.shown}: {refusal}")
            asked = retry_after(response.headers.get("Retry-After"))
            await self._sleep(_wait(attempt, asked))
        raise AssertionError("the last attempt returns or raises")

    async def _exchange(
        self,
        method: Method,
        path: str,
        body: bytes | None,
        media_type: str | None,
        query: Mapping[str, str] | None,
        spaced: bool,
    ) -> httpx.Response:
        assert self._client is not None, "use the client as a context manager"
        prefix = f"/s/{self.space}" if spaced and self.space != "default" else ""
        headers = {
            "Authorization": f"ApiKey {revealed(self._api_key, 'the API key')}",
            "kbn-xsrf": "true",
            "Elastic-Api-Version": _API_VERSION,
        }
        if media_type is not None:
            headers["Content-Type"] = media_type
        try:
            async with (
                asyncio.timeout(self._options.timeout / SECOND),
                self._client.stream(
                    method,
                    self._endpoint.url(prefix + path),
                    content=body,
                    headers=headers,
                    params=dict(query) if query else None,
                ) as response,
            ):
                read = bytearray()
                async for part in response.aiter_bytes():
                    read += part
                    if len(read) > _MOST_READ:
                        raise SinkUnavailable(f"{self.shown}: {path} gave too long an answer")
                return httpx.Response(
                    response.status_code,
                    headers=[
                        (name, value)
                        for name, value in response.headers.multi_items()
                        if name.lower() not in ("content-encoding", "content-length")
                    ],
                    content=bytes(read),
                )
        except TimeoutError:
            raise SinkUnavailable(f"{self.shown}: no answer in time") from None
        except httpx.HTTPError as error:
            raise unreachable(self.shown, error) from None
        except (httpx.InvalidURL, UnicodeEncodeError, ValueError):
            raise SinkUnavailable(
                f"{self.shown}: the URL or the key holds characters that HTTP doesn't allow"
            ) from None


def _wait(attempt: int, asked: float | None) -> float:
    """Seconds before the next attempt: what was asked for, else twice as long each time."""
    grown = _FIRST_WAIT * 2 ** (attempt - 1)
    return min(_LONGEST_WAIT, max(grown, asked or 0.0))


def _refusal(response: httpx.Response, what: str) -> KibanaRefused:
    try:
        error = msgspec.json.decode(response.content, type=_Error)
    except (msgspec.DecodeError, UnicodeDecodeError):
        error = _Error()
    text = error.message if isinstance(error.message, str) else str(error.message)
    reason = " ".join(text.split())[:500] or response.reason_phrase
    return KibanaRefused(response.status_code, reason, what, error.attributes)
