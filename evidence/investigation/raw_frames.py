"""The raw messages behind an investigation, byte for byte, as long as the bus has them."""

from collections.abc import Sequence

import nats.js.errors
from msgspec import MsgspecError, Struct

from pipeline.bus import Bus, Stream
from pipeline.frames import decode_batch

#: Messages that one export holds at most: some gigabytes of frames would be nobody's evidence.
MOST_MESSAGES = 20_000
#: A number in RAW has less: it fits 64 bits.
_DIGITS = 20


class RawFrame(Struct, frozen=True, kw_only=True):
    """A frame that an event was made of."""

    original: str
    source: str
    #: What the source itself calls its place.
    position: str
    #: Nanoseconds since the epoch.
    received: int
    payload: bytes


class RawMessages(Struct, kw_only=True):
    """What the bus still has."""

    #: By their number in RAW.
    messages: dict[int, bytes]
    frames: list[RawFrame]
    #: `event.original` of frames that are gone.
    gone: list[str]


async def raw_messages(bus: Bus, originals: Sequence[str]) -> RawMessages:
    """The messages and frames of these places (``RAW/message/frame``)."""
    found = RawMessages(messages={}, frames=[], gone=[])
    stream = bus.names.stream(Stream.RAW)
    for original in originals:
        place = _place(original)
        if place is None:
            found.gone.append(original)
            continue
        number, index = place
        if number not in found.messages and len(found.messages) < MOST_MESSAGES:
            try:
                message = await bus.jetstream.get_msg(stream, number)
            except nats.js.errors.NotFoundError:
                message = None
            if message is not None and message.data:
                found.messages[number] = message.data
        frame = _frame(original, found.messages.get(number), index)
        if frame is None:
            found.gone.append(original)
        else:
            found.frames.append(frame)
    return found


def _place(original: str) -> tuple[int, int] | None:
    parts = original.split("/")
    if (
        len(parts) != 3
        or parts[0] != "RAW"
        or not all(part.isascii() and part.isdigit() and len(part) < _DIGITS for part in parts[1:])
    ):
        return None
    return int(parts[1]), int(parts[2])


def _frame(original: str, message: bytes | None, index: int) -> RawFrame | None:
    if message is None:
        return None
    try:
        batch = decode_batch(message)
        frame = batch.frames[index]
    except (MsgspecError, IndexError):
        return None
    return RawFrame(
        original=original,
        source=batch.source,
        position=frame.position,
        received=frame.received,
        payload=frame.payload,
    )
