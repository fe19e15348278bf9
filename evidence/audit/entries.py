"""What the audit log records: who did what to what, when, why, and what it was before and after."""

import re
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

#: What an entry is about.
Action = Literal[
    "log-opened", "log-recovered", "frames-stored", "events-made", "alert-given", "alert-updated",
    "rules-changed", "reference-changed", "override", "died", "command", "configuration-changed",
    "erasure", "export", "messages-lost", "unreadable",
]  # fmt: skip

#: A line is one entry, and no longer than this.
MOST_BYTES = 64 * 1024
#: What is said in words.
Said = Annotated[str, Meta(max_length=4_096)]
_NUMBER = re.compile(rb'\{"number":(\d+),')


class EntryUnreadable(ValueError):
    """A line of the log is no entry."""


class Happening(Struct, kw_only=True, omit_defaults=True):
    """What happened, before it has its place in the log."""

    action: Action
    #: Nanoseconds since the epoch, UTC: of the thing itself where it has a time, else when it was
    #: logged.
    time: int
    #: User or process: ``alice@host``, ``normalizer``.
    who: Said
    #: What it was done to: an id, a file, a place in a stream.
    what: Said
    why: Said = ""
    #: Where on the bus it stands, such as ``ALERTS/17``; empty where `what` is that.
    place: str = ""
    #: How many, where it was several.
    count: int = 1
    #: SHA-256 (hexadecimal) of what it is about, byte for byte.
    sha256: str = ""
    #: What it was before and after, as JSON; large ones by their hashes only.
    before: Raw | UnsetType = UNSET
    after: Raw | UnsetType = UNSET


class Entry(Happening, kw_only=True, omit_defaults=True):
    """What happened, at its place in the log."""

    #: Its place, from 0.
    number: int


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Entry)


def encode(happening: Happening, number: int) -> bytes:
    """The line, without its end: equal entries give equal bytes. Raises ValueError if too long."""
    line = b'{"number":%d,%s' % (number, _encoder.encode(happening)[1:])
    if len(line) > MOST_BYTES:
        raise ValueError(f"an entry of {len(line)} bytes; at most {MOST_BYTES} are allowed")
    return line


def decode(line: bytes) -> Entry:
    """The entry in a line. Raises EntryUnreadable."""
    try:
        return _decoder.decode(line)
    except msgspec.MsgspecError as error:
        raise EntryUnreadable(str(error)) from None


def number_of(line: bytes) -> int | None:
    """The place that a line says to have, read fast; None if it is no entry."""
    found = _NUMBER.match(line)
    return None if found is None else int(found[1])
