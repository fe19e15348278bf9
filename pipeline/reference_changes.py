"""Changes of reference data: what the stream REFERENCE holds, and the frame in RAW that says when.

A source of reference data writes what changed to its subject of REFERENCE, as messages that each
are one :class:`ChangeChunk`. Then it writes one frame to its subject of RAW (protocol
:data:`PROTOCOL`), whose payload is an :class:`InForce`: from here on, what the source's subject of
REFERENCE holds up to a message is in force. So the order of reference data among all other frames
is that of RAW, and what was known when doesn't depend on who read which stream how fast.

A change is of one record, which (source, kind, key, ``valid_from``) names. It puts the record in
the place of the one that was there, or withdraws it.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

from pipeline.reference_records import (
    CorporateEvent,
    Investor,
    LabelledAddress,
    Link,
    ListEntry,
    Override,
    ReferenceRecord,
    Risk,
    Sanction,
    Token,
    Venue,
    VenueAccount,
    Verification,
    compared,
    compared_account,
    moment,
)
from pipeline.venue_sessions import check_calendar

#: Of the frames in RAW that say what is in force.
PROTOCOL = "reference"
#: What `event.provider` begins with, of events of reference data; behind it comes the source.
REFERENCE_PROVIDER = "reference:"

ReferenceKind = Literal[
    "token", "investor", "address", "account", "sanction", "list-entry", "corporate-event",
    "venue", "verification", "risk", "link", "override",
]  # fmt: skip

#: The record of each kind.
RECORDS: Mapping[ReferenceKind, type[ReferenceRecord]] = {
    "token": Token,
    "investor": Investor,
    "address": LabelledAddress,
    "account": VenueAccount,
    "sanction": Sanction,
    "list-entry": ListEntry,
    "corporate-event": CorporateEvent,
    "venue": Venue,
    "verification": Verification,
    "risk": Risk,
    "link": Link,
    "override": Override,
}
_KINDS: Mapping[type[ReferenceRecord], ReferenceKind] = {
    record: kind for kind, record in RECORDS.items()
}
KINDS: tuple[ReferenceKind, ...] = tuple(RECORDS)


class ReferenceChange(Struct, array_like=True, gc=False, frozen=True):
    """One record put in place, or withdrawn where ``record`` is empty."""

    kind: ReferenceKind
    key: str
    #: The record as JSON, as :func:`encode_record` writes it.
    record: bytes
    #: Nanoseconds since the epoch; None: without bound.
    valid_from: int | None = None
    #: The first moment at which it no longer holds.
    valid_to: int | None = None

    @property
    def withdrawn(self) -> bool:
        """Whether the record is gone."""
        return not self.record

    @property
    def identity(self) -> "Identity":
        """What it is a change of, within its source."""
        return self.kind, self.key, self.valid_from


#: Kind, key and ``valid_from``: what a source has one record of.
Identity = tuple[ReferenceKind, str, int | None]


class ChangeChunk(Struct, array_like=True, gc=False):
    """Changes of one source, in order: one message of REFERENCE."""

    source: str
    #: When the source was read, nanoseconds since the epoch.
    read: int
    changes: list[ReferenceChange]


class InForce(Struct, array_like=True, frozen=True):
    """From this frame of RAW on, the source's subject of REFERENCE is in force up to ``upto``.

    ``before``: up to where it was in force until here. So the frame that comes next tells what was
    in force at any place before it, also when earlier ones are gone. ``stream`` is when REFERENCE
    was made, in microseconds since the epoch: its sequences are of that life. ``digest`` is of all
    messages of the subject up to ``upto``, by :func:`chained`.
    """

    before: int
    upto: int
    stream: int
    digest: str
    #: How many records the source has now.
    records: int = 0


def kind_of(record: ReferenceRecord) -> ReferenceKind:
    """The kind of a record."""
    return _KINDS[type(record)]


def key_of(record: ReferenceRecord) -> str:
    """What names a record among those of its kind and source.

    Raises ValueError where a record names nobody.
    """
    match record:
        case Token() | Investor() | CorporateEvent() | Venue() | Override():
            return record.id
        case LabelledAddress():
            return compared(record.address)
        case VenueAccount():
            if "/" in record.venue:
                raise ValueError("venue: the name of a venue has no /")
            return f"{record.venue}/{compared_account(record.account)}"
        case Sanction():
            return f"{record.list}/{compared(record.address)}"
        case ListEntry():
            who = _one_of(record.investor, record.address)
            return "/".join((record.list, who, record.token or "*"))
        case Verification():
            return f"{record.provider}/{_one_of(record.investor, record.address)}"
        case Risk():
            return f"{record.provider}/{compared(record.address)}"
        case Link():
            first, second = sorted((compared(record.address), compared(record.other)))
            return f"{record.reason}/{first}/{second}"


def change_of(record: ReferenceRecord) -> ReferenceChange:
    """The change that puts a record in place.

    Nanoseconds of 64 bits go from 1677 to 2262: a record that holds from before that, or to after
    it (databases write 9999-12-31), has no bound there.

    Raises ValueError, with what is wrong, for what no form shows: a day that doesn't exist, an end
    before the beginning, a record that names nobody, a time of something before 1677 or after 2262,
    a calendar by a time zone that there isn't.
    """
    if isinstance(record, Venue):
        check_calendar(record.time_zone, record.references, record.holidays, record.special_days)
    for name in _MOMENTS:
        if (said := getattr(record, name, None)) is not None:
            text = str(said)
            try:
                found = moment(text)
            except ValueError as error:
                raise ValueError(f"{name}: {text} is no time: {error}") from None
            if name in _TOLD and not _EARLIEST <= found <= _LATEST:
                raise ValueError(f"{name}: {text} is not between 1677 and 2262")
    valid_from = None if record.valid_from is None else moment(record.valid_from)
    valid_to = None if record.valid_to is None else moment(record.valid_to, end=True)
    if valid_from is not None and valid_from > _LATEST:
        raise ValueError(f"valid_from: {record.valid_from} is after 2262")
    if valid_to is not None and valid_to <= _EARLIEST:
        raise ValueError(f"valid_to: {record.valid_to} is before 1677")
    if valid_from is not None and valid_from < _EARLIEST:
        valid_from = None
    if valid_to is not None and valid_to > _LATEST:
        valid_to = None
    if valid_from is not None and valid_to is not None and valid_to <= valid_from:
        raise ValueError(f"valid_to: {record.valid_to} is not after valid_from")
    return ReferenceChange(
        kind_of(record), key_of(record), encode_record(record), valid_from, valid_to
    )


def withdrawal(identity: Identity) -> ReferenceChange:
    """The change that withdraws a record."""
    kind, key, valid_from = identity
    return ReferenceChange(kind, key, b"", valid_from)


_MOMENTS = (
    *("valid_from", "valid_to", "accredited_until", "announced", "effective"),
    *("checked", "expires", "at", "since"),
)
#: Those of them that events have as a time.
_TOLD = frozenset(("announced", "effective", "checked", "at", "since"))
_EARLIEST, _LATEST = -(1 << 63), (1 << 63) - 1
_json = msgspec.json.Encoder()
_decoders: Mapping[ReferenceKind, "msgspec.json.Decoder[Any]"] = {
    kind: msgspec.json.Decoder(record) for kind, record in RECORDS.items()
}
_chunk_encoder = msgspec.msgpack.Encoder()
_chunk_decoder = msgspec.msgpack.Decoder(ChangeChunk)
_marker_decoder = msgspec.json.Decoder(InForce)


def encode_record(record: ReferenceRecord) -> bytes:
    """A record as JSON: equal records give equal bytes."""
    return _json.encode(record)


def decode_record(change: ReferenceChange) -> ReferenceRecord:
    """The record of a change that puts one in place. Raises :class:`msgspec.MsgspecError`."""
    return _decoders[change.kind].decode(change.record)


def encode_chunk(chunk: ChangeChunk) -> bytes:
    """A chunk as MessagePack."""
    return _chunk_encoder.encode(chunk)


def decode_chunk(data: bytes) -> ChangeChunk:
    """The chunk in a REFERENCE message. Raises :class:`msgspec.MsgspecError` when it is none."""
    return _chunk_decoder.decode(data)


def encode_in_force(marker: InForce) -> bytes:
    """The payload of a frame that says what is in force."""
    return _json.encode(marker)


def decode_in_force(payload: bytes) -> InForce:
    """What a frame says to be in force. Raises :class:`msgspec.MsgspecError`."""
    return _marker_decoder.decode(payload)


def chained(digest: str, message: bytes) -> str:
    """The digest (SHA-256, hexadecimal) of a subject that had ``digest``, with one message more.

    Of no messages it is the empty text.
    """
    return hashlib.sha256(bytes.fromhex(digest) + message).hexdigest()


def _one_of(investor: str | None, address: str | None) -> str:
    if (investor is None) == (address is None):
        raise ValueError("investor: one of investor and address is wanted")
    return investor if investor is not None else compared(address or "")
