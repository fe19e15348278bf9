"""Reference data in JSON, by HTTP GET, page by page."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast
from urllib.parse import urljoin, urlsplit

import httpx
import msgspec

from collectors.endpoint_text import redacted, scrubber
from collectors.loopback import is_loopback
from collectors.reference.http_api import HttpSettings, http_client
from collectors.reference.rows import RowReader
from collectors.reference.source import Item, Rejected, SourceFault, Unchanged
from pipeline.config.reference_sources import HttpReference
from pipeline.json_names import repeated_name
from pipeline.problems import shown
from pipeline.secrets import SecretError
from pipeline.units import about_size

#: More are no list of pages but a circle.
MOST_PAGES = 100_000


class HttpSource:
    """A :class:`collectors.reference.source.ReferenceSource`.

    Where all is on one page and the server gave an `ETag` or `Last-Modified`, it is asked only for
    what is new. A next page must be of the same server, since it gets the same headers.
    """

    def __init__(self, settings: HttpReference) -> None:
        self._settings = settings
        self._rows = RowReader(settings, settings.kind)
        self._http = HttpSettings(timeout=settings.timeout, ca_certificate=settings.ca_certificate)
        self._client: httpx.AsyncClient | None = None
        self._conditions: dict[str, str] = {}

    @property
    def complete(self) -> bool:
        """As configured."""
        return self._settings.complete

    async def read(self) -> AsyncIterator[Item]:
        """The record of every item on every page."""
        try:
            url = self._settings.url.reveal()
            headers = {name: text.reveal() for name, text in self._settings.headers.items()}
        except SecretError as error:
            raise SourceFault(str(error)) from None
        if not url.startswith("https://") and not is_loopback(url):
            raise SourceFault(f"{redacted(url)}: the URL must begin with https://")
        first, conditions, seen = url, {}, {url}
        for page in range(MOST_PAGES):
            answer, now = await self._get(
                url, {**headers, **self._conditions} if page == 0 else headers
            )
            conditions = now if page == 0 else {}
            items = _at(answer, self._settings.items)
            if not isinstance(items, list):
                raise SourceFault(
                    f"{redacted(url)}: there is no list at {self._settings.items or 'the top'}"
                )
            for number, item in enumerate(cast("list[Any]", items)):
                place = f"page {page + 1}, {self._settings.items}/{number}"
                if isinstance(item, dict):
                    try:
                        row = _flat(cast("dict[str, Any]", item))
                    except RecursionError:
                        yield Rejected(place, "is nested too deep", hides=True)
                    else:
                        said = self._rows.misspelt(row)
                        if said is not None:
                            raise SourceFault(f"{redacted(url)}: {place}: {said}")
                        yield self._rows.read(row, place)
                else:
                    yield Rejected(place, "is no object", hides=True)
            following = _at(answer, self._settings.next) if self._settings.next else None
            if not following:
                self._conditions = conditions
                return
            url = urljoin(url, str(following))
            if urlsplit(url)[:2] != urlsplit(first)[:2]:
                raise SourceFault(f"{redacted(first)}: the next page is of another server")
            if url in seen:
                raise SourceFault(f"{redacted(first)}: the pages come round again")
            seen.add(url)
        raise SourceFault(f"{redacted(first)}: more than {MOST_PAGES} pages")

    async def close(self) -> None:
        """Close the connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _get(self, url: str, headers: dict[str, str]) -> tuple[Any, dict[str, str]]:
        where, scrub = redacted(url), scrubber(url)
        if self._client is None:
            self._client = http_client(self._http)
        body = bytearray()
        try:
            async with self._client.stream("GET", url, headers=headers) as response:
                if response.status_code == 304:
                    raise Unchanged
                if not response.is_success:
                    raise SourceFault(f"{where}: HTTP {response.status_code}")
                async for part in response.aiter_bytes():
                    body += part
                    if len(body) > self._settings.max_size:
                        most = about_size(self._settings.max_size)
                        raise SourceFault(f"{where}: the answer is larger than max_size ({most})")
                conditions = _conditions(response.headers)
        except httpx.ConnectError as error:
            raise SourceFault(f"{where}: {scrub(str(error)) or 'can not connect'}") from None
        except (httpx.InvalidURL, httpx.LocalProtocolError, UnicodeEncodeError):
            # Their text quotes what was to be sent, and with it the key.
            raise SourceFault(
                f"{where}: the URL or a header holds characters that HTTP doesn't allow"
            ) from None
        except httpx.HTTPError as error:
            raise SourceFault(f"{where}: the connection broke: {type(error).__name__}") from None
        try:
            answer = msgspec.json.decode(bytes(body))
        except (msgspec.DecodeError, RecursionError) as error:
            raise SourceFault(f"{where}: the answer is no JSON: {error}") from None
        if twice := await asyncio.to_thread(repeated_name, bytes(body), answer):
            raise SourceFault(
                f"{where}: line {twice.line}, column {twice.column} of the answer: the name "
                f"{shown(twice.path)} is there twice, and nobody can tell which counts"
            )
        return answer, conditions


def _conditions(headers: httpx.Headers) -> dict[str, str]:
    pairs = (("etag", "If-None-Match"), ("last-modified", "If-Modified-Since"))
    return {sent: headers[name] for name, sent in pairs if name in headers}


def _at(answer: Any, pointer: str) -> Any:
    """What a JSON pointer (RFC 6901) leads to; None where there is nothing."""
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(answer, dict):
            answer = cast("dict[str, Any]", answer).get(name)
        elif isinstance(answer, list) and name.isdecimal():
            items = cast("list[Any]", answer)
            answer = items[int(name)] if int(name) < len(items) else None
        else:
            return None
    return answer


def _flat(item: dict[str, Any], before: str = "") -> dict[str, Any]:
    """An item with what is within objects by names with points, and also as it is."""
    found: dict[str, Any] = {}
    for name, value in item.items():
        found[before + name] = value
        if isinstance(value, dict):
            found |= _flat(cast("dict[str, Any]", value), f"{before}{name}.")
    return found
