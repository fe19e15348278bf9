"""The normalizer on the bus: RAW to EVENTS."""

import re

import msgspec

from normalizer.normalize import Normalized, Normalizer, encode_event
from pipeline.bus import Bus, Stream, StreamMessage
from pipeline.bus.relay import Output, Relay
from pipeline.frames import DeadLetter, decode_batch
from pipeline.metrics import (
    MESSAGES_IGNORED,
    MESSAGES_IN,
    MESSAGES_OUT,
    SCHEMA_ERRORS,
    UNDECODED_LOGS,
)

STAGE = "normalizer"
_PLACES = re.compile(r"\[[^\]]*\]")


def relay(bus: Bus, normalizer: Normalizer) -> Relay:
    """The relay that runs the normalizer on a bus."""

    def work(message: StreamMessage) -> Output:
        try:
            batch = decode_batch(message.data)
        except msgspec.MsgspecError as error:
            return Output(dead=[_no_batch(message, error)])
        result = normalizer.normalize(message.sequence, batch)
        _count(batch.source, len(batch.frames), result)
        return Output([encode_event(event) for event in result.events], result.dead)

    return Relay(bus, STAGE, Stream.RAW, Stream.EVENTS, work)


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
