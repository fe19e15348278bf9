"""Posts to one HTTP receiver, and says what its answer means for what was posted.

2xx is taken. 408, 425, 429, 5xx, a lost connection and a redirect (none is followed: the body would
go to a host that nobody configured) are tried again. Any other 4xx refuses it for good.
"""

import asyncio
from collections.abc import Mapping

import httpx

from delivery.endpoint import (
    Endpoint,
    HttpOptions,
    endpoint_of,
    http_client,
    revealed,
    unreachable,
)
from delivery.sink import SinkUnavailable
from pipeline.retry_after import retry_after
from pipeline.secrets import SecretText
from pipeline.units import KIB, SECOND

#: Of an answer's text, which says nothing that is needed; the rest closes the connection.
_MOST_READ = 64 * KIB
_TRY_AGAIN = frozenset((408, 425, 429))


class HttpPoster:
    """A client of one URL. `whose` is what it is called before the URL is known."""

    def __init__(
        self,
        url: SecretText,
        options: HttpOptions,
        *,
        headers: Mapping[str, SecretText] | None = None,
        whose: str = "the receiver",
    ) -> None:
        self._url = url
        self._options = options
        self._headers = dict(headers or {})
        self._whose = whose
        self._client: httpx.AsyncClient | None = None
        self._endpoint: Endpoint | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is a client."""
        return self._client is not None

    @property
    def shown(self) -> str:
        """Scheme, host and port: all of the URL that may be shown."""
        return self._endpoint.shown if self._endpoint is not None else self._whose

    async def open(self) -> None:
        """Make the client; the receiver may be down. Raises SinkUnavailable for what is no URL."""
        if self._client is None:
            self._endpoint = endpoint_of(self._url)
            self._client = http_client(self._options)

    async def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def post(self, body: bytes, headers: Mapping[str, str]) -> str | None:
        """None when it is taken, else why it never will be. Raises SinkUnavailable."""
        response = await self.exchange("POST", body, headers)
        status = response.status_code
        if response.is_success:
            return None
        if 400 <= status < 500 and status not in _TRY_AGAIN:
            return f"{self.shown} refused it: HTTP {status}"
        if response.is_redirect:
            raise SinkUnavailable(
                f"{self.shown} redirects (HTTP {status}), which is not followed: set `url` to "
                "where it leads"
            )
        raise SinkUnavailable(
            f"{self.shown}: HTTP {status}", retry_after(response.headers.get("Retry-After"))
        )

    async def exchange(
        self, method: str, body: bytes, headers: Mapping[str, str]
    ) -> httpx.Response:
        """A request and its answer, whatever that is; a long one's text is not read to its end.

        Raises SinkUnavailable without one, or when it takes longer than the timeout in all.
        """
        if self._client is None or self._endpoint is None:
            await self.open()
        assert self._client is not None
        assert self._endpoint is not None
        configured = {
            name: revealed(value, f"the header {name}") for name, value in self._headers.items()
        }
        if self._endpoint.authorization is not None:
            configured = {"Authorization": self._endpoint.authorization, **configured}
        try:
            async with (
                asyncio.timeout(self._options.timeout / SECOND),
                self._client.stream(
                    method, self._endpoint.url(), content=body, headers={**configured, **headers}
                ) as response,
            ):
                read = 0
                async for part in response.aiter_raw():
                    read += len(part)
                    if read > _MOST_READ:
                        break
                return response
        except TimeoutError:
            raise SinkUnavailable(f"{self.shown}: no answer in time") from None
        except httpx.HTTPError as error:
            raise unreachable(self.shown, error) from None
        except (httpx.InvalidURL, UnicodeEncodeError, ValueError):
            raise SinkUnavailable(
                f"{self.shown}: the URL or a header holds characters that HTTP doesn't allow"
            ) from None
