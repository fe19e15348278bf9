"""Events that a chain took back: a replay leaves them out, as if they had never been."""

from collections.abc import Iterable

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

    def __init__(self, found: Iterable[tuple[int, ChainReorganised]] = ()) -> None:
        """Each with the number of its message."""
        self._by_chain: dict[tuple[int, str], list[tuple[int, int]]] = {}
        for sequence, record in found:
            key = (record.chain_id, record.provider)
            self._by_chain.setdefault(key, []).append((sequence, record.common_number))
        self.left_out = 0
        """Events that were left out."""

    def without_orphans(self, taken: Taken, sequence: int) -> Taken:
        """What a message brings, but for records that a later reorganisation takes back.

        None of it remains, not even the time that it brought.
        """
        if not self._by_chain:
            return taken
        steps: list[Record | Mark] = []
        for step in taken.steps:
            if isinstance(step, Mark) or not self._orphaned(step, sequence):
                steps.append(step)
            else:
                self.left_out += 1
        return Taken(steps, taken.judged)

    def _orphaned(self, record: Record, sequence: int) -> bool:
        number = getattr(record, "block_number", None)
        if number is None:
            return False
        key = (getattr(record, "chain_id", 0), record.provider)
        return any(
            told > sequence and number > common for told, common in self._by_chain.get(key, ())
        )


async def read_forks(bus: Bus, *, start_time: str | None) -> Forks:
    """The reorganisations that EVENTS tells of from a time on, to the end that it has now.

    Only headers are read, and the few messages of records that concern everybody.
    """
    stream = bus.names.stream(Stream.EVENTS)
    last = await bus.last_sequence(Stream.EVENTS)
    reader = bus.reader(Stream.EVENTS, after=0, start_time=start_time, headers_only=True)
    found: list[tuple[int, ChainReorganised]] = []
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
                    found.append((message.sequence, record))
    finally:
        await reader.close()
    return Forks(found)
