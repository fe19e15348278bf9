"""An alert's timeline: the events that it rests on, in order, out of the file sink's folders."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from delivery.file_folder import NAME
from evidence.sentences import sentence
from normalizer.events import Alert, Record
from normalizer.events.ecs import UnreadableDocument, parse

#: What the file sink writes below its `path`.
ALERTS, EVENTS = "alerts", "events"
_LONGEST_LINE = 32 * 1024 * 1024


class NoSuchAlert(Exception):
    """The folder has no alert of this id, or no alerts at all; the text says which."""


class AmbiguousAlert(Exception):
    """Several alerts begin with what was given; the text names them."""


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event of a timeline."""

    event_id: str
    timestamp: int
    """Event time in nanoseconds since the epoch, UTC."""
    relative: int
    """Nanoseconds after the alert's own event time; negative before it."""
    action: str
    summary: str
    provider: str
    original: str
    """Where the raw frame lies."""
    transaction_hash: str | None = None
    block_number: int | None = None
    order_ids: tuple[str, ...] = ()
    trade_id: str | None = None
    completing: bool = False
    """Whether this event made the alert come."""


class Timeline(Struct, frozen=True, kw_only=True):
    """An alert with its evidence."""

    alert: Alert
    entries: tuple[Entry, ...]
    """By event time; events of the same time in the order in which the alert names them."""
    missing: tuple[str, ...] = ()
    """`event.id` of evidence that is not there."""
    unreadable: tuple[str, ...] = ()
    """Lines that could hold evidence but can't be read: file, line and reason."""

    @property
    def complete(self) -> bool:
        """Whether every event that the alert rests on is there."""
        return not self.missing


def timeline(alert: str | Alert, folder: Path) -> Timeline:
    """The timeline of an alert, by id or by the beginning of one, from `folder`'s NDJSON files.

    Reads the newest files first and stops when it has everything. Raises NoSuchAlert,
    AmbiguousAlert, or OSError where a file can't be read.
    """
    found = alert if isinstance(alert, Alert) else find_alert(alert, folder)
    bad: list[str] = []
    events = read_events(frozenset(found.evidence_events), folder, bad)
    return timeline_of(found, events, unreadable=bad)


def timeline_of(
    alert: Alert, events: Mapping[str, Record], *, unreadable: Iterable[str] = ()
) -> Timeline:
    """The timeline of an alert, given events by their id. Pure."""
    wanted = list(dict.fromkeys(alert.evidence_events))
    there = [events[one] for one in wanted if one in events]
    completing = wanted[-1] if wanted else None
    entries = [_entry(event, alert, event.id == completing) for event in there]
    return Timeline(
        alert=alert,
        entries=tuple(sorted(entries, key=lambda entry: entry.timestamp)),
        missing=tuple(one for one in wanted if one not in events),
        unreadable=tuple(unreadable),
    )


def find_alert(alert_id: str, folder: Path) -> Alert:
    """The alert whose id is, or begins with, `alert_id`. Raises as `timeline` does."""
    if not alert_id:
        raise NoSuchAlert("an empty id names no alert")
    files = _files(folder / ALERTS)
    if not files:
        raise NoSuchAlert(
            f"{folder / ALERTS} holds no alerts: name the folder that a file sink writes to"
        )
    found: dict[str, Alert] = {}
    bad: list[str] = []
    needle = _needle(alert_id)
    for line, place in _lines(files, needle):
        record = _read(line, place, bad)
        if isinstance(record, Alert) and record.id.startswith(alert_id):
            if record.id == alert_id:
                return record
            found.setdefault(record.id, record)
    if len(found) > 1:
        names = ", ".join(sorted(found)[:5])
        raise AmbiguousAlert(f"{len(found)} alerts begin with {alert_id!r}: {names}")
    if found:
        return next(iter(found.values()))
    damaged = f" ({len(bad)} unreadable lines could be it: {bad[0]})" if bad else ""
    raise NoSuchAlert(f"no alert in {folder / ALERTS} begins with {alert_id!r}{damaged}")


def read_events(
    wanted: frozenset[str], folder: Path, unreadable: list[str] | None = None
) -> dict[str, Record]:
    """Events by id, from the newest files first; what can't be read is noted in `unreadable`."""
    bad = [] if unreadable is None else unreadable
    events: dict[str, Record] = {}
    decode = msgspec.json.Decoder(_Identified).decode
    for line, place in _lines(_files(folder / EVENTS)):
        if len(events) == len(wanted):
            break
        try:
            event_id = decode(line).event.id
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            bad.append(f"{place}: {error}")
            continue
        if event_id not in wanted or event_id in events:
            continue
        record = _read(line, place, bad)
        if record is not None and not isinstance(record, Alert):
            events[event_id] = record
    return events


class _EventPart(Struct):
    id: str


class _Identified(Struct):
    """As much of a nested document as it takes to know whether it is wanted."""

    event: _EventPart


def _entry(event: Record, alert: Alert, completing: bool) -> Entry:
    orders = (
        getattr(event, "order_id", None),
        getattr(event, "maker_order_id", None),
        getattr(event, "taker_order_id", None),
    )
    return Entry(
        event_id=event.id,
        timestamp=event.timestamp,
        relative=event.timestamp - alert.timestamp,
        action=str(event.__struct_config__.tag),
        summary=sentence(event),
        provider=event.provider,
        original=event.original,
        transaction_hash=getattr(event, "transaction_hash", None),
        block_number=getattr(event, "block_number", None),
        order_ids=tuple(dict.fromkeys(one for one in orders if one is not None)),
        trade_id=getattr(event, "trade_id", None),
        completing=completing,
    )


def _files(folder: Path) -> list[Path]:
    """The folder's NDJSON, newest first: by the counter at the names' end, as delivery has it."""
    files = [path for path in folder.glob("*.ndjson") if NAME.fullmatch(path.name)]
    return sorted(files, key=lambda path: path.stem.rpartition("-")[2], reverse=True)


def _lines(files: Iterable[Path], needle: bytes = b"") -> Iterator[tuple[bytes, str]]:
    """Whole lines that contain `needle`, with their place."""
    for path in files:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(_LONGEST_LINE):
                number += 1
                if needle in line and not line.isspace():
                    yield line, f"{path}:{number}"


def _needle(text: str) -> bytes:
    """The text as it stands in JSON, without its quotes."""
    return msgspec.json.encode(text)[1:-1]


def _read(line: bytes, place: str, unreadable: list[str]) -> Record | Alert | None:
    try:
        return parse(msgspec.json.decode(line, type=dict[str, Any]))
    except (msgspec.MsgspecError, UnreadableDocument, UnicodeDecodeError, RecursionError) as error:
        unreadable.append(f"{place}: {error}")
        return None
