"""A Solana node's JSON-RPC over HTTP: questions and answers, with what its errors mean.

A node serves subscriptions by WebSocket and everything else by HTTP.
Source: https://solana.com/docs/rpc/http and ``rpc_custom_error.rs`` of Agave for the codes.
"""

import asyncio
from types import TracebackType
from typing import Any, Self

import httpx
import msgspec
from msgspec import Raw, Struct
from tenacity import (
    AsyncRetrying,
    retry_if_exception,
    stop_after_attempt,
    wait_random_exponential,
)

from collectors.connection import EndpointFault
from collectors.endpoint_text import redacted, scrubber
from collectors.evm.rpc import RATE_LIMIT_ATTEMPTS, RequestTimeout, RpcError
from collectors.loopback import is_loopback

#: Requests under way at once.
MOST_AT_ONCE = 16
CLEANED_UP = -32001
BLOCK_NOT_AVAILABLE = -32004
SLOT_SKIPPED = -32007
LONG_TERM_SLOT_SKIPPED = -32009
STATUS_NOT_AVAILABLE_YET = -32014
MIN_CONTEXT_SLOT_NOT_REACHED = -32016
#: The node has no such block, or not yet.
ABSENT = frozenset(
    {
        *(CLEANED_UP, BLOCK_NOT_AVAILABLE, SLOT_SKIPPED, LONG_TERM_SLOT_SKIPPED),
        *(STATUS_NOT_AVAILABLE_YET, MIN_CONTEXT_SLOT_NOT_REACHED),
    }
)
_TOO_MANY_REQUESTS = 429


class AnswerTooLarge(EndpointFault):
    """An answer exceeds ``max_frame``; it was not read to its end."""


class _Error(Struct):
    code: int = 0
    message: str = ""
    data: Raw = Raw(b"")


class _Answer(Struct):
    result: Raw = Raw(b"null")
    error: _Error | None = None


_decode_answer = msgspec.json.Decoder(_Answer).decode
_encode = msgspec.json.Encoder().encode


class SolanaNode:
    """Asks one node. Use it as an async context manager."""

    def __init__(self, url: str, *, timeout: float, max_answer: int) -> None:
        self.endpoint = redacted(url)
        self._url = url
        self._scrub = scrubber(url)
        self._timeout = timeout
        self._max_answer = max_answer
        self._few = asyncio.Semaphore(MOST_AT_ONCE)
        self._next_id = 0
        self._client = httpx.AsyncClient(
            timeout=timeout,
            headers={"User-Agent": "tapewatch", "Content-Type": "application/json"},
            limits=httpx.Limits(max_connections=MOST_AT_ONCE),
            # A proxy of the environment is for the world outside, not for this machine.
            trust_env=not is_loopback(url),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def call(self, method: str, *params: object) -> Raw:
        """The result as the node wrote it; ``null`` is ``b"null"``.

        Raises RpcError, RequestTimeout, AnswerTooLarge or another EndpointFault. Waits and asks
        again when the node says that it is asked too often.
        """
        retrying = AsyncRetrying(
            stop=stop_after_attempt(RATE_LIMIT_ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.5, max=10, min=0.1),
            retry=retry_if_exception(
                lambda error: isinstance(error, RpcError) and error.rate_limited
            ),
            reraise=True,
        )
        async for attempt in retrying:
            with attempt:
                return await self._ask(method, params)
        raise AssertionError("tenacity raises the last error")

    async def _ask(self, method: str, params: tuple[object, ...]) -> Raw:
        self._next_id += 1
        body: dict[str, Any] = {"jsonrpc": "2.0", "id": self._next_id, "method": method}
        if params:
            body["params"] = params
        try:
            async with self._few, asyncio.timeout(self._timeout):
                content = await self._post(method, _encode(body))
        except TimeoutError:
            raise RequestTimeout(method, self._timeout) from None
        except httpx.TimeoutException:
            raise RequestTimeout(method, self._timeout) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = self._scrub(str(error)) or type(error).__name__
            raise EndpointFault(f"{self.endpoint}: {method}: {reason}") from None
        try:
            answer = _decode_answer(content)
        except (msgspec.MsgspecError, RecursionError) as error:
            start = self._scrub(content[:80].decode(errors="replace"))
            raise EndpointFault(
                f"{self.endpoint}: {method}: no JSON-RPC answer ({error}): {start!r}"
            ) from None
        if answer.error is not None:
            found = answer.error
            raise RpcError(method, found.code, self._scrub(found.message), found.data)
        return answer.result

    async def _post(self, method: str, body: bytes) -> bytes:
        content = bytearray()
        async with self._client.stream("POST", self._url, content=body) as answer:
            if answer.status_code == _TOO_MANY_REQUESTS:
                raise RpcError(method, _TOO_MANY_REQUESTS, "too many requests", Raw(b""))
            # Some nodes give JSON-RPC errors with a status of their own.
            if not answer.is_success and "json" not in answer.headers.get("content-type", ""):
                raise EndpointFault(f"{self.endpoint}: {method}: HTTP {answer.status_code}")
            async for part in answer.aiter_bytes():
                content += part
                if len(content) > self._max_answer:
                    raise AnswerTooLarge(
                        f"{self.endpoint}: {method}: an answer larger than max_frame "
                        f"({self._max_answer} bytes)"
                    )
        return bytes(content)
