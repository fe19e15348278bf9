"""Messages of the stream EVENTS: the records that one carries."""

from typing import cast

import msgspec

from normalizer.events import Record
from pipeline.bus import StreamMessage
from pipeline.bus.lane_order import is_order
from pipeline.frames import DeadLetter

STAGE = "detections"
_decoder = msgspec.json.Decoder(Record)


def decode_record(line: bytes) -> Record:
    """Raises msgspec.MsgspecError if it is none that this version knows."""
    return _decoder.decode(line)


def decode_message(message: StreamMessage) -> tuple[list[Record], list[DeadLetter]]:
    """Its records in order, and what can't be read."""
    if is_order(message):
        return [], []
    records, dead = decode_lines(message)
    return [record for record in records if record is not None], dead


def decode_lines(message: StreamMessage) -> tuple[list[Record | None], list[DeadLetter]]:
    """The record of each line, or None for one that can't be read, of which there is a letter."""
    try:
        # Nearly every message can be read, and all its lines at once are read faster.
        read = _decoder.decode_lines(message.data)
    except msgspec.MsgspecError:
        return _decode_each(message)
    if len(read) != message.data.count(b"\n") + 1:  # a line that is empty, or has two
        return _decode_each(message)
    return cast("list[Record | None]", read), []


def _decode_each(message: StreamMessage) -> tuple[list[Record | None], list[DeadLetter]]:
    records: list[Record | None] = []
    dead: list[DeadLetter] = []
    for index, line in enumerate(message.data.split(b"\n")):
        try:
            records.append(_decoder.decode(line))
        except msgspec.MsgspecError as error:
            records.append(None)
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
