"""What an alert keeps of events that were kept as lines of NDJSON.

A correlation may rest on thousands of events: of their lines only what a witness needs is read.
"""

from typing import Any

import msgspec

from detections.alerting.alerts import document_witness
from detections.alerting.findings import Witness, witness
from detections.reading import NotAnEvent, nanoseconds, read_event
from detections.sigma.compiler import plain_values
from detections.sigma.lean import LeanEvents, path_reader

_LONGEST_ORIGINAL = 1_000
_FIELDS = (
    "event.id",
    "@timestamp",
    "event.original",
    "event.provider",
    "event.module",
    "blockchain.transaction.hash",
    "blockchain.block.number",
    "market.order.id",
    "market.trade.maker_order_id",
    "market.trade.taker_order_id",
    "market.trade.id",
    "related.hash",
    "related.user",
)
_events = LeanEvents(_FIELDS)
_read = {name: path_reader(_events.paths[name]) for name in _FIELDS}


def witness_of_line(line: bytes) -> Witness:
    """What to keep of the event that a line holds, which was read once already."""
    try:
        event = _events.decode(line)
        event_id, timestamp = _read["event.id"](event), nanoseconds(_read["@timestamp"](event))
    except (msgspec.MsgspecError, ValueError, RecursionError, NotAnEvent):
        return _in_full(line)
    block = _read["blockchain.block.number"](event)
    if type(event_id) is not str or not (block is None or type(block) is int):
        return _in_full(line)
    orders = ("market.order.id", "market.trade.maker_order_id", "market.trade.taker_order_id")
    return Witness(
        id=event_id,
        timestamp=timestamp,
        original=" ".join(_texts(event, "event.original"))[:_LONGEST_ORIGINAL],
        transaction=_text(event, "blockchain.transaction.hash"),
        block=block,
        orders=tuple(order for name in orders for order in _texts(event, name)),
        trade=_text(event, "market.trade.id"),
        related_hash=_texts(event, "related.hash"),
        related_user=_texts(event, "related.user"),
        source=_text(event, "event.provider") or _text(event, "event.module") or "unknown",
    )


def _in_full(line: bytes) -> Witness:
    read = read_event(line)
    return document_witness(read.document) if read.record is None else witness(read.record)


def _texts(event: Any, name: str) -> tuple[str, ...]:
    return tuple(str(value) for value in plain_values(_read[name](event)))


def _text(event: Any, name: str) -> str | None:
    return next(iter(_texts(event, name)), None)
