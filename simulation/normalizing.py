"""A session's frames through the real normalizer, with what was announced in its course."""

from collections.abc import Iterator, Sequence

from normalizer.events import Record
from normalizer.normalize import Normalizer
from pipeline.bus.reference_history import HistoryMessage, digest_of
from pipeline.frames import Frame, FrameBatch
from pipeline.reference_changes import (
    ChangeChunk,
    InForce,
    change_of,
    encode_chunk,
    encode_in_force,
)
from pipeline.reference_records import ReferenceRecord
from simulation.session import Session

_BATCH = 256
ANNOUNCEMENTS = "announcements"


def normalized(session: Session) -> Iterator[tuple[Sequence[Record], int]]:
    """Events in batches, each with how many of its frames were dead letters."""
    venues = {source.name: source.venue for source in session.sources if source.venue}
    normalizer = Normalizer(session.reference, venues)
    told = _Announcements(normalizer)
    waiting = list(session.told)
    sequence = 0
    batch: list[Frame] = []
    place = -1
    for index, frame in [*session.frames, (-1, Frame("", 1 << 62, b""))]:
        due = bool(waiting) and waiting[0][0] <= frame.received
        if batch and (index != place or len(batch) >= _BATCH or due):
            source = session.sources[place]
            sequence += 1
            out = normalizer.normalize(sequence, FrameBatch(source.name, source.protocol, batch))
            yield out.events, len(out.dead)
            batch = []
        while waiting and waiting[0][0] <= frame.received:
            sequence += 1
            yield told.tell(*waiting.pop(0), sequence), 0
        place = index
        batch.append(frame)


class _Announcements:
    """Reference data that comes while the session goes on, as the bus would bring it."""

    def __init__(self, normalizer: Normalizer) -> None:
        self._normalizer = normalizer
        self._count = 0
        self._digest = ""

    def tell(self, time: int, record: ReferenceRecord, raw: int) -> Sequence[Record]:
        self._count += 1
        data = encode_chunk(ChangeChunk(ANNOUNCEMENTS, time, [change_of(record)]))
        message = HistoryMessage(self._count, data)
        self._digest = digest_of(self._digest, (message,))
        marker = InForce(self._count - 1, self._count, 1, self._digest, self._count)
        frame = Frame(str(self._count), time, encode_in_force(marker))
        batch = FrameBatch(ANNOUNCEMENTS, "reference", [frame])
        return self._normalizer.refer(raw, batch, [(message,)]).events
