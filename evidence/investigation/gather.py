"""Everything around an alert or a case, out of an archive: alerts of its parties, and events."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from evidence.investigation.archive import Archive, Found, Wanted
from evidence.investigation.case_file import CaseFile, line_of_activity
from evidence.investigation.lines import Line, line_of
from evidence.investigation.scope import (
    EVERYBODY,
    MOST_NAMES,
    Scope,
    concerns,
    names_of,
    scope_of,
)
from normalizer.events import SEVERITY, Alert, AlertUpdate, CaseActivity, Record
from normalizer.events.ecs import UnreadableDocument, parse, rfc3339
from pipeline.failure import CONFIGURATION, FAILED, Failure

#: Unreadable documents that are told one by one.
MOST_TOLD = 100


class Gathered(Struct, kw_only=True):
    """What was found."""

    #: The alert that was asked for; of a case its gravest one.
    subject: Alert
    scope: Scope
    case: CaseFile | None = None
    #: In the order of time; of equal times in that of their ids.
    lines: list[Line]
    #: Of each line, byte for byte as the archive has it.
    documents: list[bytes]
    alerts: list[Alert]
    updates: list[AlertUpdate]
    #: Alerts of the case, and evidence of alerts, that the archive doesn't have.
    missing: list[str]
    #: What could not be read, with its place and why.
    unreadable: list[str]
    archive: str

    @property
    def title(self) -> str:
        """What it is called."""
        return self.case.case.title if self.case is not None else self.subject.rule_name

    @property
    def complete(self) -> bool:
        """Whether all that the alerts rest on is there, and everything could be read."""
        return not self.missing and not self.unreadable


def gather(
    archive: Archive,
    wanted: str | CaseFile,
    *,
    window: int,
    since: int | None = None,
    until: int | None = None,
    also: Iterable[str] = (),
    progress: Callable[[str, int], None] = lambda what, done: None,
) -> Gathered:
    """All around the alert of this id, or of the one that begins so; or around a case.

    `window`, in nanoseconds, is looked at before the first event that the alert rests on and after
    the last; `since` and `until` say otherwise. `also`: other names to look for. Raises Failure.
    """
    unreadable: list[str] = []
    case = None if isinstance(wanted, str) else wanted
    if isinstance(wanted, str):
        subjects, gone = [find_alert(archive, wanted, unreadable)], list[str]()
    else:
        subjects, gone = alerts_of(archive, wanted)
    subject = min(subjects, key=lambda one: (-SEVERITY[one.level], one.timestamp, one.id))
    first = min(one.timestamp if one.created is None else one.created for one in subjects)
    last = max(max(one.timestamp, one.ended or 0) for one in subjects)
    begin = first - window if since is None else since
    end = last + window + 1 if until is None else until
    if begin >= end:
        said = f"nothing is from {rfc3339(begin)} to {rfc3339(end)}"
        raise Failure(f"{said}: see --from, --until and --window", CONFIGURATION)
    names = names_of(subjects, (*also, *(() if case is None else case.case.entities)))
    if len(names) > MOST_NAMES:
        raise Failure(f"{len(names):,} names are too many: at most {MOST_NAMES:,}", FAILED)
    ids = frozenset(one.id for one in subjects)
    alerts, updates, found = _alerts(archive, ids, names, begin, end, unreadable)
    for activity, content in () if case is None else case.activities:
        found.append((line_of_activity(activity, content), Found(content, "CASES")))
    scope = scope_of(alerts, names, since=begin, until=end)
    there: set[str] = set()
    progress("alerts", len(alerts))
    for record, one in _events(archive, scope, unreadable):
        if record.id in there:
            continue  # a second copy after a crash
        there.add(record.id)
        found.append((line_of(record, one.document, scope.evidence.get(record.id, ())), one))
        if not len(there) % 1_000:
            progress("events", len(there))
    progress("events", len(there))
    found.sort(key=lambda pair: (pair[0].time, pair[0].kind != "event", pair[0].id))
    return Gathered(
        subject=subject,
        scope=scope,
        case=case,
        lines=[line for line, _ in found],
        documents=[one.document for _, one in found],
        alerts=alerts,
        updates=updates,
        missing=[*sorted(gone), *sorted(set(scope.evidence) - there)],
        unreadable=unreadable,
        archive=archive.name,
    )


def alert_in(archive: Archive, alert_id: str) -> Alert | None:
    """The alert of exactly this id, if the archive has it. Raises Failure."""
    for record, _ in _read(archive.alerts(Wanted(ids=frozenset((alert_id,)))), []):
        if isinstance(record, Alert) and record.id == alert_id:
            return record
    return None


def find_alert(archive: Archive, alert_id: str, unreadable: list[str]) -> Alert:
    """The alert of this id, or the one whose id begins so. Raises Failure."""
    alert_id = alert_id.strip()
    if not alert_id:
        raise Failure("an empty id names no alert", FAILED)
    found: dict[str, Alert] = {}
    for record, _ in _read(archive.alerts(Wanted(actions=("alert",))), unreadable):
        if isinstance(record, Alert) and record.id.startswith((alert_id, alert_id.lower())):
            found[record.id] = record
    unreadable.clear()  # they are read again
    exact = found.get(alert_id) or found.get(alert_id.lower())
    if exact is not None:
        return exact
    if not found:
        raise Failure(f"no alert in {archive.name} begins with {alert_id!r}", FAILED)
    if len(found) > 1:
        some = ", ".join(sorted(found)[:5])
        raise Failure(f"{len(found)} alerts begin with {alert_id!r}: {some}", FAILED)
    return next(iter(found.values()))


def alerts_of(archive: Archive, file: CaseFile) -> tuple[list[Alert], list[str]]:
    """The alerts of a case, and ids of those that the archive doesn't have. Raises Failure."""
    ids = frozenset(file.alerts)
    found: dict[str, Alert] = {}
    for record, _ in _read(archive.alerts(Wanted(ids=ids)), []):  # they are read again
        if isinstance(record, Alert) and record.id in ids:
            found[record.id] = record
    if not found:
        raise Failure(f"{archive.name} has none of the {len(ids)} alerts of {file.case.id}", FAILED)
    return list(found.values()), sorted(ids - found.keys())


def _alerts(
    archive: Archive,
    subjects: frozenset[str],
    names: frozenset[str],
    since: int,
    until: int,
    unreadable: list[str],
) -> tuple[list[Alert], list[AlertUpdate], list[tuple[Line, Found]]]:
    """Alerts of the same parties in the same time, and what became of them."""
    alerts: dict[str, tuple[Alert, Found]] = {}
    wanted = Wanted(names=names, ids=subjects, since=since, until=until)
    for record, one in _read(archive.alerts(wanted), unreadable):
        if isinstance(record, Alert):
            theirs = not names.isdisjoint((*record.entities, *record.related_user))
            if record.id in subjects or (theirs and since <= record.timestamp < until):
                alerts.setdefault(record.id, (record, one))
    updates: dict[str, tuple[AlertUpdate, Found]] = {}
    # What became of an alert may come long after, and names nobody.
    for record, one in _read(archive.alerts(Wanted(ids=frozenset(alerts))), []):
        if isinstance(record, AlertUpdate) and record.alert_id in alerts:
            updates.setdefault(record.id, (record, one))
    lines = [
        (line_of(record, one.document), one)
        for record, one in (*alerts.values(), *updates.values())
    ]
    ordered = sorted((a for a, _ in alerts.values()), key=lambda a: (a.timestamp, a.id))
    return ordered, [update for update, _ in updates.values()], lines


def _events(
    archive: Archive, scope: Scope, unreadable: list[str]
) -> Iterator[tuple[Record, Found]]:
    wanted = Wanted(
        names=scope.names,
        ids=frozenset(scope.evidence),
        actions=EVERYBODY,
        since=scope.since,
        until=scope.until,
    )
    for record, one in _read(archive.events(wanted), unreadable):
        if not isinstance(record, Alert | AlertUpdate) and concerns(scope, record):
            yield record, one


def _read(
    found: Iterable[Found], unreadable: list[str]
) -> Iterator[tuple[Record | Alert | AlertUpdate, Found]]:
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    for one in found:
        try:
            record = parse(decode(one.document))
        except (msgspec.MsgspecError, UnreadableDocument, UnicodeDecodeError, RecursionError) as e:
            if len(unreadable) < MOST_TOLD:
                unreadable.append(f"{one.place}: {e}")
            continue
        if record is not None and not isinstance(record, CaseActivity):
            yield record, one  # what was done to a case is told by the stream CASES


def evidence_originals(lines: Sequence[Line]) -> list[str]:
    """Where the raw frames lie of what alerts rest on, each once, in order."""
    return list(dict.fromkeys(one.original for one in lines if one.evidence_of and one.original))
