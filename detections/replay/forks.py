"""Events that a chain took back: a replay leaves them out, as if they had never been."""

from collections.abc import Sequence

from detections.chain_history import Fork, Orphans
from detections.event_messages import decode_record
from detections.lane_events import Taken, concerns_everybody
from normalizer.events import ChainReorganised, Record
from pipeline.bus import Bus, MessagesExpired, Stream
from pipeline.bus.lane_order import Mark

_AT_ONCE = 256
_WAIT = 2.0
_PATIENCES = 3


class Forks:
    """All reorganisations that the stream tells of."""

    def __init__(self, found: Sequence[Fork] = ()) -> None:
        self.orphans = Orphans(found)

    def without_orphans(self, taken: Taken, place: int) -> Taken:
        """What a message brings, but for records that a later reorganisation takes back."""
        steps: list[Record | Mark] = []
        for step in taken.steps:
            kept = step if isinstance(step, Mark) else self.orphans.kept(place, step)
            if kept is not None:
                steps.append(kept)
        return Taken(steps, taken.judged)


async def read_forks(bus: Bus, *, start_time: str | None) -> Forks:
    """The reorganisations that EVENTS tells of from a time on, to the end that it has now.

    Only headers are read, and the few messages of records that concern everybody.
    """
    stream = bus.names.stream(Stream.EVENTS)
    last = await bus.last_sequence(Stream.EVENTS)
    reader = bus.reader(Stream.EVENTS, after=0, start_time=start_time, headers_only=True)
    found: list[Fork] = []
    quiet = 0
    try:
        while reader.position < last and quiet < _PATIENCES:
            try:
                messages = await reader.batch(_AT_ONCE, wait=_WAIT)
            except MessagesExpired:
                continue
            quiet = 0 if messages else quiet + 1
            for message in messages:
                if not concerns_everybody(message):
                    continue
                whole = await bus.jetstream.get_msg(stream, message.sequence)
                record = decode_record(whole.data or b"")
                if isinstance(record, ChainReorganised):
                    found.append(_fork(message.sequence, record))
    finally:
        await reader.close()
    return Forks(found)


def _fork(place: int, record: ChainReorganised) -> Fork:
    return Fork(
        place,
        record.provider,
        record.chain_id,
        record.common_number,
        first=0,  # where its branch began is no matter here
        timestamp=record.timestamp,
    )
