"""The engine's state as bytes: for checkpoints."""

from collections.abc import Iterable
from typing import Any, get_args

import msgspec

from detections.event_time import Tie, TimeLimits, Watermark
from detections.identity import fingerprint
from detections.rules.loading import RuleSet
from normalizer.events import Record

_VERSION = 2


class CannotRestore(ValueError):
    """A state doesn't fit: why, for people to read. What would be restored is untouched."""


class WaitingEvent(msgspec.Struct, array_like=True):
    """An event whose time hasn't come: a record, or a flat document."""

    timestamp: int
    order: Tie
    record: bytes | None = None
    document: dict[str, Any] | None = None


class EngineState(msgspec.Struct, array_like=True):
    """All but what Python correlators know."""

    version: int
    rules: str
    """Fingerprint of the rules that the state belongs to."""
    limits: TimeLimits
    watermark: int
    lead: int
    newest: dict[str, int]
    """The newest event time of each source."""
    young: list[str]
    old: list[str]
    waiting: list[WaitingEvent]
    correlations: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(EngineState).decode
_decode_record = msgspec.msgpack.Decoder(Record).decode
_RECORDS = get_args(Record)


def rules_fingerprint(ruleset: RuleSet, needs: Iterable[str]) -> str:
    """Of the correlations, and of the Sigma rules that feed them (`needs` are their ids)."""
    feeding = frozenset(needs)
    rules = [one.rule for one in ruleset.correlations]
    rules += [one.rule for one in ruleset.sigma if one.rule.id in feeding]
    return fingerprint(sorted(f"{rule.id}:{rule.hash}" for rule in rules))


def waiting_event(timestamp: int, order: Tie, event: Any) -> WaitingEvent:
    """An event that waits, as it is kept."""
    if isinstance(event, _RECORDS):
        return WaitingEvent(timestamp, order, record=_encode(event))
    return WaitingEvent(timestamp, order, document=event)


def event_of(waiting: WaitingEvent) -> Any:
    """The record or flat document that waited."""
    return waiting.document if waiting.record is None else _decode_record(waiting.record)


def encode_state(
    *,
    rules: str,
    watermark: Watermark,
    young: Iterable[str],
    old: Iterable[str],
    waiting: list[WaitingEvent],
    correlations: bytes,
) -> bytes:
    """The state as bytes; the same state gives the same bytes."""
    state = EngineState(
        _VERSION,
        rules,
        watermark.limits,
        watermark.value,
        watermark.lead,
        watermark.newest,
        list(young),
        list(old),
        waiting,
        correlations,
    )
    return _encode(state)


def decode_state(data: bytes, *, rules: str, limits: TimeLimits) -> EngineState:
    """Raises CannotRestore if it is damaged, or of another version, other rules or time limits."""
    try:
        state = _decode(data)
    except (msgspec.MsgspecError, ValueError) as error:
        raise CannotRestore(f"the saved state can't be read: {error}") from error
    if state.version != _VERSION:
        raise CannotRestore(f"it is of version {state.version}, and this one reads {_VERSION}")
    if state.rules != rules:
        raise CannotRestore("the correlations, or the rules that they refer to, have changed")
    if state.limits != limits:
        raise CannotRestore("the allowed lateness, or another limit of time, has changed")
    return state
