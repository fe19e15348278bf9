"""A timeline's lines: one for each event, alert and action, with all that a reader needs of it."""

from hashlib import sha256
from typing import Any, Literal

from msgspec import Struct

from evidence.audit.entries import Entry
from evidence.sentences import sentence
from normalizer.events import Alert, AlertUpdate, Record

Kind = Literal["event", "alert", "update", "reference", "rules", "action"]


class Line(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line."""

    #: Event time, nanoseconds since the epoch; of an action when it was done.
    time: int
    kind: Kind
    #: `event.id`, or the number of the audit log's entry.
    id: str
    action: str
    summary: str
    #: Source, rule or user.
    by: str
    #: Alerts of this timeline that rest on it.
    evidence_of: tuple[str, ...] = ()
    #: Of an alert.
    level: str | None = None
    instrument: str | None = None
    order_ids: tuple[str, ...] = ()
    trade_id: str | None = None
    transaction_hash: str | None = None
    block_number: int | None = None
    #: Where the raw frame lies.
    original: str = ""
    tags: tuple[str, ...] = ()
    #: SHA-256 of the document, byte for byte, as `timeline.ndjson` has it.
    sha256: str = ""


def line_of(
    record: Record | Alert | AlertUpdate, document: bytes, evidence_of: tuple[str, ...] = ()
) -> Line:
    """The line of a record, and of the document that it was read from."""
    digest = sha256(document).hexdigest()
    if isinstance(record, Alert):
        return Line(
            time=record.timestamp,
            kind="alert",
            id=record.id,
            action="alert",
            summary=record.reason,
            by=record.rule_name,
            level=record.level,
            instrument=record.instrument,
            transaction_hash=record.transaction_hash,
            block_number=record.block_number,
            tags=record.tags,
            sha256=digest,
        )
    if isinstance(record, AlertUpdate):
        return Line(
            time=record.timestamp,
            kind="update",
            id=record.id,
            action=record.status,
            summary=record.reason,
            by=record.rule_name,
            evidence_of=(record.alert_id,),
            original=record.original,
            sha256=digest,
        )
    return _event(record, digest, evidence_of)


def _event(event: Any, digest: str, evidence_of: tuple[str, ...]) -> Line:
    action = str(event.__struct_config__.tag)
    orders = (
        getattr(event, "order_id", None),
        getattr(event, "maker_order_id", None),
        getattr(event, "taker_order_id", None),
    )
    kind: Kind = "event"
    if action == "rules-changed":
        kind = "rules"
    elif str(event.dataset) == "tapewatch.reference":
        kind = "reference"
    return Line(
        time=event.timestamp,
        kind=kind,
        id=event.id,
        action=action,
        summary=sentence(event),
        by=event.provider,
        evidence_of=evidence_of,
        instrument=getattr(event, "instrument", None) or getattr(event, "token_symbol", None),
        order_ids=tuple(dict.fromkeys(one for one in orders if one is not None)),
        trade_id=getattr(event, "trade_id", None),
        transaction_hash=getattr(event, "transaction_hash", None),
        block_number=getattr(event, "block_number", None),
        original=event.original,
        tags=event.tags,
        sha256=digest,
    )


def line_of_action(entry: Entry, content: bytes) -> Line:
    """The line of an entry of the audit log."""
    why = f": {entry.why}" if entry.why else ""
    return Line(
        time=entry.time,
        kind="action",
        id=f"audit:{entry.number}",
        action=entry.action,
        summary=f"{entry.what}{why}",
        by=entry.who,
        original=entry.place,
        sha256=sha256(content).hexdigest(),
    )
