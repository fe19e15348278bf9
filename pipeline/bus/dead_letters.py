"""The dead letters: how they are stored, and what became of them."""

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Literal

import msgspec
import nats.js.errors
from msgspec import Struct

from pipeline.bus.publisher import publish_once
from pipeline.bus.reader import MessagesExpired, StreamMessage
from pipeline.bus.streams import Stream
from pipeline.frames import DeadLetter, decode_dead_letter, encode_dead_letter
from pipeline.source_state import now

if TYPE_CHECKING:
    from pipeline.bus.connection import Bus

#: What of a payload a dead letter keeps at most; the whole one stays where ``original`` points.
MOST_DEAD_BYTES = 256 * 1024
MOST_REASON = 4_000

#: The subject's token of notes: what was done with letters. They are in the stream of the letters.
NOTES = "notes"

#: ``open``: nothing was done. ``replayed``: it was sent through again. ``failed``: that was tried,
#: and could not be.
State = Literal["open", "replayed", "failed"]


class Note(Struct, frozen=True, omit_defaults=True):
    """What was done with letters, when (nanoseconds since the epoch), and how it went."""

    at: int
    what: Literal["replayed", "failed", "expired"]
    letters: list[int]
    detail: str = ""


class StoredLetter(Struct):
    """A dead letter with its sequence in the DEAD stream, and what was done with it since."""

    sequence: int
    letter: DeadLetter
    state: State = "open"
    replays: int = 0
    """How often it was sent through again."""
    noted: int = 0
    """When something was done with it last, in nanoseconds since the epoch; 0 when nothing was."""
    detail: str = ""


def encode_fitting(letter: DeadLetter, largest: int) -> bytes:
    """A letter as JSON that a message of ``largest`` bytes holds: cut, and marked so, if need be.

    A letter that the bus refuses would hold up its stage for ever.
    """
    most = min(MOST_DEAD_BYTES, largest // 2)  # base64 makes four bytes of three
    context = letter.context if len(letter.context) <= most // 4 else ""
    return encode_dead_letter(
        msgspec.structs.replace(
            letter,
            reason=letter.reason[:MOST_REASON],
            payload=letter.payload[:most],
            context=context,
            truncated=letter.truncated or len(letter.payload) > most or context != letter.context,
        )
    )


async def dead_letters(bus: "Bus", *, after: int = 0) -> AsyncIterator[StoredLetter]:
    """All dead letters from after a sequence on, in order, with what was done with each."""
    notes = _by_letter(await read_notes(bus))
    last = await bus.last_sequence(Stream.DEAD)
    reader = bus.reader(Stream.DEAD, after=after)
    noted = bus.names.subject(Stream.DEAD, NOTES)
    try:
        while reader.position < last:
            try:
                messages = await reader.batch(64, wait=2)
            except MessagesExpired:
                continue  # older letters have left the stream by its limits, as they may
            if not messages:
                return  # the rest expired
            for message in messages:
                if message.subject == noted or message.sequence > last:
                    continue
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
                yield _told(StoredLetter(message.sequence, letter), notes)
    finally:
        await reader.close()


def is_note(message: StreamMessage) -> bool:
    """Whether a message of the stream says what was done with letters, and is none itself."""
    return message.subject.rpartition(".")[2] == NOTES


async def write_note(bus: "Bus", note: Note) -> None:
    """Say in the stream what was done with letters."""
    await publish_once(
        bus,
        bus.names.subject(Stream.DEAD, NOTES),
        msgspec.json.encode(note),
        f"note:{note.what}:{note.at}:{note.letters[0] if note.letters else 0}",
    )


async def read_notes(bus: "Bus") -> list[Note]:
    """All notes, the oldest first."""
    subject = bus.names.subject(Stream.DEAD, NOTES)
    stream = bus.names.stream(Stream.DEAD)
    notes: list[Note] = []
    sequence = 0
    while True:
        try:
            found = await bus.jetstream.get_msg(
                stream, seq=sequence + 1, subject=subject, next=True
            )
        except nats.js.errors.NotFoundError:
            return notes
        sequence = found.seq or 0
        notes.append(msgspec.json.decode(found.data or b"", type=Note))


async def expire(bus: "Bus", letters: list[int], why: str) -> int:
    """Take letters out of the stream, and note that. How many were still there."""
    stream = bus.names.stream(Stream.DEAD)
    gone: list[int] = []
    for sequence in letters:
        try:
            await bus.jetstream.delete_msg(stream, sequence)
        except (nats.js.errors.NotFoundError, nats.js.errors.APIError):
            continue  # it has left the stream meanwhile
        gone.append(sequence)
    if gone:
        await write_note(bus, Note(now(), "expired", gone, why))
    return len(gone)


def _by_letter(notes: list[Note]) -> dict[int, list[Note]]:
    found: dict[int, list[Note]] = {}
    for note in notes:
        for sequence in note.letters:
            found.setdefault(sequence, []).append(note)
    return found


def _told(stored: StoredLetter, notes: Mapping[int, list[Note]]) -> StoredLetter:
    for note in notes.get(stored.sequence, ()):
        if note.what != "expired":
            stored.state = note.what
            stored.replays += note.what == "replayed"
            stored.noted, stored.detail = note.at, note.detail
    return stored
