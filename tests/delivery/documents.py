"""Documents for the tests of sinks, in the nested form in which they are delivered."""

import msgspec

from delivery.sink import Content, Document

#: 2026-03-04T05:06:07.123456789Z
MOMENT = 1_772_600_767_123_456_789


def event(number: int, *, size: int = 0, redelivered: bool = False, **more: object) -> Document:
    """An event with the id `event-<number>`; `size` bytes of filling make it larger."""
    body = {
        "@timestamp": "2026-03-04T05:06:07.123456789Z",
        "event": {"id": f"event-{number}", "kind": "event", "action": "trade"},
        "market": {"venue": "demo-venue", "instrument": "ACME-USD"},
        **({"message": "x" * size} if size else {}),
        **more,
    }
    return document("events", f"event-{number}", body, number, redelivered=redelivered)


def alert(number: int, level: str = "high", **more: object) -> Document:
    """An alert with the id `alert-<number>`."""
    body = {
        "@timestamp": "2026-03-04T05:06:07.123456789Z",
        "event": {"id": f"alert-{number}", "kind": "alert", "reason": "A bought from itself"},
        "rule": {"name": "Wash trading", "reference": "https://example.org/wash"},
        "surveillance": {"level": level, "typology": "wash_trading"},
        **more,
    }
    return document("alerts", f"alert-{number}", body, number)


def document(
    content: Content, document_id: str, body: object, number: int = 0, *, redelivered: bool = False
) -> Document:
    return Document(
        content=content,
        id=document_id,
        timestamp=MOMENT + number,
        source="demo-venue",
        position=f"{content.upper()}/1/{number}",
        body=msgspec.json.encode(body),
        redelivered=redelivered,
    )


def ids(documents: "list[Document]") -> list[str]:
    return [d.id for d in documents]
