"""The detections on the bus: EVENTS to ALERTS."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import msgspec
import nats.errors
import nats.js.errors
import structlog
from nats.js.api import RawStreamMsg
from prometheus_client import Counter as Metric

from detections.engine import Engine
from detections.engine_state import CannotRestore
from normalizer.events import Alert, Record
from pipeline.bus import Bus, MessagesExpired, Stream, StreamMessage
from pipeline.bus.checkpoints import Checkpoint, Checkpoints
from pipeline.bus.positions import Position
from pipeline.bus.reader import StreamReader
from pipeline.bus.relay import Output, Relay
from pipeline.cancellation import raise_if_cancelled
from pipeline.frames import DeadLetter
from pipeline.metrics import (
    ALERTS,
    ALERTS_EXCEPTED,
    CORRELATION_EVICTIONS,
    EVENTS_LATE,
    EVENTS_REPEATED,
    MESSAGES_IN,
    MESSAGES_OUT,
    RECEIVED_TO_ALERT,
    SOURCE_TO_ALERT,
)
from pipeline.source_state import now
from pipeline.units import SECOND

log = structlog.get_logger(__name__)

STAGE = "detections"
#: Recordings are of any time; for their sake a rebuild doesn't go back more than this, in seconds.
MOST_CATCHING_UP = 3600.0
_event_decoder = msgspec.json.Decoder(Record)
_alert_decoder = msgspec.json.Decoder(Alert)
_encoder = msgspec.json.Encoder()


class DetectionStage:
    """Runs an engine on a bus."""

    def __init__(self, bus: Bus, engine: Engine, *, warm_up: int, checkpoint_every: int) -> None:
        self._bus = bus
        self._engine = engine
        self._warm_up = warm_up
        self._checkpoint_every = checkpoint_every / SECOND
        self._told: Counter[tuple[str, ...]] = Counter()
        #: When the frame of each alert under way was received, for the latency.
        self._received: dict[str, int] = {}
        #: The last message that the engine's state knows.
        self._taken = 0
        self.relay = Relay(
            bus, STAGE, Stream.EVENTS, Stream.ALERTS, self._work, on_written=self._on_written
        )

    async def run(self) -> None:
        """Restore the state, or rebuild it from the log; then work until cancelled."""
        checkpoints = await self._bus.checkpoints(STAGE)
        origin = await self.relay.origin()
        if origin.done:
            await self._recover(origin, await checkpoints.newest(origin))
        self._taken = origin.done
        tasks = [
            asyncio.ensure_future(self.relay.run(origin)),
            asyncio.ensure_future(self._save(checkpoints, origin.stream)),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # neither ends but by an error
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _save(self, checkpoints: Checkpoints, stream: int) -> None:
        """Save the state now and then, until cancelled. A bus that is away doesn't hold us up."""
        saved = self._taken
        while True:
            await asyncio.sleep(self._checkpoint_every)
            raise_if_cancelled()
            if self._taken == saved:
                continue
            # No message is half taken here: the engine works without awaiting anything.
            taken, data = self._taken, self._engine.snapshot()
            try:
                await checkpoints.save(stream, taken, data)
                saved = taken
            except (nats.errors.Error, nats.js.errors.Error, TimeoutError) as error:
                log.warning(
                    "the state could not be saved", reason=str(error) or type(error).__name__
                )

    async def _recover(self, origin: Position, checkpoint: Checkpoint | None) -> None:
        """Bring the state to where the stage had come; its alerts until there are out already.

        Correlations and duplicates come from the checkpoint, and what followed it; correlators,
        which have none, from ``warm_up`` before it.
        """
        known = 0
        if checkpoint is not None:
            try:
                self._engine.restore(checkpoint.data)
                known = checkpoint.sequence
            except CannotRestore as error:
                log.warning("the state is rebuilt from the log", reason=str(error))
        reader = await self._past(known, origin)
        if reader is None:
            return  # all has expired; the windows that it would fill have passed
        events = 0
        try:
            while reader.position < origin.done:
                try:
                    messages = await reader.batch(64, wait=5)
                except MessagesExpired:
                    continue  # they were read once; a rebuilt state is what is left of them
                for message in messages:
                    if message.sequence <= origin.done:
                        records, _ = _decode(message)
                        if message.sequence <= known:
                            self._engine.warm_correlators(records)
                        else:
                            self._engine.process(records)
                        events += len(records)
        finally:
            await reader.close()
        self._engine.take_problems()  # they are dead letters already
        log.info("state recovered", checkpoint=known, events=events)

    async def _past(self, known: int, origin: Position) -> StreamReader | None:
        """Reads what the state needs that no checkpoint has."""
        if known and not self._engine.book.correlators:
            return self._bus.reader(Stream.EVENTS, after=known)
        if not self._warm_up:
            return self._bus.reader(Stream.EVENTS, after=known) if known else None
        stream = self._bus.names.stream(Stream.EVENTS)
        try:
            last = await self._bus.jetstream.get_msg(stream, known or origin.done)
        except nats.js.errors.NotFoundError:
            return self._bus.reader(Stream.EVENTS, after=known) if known else None
        start = _warm_up_start(last, self._warm_up)
        return self._bus.reader(Stream.EVENTS, after=0, start_time=start.isoformat())

    def _work(self, message: StreamMessage) -> Output:
        records, dead = _decode(message)
        alerts = self._engine.process(records)
        self._taken = message.sequence
        dead += [_failure(message, problem) for problem in self._engine.take_problems()]
        self._count(records, alerts)
        self._count_engine()
        return Output([_encoder.encode(alert) for alert in alerts], dead)

    def _count(self, records: Sequence[Record], alerts: Iterable[Alert]) -> None:
        by_source: dict[str, int] = {}
        received = {record.id: record.ingested for record in records}
        for record in records:
            by_source[record.provider] = by_source.get(record.provider, 0) + 1
        for source, count in by_source.items():
            MESSAGES_IN.labels(STAGE, source).inc(count)
        for alert in alerts:
            MESSAGES_OUT.labels(STAGE, alert.provider).inc()
            ALERTS.labels(alert.rule_name, alert.typology, alert.level).inc()
            if alert.evidence_events and alert.evidence_events[-1] in received:
                self._received[alert.id] = received[alert.evidence_events[-1]]

    def _count_engine(self) -> None:
        """Tell the metrics what the engine counted since the last time."""
        engine = self._engine
        self._tell(EVENTS_LATE, engine.late)
        self._tell(EVENTS_REPEATED, engine.duplicates)
        for exception, count in engine.exceptions.counts.items():
            if count:
                self._tell(ALERTS_EXCEPTED, count, exception)
        for (rule, what), count in engine.correlations.evictions.items():
            self._tell(CORRELATION_EVICTIONS, count, rule, what)

    def _tell(self, metric: Metric, count: int, *labels: str) -> None:
        key = (str(id(metric)), *labels)
        if count > self._told[key]:
            (metric.labels(*labels) if labels else metric).inc(count - self._told[key])
            self._told[key] = count

    def _on_written(self, lines: Sequence[bytes]) -> None:
        at = now()
        for line in lines:
            alert = _alert_decoder.decode(line)
            SOURCE_TO_ALERT.labels(alert.typology).observe((at - alert.timestamp) / 1e9)
            received = self._received.pop(alert.id, None)
            if received is not None:
                RECEIVED_TO_ALERT.labels(alert.typology).observe((at - received) / 1e9)


def _warm_up_start(last: RawStreamMsg, warm_up: int) -> datetime:
    """When the messages that fill the windows of the event ``last`` began to be stored.

    Windows are of event time. An event is stored after it happened; where it was much later, such
    as after an outage of the collectors, its window began long before it was stored.
    """
    stored = (last.time or datetime.now(UTC)).timestamp()
    happened = stored
    for line in (last.data or b"").split(b"\n"):
        try:
            happened = min(happened, _event_decoder.decode(line).timestamp / 1e9)
        except msgspec.MsgspecError:
            continue
    earliest = max(happened, stored - MOST_CATCHING_UP)
    return datetime.fromtimestamp(earliest - warm_up / 1e9, UTC)


def _decode(message: StreamMessage) -> tuple[list[Record], list[DeadLetter]]:
    records: list[Record] = []
    dead: list[DeadLetter] = []
    for index, line in enumerate(message.data.split(b"\n")):
        try:
            records.append(_event_decoder.decode(line))
        except msgspec.MsgspecError as error:
            dead.append(
                DeadLetter(
                    stage=STAGE,
                    source=message.subject,
                    position=f"{message.sequence}/{index}",
                    received=message.stored,
                    reason=f"not an event that this version knows: {error}",
                    original=f"EVENTS/{message.sequence}/{index}",
                    payload=line,
                )
            )
    return records, dead


def _failure(message: StreamMessage, problem: str) -> DeadLetter:
    return DeadLetter(
        stage=STAGE,
        source=message.subject,
        position=str(message.sequence),
        received=message.stored,
        reason=problem,
        original=f"EVENTS/{message.sequence}",
    )
