"""Events that a chain took back: a replay leaves them out, as if they had never been."""

from detections.engine.chain_history import Fork, Orphans
from detections.lanes.event_messages import decode_record
from detections.lanes.events import concerns_everybody
from normalizer.events import ChainReorganised
from pipeline.bus import Bus, Stream
from pipeline.event_sources.stream import batches_until


async def read_orphans(bus: Bus, *, start_time: str | None) -> Orphans:
    """What EVENTS says of reorganisations from a time on, to the end that it has now.

    Only headers are read, and the few messages of records that concern everybody.
    """
    stream = bus.names.stream(Stream.EVENTS)
    last = await bus.last_sequence(Stream.EVENTS)
    reader = bus.reader(Stream.EVENTS, after=0, start_time=start_time, headers_only=True)
    found: list[Fork] = []
    try:
        async for messages in batches_until(reader, last, lambda expired: None):
            for message in messages:
                if not concerns_everybody(message):
                    continue
                whole = await bus.jetstream.get_msg(stream, message.sequence)
                record = decode_record(whole.data or b"")
                if isinstance(record, ChainReorganised):
                    found.append(_fork(message.sequence, record))
    finally:
        await reader.close()
    return Orphans(found)


def _fork(place: int, record: ChainReorganised) -> Fork:
    return Fork(
        place,
        record.provider,
        record.chain_id,
        record.common_number,
        first=0,  # where its branch began is no matter here
        timestamp=record.timestamp,
    )
