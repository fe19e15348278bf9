"""Publishing to JetStream, and its answer.

nats-py has two ways, and neither will do. ``publish`` waits by ``wait_for``, which in Python 3.11
can swallow a cancellation. ``publish_async`` (2.16) loses every refusal of the server, which then
looks like a timeout, and each attempt while disconnected takes one of its 4,000 places for good.
"""

import asyncio
from itertools import count
from typing import Self

import msgspec
import nats.errors
import nats.js.errors
from msgspec import Struct
from nats.aio.client import Client
from nats.aio.msg import Msg

ACK_TIMEOUT = 5.0


class _Error(Struct):
    code: int = 0
    err_code: int = 0
    description: str = ""


class _Answer(Struct):
    """``PubAck`` of JetStream's API, as far as we need it."""

    seq: int = 0
    error: _Error | None = None


_decoder = msgspec.json.Decoder(_Answer)


class Acknowledgements:
    """The answers to what one process publishes."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._inbox = client.new_inbox()
        self._waiting: dict[str, asyncio.Future[Msg]] = {}
        self._numbers = count(1)

    @classmethod
    async def open(cls, client: Client) -> Self:
        """Listen for answers, for as long as the connection lives."""
        opened = cls(client)
        await client.subscribe(f"{opened._inbox}.*", cb=opened._take)
        return opened

    async def publish(self, subject: str, payload: bytes, headers: dict[str, str]) -> int:
        """Publish, and return the sequence at which the server has stored it.

        Raises nats-py's errors: APIError for a refusal, NoStreamResponseError without a stream,
        ConnectionClosedError while disconnected (so that nothing waits in a buffer to be sent
        later), and TimeoutError when no answer came, which leaves open whether it was stored.
        """
        if not self._client.is_connected:
            raise nats.errors.ConnectionClosedError
        token = str(next(self._numbers))
        answer = self._waiting[token] = asyncio.get_running_loop().create_future()
        try:
            await self._client.publish(subject, payload, f"{self._inbox}.{token}", headers)
            async with asyncio.timeout(ACK_TIMEOUT):
                return _sequence(await answer)
        finally:
            del self._waiting[token]

    async def _take(self, message: Msg) -> None:
        waiting = self._waiting.get(message.subject.rpartition(".")[2])
        if waiting is not None and not waiting.done():
            waiting.set_result(message)


def _sequence(message: Msg) -> int:
    if (message.headers or {}).get("Status") == "503":
        raise nats.js.errors.NoStreamResponseError
    try:
        answer = _decoder.decode(message.data)
    except msgspec.MsgspecError as error:
        raise nats.errors.Error(f"an answer that isn't JetStream's: {error}") from None
    if answer.error is not None:
        raise nats.js.errors.APIError(
            code=answer.error.code,
            err_code=answer.error.err_code,
            description=answer.error.description,
        )
    return answer.seq
