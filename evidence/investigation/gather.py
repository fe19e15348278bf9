"""Everything around an alert or a case, or of parties, out of an archive: alerts and events."""

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
    Met,
    Scope,
    concerns,
    is_of_everybody,
    names_of,
    scope_of,
)
from normalizer.events import SEVERITY, Alert, AlertUpdate, CaseActivity, Record
from normalizer.events.ecs import UnreadableDocument, parse, rfc3339
from pipeline.failure import CONFIGURATION, FAILED, Failure
from pipeline.page.words import plural, shortened

#: Unreadable documents that are told one by one.
MOST_TOLD = 100
_MOST_IN_TITLE = 3


class Gathered(Struct, kw_only=True):
    """What was found."""

    #: The alert that was asked for; of a case its gravest one; None where it is of parties, or of
    #: a case without alerts.
    subject: Alert | None
    scope: Scope
    #: Those that were asked for, where no alert or case was.
    parties: tuple[str, ...] = ()
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
    #: Those of the names that somebody gave that no event and no alert has: a slip of the pen
    #: would look like a clean sheet.
    unmet: tuple[str, ...] = ()
    archive: str

    @property
    def title(self) -> str:
        """What it is called."""
        if self.case is not None:
            return self.case.case.title
        if self.subject is not None:
            return self.subject.rule_name
        more = len(self.parties) - _MOST_IN_TITLE
        named = [shortened(one) for one in self.parties[:_MOST_IN_TITLE]]
        return f"All of {', '.join(named)}" + (f" and {more:,} more" if more > 0 else "")

    @property
    def lead(self) -> str:
        """What it is about, in a sentence."""
        if self.subject is not None:
            return self.subject.reason
        alerts = plural(len(self.alerts), "alert")
        events = plural(sum(line.kind == "event" for line in self.lines), "event")
        begin, end = (rfc3339(one) for one in (self.scope.since, self.scope.until))
        return f"{events} and {alerts} that name them, from {begin} to {end}."

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
    """All around the alert of this id, or of the one that begins so; or around a case, with the
    events that people attached to it.

    `window`, in nanoseconds, is looked at before the first event that the alert rests on and after
    the last; `since` and `until` say otherwise, and must where a case has no alert. `also`: other
    names to look for. Raises Failure.
    """
    unreadable: list[str] = []
    case = None if isinstance(wanted, str) else wanted
    if isinstance(wanted, str):
        subjects, gone = [find_alert(archive, wanted, unreadable)], list[str]()
    elif wanted.alerts:
        subjects, gone = alerts_of(archive, wanted)
    else:
        subjects, gone = [], []
    begin, end = _stretch(subjects, window, since, until)
    if begin is None or end is None:
        assert case is not None
        said = f"{case.case.id} has no alert: say of which time, by --from and --until"
        raise Failure(said, CONFIGURATION)
    subject = min(
        subjects, key=lambda one: (-SEVERITY[one.level], one.timestamp, one.id), default=None
    )
    case_names = () if case is None else case.case.entities
    return _collected(
        archive,
        subject,
        names=names_of(subjects, (*also, *case_names)),
        given=(*also, *(() if subjects else case_names)),
        ids=frozenset(one.id for one in subjects),
        since=begin,
        until=end,
        case=case,
        gone=gone,
        unreadable=unreadable,
        progress=progress,
    )


def _stretch(
    subjects: Sequence[Alert], window: int, since: int | None, until: int | None
) -> tuple[int | None, int | None]:
    """From when until when; None where neither the alerts say it nor somebody does."""
    if subjects and since is None:
        created = (one.timestamp if one.created is None else one.created for one in subjects)
        since = min(created) - window
    if subjects and until is None:
        until = max(max(one.timestamp, one.ended or 0) for one in subjects) + window + 1
    return since, until


def gather_parties(
    archive: Archive,
    parties: Sequence[str],
    *,
    since: int,
    until: int,
    progress: Callable[[str, int], None] = lambda what, done: None,
) -> Gathered:
    """All that names one of these parties (accounts, addresses, investors) in a stretch of time,
    and all that their alerts rest on, wherever in time that is. Raises Failure.

    Of what concerns everybody there are the gaps and the news of the sources and tokens that they
    are met in, and every change of rules, since whom no rule alerted on was watched by these.
    """
    return _collected(
        archive,
        None,
        names=names_of((), parties),
        given=parties,
        since=since,
        until=until,
        parties=tuple(dict.fromkeys(one.strip() for one in parties)),
        progress=progress,
    )


def _collected(
    archive: Archive,
    subject: Alert | None,
    *,
    names: frozenset[str],
    given: Sequence[str],
    ids: frozenset[str] = frozenset(),
    since: int,
    until: int,
    case: CaseFile | None = None,
    parties: tuple[str, ...] = (),
    gone: Sequence[str] = (),
    unreadable: list[str] | None = None,
    progress: Callable[[str, int], None],
) -> Gathered:
    unreadable = [] if unreadable is None else unreadable
    if since >= until:
        said = f"nothing is from {rfc3339(since)} to {rfc3339(until)}"
        raise Failure(f"{said}: see --from, --until and --window", CONFIGURATION)
    if len(names) > MOST_NAMES:
        raise Failure(f"{len(names):,} names are too many: at most {MOST_NAMES:,}", FAILED)
    alerts, updates, found = _alerts(archive, ids, names, since, until, unreadable)
    for activity, content in () if case is None else case.activities:
        found.append((line_of_activity(activity, content), Found(content, "CASES")))
    scope = scope_of(
        alerts,
        names,
        since=since,
        until=until,
        attached=frozenset() if case is None else case.attached,
        everywhere=subject is None,
    )
    met = Met()
    everybody: list[tuple[Record, Found]] = []
    there: set[str] = set()
    progress("alerts", len(alerts))
    for record, one in _events(archive, scope, unreadable):
        if record.id in there:
            continue  # a second copy after a crash
        there.add(record.id)
        if scope.everywhere and is_of_everybody(scope, record):
            everybody.append((record, one))  # where the parties are met, only the end tells
            continue
        met.add(record)
        found.append((line_of(record, one.document, scope.evidence.get(record.id, ())), one))
        if not len(there) % 1_000:
            progress("events", len(there))
    for record, one in everybody:
        if met.concerned(record):
            found.append((line_of(record, one.document), one))
    progress("events", len(there))
    found.sort(key=lambda pair: (pair[0].time, pair[0].kind != "event", pair[0].id))
    return Gathered(
        subject=subject,
        scope=scope,
        parties=parties,
        case=case,
        lines=[line for line, _ in found],
        documents=[one.document for _, one in found],
        alerts=alerts,
        updates=updates,
        missing=[*sorted(gone), *sorted(set(scope.evidence) - there)],
        unreadable=unreadable,
        unmet=_unmet(given, [one.document for line, one in found if line.kind != "action"]),
        archive=archive.name,
    )


def _unmet(given: Iterable[str], documents: Sequence[bytes]) -> tuple[str, ...]:
    def is_met(name: str) -> bool:
        forms = [msgspec.json.encode(form) for form in names_of((), (name,))]
        return any(form in one for one in documents for form in forms)

    return tuple(dict.fromkeys(name.strip() for name in given if not is_met(name)))


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
    if not ids:
        raise Failure(f"no alert is in {file.case.id}: see `tapewatch case join`", FAILED)
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
        ids=scope.attached.union(scope.evidence),
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


def evidence_originals(gathered: Gathered) -> list[str]:
    """Where the raw frames lie of what alerts rest on and people attached, of parties of all their
    events; each once, in order."""
    every, holds = gathered.subject is None, gathered.scope.holds_event
    wanted = (one.original for one in gathered.lines if every or holds(one.id))
    return list(dict.fromkeys(one for one in wanted if one))
