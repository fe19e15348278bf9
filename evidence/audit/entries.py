"""What the audit log records: who did what to what, when, why, and what it was before and after."""

import re
from hashlib import sha256
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

#: What an entry is about.
Action = Literal[
    "log-opened", "log-recovered", "frames-stored", "events-made", "alert-given", "alert-updated",
    "rules-changed", "reference-changed", "override", "died", "command", "configuration-changed",
    "erasure", "export", "messages-lost", "unreadable", "stream-begun", "case-action",
    "access", "exception", "report", "dead-letters",
]  # fmt: skip

#: A line is one entry, and no longer than this.
MOST_BYTES = 64 * 1024
#: What is said in words.
Said = Annotated[str, Meta(max_length=4_096)]
#: Of each text as it stands in a line, and of what it was before and after: so an entry fits.
_MOST_SAID, _MOST_RAW = 8 * 1024, 16 * 1024
#: What was before and after is no deeper, so that whoever reads the log can.
_MOST_DEEP = 64
#: Nanoseconds since the epoch.
Moment = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
#: Of no more digits than a number of 64 bits has.
_NUMBER = re.compile(rb'\{"number":(\d{1,19}),')


class EntryUnreadable(ValueError):
    """A line of the log is no entry."""


class Happening(Struct, kw_only=True, omit_defaults=True):
    """What happened, before it has its place in the log."""

    action: Action
    #: Nanoseconds since the epoch, UTC: of the thing itself where it has a time, else when it was
    #: logged.
    time: Moment
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
    #: What it was before and after, as JSON; large and deep ones by their hashes
    #: only.
    before: Raw | UnsetType = UNSET
    after: Raw | UnsetType = UNSET


class Entry(Happening, kw_only=True, omit_defaults=True):
    """What happened, at its place in the log."""

    #: Its place, from 0.
    number: int


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Entry)


def fitted(happening: Happening) -> Happening:
    """The same, changed in its place so that it is one line that is not too long, whatever is said.

    Raises msgspec.DecodeError where `before` or `after` is no JSON.
    """
    happening.who, happening.what = _cut(happening.who), _cut(happening.what)
    happening.why = _cut(happening.why)
    happening.before, happening.after = _one_line(happening.before), _one_line(happening.after)
    return happening


def _cut(text: str) -> str:
    if len(text) > 4_096:
        text = text[:4_093] + "..."
    while 6 * len(text) > _MOST_SAID < len(_encoder.encode(text)):
        text = text[: len(text) // 2] + "..."
    return text


def _one_line(raw: Raw | UnsetType) -> Raw | UnsetType:
    """JSON without line ends, which whoever sent it may have put there; a large one's hash."""
    if raw is UNSET:
        return raw
    content = bytes(raw)
    held = msgspec.json.decode(content)
    if len(content) > _MOST_RAW or _depth(held, _MOST_DEEP) > _MOST_DEEP:
        return Raw(_encoder.encode({"sha256": sha256(content).hexdigest()}))
    return Raw(msgspec.json.format(content, indent=-1))


def _depth(value: object, most: int) -> int:
    """How deep lists and objects lie in each other, no further than one more than `most`."""
    depth, level = 0, [value]
    while level and depth <= most:
        inner: list[object] = []
        for one in level:
            if isinstance(one, dict):
                inner += one.values()  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
            elif isinstance(one, list):
                inner += one  # pyright: ignore[reportUnknownArgumentType]
        depth, level = depth + 1, inner
    return depth


def encode(happening: Happening, number: int) -> bytes:
    """The line, without its end: equal entries give equal bytes. Raises ValueError if too long, and
    where it would be more than a line."""
    line = b'{"number":%d,%s' % (number, _encoder.encode(happening)[1:])
    if b"\n" in line or b"\r" in line:
        raise ValueError("an entry of more than one line")
    if len(line) > MOST_BYTES:
        raise ValueError(f"an entry of {len(line)} bytes; at most {MOST_BYTES} are allowed")
    return line


def decode(line: bytes) -> Entry:
    """The entry in a line. Raises EntryUnreadable."""
    try:
        return _decoder.decode(line)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise EntryUnreadable(str(error)) from None


def number_of(line: bytes) -> int | None:
    """The place that a line says to have, read fast; None if it is no entry."""
    found = _NUMBER.match(line)
    return None if found is None else int(found[1])
