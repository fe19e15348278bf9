"""Detections over NDJSON, without a bus: what `tapewatch detect` does."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from detections.engine import Engine
from detections.fields import ACTION
from detections.identity import fingerprint
from detections.rules.loading import RuleSet
from detections.sigma.documents import Document, flatten
from normalizer.events import Alert, Record
from normalizer.events.ecs import UnreadableDocument, parse
from pipeline.problems import Location, Problem, Severity

LONGEST_LINE = 16 * 1024 * 1024
_OURS = "tapewatch"
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_SECOND = 1_000_000_000


def detect(
    rules: RuleSet | Engine,
    lines: Iterable[bytes],
    *,
    name: str = "<events>",
    report: Callable[[Problem], None],
) -> Iterator[Alert]:
    """The alerts of nested or dotted ECS events, one JSON object per line, in their order.

    Our own events become records and meet all rules; any other document meets the Sigma rules, with
    a warning where its action is one of ours but it lacks what such a record has. A line that is no
    event goes to `report`, with `name`, line and column, and so does a rule that failed on an
    event; nothing stops the others.
    """
    engine = rules if isinstance(rules, Engine) else Engine(rules)
    for number, line in enumerate(lines, 1):
        stripped = line.strip()
        if not stripped:
            continue
        try:
            event = read_event(stripped)
        except NotAnEvent as error:
            report(_problem(name, number, error, "error"))
            continue
        if isinstance(event, Foreign):
            if event.doubt is not None:
                report(_problem(name, number, event.doubt, "warning"))
            yield from engine.process_documents([event.document])
        else:
            yield from engine.process([event])
        for problem in engine.take_problems():
            place = Location(name, number, 1)
            report(Problem(location=place, code="detect/rule-failed", message=problem))


class NotAnEvent(ValueError):
    """A line can't be taken as an event: what is wrong and, if known, with which field."""

    def __init__(self, message: str, column: int = 1, path: str = "") -> None:
        self.column = column
        self.path = path
        super().__init__(message)


class Foreign(msgspec.Struct, frozen=True):
    """A document that is no record of ours."""

    document: Document
    doubt: NotAnEvent | None = None
    """Its action is one of ours, but it doesn't fit: correlators can't see it."""


def read_event(line: bytes) -> Record | Foreign:
    """One line as a record of ours, or as a flat document. Raises NotAnEvent."""
    if len(line) > LONGEST_LINE:
        raise NotAnEvent(f"the line is longer than {LONGEST_LINE} bytes")
    try:
        decoded = _decode(line)
    except msgspec.ValidationError as error:
        raise NotAnEvent(f"this isn't a JSON object: {error}") from error
    except msgspec.DecodeError as error:
        raise NotAnEvent(f"this isn't JSON: {error}", _column(str(error))) from error
    except RecursionError as error:
        raise NotAnEvent("this is nested too deeply") from error
    except ValueError as error:
        raise NotAnEvent(f"this isn't JSON: {error}") from error
    doubt: NotAnEvent | None = None
    try:
        record = parse(decoded)
        if record is not None and not isinstance(record, Alert):
            return record
    except UnreadableDocument as error:
        doubt = NotAnEvent(error.reason, path=error.field or "")
    document = _flat(decoded, line)
    if str(document.get("event.dataset", "")).startswith(_OURS) and not _is_alert(document):
        raise doubt or NotAnEvent("no event of ours has this action", path=ACTION)
    return Foreign(document, doubt)


def _flat(decoded: dict[str, Any], line: bytes) -> Document:
    try:
        document = flatten(decoded)
    except ValueError as error:
        raise NotAnEvent(str(error)) from error
    document["@timestamp"] = _nanoseconds(document.get("@timestamp"))
    if "event.id" not in document:
        # The same line is the same event, as far as anybody can tell.
        document["event.id"] = fingerprint([line.decode("utf-8", "replace")])
    return document


def _is_alert(document: Document) -> bool:
    return document.get(ACTION) == "alert"


def _nanoseconds(value: object) -> int:
    """Nanoseconds since the epoch, of those, or of RFC 3339 text (UTC where it has no zone)."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, str):
        what = "is missing" if value is None else "isn't a time"
        raise NotAnEvent(f"@timestamp {what}")
    head, dot, rest = value.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    zone = rest[len(digits) :] if dot else ""
    try:
        when = datetime.fromisoformat(head + zone)
    except ValueError as error:
        raise NotAnEvent(f"@timestamp isn't a time: {value[:60]!r}") from error
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    since = when - datetime(1970, 1, 1, tzinfo=UTC)
    seconds = since.days * 86_400 + since.seconds
    return seconds * _SECOND + int(digits[:9].ljust(9, "0") or "0")


def _problem(name: str, number: int, error: NotAnEvent, severity: Severity) -> Problem:
    return Problem(
        location=Location(name, number, error.column),
        code="detect/bad-line" if severity == "error" else "detect/not-our-record",
        message=f"{error.path}: {error}" if error.path else str(error),
        severity=severity,
        path=error.path,
        advice=None if severity == "error" else "correlators can't see this event",
    )


def _column(message: str) -> int:
    _, found, rest = message.partition("(byte ")
    return int(rest.rstrip(")")) + 1 if found and rest.rstrip(")").isdigit() else 1
