"""The sinks on the bus: EVENTS and ALERTS to where people work, each sink at its own pace."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence

import msgspec
import nats.errors
import nats.js.errors
import structlog
from msgspec import structs

from delivery.marks import AlertChange, mark_of
from delivery.mask import Masker
from delivery.retry import FailedAttempt, RetryPolicy, deliver_until_taken, open_until_ready
from delivery.sink import Content, Document, Refused, Sink
from normalizer.events import Alert, AlertUpdate, CaseActivity, Record
from normalizer.events.ecs import nest
from pipeline.bus import Bus, MessagesExpired, Stream, StreamMessage
from pipeline.bus.dead_letters import encode_fitting
from pipeline.bus.lane_order import is_order
from pipeline.bus.positions import Position
from pipeline.bus.publisher import publish_once
from pipeline.bus.status_board import ReaderState
from pipeline.frames import DeadLetter
from pipeline.metrics import MESSAGES_DEAD, MESSAGES_IN, MESSAGES_OUT, SINK_ERRORS, STREAM_LAG
from pipeline.source_state import now

log = structlog.get_logger(__name__)

STAGE = "delivery"
STREAMS: dict[Content, Stream] = {
    "events": Stream.EVENTS,
    "alerts": Stream.ALERTS,
    "cases": Stream.CASES,
}
#: Messages whose documents are kept for the other sinks, so that each is encoded once.
CACHED_MESSAGES = 128
#: Without anything to deliver, the lag is looked up this often, in seconds.
IDLE_LOOK = 1.0

_decoder = msgspec.json.Decoder(Record | Alert | AlertUpdate | CaseActivity)
_encoder = msgspec.json.Encoder()


_Key = tuple[Content, int, int, Masker | None]


class DocumentCache:
    """Documents of the newest messages, shared by the sinks of this process."""

    def __init__(self) -> None:
        self._documents: OrderedDict[_Key, list[Document]] = OrderedDict()

    def documents(
        self, content: Content, message: StreamMessage, masker: Masker | None = None
    ) -> list[Document]:
        """The documents in a message, masked where a masker is given."""
        # With the time: a stream that was made anew gives its sequences out again.
        key = (content, message.sequence, message.stored, masker)
        found = self._documents.get(key)
        if found is None:
            found = documents_of(content, message, masker)
            self._documents[key] = found
            if len(self._documents) > CACHED_MESSAGES:
                self._documents.popitem(last=False)
        return found


def documents_of(
    content: Content, message: StreamMessage, masker: Masker | None = None
) -> list[Document]:
    """The nested ECS documents of a message of a stream, masked for their sink."""
    stream = STREAMS[content].value
    documents: list[Document] = []
    if content == "events" and is_order(message):
        return documents  # that is for lanes only
    for index, line in enumerate(message.data.split(b"\n")):
        record = _decoder.decode(line)
        body, mark = nest(record), mark_of(record)
        if masker is not None:
            masker.mask(body)
            if isinstance(mark, AlertChange):
                mark = structs.replace(mark, reason=body["event"].get("reason", ""))
        documents.append(
            Document(
                content=content,
                id=record.id,
                timestamp=record.timestamp,
                source=record.provider,
                position=f"{stream}/{message.sequence}/{index}",
                body=_encoder.encode(body),
                mark=mark,
            )
        )
    return documents


class SinkRunner:
    """Delivers one content to one sink, from its own durable position."""

    def __init__(
        self,
        bus: Bus,
        sink: Sink,
        content: Content,
        cache: DocumentCache,
        *,
        batch: int,
        retry_maximum: int,
        masker: Masker | None = None,
    ) -> None:
        self._bus = bus
        self._sink = sink
        self._content: Content = content
        self._cache = cache
        self._masker = masker
        self._batch = batch
        self._policy = RetryPolicy(maximum=retry_maximum)
        self._key = f"sink.{sink.name}.{content}"
        self._ready_until = 0
        self._created = 0
        self.state = ReaderState(f"{sink.name}/{content}", STREAMS[content].value, 0, 0)

    async def run(self) -> None:
        """Deliver until cancelled."""
        stream = STREAMS[self._content]
        info = await self._bus.info(stream)
        saved = await self._bus.positions.load(self._key)
        position = saved.within(info, self.state.name)
        self._created = position.stream
        self.state.position = position.sequence
        self.state.last = self._ready_until = info.state.last_seq
        reader = self._bus.reader(stream, after=position.sequence, created=position.stream)
        try:
            while True:
                try:
                    messages = await reader.batch(32, wait=IDLE_LOOK)
                except MessagesExpired as expired:
                    await self._tell_loss(expired)
                    continue
                if messages:
                    await self._deliver(messages)
        finally:
            await reader.close()

    async def watch(self) -> None:
        """Renew the lag until cancelled, also while the sink is down or was never there."""
        self.state.position = (await self._bus.positions.load(self._key)).sequence
        while True:
            await self._look(STREAMS[self._content])
            await asyncio.sleep(IDLE_LOOK)

    async def _deliver(self, messages: Sequence[StreamMessage]) -> None:
        documents: list[Document] = []
        for message in messages:
            documents += await self._documents(message)
        for start in range(0, len(documents), self._batch):
            await deliver_until_taken(
                self._sink,
                documents[start : start + self._batch],
                self._policy,
                self._bury,
                self._failed,
            )
            self.state.trouble = ""
        MESSAGES_IN.labels(STAGE, self._sink.name).inc(len(messages))
        MESSAGES_OUT.labels(STAGE, self._sink.name).inc(len(documents))
        self.state.position = messages[-1].sequence
        await self._save()

    async def _tell_loss(self, expired: MessagesExpired) -> None:
        self.state.trouble = str(expired)
        log.error("documents were lost", sink=self._sink.name, reason=str(expired))
        last = expired.first_there - 1
        await self._dead(
            DeadLetter(
                stage=STAGE,
                source=self._sink.name,
                position=f"{STREAMS[self._content].value}/{expired.first_wanted}-{last}",
                received=now(),
                reason=str(expired),
                context=self._sink.name,
            )
        )
        self.state.position = last

    async def _documents(self, message: StreamMessage) -> list[Document]:
        try:
            documents = self._cache.documents(self._content, message, self._masker)
        except msgspec.MsgspecError as error:
            await self._dead(
                DeadLetter(
                    stage=STAGE,
                    source=message.subject,
                    position=str(message.sequence),
                    received=message.stored,
                    reason=f"not a record that this version knows: {error}",
                    original=f"{STREAMS[self._content].value}/{message.sequence}",
                    payload=message.data,
                )
            )
            return []
        if message.sequence > self._ready_until:
            return documents
        # These may have reached the sink before a crash that came ahead of saving the position.
        return [structs.replace(document, redelivered=True) for document in documents]

    async def _bury(self, refused: Refused) -> None:
        document = refused.document
        await self._dead(
            DeadLetter(
                stage=STAGE,
                source=f"{self._sink.name}: {document.source}",
                position=document.position,
                received=document.timestamp,
                reason=refused.reason,
                field=refused.field,
                original=document.position,
                context=self._sink.name,
                payload=document.body,
            )
        )

    async def _dead(self, letter: DeadLetter) -> None:
        await publish_once(
            self._bus,
            self._bus.names.subject(Stream.DEAD, STAGE),
            encode_fitting(letter, self._bus.largest_payload),
            f"{self._key}:{self._created}:{letter.position}",
        )
        MESSAGES_DEAD.labels(STAGE, self._sink.name).inc()

    def _failed(self, attempt: FailedAttempt) -> None:
        self.state.trouble = attempt.reason
        SINK_ERRORS.labels(self._sink.name, "unavailable").inc()
        if attempt.attempt in (1, 5) or attempt.attempt % 20 == 0:
            log.warning(
                "sink is down; its documents wait on the bus",
                sink=self._sink.name,
                attempt=attempt.attempt,
                reason=attempt.reason,
                next_in=round(attempt.next_in_seconds, 1),
            )

    async def _save(self) -> None:
        position = Position(stream=self._created, sequence=self.state.position)
        await self._bus.positions.save(self._key, position)

    async def _look(self, stream: Stream) -> None:
        try:
            self.state.last = await self._bus.last_sequence(stream)
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError):
            return
        STREAM_LAG.labels(STAGE, self.state.name).set(self.state.lag)


async def run_sink(runners: Sequence[SinkRunner], sink: Sink, retry_maximum: int) -> None:
    """Open a sink when it is there, deliver all its contents, and close it."""

    def failed(attempt: FailedAttempt) -> None:
        for runner in runners:
            runner.state.trouble = attempt.reason
        if attempt.attempt in (1, 5) or attempt.attempt % 20 == 0:
            log.warning(
                "sink can't be opened",
                sink=sink.name,
                reason=attempt.reason,
                attempt=attempt.attempt,
            )

    async def deliver(group: asyncio.TaskGroup) -> None:
        await open_until_ready(sink, RetryPolicy(maximum=retry_maximum), failed)
        for runner in runners:
            runner.state.trouble = ""
            group.create_task(runner.run())

    try:
        async with asyncio.TaskGroup() as group:
            for runner in runners:
                group.create_task(runner.watch())
            group.create_task(deliver(group))
    finally:
        await sink.close()
