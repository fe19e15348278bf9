"""An alert's timeline: the events that it rests on, in order, out of the file sink's folders."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from delivery.file_folder import NAME
from delivery.marks import frame_place
from evidence.sentences import sentence
from normalizer.events import Alert, AlertUpdate, CaseActivity, ChainEvent, ChainReorganised, Record
from normalizer.events.ecs import UnreadableDocument, parse

#: What the file sink writes below its `path`.
ALERTS, EVENTS = "alerts", "events"
_FORK = "chain-reorganised"
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
    orphaned: bool = False
    """Whether its block left the chain, as far as was delivered."""


class Timeline(Struct, frozen=True, kw_only=True):
    """An alert with its evidence."""

    alert: Alert
    entries: tuple[Entry, ...]
    """By event time; events of the same time in the order in which the alert names them."""
    missing: tuple[str, ...] = ()
    """`event.id` of evidence that is not there."""
    unreadable: tuple[str, ...] = ()
    """Lines that could hold evidence but can't be read: file, line and reason."""
    update: AlertUpdate | None = None
    """The newest word on the alert: that it was retracted, reinstated or amended; else None."""

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
    forks: list[ChainReorganised] = []
    events = read_events(frozenset(found.evidence_events), folder, bad, forks)
    update = newest_update(found.id, folder, bad)
    return timeline_of(found, events, unreadable=bad, forks=forks, update=update)


def timeline_of(
    alert: Alert,
    events: Mapping[str, Record],
    *,
    unreadable: Iterable[str] = (),
    forks: Iterable[ChainReorganised] = (),
    update: AlertUpdate | None = None,
) -> Timeline:
    """The timeline of an alert, given events by their id, and what came later. Pure."""
    known = tuple(forks)
    wanted = list(dict.fromkeys(alert.evidence_events))
    there = [events[one] for one in wanted if one in events]
    completing = wanted[-1] if wanted else None
    entries = [_entry(event, alert, event.id == completing, known) for event in there]
    return Timeline(
        alert=alert,
        entries=tuple(sorted(entries, key=lambda entry: entry.timestamp)),
        missing=tuple(one for one in wanted if one not in events),
        unreadable=tuple(unreadable),
        update=update,
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
    wanted: frozenset[str],
    folder: Path,
    unreadable: list[str] | None = None,
    forks: list[ChainReorganised] | None = None,
) -> dict[str, Record]:
    """Events by id, from the newest files first; what can't be read is noted in `unreadable`.

    Of several copies it is the newest. `forks` gets the reorganisations that came behind them.
    """
    bad = [] if unreadable is None else unreadable
    events: dict[str, Record] = {}
    decode = msgspec.json.Decoder(_Identified).decode
    for file in _files(folder / EVENTS):
        if len(events) == len(wanted):
            break
        here: dict[str, Record] = {}
        for line, place in _lines([file]):
            try:
                event = decode(line).event
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                bad.append(f"{place}: {error}")
                continue
            if event.action != _FORK and (event.id not in wanted or event.id in events):
                continue
            record = _read(line, place, bad)
            if isinstance(record, ChainReorganised) and forks is not None:
                forks.append(record)
            if record is not None and not isinstance(record, Alert | AlertUpdate):
                here[record.id] = record
        events |= {key: record for key, record in here.items() if key in wanted}
    return events


class _EventPart(Struct):
    id: str
    action: str = ""


class _Identified(Struct):
    """As much of a nested document as it takes to know whether it is wanted."""

    event: _EventPart


def newest_update(
    alert_id: str, folder: Path, unreadable: list[str] | None = None
) -> AlertUpdate | None:
    """The newest update about an alert; what can't be read is noted in `unreadable`."""
    bad = [] if unreadable is None else unreadable
    for file in _files(folder / ALERTS):
        found: AlertUpdate | None = None
        for line, place in _lines([file], _needle(alert_id)):
            record = _read(line, place, bad)
            if isinstance(record, AlertUpdate) and record.alert_id == alert_id:
                found = record
        if found is not None:
            return found
    return None


def _is_orphaned(event: Record, forks: Iterable[ChainReorganised]) -> bool:
    """Whether one of the forks came behind the event, and took it back."""
    if not isinstance(event, ChainEvent):
        return False
    place = frame_place(event.original)
    return any(
        (fork.chain_id, fork.provider) == (event.chain_id, event.provider)
        and event.block_number > fork.common_number
        and place < frame_place(fork.original)
        for fork in forks
    )


def _entry(
    event: Record, alert: Alert, completing: bool, forks: Iterable[ChainReorganised]
) -> Entry:
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
        orphaned=_is_orphaned(event, forks),
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


def _read(line: bytes, place: str, unreadable: list[str]) -> Record | Alert | AlertUpdate | None:
    try:
        found = parse(msgspec.json.decode(line, type=dict[str, Any]))
    except (msgspec.MsgspecError, UnreadableDocument, UnicodeDecodeError, RecursionError) as error:
        unreadable.append(f"{place}: {error}")
        return None
    return None if isinstance(found, CaseActivity) else found  # cases are in no file of these
