"""The dead letters: listing them, and sending them through again after a fix."""

from collections.abc import AsyncIterator

import msgspec
import nats.js.errors
from msgspec import Struct

from pipeline.bus.connection import Bus
from pipeline.bus.publisher import publish_once
from pipeline.bus.reader import MessagesExpired
from pipeline.bus.streams import Stream
from pipeline.frames import (
    DeadLetter,
    Frame,
    FrameBatch,
    decode_batch,
    decode_dead_letter,
    encode_batch,
    encode_dead_letter,
)
from pipeline.source_state import now

#: What of a payload a dead letter keeps at most; the whole one stays where ``original`` points.
MOST_DEAD_BYTES = 256 * 1024
MOST_REASON = 4_000

#: Stages whose letters hold a raw frame, which can take the whole way again.
FRAME_STAGES = ("collectors", "normalizer")
#: A recording's own lines have none: what is wrong there never was a frame.
_NO_PROTOCOL = ("", "recorded")


class StoredLetter(Struct):
    """A dead letter with its sequence in the DEAD stream."""

    sequence: int
    letter: DeadLetter


class CannotReplay(Exception):
    """A dead letter that can't be sent through again; the text says why and what to do."""


def encode_fitting(letter: DeadLetter, largest: int) -> bytes:
    """A letter as JSON that a message of ``largest`` bytes holds: cut, and marked so, if need be.

    A letter that the bus refuses would hold up its stage for ever.
    """
    most = min(MOST_DEAD_BYTES, largest // 2)  # base64 makes four bytes of three
    return encode_dead_letter(
        msgspec.structs.replace(
            letter,
            reason=letter.reason[:MOST_REASON],
            payload=letter.payload[:most],
            truncated=letter.truncated or len(letter.payload) > most,
        )
    )


async def dead_letters(bus: Bus, *, after: int = 0) -> AsyncIterator[StoredLetter]:
    """All dead letters from after a sequence on, in order."""
    last = await bus.last_sequence(Stream.DEAD)
    reader = bus.reader(Stream.DEAD, after=after)
    try:
        while reader.position < last:
            try:
                messages = await reader.batch(64, wait=2)
            except MessagesExpired:
                continue  # older letters have left the stream by its limits, as they may
            if not messages:
                return  # the rest expired
            for message in messages:
                try:
                    letter = decode_dead_letter(message.data)
                except msgspec.MsgspecError as error:
                    letter = DeadLetter(
                        stage="unknown",
                        source=message.subject,
                        position=str(message.sequence),
                        received=message.stored,
                        reason=f"not a dead letter of this version: {error}",
                        payload=message.data,
                    )
                yield StoredLetter(message.sequence, letter)
    finally:
        await reader.close()


async def replay(bus: Bus, stored: StoredLetter) -> None:
    """Send what a letter is about through again; the letter stays where it is.

    A raw frame takes the whole way again, from RAW on. A document that a sink refused goes to the
    sinks again, from EVENTS or ALERTS. All that it causes has the same ids as the first time, so
    whoever has it already drops it. Raises :class:`CannotReplay`.
    """
    if stored.letter.stage in FRAME_STAGES:
        await _replay_frame(bus, stored)
    else:
        await _replay_record(bus, stored)


async def _replay_frame(bus: Bus, stored: StoredLetter) -> None:
    letter = stored.letter
    payload = letter.payload
    if letter.truncated:
        frame = await _frame(bus, letter.original)
        if frame is None:
            raise CannotReplay(
                f"dead letter {stored.sequence} keeps only a part of its frame, and the whole one "
                "never entered RAW or has expired from it"
            )
        payload = frame.payload
    if letter.protocol in _NO_PROTOCOL or not payload:
        raise CannotReplay(
            f"dead letter {stored.sequence} holds no raw frame: there is nothing to send again"
        )
    again = Frame(letter.position, letter.received, payload, letter.kind, letter.context)
    await publish_once(
        bus,
        bus.names.subject(Stream.RAW, f"{letter.source}.dead"),
        encode_batch(FrameBatch(letter.source, letter.protocol, [again])),
        _once_this_time(stored),
    )


def _once_this_time(stored: StoredLetter) -> str:
    """A message id for the retries of one replay; the same letter may be sent again later."""
    return f"dead:{stored.sequence}:{now()}"


async def _replay_record(bus: Bus, stored: StoredLetter) -> None:
    stream, index, data = await _original(bus, stored.letter.original)
    lines = data.split(b"\n") if data is not None else []
    if stream not in (Stream.EVENTS, Stream.ALERTS) or index >= len(lines):
        raise CannotReplay(
            f"dead letter {stored.sequence} is of {stored.letter.original or 'no known record'}, "
            "which is not on the bus any more"
        )
    await publish_once(
        bus,
        bus.names.subject(stream, "dead"),
        lines[index],
        _once_this_time(stored),
    )


async def _frame(bus: Bus, original: str) -> Frame | None:
    stream, index, data = await _original(bus, original)
    if stream is not Stream.RAW or data is None:
        return None
    try:
        return decode_batch(data).frames[index]
    except (IndexError, msgspec.MsgspecError):
        return None


async def _original(bus: Bus, original: str) -> tuple[Stream | None, int, bytes | None]:
    """Stream, index in the message, and the message's data, of ``STREAM/sequence/index``."""
    name, _, rest = original.partition("/")
    sequence, _, index = rest.partition("/")
    try:
        stream = Stream(name)
        message = await bus.jetstream.get_msg(bus.names.stream(stream), int(sequence))
    except (ValueError, nats.js.errors.NotFoundError):
        return None, 0, None
    return stream, int(index.partition("/")[0] or "0"), message.data
