"""One lane of the detections on the bus: its part of EVENTS to ALERTS."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from operator import attrgetter

import msgspec
from prometheus_client import Counter as Metric

from detections.lanes.event_messages import STAGE, failure
from detections.lanes.events import LaneEvents, concerns_everybody
from detections.lanes.past import LanePast
from detections.lanes.recovery import Recovery
from detections.lanes.rewind import RewindingEngine
from detections.lanes.ruled_engine import RuledEngine
from normalizer.events import Alert, AlertUpdate, Record
from pipeline.bus import Bus, Stream, StreamMessage
from pipeline.bus.relay import Output, Relay
from pipeline.metrics import (
    ALERT_UPDATES,
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

_provider = attrgetter("provider")
_decoder = msgspec.json.Decoder(Alert | AlertUpdate)
_encoder = msgspec.json.Encoder()


class Lane:
    """Runs an engine on a lane's events. One process at a time may run a lane of a name."""

    def __init__(
        self,
        bus: Bus,
        engine: RuledEngine,
        *,
        warm_up: int,
        checkpoint_every: int,
        name: str = STAGE,
        events: LaneEvents | None = None,
    ) -> None:
        """`name`: of its position, its checkpoints and the subject of its alerts. Times are in
        nanoseconds."""
        self._name = name
        self._events = events or LaneEvents(bus)
        self._engine = RewindingEngine(engine, LanePast(bus, engine, self._events, name))
        self._recovery = Recovery(
            bus,
            self._engine,
            name,
            warm_up=warm_up,
            checkpoint_every=checkpoint_every,
            events=self._events,
        )
        self._told: Counter[tuple[str, ...]] = Counter()
        #: When the frame of each alert under way was received, for the latency.
        self._received: dict[str, int] = {}
        self.relay = Relay(
            bus,
            name,
            Stream.EVENTS,
            Stream.ALERTS,
            self._work,
            on_written=self._on_written,
            subjects=self._events.subjects,
            barrier=concerns_everybody,
        )

    async def run(self) -> None:
        """Restore the state, or rebuild it from the log; then work until cancelled."""
        origin = await self.relay.origin()
        await self._recovery.recover(origin)
        tasks = [
            asyncio.ensure_future(self.relay.run(origin)),
            asyncio.ensure_future(self._recovery.save()),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # neither ends but by an error
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, message: StreamMessage) -> Output:
        groups = self._events.take(message)
        if groups is None:
            return Output(waits=True)
        told: list[Alert | AlertUpdate] = []
        records: list[Record] = []
        async with self._recovery.taking(message.sequence):
            for taken in groups:
                told += await self._engine.take(message.sequence, taken)
                records += taken.records
        dead = self._events.take_dead()
        dead += [failure(message, problem) for problem in self._engine.engine.take_problems()]
        self._count(records, told)
        self._count_engine()
        return Output([_encoder.encode(one) for one in told], dead)

    def _count(self, records: Sequence[Record], told: Sequence[Alert | AlertUpdate]) -> None:
        for source, count in Counter(map(_provider, records)).items():
            MESSAGES_IN.labels(self._name, source).inc(count)
        received = {record.id: record.ingested for record in records} if told else {}
        for alert in told:
            MESSAGES_OUT.labels(self._name, alert.provider).inc()
            if isinstance(alert, AlertUpdate):
                ALERT_UPDATES.labels(alert.rule_name, alert.status).inc()
                continue
            ALERTS.labels(alert.rule_name, alert.typology, alert.level).inc()
            if alert.evidence_events and alert.evidence_events[-1] in received:
                self._received[alert.id] = received[alert.evidence_events[-1]]

    def _count_engine(self) -> None:
        """Tell the metrics what the engine counted since the last time."""
        engine = self._engine.engine
        self._tell(EVENTS_LATE, engine.late)
        self._tell(EVENTS_REPEATED, engine.duplicates)
        for exception, count in engine.exceptions.counts.items():
            if count:
                self._tell(ALERTS_EXCEPTED, count, exception)
        for (rule, what), count in engine.correlations.evictions.items():
            self._tell(CORRELATION_EVICTIONS, count, rule, what)

    def _tell(self, metric: Metric, count: int, *labels: str) -> None:
        key = (str(id(metric)), *labels)
        if count < self._told[key]:
            self._told[key] = 0  # other rules run, and their engine counts from 0
        if count > self._told[key]:
            (metric.labels(*labels) if labels else metric).inc(count - self._told[key])
            self._told[key] = count

    def _on_written(self, lines: Sequence[bytes]) -> None:
        at = now()
        for line in lines:
            alert = _decoder.decode(line)
            if isinstance(alert, AlertUpdate):
                continue
            SOURCE_TO_ALERT.labels(alert.typology).observe((at - alert.timestamp) / 1e9)
            received = self._received.pop(alert.id, None)
            if received is not None:
                RECEIVED_TO_ALERT.labels(alert.typology).observe((at - received) / 1e9)
