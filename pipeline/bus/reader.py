"""Reading a stream in its order, from a sequence on, as messages come.

A pull consumer without acknowledgements, by JetStream's JSON API: requests are renewed before they
run out, so messages flow without waiting, and no more than ``window`` are ever in memory. Where a
stage stands is not the consumer's business but the stage's own (:mod:`pipeline.bus.positions`, and
the origin that its last output carries), so that a restart reads on in order, without redelivery
out of turn. Any break (lost connection, server restart, missed heartbeat, jump in the sequence)
makes the reader ask anew from the message after the last one that it gave out.
"""

import asyncio
import time
from collections import deque
from typing import Any

import msgspec
import nats.errors
import nats.js.errors
import structlog
from msgspec import Struct
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

log = structlog.get_logger(__name__)

HEARTBEAT = 5.0
#: A pull request's life; it is renewed when it ends.
EXPIRES = 30.0
#: An unused consumer is removed by the server after this long.
INACTIVE = 300.0


class StreamMessage(Struct, gc=False):
    """A message of a stream."""

    sequence: int
    stored: int  # nanoseconds since the epoch, by the server
    subject: str
    data: bytes
    headers: dict[str, str] | None


class MessagesExpired(Exception):
    """Messages left the stream by its limits before they were read: this reader lost them."""

    def __init__(self, stream: str, first_wanted: int, first_there: int) -> None:
        self.stream = stream
        self.first_wanted = first_wanted
        self.first_there = first_there
        self.count = first_there - first_wanted
        super().__init__(
            f"{self.count} messages of {stream} ({first_wanted} to {first_there - 1}) expired "
            "before they were read: raise bus.streams limits, or find what held the reader up"
        )


class StreamReader:
    """Reads one stream from after a sequence. Not for concurrent use."""

    def __init__(
        self,
        client: Client,
        jetstream: JetStreamContext,
        stream: str,
        *,
        after: int,
        window: int = 64,
        start_time: str | None = None,
    ) -> None:
        self._client = client
        self._jetstream = jetstream
        self._stream = stream
        self._last = after
        self._start_time = start_time
        self._window = window
        self._outstanding = 0
        self._subscription: Subscription | None = None
        self._arrived: deque[Msg] = deque()
        self._arrival = asyncio.Event()
        self._inbox = ""
        self._next_subject = ""
        self._consumer = ""
        self._last_sign = 0.0
        self._expected_delivery = 1

    @property
    def position(self) -> int:
        """Sequence of the last message given out."""
        return self._last

    async def batch(self, maximum: int, wait: float) -> list[StreamMessage]:
        """Up to ``maximum`` messages that are there; waits ``wait`` seconds for the first.

        An empty list when none came. Raises :class:`MessagesExpired` once when messages are gone;
        the next call goes on behind them.
        """
        deadline = time.monotonic() + wait
        messages: list[StreamMessage] = []
        while not messages:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return messages
            try:
                if self._subscription is None:
                    await self._open()
                await self._wait(min(remaining, HEARTBEAT))
                while self._arrived and len(messages) < maximum:
                    message = self._arrived.popleft()
                    if message.reply:
                        messages.append(self._take_message(message))
                    else:
                        self._take_status(message)
                await self._request_more()
            except (
                nats.errors.Error,
                nats.js.errors.Error,
                TimeoutError,
                OSError,
                _Broken,
            ) as error:
                log.debug(
                    "reader asks anew", stream=self._stream, after=self._last, error=str(error)
                )
                await self._close()
                if messages:
                    break
                await asyncio.sleep(min(0.2, max(0.0, deadline - time.monotonic())))
        return messages

    async def close(self) -> None:
        """Give up the consumer."""
        consumer, connected = self._consumer, self._client.is_connected
        await self._close()
        if consumer and connected:
            try:
                await self._jetstream.delete_consumer(self._stream, consumer)
            except (nats.errors.Error, nats.js.errors.Error, TimeoutError):
                pass  # the server removes it by itself when it is unused

    async def _open(self) -> None:
        info = await self._jetstream.stream_info(self._stream)
        first = info.state.first_seq
        if self._start_time is None and info.state.messages and first > self._last + 1:
            wanted = self._last + 1
            self._last = first - 1
            if wanted > 1:  # a first reader has no claim on what was before it
                raise MessagesExpired(self._stream, wanted, first)
        config = ConsumerConfig(
            ack_policy=AckPolicy.NONE,
            max_deliver=1,
            mem_storage=True,
            inactive_threshold=INACTIVE,
            num_replicas=1,
        )
        if self._start_time is not None:
            config.deliver_policy = DeliverPolicy.BY_START_TIME
            config.opt_start_time = self._start_time  # type: ignore[assignment]
        else:
            config.deliver_policy = DeliverPolicy.BY_START_SEQUENCE
            config.opt_start_seq = self._last + 1
        consumer = await self._jetstream.add_consumer(self._stream, config)
        self._consumer = consumer.name or ""
        self._next_subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._consumer}"
        self._inbox = self._client.new_inbox()
        self._subscription = await self._client.subscribe(self._inbox, cb=self._take)
        self._outstanding = 0
        self._expected_delivery = 1
        self._last_sign = time.monotonic()
        await self._request_more()

    async def _request_more(self) -> None:
        if self._outstanding > self._window // 2:
            return
        request = {
            "batch": self._window - self._outstanding,
            "expires": int(EXPIRES * 1e9),
            "idle_heartbeat": int(HEARTBEAT * 1e9),
        }
        self._outstanding = self._window
        await self._client.publish(self._next_subject, msgspec.json.encode(request), self._inbox)

    async def _wait(self, seconds: float) -> None:
        """Wait until something has arrived.

        Not by ``asyncio.wait_for``, which in Python 3.11 can swallow a cancellation.
        """
        if self._arrived:
            return
        self._arrival.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._arrival.wait()
        except TimeoutError:
            if time.monotonic() - self._last_sign > 2.5 * HEARTBEAT:
                raise _Broken("no heartbeat from the consumer") from None

    async def _take(self, message: Msg) -> None:
        self._last_sign = time.monotonic()
        self._arrived.append(message)
        self._arrival.set()

    def _take_status(self, message: Msg) -> None:
        headers: dict[str, Any] = message.headers or {}
        status = headers.get("Status", "")
        if status == "100":  # idle heartbeat
            return
        if status in ("404", "408"):
            # The request ended by its time. What it still owed is owed no more.
            pending = headers.get("Nats-Pending-Messages")
            self._outstanding -= int(pending) if pending else self._outstanding
            self._outstanding = max(0, self._outstanding)
            return
        raise _Broken(f"{status} {headers.get('Description', '')}")

    def _take_message(self, message: Msg) -> StreamMessage:
        # $JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>,
        # with a domain and an account hash before the stream in the newer, longer form.
        parts = message.reply.split(".")
        offset = 0 if len(parts) == 9 else 2
        sequence, delivery = int(parts[5 + offset]), int(parts[6 + offset])
        if delivery != self._expected_delivery:
            raise _Broken(f"delivery {delivery} came instead of {self._expected_delivery}")
        self._expected_delivery += 1
        self._outstanding -= 1
        self._last = sequence
        self._start_time = None
        return StreamMessage(
            sequence, int(parts[7 + offset]), message.subject, message.data, message.headers
        )

    async def _close(self) -> None:
        subscription, self._subscription = self._subscription, None
        self._arrived.clear()
        self._consumer = ""
        if subscription is not None:
            try:
                await subscription.unsubscribe()
            except (nats.errors.Error, ValueError):
                pass  # the connection is gone, and the subscription with it


class _Broken(Exception):
    """The consumer must be made anew."""
