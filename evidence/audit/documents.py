"""Entries of the audit log as ECS documents, to search them where people work.

A document is a copy: its number and the hash of its leaf lead back to the signed line. It depends
on the entry and on the log's name only, so that it is the same however often it is made.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET

from evidence.audit.entries import Action, Entry, decode
from evidence.audit.merkle import leaf_hash
from normalizer.events.ecs import ECS_VERSION, MODULE, rfc3339

#: `event.category` and `event.type`, where ECS has a pair that says it.
_CONFIGURATION = ("configuration", "change")
_CATEGORIES: Mapping[Action, tuple[str, str]] = {
    "access": ("session", "info"),
    "command": ("session", "info"),
    "configuration-changed": _CONFIGURATION,
    "exception": _CONFIGURATION,
    "override": _CONFIGURATION,
    "reference-changed": _CONFIGURATION,
    "rules-changed": _CONFIGURATION,
    "erasure": ("database", "change"),
    "export": ("file", "creation"),
    "report": ("file", "creation"),
}


def document_id(origin: str, number: int) -> str:
    """The id of the document of an entry."""
    return f"{origin}/{number}"


def document(origin: str, line: bytes) -> dict[str, Any]:
    """Of an entry's line, without its end, in the log called `origin`.

    Raises EntryUnreadable.
    """
    entry = decode(line)
    event: dict[str, Any] = {
        "id": document_id(origin, entry.number),
        "kind": "event",
        "action": entry.action,
        "dataset": "tapewatch.audit",
        "module": MODULE,
        "provider": origin,
        "sequence": entry.number,
        "created": rfc3339(entry.time),
    }
    if (pair := _CATEGORIES.get(entry.action)) is not None:
        event["category"], event["type"] = [pair[0]], [pair[1]]
    if entry.why:
        event["reason"] = entry.why
    found: dict[str, Any] = {
        "@timestamp": rfc3339(entry.time),
        "ecs": {"version": ECS_VERSION},
        "event": event,
        "message": _message(entry),
        "surveillance": {"audit": _audit(entry, line)},
    }
    if entry.who:
        found["user"] = {"name": entry.who}
    return found


def _audit(entry: Entry, line: bytes) -> dict[str, Any]:
    told: dict[str, Any] = {
        "number": entry.number,
        "object": entry.what,
        "count": entry.count,
        "leaf": leaf_hash(line).hex(),
    }
    if entry.place:
        told["place"] = entry.place
    if entry.sha256:
        told["sha256"] = entry.sha256
    for name, raw in (("before", entry.before), ("after", entry.after)):
        if raw is not UNSET:
            told[name] = bytes(raw).decode()
    return told


def _message(entry: Entry) -> str:
    what = f"{entry.who}: {entry.action} {entry.what}".strip()
    return f"{what} ({entry.why})" if entry.why else what
