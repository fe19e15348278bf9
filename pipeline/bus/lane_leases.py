"""Sharing lanes among workers, on this machine and others, by JetStream's pinned consumers.

A consumer of the tiny stream LANES belongs to each lane. JetStream pins it to one client, to which
alone it delivers, until that client has not asked for ``TTL`` seconds; so who gets the lane's ticks
has the lane. Every worker also ticks for itself, and all hear it. So all agree which of the workers
alive should have a lane (:mod:`pipeline.bus.lane_spread`): only that one asks for it, and who has a
lane that another should have stops it and gives it back.

It does nothing for safety: of two that both think that a lane is theirs, the server refuses one's
writes (:class:`pipeline.bus.publisher.SubjectWriter`).
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
import nats.errors
import nats.js.errors
from msgspec import Struct
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import StorageType, StreamConfig

from pipeline.bus.streams import StreamNames

#: Seconds between two ticks.
TICK = 2.0
#: A pinned client that has not asked for so long, in seconds, loses the lane.
TTL = 6.0
#: A worker that nobody has heard for so long, in seconds, is taken for dead.
DEAD = 3 * TICK
#: How long a new worker listens for others before it asks for lanes, in seconds.
LISTEN = 0.3
_LANES = "LANES"
_GROUP = "owner"
_LEAVING = b"leaving"

Answer = Literal["held", "lost", "waiting", "unknown"]
"""It is ours; it was; it isn't; nobody could be asked."""


class _Error(Struct):
    err_code: int = 0
    description: str = ""


class _Reply(Struct):
    error: _Error | None = None


class LaneConsumers:
    """LANES and its consumers, by JetStream's JSON API, for one worker."""

    def __init__(self, client: Client, names: StreamNames) -> None:
        self._client = client
        self.stream = names.bucket(_LANES)
        self._subject = names.token(_LANES)

    def subject(self, token: str) -> str:
        """The subject of a lane's or a worker's ticks."""
        return f"{self._subject}.{token}"

    async def prepare(self, lanes: Sequence[str], replicas: int) -> None:
        """Create the stream and the consumers where they aren't there."""
        jetstream = self._client.jetstream(timeout=10)
        try:
            await jetstream.stream_info(self.stream)
        except nats.js.errors.NotFoundError:
            await jetstream.add_stream(
                StreamConfig(
                    name=self.stream,
                    subjects=[f"{self._subject}.>"],
                    storage=StorageType.FILE,
                    max_msgs_per_subject=1,
                    max_age=60,
                    num_replicas=replicas,
                )
            )
        for lane in lanes:
            await self._api(
                f"CONSUMER.CREATE.{self.stream}.{lane}",
                {
                    "stream_name": self.stream,
                    "config": {
                        "name": lane,
                        "durable_name": lane,
                        "ack_policy": "none",
                        "deliver_policy": "new",
                        "filter_subject": self.subject(lane),
                        "priority_groups": [_GROUP],
                        "priority_policy": "pinned_client",
                        "priority_timeout": int(TTL * 1e9),
                    },
                },
            )

    async def give_back(self, lane: str) -> None:
        """Let the next one that asks have the lane at once. To be called by who has it."""
        try:
            await self._api(f"CONSUMER.UNPIN.{self.stream}.{lane}", {"group": _GROUP})
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError):
            pass  # then it goes when the time is over

    async def _api(self, subject: str, request: object) -> None:
        answer = await self._client.request(
            f"$JS.API.{subject}", msgspec.json.encode(request), timeout=5
        )
        error = msgspec.json.decode(answer.data, type=_Reply).error
        if error is not None:
            raise nats.js.errors.APIError(err_code=error.err_code, description=error.description)


class Lease:
    """One worker's claim to one lane."""

    def __init__(self, client: Client, consumers: LaneConsumers, lane: str, worker: str) -> None:
        self._client = client
        self._consumers = consumers
        self._lane = lane
        self._worker = worker.encode()
        self._pin = ""
        self._inbox = client.new_inbox()
        self._number = 0
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{consumers.stream}.{lane}"
        self._answers: asyncio.Queue[Msg] = asyncio.Queue()

    @property
    def pinned(self) -> bool:
        """Whether it was ours when we last asked."""
        return bool(self._pin)

    def forget(self) -> None:
        """It was given back."""
        self._pin = ""

    async def open(self) -> None:
        """Listen for answers, for as long as the connection lives."""
        await self._client.subscribe(f"{self._inbox}.*", cb=self._answers.put)

    async def ask(self, wait: float) -> Answer:
        """Ask for the lane, or ask to keep it; ``wait`` is in seconds."""
        answer = await self._ask(wait)
        if answer == "lost":
            # The server may have forgotten who it was, such as by a restart: is it ours again?
            return "held" if await self._ask(min(wait, 1.0)) == "held" else "lost"
        return answer

    async def _ask(self, wait: float) -> Answer:
        if not self._client.is_connected:
            return "unknown"
        request: dict[str, Any] = {"batch": 1, "expires": int(wait * 1e9), "group": _GROUP}
        if self._pin:
            request["id"] = self._pin
        self._number += 1
        inbox = f"{self._inbox}.{self._number}"
        try:
            await self._client.publish(self._next, msgspec.json.encode(request), inbox)
            await self._client.publish(self._consumers.subject(self._lane), self._worker)
            async with asyncio.timeout(wait + 1):
                message = await self._answers.get()
                while message.subject.startswith(self._inbox) and message.subject != inbox:
                    message = await self._answers.get()  # that was of an earlier request
        except (nats.errors.Error, OSError, TimeoutError):
            return "unknown"
        headers: dict[str, str] = message.headers or {}
        if "Status" not in headers:
            self._pin = headers.get("Nats-Pin-Id", "")
            return "held"
        had, self._pin = self._pin, ""
        return "lost" if had else "waiting"


class Workers:
    """Which workers are alive."""

    def __init__(self, client: Client, consumers: LaneConsumers, worker: str) -> None:
        self._client = client
        self._consumers = consumers
        self._worker = worker
        self._heard: dict[str, float] = {}

    async def open(self) -> None:
        """Listen and say that we are here."""
        await self._client.subscribe(self._consumers.subject("worker.*"), cb=self._hear)
        await self.tick()

    async def tick(self, payload: bytes = b"") -> None:
        """Say that we are alive. Nothing happens while the bus is away."""
        try:
            if self._client.is_connected:
                await self._client.publish(
                    self._consumers.subject(f"worker.{self._worker}"), payload
                )
        except (nats.errors.Error, OSError):
            pass  # the next tick says it

    async def leave(self) -> None:
        """Say that we go."""
        await self.tick(_LEAVING)
        try:
            await self._client.flush(timeout=1)
        except (nats.errors.Error, OSError, TimeoutError, ValueError):
            pass  # they will notice

    def alive(self) -> list[str]:
        """Names of the workers that were heard lately; ours among them."""
        now = time.monotonic()
        for worker, heard in list(self._heard.items()):
            if now - heard > DEAD:
                del self._heard[worker]
        return sorted({self._worker, *self._heard})

    async def _hear(self, message: Msg) -> None:
        worker = message.subject.rpartition(".")[2]
        if worker == self._worker:
            return
        if message.data == _LEAVING:
            self._heard.pop(worker, None)
            return
        if worker not in self._heard:
            await self.tick()  # so that it knows us at once
        self._heard[worker] = time.monotonic()
