"""The normalizer on the bus: RAW to EVENTS."""

import re
from collections.abc import Awaitable, Sequence

import msgspec
import structlog

from normalizer.assets import Assets
from normalizer.events import AssetEvent, Record
from normalizer.events.market import FeedGap
from normalizer.normalize import Normalized, Normalizer, encode_event
from normalizer.reference_loading import ReferenceLoading
from normalizer.source_clocks import SourceClocks
from pipeline.bus import Bus, Stream, StreamMessage
from pipeline.bus.lane_order import Mark, everybody
from pipeline.bus.partition import partition
from pipeline.bus.relay import Output, Relay
from pipeline.bus.status_board import ReaderState
from pipeline.frames import DeadLetter, FrameBatch, decode_batch
from pipeline.metrics import (
    EVENTS_AHEAD,
    MESSAGES_IGNORED,
    MESSAGES_IN,
    MESSAGES_OUT,
    SCHEMA_ERRORS,
    SOURCE_DELAY,
    UNDECODED_LOGS,
)
from pipeline.reference_changes import PROTOCOL
from pipeline.social_payload import PROTOCOL as SOCIAL
from pipeline.units import SECOND

log = structlog.get_logger(__name__)

STAGE = "normalizer"
_MOST_KNOWN = 100_000
#: Batches from one look at the sources' clocks to the next.
_JUDGED_EVERY = 16
_PLACES = re.compile(r"\[[^\]]*\]")


class Lanes:
    """Which lane each event goes to."""

    def __init__(self, assets: Assets, lanes: int) -> None:
        #: Another one where the tokens are others.
        self.assets = assets
        self._lanes = lanes
        #: By key: there are far fewer assets than events.
        self._known: dict[str, str] = {}

    def of(self, event: Record) -> str:
        """The token of its lane's subject, or ``everybody``.

        A gap in the feed of one instrument is of that one's lane, and makes alerts unsure in all.
        """
        key = self.assets.key(event)
        if key is None:
            return everybody("0")
        lane = self._known.get(key)
        if lane is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            lane = self._known[key] = str(partition(key, self._lanes))
        return everybody(lane) if isinstance(event, FeedGap) else lane


class NormalizerStage:
    """The relay that runs a normalizer on a bus, with the reference data that RAW puts in force."""

    def __init__(
        self,
        bus: Bus,
        normalizer: Normalizer,
        lanes: int = 1,
        clocks: SourceClocks | None = None,
    ) -> None:
        """`clocks` are those of the sources, to be judged by what they send."""
        self._normalizer = normalizer
        self._routing = Lanes(normalizer.assets(), lanes)
        self._several = lanes > 1
        self._clocks = clocks
        self._reference = ReferenceLoading(bus, normalizer)
        tokens = [str(lane) for lane in range(lanes)] if lanes > 1 else []
        self._relay = Relay(bus, STAGE, Stream.RAW, Stream.EVENTS, self._work, lanes=tokens)

    def reported(self) -> ReaderState:
        """Where it stands, and what is wrong."""
        state = self._relay.reported()
        clocks = self._clocks.trouble if self._clocks is not None else ""
        trouble = state.trouble or self._reference.trouble or clocks
        return msgspec.structs.replace(state, trouble=trouble)

    async def run(self) -> None:
        """Restore what reference data was in force, and work until cancelled."""
        position = await self._relay.origin()
        await self._reference.restore(position.done)
        self._normalizer.reference.tokens_changed = False
        self._routing.assets = self._normalizer.assets()
        await self._relay.run(position)

    def _work(self, message: StreamMessage) -> Output | Awaitable[Output]:
        try:
            batch = decode_batch(message.data)
        except msgspec.MsgspecError as error:
            return Output(dead=[_no_batch(message, error)])
        if batch.protocol == PROTOCOL:
            return self._refer(message, batch)
        result = self._normalizer.normalize(message.sequence, batch)
        _count(batch.source, len(batch.frames), result)
        # What was said in an hour is told when that is over: it tells nothing of a clock.
        if self._clocks is not None and batch.protocol != SOCIAL:
            _judge(self._clocks, batch.source, result.events)
        return _output(result, self._routing, several=self._several)

    async def _refer(self, message: StreamMessage, batch: FrameBatch) -> Output:
        result = await self._reference.take(message.sequence, batch)
        _count(batch.source, len(batch.frames), result)
        if self._normalizer.reference.tokens_changed:
            self._normalizer.reference.tokens_changed = False
            self._routing.assets = self._normalizer.assets()
        return _output(result, self._routing, several=self._several)


def _output(result: Normalized, routing: Lanes, *, several: bool) -> Output:
    events: Sequence[Record] = result.events
    lines = [encode_event(event) for event in events]
    if several:
        marks = [Mark(event.provider, event.timestamp, event.ingested) for event in events]
        return Output(lines, result.dead, [routing.of(event) for event in events], marks)
    if all(isinstance(event, AssetEvent) for event in events):
        return Output(lines, result.dead)
    alone = [everybody("0") if not isinstance(event, AssetEvent) else "" for event in events]
    return Output(lines, result.dead, alone)


def _count(source: str, frames: int, result: Normalized) -> None:
    MESSAGES_IN.labels(STAGE, source).inc(frames)
    MESSAGES_OUT.labels(STAGE, source).inc(len(result.events))
    if result.undecoded:
        UNDECODED_LOGS.labels(source).inc(result.undecoded)
    for kind, count in result.ignored.items():
        MESSAGES_IGNORED.labels(source, kind).inc(count)
    for letter in result.dead:
        # Without places in lists, so that the metric has a bounded number of series.
        SCHEMA_ERRORS.labels(source, _PLACES.sub("", letter.field or "frame")).inc()


def _judge(clocks: SourceClocks, source: str, events: Sequence[Record]) -> None:
    ahead = clocks.note(source, events)
    if ahead:
        EVENTS_AHEAD.labels(source).inc(ahead)
    if clocks.noted % _JUDGED_EVERY:
        return
    for name, delay in clocks.delays().items():
        SOURCE_DELAY.labels(name).set(delay / SECOND)
    for name, verdict in clocks.news():
        if verdict:
            log.warning("a source's clock seems to be wrong", source=name, reason=verdict)
        else:
            log.info("a source's clock seems to be right again", source=name)


def _no_batch(message: StreamMessage, error: msgspec.MsgspecError) -> DeadLetter:
    return DeadLetter(
        stage=STAGE,
        source=message.subject,
        position=str(message.sequence),
        received=message.stored,
        reason=f"a RAW message holds no batch of frames: {error}",
        original=f"RAW/{message.sequence}",
        payload=message.data,
    )
