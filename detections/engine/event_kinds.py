"""The two kinds of event that the engine takes: records of ours, and flat ECS documents."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

import msgspec

from detections.alerting.alerts import document_alert, document_witness, match_alert
from detections.alerting.findings import Witness, witness
from detections.engine.event_time import Tie, tie, tie_of
from detections.engine.rule_book import Meeting, RuleBook
from detections.reading import NotAnEvent, nanoseconds
from detections.rules.model import Rule
from detections.sigma.documents import Document
from normalizer.events import Alert


class EventKind(msgspec.Struct, frozen=True):
    """What is made of an event of a kind."""

    alert: Callable[[Rule, str, Any], Alert]
    """The alert of a Sigma rule that it matches, with its sentence."""
    witness: Callable[[Any], Witness]
    """What to keep of it as evidence."""
    tie: Callable[[Any], Tie]
    """What orders it among the events of its time."""
    source: Callable[[Any], str]
    """The source whose time it tells."""
    received: Callable[[Any], int | None]
    """When it was received, by our clock; None where nobody knows."""
    meeting: Callable[[RuleBook, Any], Meeting]
    """The rules that it meets."""


def _document_tie(document: Document) -> Tie:
    provider, sequence = document.get("event.provider"), document.get("event.sequence")
    return tie_of(
        provider,
        sequence,
        document["event.id"],
        document.get("blockchain.block.number"),
        document.get("blockchain.log.index"),
    )


def source_of(provider: Any, module: Any) -> str:
    """The source of a document that has this in `event.provider` and `event.module`."""
    return str(provider or module or "")


def receipt_of(ingested: Any) -> int | None:
    """When a document was received that has this in `event.ingested`."""
    if ingested is None:
        return None
    try:
        return nanoseconds(ingested)
    except NotAnEvent:
        return None


def _document_source(document: Document) -> str:
    return source_of(document.get("event.provider"), document.get("event.module"))


def _document_receipt(document: Document) -> int | None:
    return receipt_of(document.get("event.ingested"))


def _record_meeting(book: RuleBook, record: msgspec.Struct) -> Meeting:
    return book.of_record(record.__class__)


RECORD = EventKind(
    alert=match_alert,
    witness=witness,
    tie=tie,
    source=attrgetter("provider"),
    received=attrgetter("ingested"),
    meeting=_record_meeting,
)
DOCUMENT = EventKind(
    alert=document_alert,
    witness=document_witness,
    tie=_document_tie,
    source=_document_source,
    received=_document_receipt,
    meeting=lambda book, _: book.of_documents(),
)


def kind_of(event: Any) -> EventKind:
    """The kind of an event: a flat document is a dict."""
    return DOCUMENT if isinstance(event, dict) else RECORD


def id_of(event: Any) -> str:
    """The id of a record or of a flat document."""
    return str(event["event.id"] if kind_of(event) is DOCUMENT else event.id)
