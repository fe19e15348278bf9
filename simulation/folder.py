"""A session as files, for those who write rules: frames, events, reference data, labels."""

from pathlib import Path

import msgspec
import yaml

from collectors.recording import RecordedSource, RecordingWriter
from normalizer.normalize import encode_events
from pipeline.reference_records import CorporateEvent, Reference, ReferenceRecord, Sanction
from pipeline.social_payload import PROTOCOL as SOCIAL
from simulation.normalizing import normalized
from simulation.session import Session
from simulation.truth import labels_of, write_labels

FRAMES, ORDER_LOG, SOCIAL_FEED, EVENTS, REFERENCE, LABELS = (
    "session.jsonl.gz",
    "order-log.ndjson",
    "social-feed.ndjson",
    "events.ndjson",
    "reference.yaml",
    "labels.yml",
)

#: Where a reference file has what sessions tell.
_SECTIONS: dict[type, str] = {CorporateEvent: "corporate_events", Sanction: "sanctions"}


class Written(msgspec.Struct, frozen=True):
    """What was written."""

    frames: int
    events: int
    labels: int


def write(session: Session, folder: Path) -> Written:
    """Write a session into a folder, which is made where it isn't there. Raises OSError.

    Frames are a recording, or an order log as a venue would write it, with a social feed beside it
    where somebody talks. The events are what the normalizer makes of them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if all(source.protocol in ("order_log", SOCIAL) for source in session.sources):
        for place, file in enumerate((ORDER_LOG, SOCIAL_FEED)[: len(session.sources)]):
            lines = (frame.payload + b"\n" for of, frame in session.frames if of == place)
            (folder / file).write_bytes(b"".join(lines))
    else:
        sources = [RecordedSource(one.name, one.protocol, one.venue) for one in session.sources]
        with RecordingWriter(folder / FRAMES, sources) as writer:
            for place, frame in session.frames:
                writer.write(session.sources[place].name, frame)
    events = 0
    with (folder / EVENTS).open("wb") as file:
        for some, _ in normalized(session):
            events += len(some)
            file.write(encode_events(some))
    reference = yaml.safe_dump(
        msgspec.to_builtins(_known_at_last(session)),
        sort_keys=False,
        width=100,
        allow_unicode=True,
    )
    (folder / REFERENCE).write_text(reference)
    labels = labels_of(session.episodes, session.evidence if session.public else None)
    (folder / LABELS).write_bytes(write_labels(labels))
    return Written(len(session.frames), events, len(labels))


def _known_at_last(session: Session) -> Reference:
    """The reference data with all that was told in the course of the session."""
    more: dict[str, list[ReferenceRecord]] = {}
    for _, one in session.told:
        more.setdefault(_SECTIONS[type(one)], []).append(one)
    return msgspec.structs.replace(
        session.reference,
        **{name: (*getattr(session.reference, name), *told) for name, told in more.items()},
    )
