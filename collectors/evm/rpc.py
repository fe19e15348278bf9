"""JSON-RPC 2.0 over one WebSocket: many requests under way at once, results as the node's bytes.

Requests are pipelined: over a WebSocket a batch saves no round trip, providers count its parts
singly, and its answer comes as one large frame. Where there are hundreds of small ones it saves
most of our own work for each, which is what :meth:`RpcClient.batch` is for.
Source: https://www.jsonrpc.org/specification and geth's "Real-time events" (``eth_subscribe``).
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec
from msgspec import Raw, Struct
from tenacity import (
    AsyncRetrying,
    retry_if_exception,
    stop_after_attempt,
    wait_random_exponential,
)

from collectors.connection import EndpointFault, Link, LinkLost

#: Requests that one connection has under way at most.
MAX_IN_FLIGHT = 32
RATE_LIMIT_ATTEMPTS = 6
_RATE_LIMITED = (
    "rate limit",
    "too many requests",
    "request limit",
    "compute units",
    "capacity",
    "throughput",
)
_UNSUPPORTED = ("not supported", "does not exist", "not available", "not found", "unknown")


class RpcError(EndpointFault):
    """The node answered with an error. ``data`` is JSON, such as revert data, or empty."""

    def __init__(self, method: str, code: int, message: str, data: Raw) -> None:
        self.method = method
        self.code = code
        self.message = message
        self.data = data
        super().__init__(f"{method}: error {code}: {message}")

    @property
    def rate_limited(self) -> bool:
        """Whether the same request may succeed a little later."""
        text = self.message.lower()
        return self.code == 429 or any(words in text for words in _RATE_LIMITED)

    @property
    def unsupported(self) -> bool:
        """Whether the node doesn't know the method; -32601 is the standard's code for that."""
        text = self.message.lower()
        # Anvil says of an unknown method that its "data did not match any variant".
        return (
            self.code == -32601
            or "did not match any variant" in text
            or ("method" in text and any(words in text for words in _UNSUPPORTED))
        )


class RequestTimeout(EndpointFault):
    """No answer in time."""

    def __init__(self, method: str, seconds: float) -> None:
        self.method = method
        super().__init__(f"{method}: no answer within {seconds:g} s")


#: Text of EVM nodes, a number of Solana's.
SubscriptionId = str | int


class Subscription:
    """Notifications of one subscription: the newest few; older ones give way."""

    def __init__(self, most: int) -> None:
        self._kept: deque[Raw] = deque(maxlen=most)
        self._arrived = asyncio.Event()
        self._lost: LinkLost | None = None
        self.id: SubscriptionId = ""
        #: Notifications that gave way to newer ones.
        self.dropped = 0

    async def next(self) -> Raw:
        """The oldest that is kept. Raises LinkLost after the connection ended."""
        while not self._kept:
            if self._lost is not None:
                raise self._lost
            self._arrived.clear()
            await self._arrived.wait()
        return self._kept.popleft()

    def put(self, notification: Raw) -> None:
        if len(self._kept) == self._kept.maxlen:
            self.dropped += 1
        self._kept.append(notification)
        self._arrived.set()

    def end(self, lost: LinkLost) -> None:
        self._lost = lost
        self._arrived.set()


class _ErrorObject(Struct):
    code: int = 0
    message: str = ""
    data: Raw = Raw(b"")


class _Notification(Struct):
    subscription: SubscriptionId
    result: Raw


class _Incoming(Struct):
    id: int | str | None = None
    result: Raw = Raw(b"null")
    error: Raw = Raw(b"null")
    method: str = ""
    params: _Notification | None = None


class _Pending(Struct):
    method: str
    answer: asyncio.Future[Raw]
    subscription: Subscription | None


class _PendingBatch(Struct):
    """Requests with ids from ``first`` on. The answer has None for those left without one."""

    method: str
    first: int
    size: int
    answer: asyncio.Future[list[Raw | RpcError | None]]


class _Request(Struct):
    id: int
    method: str
    params: Sequence[object]
    jsonrpc: str = "2.0"


_incoming = msgspec.json.Decoder(_Incoming)
_incoming_batch = msgspec.json.Decoder(list[_Incoming])
_error = msgspec.json.Decoder(_ErrorObject)
_request = msgspec.json.Encoder()
T = TypeVar("T")


class RpcClient:
    """A JSON-RPC client on an open link; ``async with`` reads the link in the background."""

    def __init__(self, link: Link, *, timeout: float, max_in_flight: int = MAX_IN_FLIGHT) -> None:
        self._link = link
        self._timeout = timeout
        self._slots = asyncio.Semaphore(max_in_flight)
        self._pending: dict[int, _Pending] = {}
        self._batches: list[_PendingBatch] = []
        self._subscriptions: dict[SubscriptionId, Subscription] = {}
        self._next_id = 0
        self._lost: LinkLost | None = None
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._reader is not None
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        self._end(LinkLost(self._link.endpoint, "closed by us"))

    @property
    def endpoint(self) -> str:
        """The endpoint, fit to be shown."""
        return self._link.endpoint

    async def call(self, method: str, *params: object) -> Raw:
        """The result as the node wrote it; ``null`` is ``b"null"``.

        Raises RpcError, RequestTimeout or LinkLost. Waits and asks again when the node says that
        it is asked too often.
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
                return await self._ask(method, params, None)
        raise AssertionError("tenacity raises the last error")

    async def batch(
        self, method: str, params: Sequence[Sequence[object]]
    ) -> list[Raw | RpcError | None]:
        """One request for each of ``params``, in one message: results or errors in their order.

        None: the node left it without an answer, as many do that find a batch too large. Asks once.
        Raises RpcError when the node refuses the batch as a whole, RequestTimeout or LinkLost.
        """
        async with self._slots:
            if self._lost is not None:
                raise self._lost
            first = self._next_id + 1
            self._next_id += len(params)
            loop = asyncio.get_running_loop()
            pending = _PendingBatch(method, first, len(params), loop.create_future())
            requests = [_Request(first + at, method, one) for at, one in enumerate(params)]
            self._batches.append(pending)
            try:
                async with asyncio.timeout(self._timeout):
                    await self._link.send(_request.encode(requests))
                    return await pending.answer
            except TimeoutError:
                raise RequestTimeout(method, self._timeout) from None
            finally:
                if pending in self._batches:
                    self._batches.remove(pending)

    async def subscribe(
        self, *params: object, most: int = 1024, method: str = "eth_subscribe"
    ) -> Subscription:
        """Subscribe; keeps the ``most`` newest notifications. Raises as :meth:`call`."""
        subscription = Subscription(most)
        await self._ask(method, params, subscription)
        return subscription

    async def _ask(
        self, method: str, params: tuple[object, ...], subscription: Subscription | None
    ) -> Raw:
        async with self._slots:
            if self._lost is not None:
                raise self._lost
            self._next_id += 1
            request_id = self._next_id
            answer: asyncio.Future[Raw] = asyncio.get_running_loop().create_future()
            self._pending[request_id] = _Pending(method, answer, subscription)
            body: dict[str, Any] = {"jsonrpc": "2.0", "id": request_id, "method": method}
            try:
                async with asyncio.timeout(self._timeout):
                    await self._link.send(_request.encode({**body, "params": params}))
                    return await answer
            except TimeoutError:
                raise RequestTimeout(method, self._timeout) from None
            finally:
                self._pending.pop(request_id, None)

    async def _read(self) -> None:
        try:
            async for message in self._link:
                if message[:16].lstrip().startswith(b"["):
                    self._route_batch(self._decode(message, _incoming_batch))
                else:
                    self._route(self._decode(message, _incoming))
        except LinkLost as lost:
            self._end(lost)
        except Exception as error:
            # Whoever waits for an answer must hear of it, whatever it was.
            self._end(LinkLost(self._link.endpoint, self._link.scrub(str(error))))
            await self._link.close()

    def _decode(self, message: bytes, decoder: msgspec.json.Decoder[T]) -> T:
        try:
            return decoder.decode(message)
        except msgspec.MsgspecError as error:
            start = self._link.scrub(message[:80].decode(errors="replace"))
            raise EndpointFault(f"the node sent no JSON-RPC message ({error}): {start!r}") from None

    def _route(self, incoming: _Incoming) -> None:
        if incoming.params is not None and incoming.method:
            subscription = self._subscriptions.get(incoming.params.subscription)
            if subscription is not None:
                subscription.put(incoming.params.result)
            return
        if not isinstance(incoming.id, int):
            error = self._read_error("a request", incoming.error)
            if self._batches:
                # A batch that is refused as a whole has no id to refer to.
                self._refuse(self._batches[0], error)
                return
            raise EndpointFault(f"an answer to no request of ours: {error}")
        pending = self._pending.pop(incoming.id, None)
        if pending is None or pending.answer.done():
            return  # the answer to a request that has timed out
        if bytes(incoming.error) != b"null":
            pending.answer.set_exception(self._read_error(pending.method, incoming.error))
            return
        if pending.subscription is not None:
            # Here and not where it is awaited: the first notification may come right behind.
            try:
                found = msgspec.json.decode(incoming.result, type=SubscriptionId)
            except msgspec.MsgspecError:
                raise EndpointFault(f"{pending.method}: the answer is no subscription id") from None
            pending.subscription.id = found
            self._subscriptions[pending.subscription.id] = pending.subscription
        pending.answer.set_result(incoming.result)

    def _route_batch(self, incoming: list[_Incoming]) -> None:
        ids = [one.id for one in incoming if isinstance(one.id, int)]
        if incoming and not ids:
            self._route(incoming[0])
            return
        of_ids = [b for b in self._batches if ids and b.first <= ids[0] < b.first + b.size]
        if not of_ids:
            return  # the answer to a batch that has timed out
        (batch,) = of_ids
        answers: list[Raw | RpcError | None] = [None] * batch.size
        for one in incoming:
            if isinstance(one.id, int) and 0 <= (at := one.id - batch.first) < batch.size:
                failed = bytes(one.error) != b"null"
                answers[at] = self._read_error(batch.method, one.error) if failed else one.result
        self._batches.remove(batch)
        if not batch.answer.done():
            batch.answer.set_result(answers)

    def _refuse(self, batch: _PendingBatch, error: Exception) -> None:
        self._batches.remove(batch)
        if not batch.answer.done():
            batch.answer.set_exception(error)
            # Not an error of its own when the one who asked has gone.
            batch.answer.exception()

    def _read_error(self, method: str, raw: Raw) -> RpcError:
        try:
            error = _error.decode(raw)
        except msgspec.MsgspecError:
            # Not as JSON-RPC has it; what it says counts all the same.
            error = _ErrorObject(message=bytes(raw).decode(errors="replace"))
        return RpcError(method, error.code, self._link.scrub(error.message), error.data)

    def _end(self, lost: LinkLost) -> None:
        self._lost = self._lost or lost
        for pending in self._pending.values():
            if not pending.answer.done():
                pending.answer.set_exception(self._lost)
                # Not an error of its own when the one who asked has gone.
                pending.answer.exception()
        self._pending.clear()
        for batch in list(self._batches):
            self._refuse(batch, self._lost)
        for subscription in self._subscriptions.values():
            subscription.end(self._lost)
