"""A product's whole book, order by order, by REST: where a sequence of messages can start from.

Source: https://docs.cdp.coinbase.com/api-reference/exchange-api/rest-api/products/get-product-book
"""

import asyncio
from typing import Self
from urllib.parse import quote, urlsplit

import httpx
import msgspec

from collectors.coinbase import wire
from collectors.coinbase.credentials import Credentials
from collectors.connection import EndpointFault
from collectors.endpoint_text import redacted, scrubber
from collectors.loopback import is_loopback
from pipeline.config.sources import CoinbaseSource
from pipeline.secrets import SecretError

REQUEST_TIMEOUT = 10.0
WHOLE_TIMEOUT = 30.0
#: Coinbase allows ten public requests in a second.
MOST_AT_ONCE = 3

_KNOWN_HOSTS = {
    "ws-feed.exchange.coinbase.com": "https://api.exchange.coinbase.com",
    "ws-direct.exchange.coinbase.com": "https://api.exchange.coinbase.com",
    "ws-feed-public.sandbox.exchange.coinbase.com": (
        "https://api-public.sandbox.exchange.coinbase.com"
    ),
}


class SnapshotFailed(Exception):
    """No usable book could be had now. The message holds no secret."""


class BookTooLarge(SnapshotFailed):
    """The book exceeds ``max_frame``."""


class RestBook(msgspec.Struct):
    """A book as it came, with the sequence of the last message that is in it."""

    sequence: int
    body: bytes


class RestBooks:
    """Fetches books, a few at a time. Use it as an async context manager."""

    def __init__(self, config: CoinbaseSource, credentials: Credentials | None) -> None:
        self._config = config
        self._credentials = credentials
        self._few = asyncio.Semaphore(MOST_AT_ONCE)
        self._client: httpx.AsyncClient | None = None

    @property
    def available(self) -> bool:
        """Whether it is known where to ask."""
        try:
            return self._base() is not None
        except SnapshotFailed:
            return True

    async def __aenter__(self) -> Self:
        self._client = httpx.AsyncClient(
            timeout=REQUEST_TIMEOUT,
            headers={"User-Agent": "tapewatch", "Accept": "application/json"},
            limits=httpx.Limits(max_connections=MOST_AT_ONCE),
            # A proxy of the environment is for the world outside, not for this machine.
            trust_env=not self._is_local(),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def fetch(self, product: str) -> RestBook:
        """The book of a product at level 3. Raises SnapshotFailed."""
        base = self._base()
        if base is None or self._client is None:
            raise SnapshotFailed("rest_url is not known")
        path = f"/products/{quote(product, safe='')}/book?level=3"
        shown = f"{redacted(base)}/products/{product}/book"
        try:
            headers = self._credentials.for_get(path) if self._credentials is not None else {}
            async with self._few, asyncio.timeout(WHOLE_TIMEOUT):
                body = await self._read(self._client, base + path, headers, shown)
            return RestBook(wire.decode_book_sequence(body).sequence, body)
        except EndpointFault as fault:
            raise SnapshotFailed(str(fault)) from None
        except TimeoutError:
            raise SnapshotFailed(f"{shown}: no whole answer in {WHOLE_TIMEOUT:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = scrubber(base)(str(error)) or type(error).__name__
            raise SnapshotFailed(f"{shown}: {reason}") from None
        except (msgspec.MsgspecError, RecursionError) as error:
            raise SnapshotFailed(f"{shown}: not a book: {error}") from None

    async def _read(
        self, client: httpx.AsyncClient, url: str, headers: dict[str, str], shown: str
    ) -> bytes:
        limit = self._config.max_frame
        body = bytearray()
        async with client.stream("GET", url, headers=headers) as answer:
            if not answer.is_success:
                raise SnapshotFailed(f"{shown}: HTTP {answer.status_code} {answer.reason_phrase}")
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > limit:
                    raise BookTooLarge(
                        f"{shown}: the book is larger than max_frame ({limit} bytes): "
                        f"raise max_frame of source {self._config.name}"
                    )
        return bytes(body)

    def _is_local(self) -> bool:
        try:
            return is_loopback(self._base() or "")
        except SnapshotFailed:
            return False

    def _base(self) -> str | None:
        try:
            if self._config.rest_url is not None:
                return self._config.rest_url.reveal().rstrip("/")
            return _KNOWN_HOSTS.get(urlsplit(self._config.url.reveal()).hostname or "")
        except (SecretError, ValueError) as error:
            raise SnapshotFailed(f"rest_url: {error}") from None
