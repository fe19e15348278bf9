"""A line of NDJSON as an event: nested or dotted ECS, a record of ours or a plain document."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import msgspec

from detections.fields import ACTION, actions
from detections.identity import fingerprint
from detections.sigma.documents import Document, flatten
from normalizer.events import Alert, AlertUpdate, CaseActivity, Record
from normalizer.events.ecs import UnreadableDocument, parse
from normalizer.events.rule_set import RulesChanged
from pipeline.fix_log import is_of_fix_log
from pipeline.json_names import repeated_name
from pipeline.problems import shown

LONGEST_LINE = 16 * 1024 * 1024
_OURS = "tapewatch"
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST, _LATEST = -(1 << 63), (1 << 63) - 1
_SECOND = 1_000_000_000
#: Numbers that are times from 1990 to 2100 in these units, and in nanoseconds of early 1970.
_OTHER_UNITS = {
    "seconds": (631_152_000, 4_102_444_800),
    "milliseconds": (631_152_000_000, 4_102_444_800_000),
    "microseconds": (631_152_000_000_000, 4_102_444_800_000_000),
}

#: What only order logs have, in all lines or in the first one, which is no longer than this.
_TRANSACT_TIME = b"transact_time"
_HEADER = 4_096
_OF_AN_ORDER_LOG = "this is no event, but a line of an order log: say those by --order-log"
_OF_A_FIX_LOG = "this is no event, but a message of FIX: say its log by --order-log"


class _Time(msgspec.Struct):
    timestamp: int = msgspec.field(name="@timestamp")


_decode_time = msgspec.json.Decoder(_Time).decode
_decode_own = msgspec.json.Decoder(Record).decode
_encode = msgspec.json.Encoder().encode


class NotAnEvent(ValueError):
    """A line can't be taken as an event: what is wrong and, if known, with which field."""

    def __init__(self, message: str, column: int = 1, path: str = "") -> None:
        self.column = column
        self.path = path
        super().__init__(message)


class ReadEvent(msgspec.Struct, frozen=True):
    """A line that was read."""

    document: Document
    """Flat, as Sigma rules see it, with the defaults of our record of its action."""
    record: Record | None = None
    """The record of ours that it is."""
    doubt: NotAnEvent | None = None
    """Its action is one of ours, but it doesn't fit: correlators can't see it."""

    @property
    def event(self) -> Any:
        """The record, or the flat document where it is none."""
        return self.document if self.record is None else self.record


def read_event(line: bytes) -> ReadEvent:
    """Read one line. Raises NotAnEvent."""
    if len(line) > LONGEST_LINE:
        raise NotAnEvent(f"the line is longer than {LONGEST_LINE} bytes")
    try:
        decoded = _decode(line)
    except msgspec.ValidationError as error:
        if is_of_fix_log(line):  # which begins by a number, and so as JSON may
            raise NotAnEvent(_OF_A_FIX_LOG) from error
        raise NotAnEvent(f"this isn't a JSON object: {error}{_of_a_list(line)}") from error
    except msgspec.DecodeError as error:
        if _TRANSACT_TIME in line[:_HEADER]:
            raise NotAnEvent(_OF_AN_ORDER_LOG) from error
        if is_of_fix_log(line):
            raise NotAnEvent(_OF_A_FIX_LOG) from error
        raise NotAnEvent(f"this isn't JSON: {error}", _column(str(error))) from error
    except RecursionError as error:
        raise NotAnEvent("this is nested too deeply") from error
    except ValueError as error:
        raise NotAnEvent(f"this isn't JSON: {error}") from error
    if (twice := repeated_name(line, decoded)) is not None:
        message = f"the name {shown(twice.path)} is there twice: nobody can tell which counts"
        raise NotAnEvent(message, twice.column)  # which names it, in part: it is foreign
    doubt: NotAnEvent | None = None
    record: Record | Alert | AlertUpdate | CaseActivity | None = None
    try:
        record = parse(decoded)
    except UnreadableDocument as error:
        doubt = NotAnEvent(error.reason, path=error.field or "")
    try:
        document = flatten(decoded)
    except ValueError as error:
        raise NotAnEvent(str(error)) from error
    claims_to_be_ours = str(document.get("event.dataset", "")).startswith(_OURS)
    _fill_in(document)
    if record is None or isinstance(record, Alert | AlertUpdate | CaseActivity):
        if "@timestamp" not in document and _TRANSACT_TIME.decode() in document:
            raise NotAnEvent(_OF_AN_ORDER_LOG)
        document["@timestamp"] = nanoseconds(document.get("@timestamp"))
        if record is None and claims_to_be_ours:
            raise doubt or NotAnEvent("no event of ours has this action", path=ACTION)
        if "event.id" not in document:
            # The same line is the same event, as far as anybody can tell.
            document["event.id"] = fingerprint([line.decode("utf-8", "replace")])
        return ReadEvent(document, None, doubt)
    document["event.id"], document["@timestamp"] = record.id, record.timestamp
    return ReadEvent(document, record)


def own_record(line: bytes) -> Record | None:
    """The event that a line is, if it is byte by byte what we write of it.

    None for all other lines, which :func:`read_event` is for: they may say more than a record has
    room for, or it otherwise, or nothing that can be read. Takes a tenth of the time.
    """
    try:
        record = _decode_own(line)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    if isinstance(record, RulesChanged) or _encode(record) != line:
        return None
    return record


def _fill_in(document: Document) -> None:
    action = document.get(ACTION)
    if isinstance(action, str):
        for name, default in record_defaults(action).items():
            document.setdefault(name, default)


def record_defaults(action: str) -> Mapping[str, Any]:
    """What an event of one of our actions has where nothing is said; empty for other actions."""
    shape = actions().get(action)
    return {} if shape is None else _defaults_of(shape.record)


@cache
def _defaults_of(record: type[msgspec.Struct]) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for info in msgspec.structs.fields(record):
        default: Any = info.default
        if default is not msgspec.NODEFAULT and default not in (None, ()):
            found[info.encode_name] = list(default) if isinstance(default, tuple) else default  # pyright: ignore[reportUnknownArgumentType]
    return found


def nanoseconds(value: object) -> int:
    """Nanoseconds since the epoch, of those, or of RFC 3339 text (UTC where it has no zone).

    Raises NotAnEvent, also for times that don't fit into 64 bits, as those of records do.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return _in_range(value)
    if not isinstance(value, str):
        what = "is missing" if value is None else "isn't a time"
        raise NotAnEvent(f"@timestamp {what}")
    head, dot, rest = value.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    zone = rest[len(digits) :] if dot else ""
    try:
        when = datetime.fromisoformat(head + zone)
    except ValueError as error:
        expected = "expected such as 2026-01-31T14:30:00Z"
        raise NotAnEvent(f"@timestamp isn't a time: {value[:60]!r}; {expected}") from error
    since = (when if when.tzinfo is not None else when.replace(tzinfo=UTC)) - _EPOCH
    seconds = since.days * 86_400 + since.seconds
    return _in_range(seconds * _SECOND + int(digits[:9].ljust(9, "0") or "0"))


def odd_time(line: bytes) -> str:
    """Why the number that a line has for its time is hardly one in nanoseconds; else empty."""
    try:
        value = _decode_time(line).timestamp
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ""  # reading says what is wrong with it
    unit = next((unit for unit, (low, high) in _OTHER_UNITS.items() if low <= value < high), None)
    if unit is None:
        return ""
    taken = datetime.fromtimestamp(value / _SECOND, UTC).isoformat(timespec="seconds")
    return (
        f"@timestamp is {value}: a number counts nanoseconds, so this is {taken}; if these are "
        f"{unit}, write nanoseconds, or text such as 2026-01-31T14:30:00Z"
    )


def _in_range(moment: int) -> int:
    if not _EARLIEST <= moment <= _LATEST:
        raise NotAnEvent("@timestamp is out of range: it must be from 1678 to 2261")
    return moment


def _of_a_list(line: bytes) -> str:
    is_list = line.startswith(b"[")
    return "; write each event on a line of its own, such as by `jq -c '.[]'`" if is_list else ""


def _column(message: str) -> int:
    _, found, rest = message.partition("(byte ")
    return int(rest.rstrip(")")) + 1 if found and rest.rstrip(")").isdigit() else 1
