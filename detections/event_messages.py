"""Messages of the stream EVENTS: the records that one carries."""

import msgspec

from normalizer.events import Record
from pipeline.bus import StreamMessage
from pipeline.frames import DeadLetter

STAGE = "detections"
_decoder = msgspec.json.Decoder(Record)


def decode_record(line: bytes) -> Record:
    """Raises msgspec.MsgspecError if it is none that this version knows."""
    return _decoder.decode(line)


def decode_message(message: StreamMessage) -> tuple[list[Record], list[DeadLetter]]:
    """Its records in order, and what can't be read."""
    records: list[Record] = []
    dead: list[DeadLetter] = []
    for index, line in enumerate(message.data.split(b"\n")):
        try:
            records.append(_decoder.decode(line))
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


def failure(message: StreamMessage, problem: str) -> DeadLetter:
    """What a rule couldn't deal with in a message, and why."""
    return DeadLetter(
        stage=STAGE,
        source=message.subject,
        position=str(message.sequence),
        received=message.stored,
        reason=problem,
        original=f"EVENTS/{message.sequence}",
    )
