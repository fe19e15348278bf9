"""Frames that say which reference data is in force: what they change, and the events of it.

Pure: the messages of REFERENCE come with the frame. A frame whose messages aren't there, or have
another digest than it says, changes nothing.
"""

from collections.abc import Iterator, Sequence

import msgspec
import structlog

from normalizer.decoders.collected import Normalized
from normalizer.decoders.unreadable import Unreadable, unreadable
from normalizer.enrichment import Enrichment
from normalizer.events.reference import Change
from normalizer.reference_news import ALWAYS_TOLD, MOST_TOLD, Newsroom, Told
from pipeline.bus.reference_history import HistoryMessage, digest_of
from pipeline.frames import Frame, FrameBatch
from pipeline.reference_changes import (
    ChangeChunk,
    ReferenceChange,
    decode_chunk,
    decode_in_force,
    decode_record,
)
from pipeline.reference_records import ReferenceRecord

log = structlog.get_logger(__name__)

_Change = tuple[str, ReferenceChange, ReferenceRecord | None]


class ReferenceTaking:
    """Takes what is in force into the reference data that events are enriched with."""

    def __init__(self, enrichment: Enrichment) -> None:
        self.enrichment = enrichment
        #: Whether tokens changed since this was last set to false.
        self.tokens_changed = False

    def position(self, source: str) -> int:
        """Up to where a source's subject of REFERENCE is in force."""
        return self.enrichment.book.source(source).position

    def restore(self, source: str, messages: Sequence[HistoryMessage]) -> None:
        """Take what was in force where work goes on, without events."""
        for _, change, record in _changes(source, messages, Normalized()):
            self.enrichment.put(source, change, record)
        self._stand(source, messages, self.enrichment.book.source(source).digest)
        self._settle()

    def take(
        self,
        batch: FrameBatch,
        frame: Frame,
        original: str,
        messages: Sequence[HistoryMessage],
        out: Normalized,
    ) -> None:
        """Put in force what a frame says. Raises Unreadable, and then nothing has changed."""
        try:
            marker = decode_in_force(frame.payload)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise unreadable(error) from None
        known = self.enrichment.book.source(batch.source)
        if marker.upto <= known.position:
            out.ignore("reference already in force")
            return
        if not messages or messages[-1].sequence != marker.upto:
            raise Unreadable(
                f"REFERENCE doesn't hold what of {batch.source} is said to be in force", "upto"
            )
        if digest_of(known.digest, messages) != marker.digest:
            raise Unreadable(
                f"REFERENCE holds something else of {batch.source} than was written", "digest"
            )
        first = known.position == 0
        told: list[Told] = []
        counts: dict[Change, int] = {"added": 0, "changed": 0, "withdrawn": 0}
        untold = 0
        for event_id, change, record in _changes(batch.source, messages, out):
            before = self.enrichment.put(batch.source, change, record)
            one = Told(event_id, change, before, record)
            became = one.became
            if became is None or (became == "changed" and before == record):
                continue
            counts[became] += 1
            if change.kind in ALWAYS_TOLD or (not first and len(told) < MOST_TOLD):
                told.append(one)
            else:
                untold += 1
        self._stand(batch.source, messages, known.digest)
        self._settle()
        newsroom = Newsroom(self.enrichment, batch.source, frame, original, marker)
        out.events += newsroom.events(told)
        out.events.append(newsroom.refreshed(counts, untold))

    def _stand(self, source: str, messages: Sequence[HistoryMessage], digest: str) -> None:
        if messages:
            known = self.enrichment.book.source(source)
            known.position = messages[-1].sequence
            known.digest = digest_of(digest, messages)

    def _settle(self) -> None:
        if self.enrichment.settle().tokens:
            self.tokens_changed = True


def _changes(source: str, messages: Sequence[HistoryMessage], out: Normalized) -> Iterator[_Change]:
    """The changes in messages, with an id each. What can't be read is counted and left out."""
    for message in messages:
        try:
            chunk: ChangeChunk = decode_chunk(message.data)
        except msgspec.MsgspecError as error:
            log.error("a message of REFERENCE can't be read", source=source, reason=str(error))
            out.ignore("unreadable reference message")
            continue
        for number, change in enumerate(chunk.changes):
            try:
                record = None if change.withdrawn else decode_record(change)
            except msgspec.MsgspecError as error:
                log.error("a record can't be read", source=source, kind=change.kind, key=change.key)
                out.ignore(f"unreadable reference record: {error}"[:100])
                continue
            yield f"reference:{source}:{message.sequence}:{number}", change, record
