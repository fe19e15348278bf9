"""Values, evidence and hits as MessagePack has them, and back, exactly.

MessagePack has no decimals, no integers beyond 64 bits, and one kind of list. A snapshot must give
back what went in, or what fires after it would differ from what had fired without it.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, cast, get_args

import msgspec

from detections.alerting.findings import Witness
from detections.correlations.chains import Chain, Happening, Kept
from detections.correlations.hits import Evidence, Hit
from detections.correlations.windows import ChainedHit
from normalizer.events import Record

_GREAT, _DECIMAL, _LIST = 1, 2, 3
_LEAST_INTEGER, _MOST_INTEGER = -(2**63), 2**64 - 1
_RECORDS = get_args(Record)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode
_decode_record = msgspec.msgpack.Decoder(Record).decode


def pack(value: Any) -> Any:
    """A value as MessagePack can have it: a tuple as a list, what it doesn't know as extension."""
    kind = value.__class__
    if kind is str or kind is float or kind is bytes:
        return value
    if kind is int:
        if _LEAST_INTEGER <= value <= _MOST_INTEGER:
            return value
        size = value.bit_length() // 8 + 1
        return msgspec.msgpack.Ext(_GREAT, value.to_bytes(size, "big", signed=True))
    if kind is tuple:
        return [pack(one) for one in value]
    if kind is list:
        return msgspec.msgpack.Ext(_LIST, _encode([pack(one) for one in value]))
    if isinstance(value, Decimal):
        return msgspec.msgpack.Ext(_DECIMAL, str(value).encode())
    if isinstance(value, Mapping):
        return {name: pack(one) for name, one in cast("Mapping[str, Any]", value).items()}
    return value


def unpack(value: Any) -> Any:
    """What `pack` was given."""
    kind = value.__class__
    if kind is list:
        return tuple([unpack(one) for one in value])
    if kind is dict:
        return {name: unpack(one) for name, one in value.items()}
    if isinstance(value, msgspec.msgpack.Ext):
        if value.code == _GREAT:
            return int.from_bytes(value.data, "big", signed=True)
        if value.code == _DECIMAL:
            return Decimal(bytes(value.data).decode())
        return [unpack(one) for one in _decode(value.data)]
    return value


class PackedWitness(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True, tag="w"):
    """A `Witness` without the names of its fields."""

    id: str
    timestamp: int
    original: str = ""
    transaction: str | None = None
    block: int | None = None
    orders: tuple[str, ...] = ()
    trade: str | None = None
    related_hash: tuple[str, ...] = ()
    related_user: tuple[str, ...] = ()
    source: str = ""


class PackedChain(msgspec.Struct, frozen=True, array_like=True, tag="c"):
    """What a firing rests on, by places in the group's list of happenings."""

    places: list[int]


PackedEvidence = bytes | PackedWitness
PackedKept = bytes | PackedWitness | PackedChain
PackedHappening = tuple[int, str, PackedEvidence]


class PackedHit(msgspec.Struct, array_like=True):
    """A hit with its event."""

    rule: str
    id: str
    timestamp: int
    values: Any
    evidence: PackedEvidence
    event: Any
    """None where it is the evidence; a record as extension; else as it is."""
    chain: "tuple[PackedHit, PackedChain] | None" = None
    """Of a correlation's firing: the hit that completed it, and what it rests on."""


_RECORD = 4


class Happenings:
    """The events that the firings in a group rest on, each once."""

    def __init__(self, packed: list[PackedHappening] | None = None) -> None:
        self.packed: list[PackedHappening] = []
        self._places: dict[tuple[int, str, Evidence], int] = {}
        self._unpacked = [(time, id_, evidence_of(kept)) for time, id_, kept in packed or ()]

    def place(self, happening: Happening) -> int:
        time, id_, evidence = same = happening[:3]
        found = self._places.get(same)
        if found is None:
            found = self._places[same] = len(self.packed)
            self.packed.append((time, id_, packed_evidence(evidence)))
        return found

    def at(self, place: int) -> Happening:
        return self._unpacked[place]

    def chain(self, packed: PackedChain) -> Chain:
        return Chain(found=[self.at(place) for place in packed.places])

    def pack(self, kept: Kept) -> PackedKept:
        if isinstance(kept, Chain):
            return PackedChain([self.place(one) for one in kept.happenings])
        return packed_evidence(kept)

    def unpack(self, packed: PackedKept) -> Kept:
        if isinstance(packed, PackedChain):
            return self.chain(packed)
        return evidence_of(packed)

    def pack_hit(self, hit: Hit) -> PackedHit:
        chain = None
        if isinstance(hit, ChainedHit):
            places = [self.place(one) for one in hit.rests_on.happenings]
            chain = self.pack_hit(hit.origin), PackedChain(places)
        values, evidence = pack(hit.values), packed_evidence(hit.evidence)
        event = None if hit.event == hit.evidence else _packed_event(hit.event)
        return PackedHit(hit.rule, hit.id, hit.timestamp, values, evidence, event, chain)

    def unpack_hit(self, packed: PackedHit) -> Hit:
        evidence = evidence_of(packed.evidence)
        common: dict[str, Any] = {
            "rule": packed.rule,
            "id": packed.id,
            "timestamp": packed.timestamp,
            "values": unpack(packed.values),
            "evidence": evidence,
            "event": evidence if packed.event is None else _event_of(packed.event),
        }
        if packed.chain is None:
            return Hit(**common)
        origin, chain = packed.chain
        return ChainedHit(
            **common,
            origin=self.unpack_hit(origin),
            rests_on=self.chain(chain),
        )


def packed_evidence(evidence: Evidence) -> PackedEvidence:
    if isinstance(evidence, Witness):
        return PackedWitness(*msgspec.structs.astuple(evidence))
    return evidence


def evidence_of(packed: PackedEvidence) -> Evidence:
    if isinstance(packed, PackedWitness):
        return Witness(*msgspec.structs.astuple(packed))
    return packed


def _packed_event(event: Any) -> Any:
    if isinstance(event, _RECORDS):
        return msgspec.msgpack.Ext(_RECORD, _encode(event))
    if isinstance(event, bytes | Mapping):
        return pack(event)
    raise TypeError(f"an event of type {type(event).__name__} can't be kept in a snapshot")


def _event_of(packed: Any) -> Any:
    if isinstance(packed, msgspec.msgpack.Ext) and packed.code == _RECORD:
        return _decode_record(packed.data)
    return unpack(packed)
