"""The engine's state as bytes, rule by rule: for checkpoints.

It is a row of parts, each with its length before it, and a digest behind them. So neither who
writes nor who reads it needs all of it at once. First comes what is of no rule: event time, the
events that are remembered, those that wait. Then, for every rule that has a state, what it is of,
and what it knows.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from hashlib import blake2b
from typing import Any, get_args

import msgspec

from detections.engine.correlator_state import layout
from detections.engine.event_time import Tie, TimeLimits
from detections.engine.feed_gaps import Gap
from detections.engine.finality import FinalityState
from detections.engine.rule_states import Identity
from detections.identity import fingerprint
from detections.markets.recent_trades import SavedTrades
from normalizer.events import Alert, AlertUpdate, Record

_VERSION = 4
#: The layout of those states that don't say theirs: they were saved when it had always been this.
_UNSAID = "2fd656b2f4a815c7"
_LENGTH = 4
_CHUNK = 1 << 20


_RECORDS: tuple[type[Any], ...] = get_args(Record)
#: What is written with the names of its fields wherever it is in a state.
BY_NAME = (*_RECORDS, Alert, AlertUpdate)


class CannotRestore(ValueError):
    """A state can't be read: why, for people to read. What would be restored is untouched."""


class WaitingEvent(msgspec.Struct, array_like=True):
    """An event whose time hasn't come: a record, or a flat document."""

    timestamp: int
    order: Tie
    record: bytes | None = None
    document: dict[str, Any] | None = None
    judged: bool = True
    """Whether rules judge it here, or only see it."""


class Common(msgspec.Struct, array_like=True, tag="common", kw_only=True):
    """What is of no rule."""

    version: int = _VERSION
    limits: TimeLimits
    watermark: int
    lead: int
    newest: dict[str, int]
    """The newest event time of each source."""
    gaps: list[Gap]
    young: list[str]
    old: list[str]
    waiting: list[WaitingEvent]
    reached: int
    """Of the correlations."""
    late: int
    finality: FinalityState
    trades: SavedTrades | None = None
    """The recent trades, where a correlator asks for them."""


class Begin(msgspec.Struct, array_like=True, tag="rule"):
    """What follows is of this rule."""

    id: str
    title: str
    rules: str
    code: str


class Piece(msgspec.Struct, array_like=True, tag="piece"):
    """A part of what the rule knows."""

    data: bytes


class Unwritable(msgspec.Struct, array_like=True, tag="unwritable"):
    """The rule knows something that can't be written."""

    why: str


class End(msgspec.Struct, array_like=True, tag="end"):
    """The state is whole."""

    digest: bytes
    layout: str = ""
    """Of what is of no rule: of each rule its `code` says it."""


class RuleState(msgspec.Struct):
    """What a rule knew."""

    identity: Identity
    parts: list[bytes]
    unwritable: str | None = None


@cache
def common_layout() -> str:
    """A hash of how what is of no rule is written.

    Parts are read by their places, so one of another layout could be taken for one of ours. Records
    and alerts are read by the names of their fields, and may have got more.
    """
    return fingerprint([layout(one, BY_NAME) for one in (Common, Begin, Piece, Unwritable)])[:16]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Common | Begin | Piece | Unwritable | End).decode
_decode_record = msgspec.msgpack.Decoder(Record).decode


def check_layout(saved: str, ours: str) -> None:
    """Raises CannotRestore where a state is of another layout than ours."""
    if saved != ours:
        raise CannotRestore("another version of the program wrote it, in another way")


def waiting_event(timestamp: int, order: Tie, event: Any, judged: bool) -> WaitingEvent:
    """An event that waits, as it is kept."""
    if isinstance(event, _RECORDS):
        return WaitingEvent(timestamp, order, record=_encode(event), judged=judged)
    return WaitingEvent(timestamp, order, document=event, judged=judged)


def event_of(waiting: WaitingEvent) -> Any:
    """The record or flat document that waited. Raises CannotRestore if it can't be read."""
    if waiting.record is None:
        return waiting.document
    try:
        return _decode_record(waiting.record)
    except (msgspec.MsgspecError, ValueError) as error:
        raise CannotRestore(f"an event that waits can't be read: {error}") from error


def write_state(
    common: Common, rules: Iterable[tuple[Identity, Iterator[bytes]]]
) -> Iterator[bytes]:
    """The state in parts; the same state gives the same bytes.

    A rule whose state can't be written (an integer beyond 64 bits, say) doesn't keep the others
    from being saved: it is noted, and the rule is rebuilt after a restart.
    """
    digest = blake2b(digest_size=16)
    for part in _parts(common, rules):
        framed = len(part).to_bytes(_LENGTH, "big") + part
        digest.update(framed)
        yield framed
    end = _encode(End(digest.digest(), common_layout()))
    yield len(end).to_bytes(_LENGTH, "big") + end


def _parts(common: Common, rules: Iterable[tuple[Identity, Iterator[bytes]]]) -> Iterator[bytes]:
    yield _encode(common)
    for rule, pieces in rules:
        yield _encode(Begin(rule.id, rule.title, rule.rules, rule.code))
        try:
            for piece in pieces:
                yield _encode(Piece(piece))
        except (TypeError, ValueError, OverflowError) as error:
            yield _encode(Unwritable(f"it could not be written: {error}"))


def read_state(data: bytes | Iterable[bytes]) -> Iterator[Common | RuleState]:
    """First what is of no rule, then what each rule knew. `data` may come in pieces.

    Raises CannotRestore if it is damaged or of another version; also only at its end.
    """
    rule: RuleState | None = None
    began = False
    for part in _whole_parts(_chunks(data) if isinstance(data, bytes) else data):
        if isinstance(part, Common):
            if part.version != _VERSION:
                raise CannotRestore(
                    f"it is of version {part.version}, and this one reads {_VERSION}"
                )
            began = True
            yield part
        elif not began:
            raise CannotRestore("the saved state can't be read: it has no beginning")
        elif isinstance(part, Begin):
            if rule is not None:
                yield rule
            rule = RuleState(Identity(part.id, part.title, part.rules, part.code), [])
        elif rule is not None:
            if isinstance(part, Piece):
                rule.parts.append(part.data)
            else:
                rule.unwritable = part.why
    if rule is not None:
        yield rule


def _whole_parts(chunks: Iterable[bytes]) -> Iterator[Common | Begin | Piece | Unwritable]:
    """Raises CannotRestore unless they are whole, to the end."""
    digest = blake2b(digest_size=16)
    try:
        for framed in _frames(chunks):
            part = _decode(framed[_LENGTH:])
            if isinstance(part, End):
                if part.digest != digest.digest():
                    break
                check_layout(part.layout or _UNSAID, common_layout())
                return
            digest.update(framed)
            yield part
    except CannotRestore:
        raise
    except (msgspec.MsgspecError, ValueError) as error:
        raise CannotRestore(f"the saved state can't be read: {error}") from error
    raise CannotRestore("the saved state can't be read: it is damaged")


def _frames(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The parts, with their lengths before them; what is left at the end is none."""
    held = bytearray()
    for chunk in chunks:
        held += chunk
        at = 0
        while len(held) - at >= _LENGTH:
            end = at + _LENGTH + int.from_bytes(held[at : at + _LENGTH], "big")
            if end > len(held):
                break
            yield bytes(held[at:end])
            at = end
        del held[:at]


def _chunks(data: bytes) -> Iterator[bytes]:
    return (data[at : at + _CHUNK] for at in range(0, len(data), _CHUNK))
