"""Fields of the audit log's entries as ECS documents, in the data stream `logs-tapewatch.audit-*`.

They are a copy to search: the log itself, with its signatures, is the append-only file. The hash of
the entry's line and its number lead back to it.
"""

from collections.abc import Mapping

#: Elasticsearch's type by dotted name.
AUDIT_FIELDS: Mapping[str, str] = {
    "@timestamp": "date_nanos",
    "ecs.version": "keyword",
    "event.action": "keyword",
    "event.category": "keyword",
    "event.created": "date_nanos",
    "event.dataset": "keyword",
    "event.id": "keyword",
    "event.ingested": "date_nanos",
    "event.kind": "keyword",
    "event.module": "keyword",
    "event.outcome": "keyword",
    "event.provider": "keyword",
    "event.reason": "keyword",
    "event.sequence": "long",
    "event.type": "keyword",
    "message": "text",
    "tags": "keyword",
    "user.name": "keyword",
    "surveillance.audit.after": "binary_text",
    "surveillance.audit.before": "binary_text",
    "surveillance.audit.count": "long",
    "surveillance.audit.leaf": "keyword",
    "surveillance.audit.number": "long",
    "surveillance.audit.object": "keyword",
    "surveillance.audit.place": "keyword",
    "surveillance.audit.sha256": "keyword",
}
