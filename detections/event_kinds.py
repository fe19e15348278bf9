"""The two kinds of event that the engine takes: records of ours, and flat ECS documents."""

from collections.abc import Callable
from typing import Any

import msgspec

from detections.alerts import document_alert, document_witness, match_alert
from detections.event_time import Tie, tie, tie_of
from detections.findings import Witness, witness
from detections.rule_book import Meeting, RuleBook
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
    meeting: Callable[[RuleBook, Any], Meeting]
    """The rules that it meets."""


def _document_tie(document: Document) -> Tie:
    provider, sequence = document.get("event.provider"), document.get("event.sequence")
    return tie_of(provider, sequence, document["event.id"])


def _record_meeting(book: RuleBook, record: msgspec.Struct) -> Meeting:
    return book.of_record(record.__class__)


RECORD = EventKind(match_alert, witness, tie, _record_meeting)
DOCUMENT = EventKind(
    document_alert, document_witness, _document_tie, lambda book, _: book.of_documents()
)


def kind_of(event: Any) -> EventKind:
    """The kind of an event: a flat document is a dict."""
    return DOCUMENT if isinstance(event, dict) else RECORD


def id_of(event: Any) -> str:
    """The id of a record or of a flat document."""
    return str(event["event.id"] if kind_of(event) is DOCUMENT else event.id)
