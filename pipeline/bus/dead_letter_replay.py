"""Sending what dead letters are about through the pipeline again, after a fix."""

import msgspec
import nats.js.errors

from pipeline.bus.connection import Bus
from pipeline.bus.dead_letters import Note, StoredLetter, write_note
from pipeline.bus.publisher import publish_once
from pipeline.bus.streams import Stream
from pipeline.frames import Frame, FrameBatch, decode_batch, encode_batch
from pipeline.source_state import now

#: Stages whose letters hold a raw frame, which can take the whole way again.
FRAME_STAGES = ("collectors", "normalizer")
#: Of it are letters of whole messages: which of the events a rule failed on, only their words say.
_RULES = "detections"
#: Behind the subject that a record or frame had: what was sent again is no newest output of anyone.
AGAIN = "dead"
#: A recording's own lines have none: what is wrong there never was a frame.
_NO_PROTOCOL = ("", "recorded")


class CannotReplay(Exception):
    """A dead letter that can't be sent through again; the text says why and what to do."""


async def replay(bus: Bus, stored: StoredLetter) -> None:
    """Send what a letter is about through again, and note that; the letter stays where it is.

    A raw frame takes the whole way again, from RAW on. A record goes to its lane and the sinks
    again, from EVENTS or ALERTS. All that it causes has the same ids as the first time, so whoever
    has it already drops it. Raises :class:`CannotReplay`, which is noted as well.
    """
    try:
        if stored.letter.stage in FRAME_STAGES:
            await _replay_frame(bus, stored)
        else:
            await _replay_record(bus, stored)
    except CannotReplay as error:
        await write_note(bus, Note(now(), "failed", [stored.sequence], str(error)))
        raise
    await write_note(bus, Note(now(), "replayed", [stored.sequence]))


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
        bus.names.subject(Stream.RAW, f"{letter.source}.{AGAIN}"),
        encode_batch(FrameBatch(letter.source, letter.protocol, [again])),
        _once_this_time(stored),
    )


def _once_this_time(stored: StoredLetter) -> str:
    """A message id for one replay, also where it broke off before it was noted."""
    return f"dead:{stored.sequence}:{stored.replays}"


async def _replay_record(bus: Bus, stored: StoredLetter) -> None:
    if stored.letter.stage == _RULES and stored.letter.original.count("/") == 1:
        raise CannotReplay(
            f"dead letter {stored.sequence} is of a rule that failed: its event counts once, and "
            "sent again it would change nothing. After the fix `tapewatch replay` runs the rules "
            "over that time again, and says which alerts there would have been"
        )
    found = await _original(bus, stored.letter.original)
    if found is None or found.stream not in (Stream.EVENTS, Stream.ALERTS) or not found.part:
        raise CannotReplay(
            f"dead letter {stored.sequence} is of {stored.letter.original or 'no known record'}, "
            "which is not on the bus any more"
        )
    # To the subject of its lane, which alone reads it there.
    subject = f"{found.subject.removesuffix(f'.{AGAIN}')}.{AGAIN}"
    await publish_once(bus, subject, found.part, _once_this_time(stored))


async def _frame(bus: Bus, original: str) -> Frame | None:
    found = await _original(bus, original)
    if found is None or found.stream is not Stream.RAW:
        return None
    try:
        return decode_batch(found.data).frames[found.index or 0]
    except (IndexError, msgspec.MsgspecError):
        return None


class _Original(msgspec.Struct):
    """What lies at ``STREAM/sequence/index``."""

    stream: Stream
    subject: str
    data: bytes
    #: None where all that the message holds is meant.
    index: int | None

    @property
    def part(self) -> bytes:
        """The record at the index, or all of them; empty when there is none."""
        if self.index is None:
            return self.data
        lines = self.data.split(b"\n")
        return lines[self.index] if self.index < len(lines) else b""


async def _original(bus: Bus, original: str) -> _Original | None:
    name, _, rest = original.partition("/")
    sequence, _, index = rest.partition("/")
    try:
        stream = Stream(name)
        message = await bus.jetstream.get_msg(bus.names.stream(stream), int(sequence))
        place = int(index.partition("/")[0]) if index else None
    except (ValueError, nats.js.errors.NotFoundError):
        return None
    return _Original(stream, message.subject or "", message.data or b"", place)
