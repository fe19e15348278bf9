"""Reading a stream in its order, from a sequence on, as messages come.

A pull consumer without acknowledgements, by JetStream's JSON API: requests are renewed before they
run out, so messages flow without waiting, and no more than ``window`` are ever in memory. Where a
stage stands is not the consumer's business but the stage's own (:mod:`pipeline.bus.positions`, and
the origin that its last output carries), so that a restart reads on in order, without redelivery
out of turn. Any break (lost connection, server restart, missed heartbeat, lost delivery, a minute
of quiet) makes the reader ask anew from the message after the last one that it gave out.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

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

from pipeline.bus.positions import created_at
from pipeline.cancellation import raise_if_cancelled

log = structlog.get_logger(__name__)

HEARTBEAT = 5.0
#: A pull request's life; it is renewed when it ends.
EXPIRES = 30.0
#: After this long without a message the stream is looked at, and the consumer made anew.
QUIET = 60.0
#: An unused consumer is removed by the server after this long.
INACTIVE = 60.0


class StreamMessage(Struct, gc=False):
    """A message of a stream."""

    sequence: int
    stored: int  # nanoseconds since the epoch, by the server
    subject: str
    data: bytes
    headers: dict[str, str] | None


class MessagesExpired(Exception):
    """Messages left the stream before they were read: this reader lost them."""

    def __init__(self, stream: str, first_wanted: int, first_there: int) -> None:
        self.stream = stream
        self.first_wanted = first_wanted
        self.first_there = first_there
        self.count = first_there - first_wanted
        super().__init__(
            f"{self.count} messages of {stream} ({first_wanted} to {first_there - 1}) expired "
            "before they were read: raise bus.streams limits, or find what held the reader up"
        )


class StreamMadeAnew(Exception):
    """The stream isn't the one that was read until now: start again, from the saved position."""

    def __init__(self, stream: str) -> None:
        super().__init__(f"the stream {stream} was deleted and made anew, or lost its newest part")


class _Delivery(NamedTuple):
    """What the reply subject of a message says."""

    sequence: int
    number: int  # counts what the consumer has delivered, from 1
    stored: int

    @classmethod
    def of(cls, message: Msg) -> "_Delivery":
        # $JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>,
        # with a domain and an account hash before the stream in the newer, longer form.
        parts = message.reply.split(".")
        first = 5 if len(parts) == 9 else 7
        return cls(*(int(part) for part in parts[first : first + 3]))


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
        created: int | None = None,
        subjects: Sequence[str] = (),
        headers_only: bool = False,
    ) -> None:
        """``created``: which life of the stream ``after`` is of, as by :func:`created_at`.
        ``subjects``: what is read, with wildcards; all of the stream without. ``headers_only``:
        messages come without their data.
        """
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
        self._created = created
        self._subjects = list(subjects)
        self._headers_only = headers_only
        self._last_sign = 0.0
        self._last_message = 0.0
        self._expected_delivery = 1

    @property
    def position(self) -> int:
        """Sequence of the last message given out."""
        return self._last

    async def batch(self, maximum: int, wait: float) -> list[StreamMessage]:
        """Up to ``maximum`` messages that are there; waits ``wait`` seconds for the first.

        An empty list when none came. Raises :class:`MessagesExpired` once when messages are gone;
        the next call goes on behind them. Raises :class:`StreamMadeAnew` when all is different.
        """
        deadline = time.monotonic() + wait
        messages: list[StreamMessage] = []
        while not messages:
            raise_if_cancelled()
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return messages
            try:
                if self._subscription is None:
                    await self._open()
                await self._wait(min(remaining, HEARTBEAT))
                self._take_arrived(messages, maximum)
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

    async def pass_over(self) -> int | None:
        """When nothing that was stored until now is left to read: the stream's end.

        Reading goes on behind it. None while messages are under way, or the bus doesn't answer,
        and where all of the stream is read, of which nothing can be passed over.
        """
        if not self._subjects:
            return None
        try:
            last = (await self._jetstream.stream_info(self._stream)).state.last_seq
            for subject in self._subjects:
                if await self._newest(subject) > self._last:
                    return None
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError):
            return None
        self._last = max(self._last, last)
        return self._last

    async def _newest(self, subject: str) -> int:
        try:
            return (await self._jetstream.get_last_msg(self._stream, subject)).seq or 0
        except nats.js.errors.NotFoundError:
            return 0

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
        created = created_at(info)
        if self._created not in (None, created) or info.state.last_seq < self._last:
            raise StreamMadeAnew(self._stream)
        self._created = created
        if self._start_time is None:
            self._go_to(info.state.first_seq)
        config = ConsumerConfig(
            ack_policy=AckPolicy.NONE,
            max_deliver=1,
            mem_storage=True,
            inactive_threshold=INACTIVE,
            num_replicas=1,
            filter_subjects=self._subjects or None,
            headers_only=self._headers_only or None,
        )
        if self._start_time is not None:
            config.deliver_policy = DeliverPolicy.BY_START_TIME
            # A text is passed on as it is, with the nanoseconds that a datetime hasn't.
            config.opt_start_time = cast("Any", self._start_time)
        else:
            config.deliver_policy = DeliverPolicy.BY_START_SEQUENCE
            config.opt_start_seq = self._last + 1
        consumer = await self._jetstream.add_consumer(self._stream, config)
        self._consumer = consumer.name or ""
        self._next_subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._consumer}"
        self._inbox = self._client.new_inbox()
        arrived = self._arrived = deque()

        async def take(message: Msg) -> None:
            self._last_sign = time.monotonic()
            arrived.append(message)  # a straggler of an earlier consumer falls into its own deque
            self._arrival.set()

        self._subscription = await self._client.subscribe(
            self._inbox,
            cb=take,
            # The window is the bound; nats-py would drop messages without a word to us.
            pending_msgs_limit=0,
            pending_bytes_limit=0,
        )
        self._outstanding = 0
        self._expected_delivery = 1
        self._last_sign = self._last_message = time.monotonic()
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
            if time.monotonic() - self._last_message > QUIET:
                raise _Broken("quiet for a while") from None

    def _take_arrived(self, messages: list[StreamMessage], maximum: int) -> None:
        while self._arrived and len(messages) < maximum:
            message = self._arrived[0]
            if not message.reply:
                self._arrived.popleft()
                self._take_status(message)
                continue
            delivery = _Delivery.of(message)
            if delivery.number != self._expected_delivery or delivery.sequence <= self._last:
                raise _Broken(f"delivery {delivery} came instead of {self._expected_delivery}")
            gap = delivery.sequence != self._last + 1
            if gap and self._start_time is None and not self._subjects:
                if messages:
                    return  # these first; the next call tells of the gap
                self._go_to(delivery.sequence)
            self._arrived.popleft()
            self._expected_delivery += 1
            self._outstanding -= 1
            self._last = delivery.sequence
            self._last_message = self._last_sign
            self._start_time = None
            messages.append(
                StreamMessage(
                    delivery.sequence,
                    delivery.stored,
                    message.subject,
                    message.data,
                    message.headers,
                )
            )

    def _go_to(self, first: int) -> None:
        """Note that nothing is left before ``first``; say so when it should have been there."""
        wanted = self._last + 1
        if first <= wanted:
            return
        self._last = first - 1
        if wanted > 1:  # a first reader has no claim on what was before it
            raise MessagesExpired(self._stream, wanted, first)

    def _take_status(self, message: Msg) -> None:
        headers: dict[str, Any] = message.headers or {}
        status = headers.get("Status", "")
        if status == "100":  # idle heartbeat
            delivered = int(headers.get("Nats-Last-Consumer") or 0)
            if delivered >= self._expected_delivery:
                # As when the connection broke while they were under way: they don't come again.
                raise _Broken(f"deliveries up to {delivered} were lost on the way")
            return
        if status in ("404", "408"):
            # The request ended by its time. What it still owed is owed no more.
            pending = headers.get("Nats-Pending-Messages")
            self._outstanding -= int(pending) if pending else self._outstanding
            self._outstanding = max(0, self._outstanding)
            return
        raise _Broken(f"{status} {headers.get('Description', '')}")

    async def _close(self) -> None:
        subscription, self._subscription = self._subscription, None
        self._arrived = deque()
        self._consumer = ""
        if subscription is not None:
            try:
                await subscription.unsubscribe()
            except (nats.errors.Error, ValueError):
                pass  # the connection is gone, and the subscription with it


class _Broken(Exception):
    """The consumer must be made anew."""
