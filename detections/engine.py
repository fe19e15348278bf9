"""Rules against events: the pure core of the detections."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from detections.alerts import (
    finding_alert,
    firing_alert,
)
from detections.correlation_reason import Fired, correlation_reason, parties_of
from detections.correlations.hits import Firing, Hit, Limits
from detections.correlations.runtime import Correlations
from detections.correlations.state import SnapshotError
from detections.engine_state import (
    CannotRestore,
    decode_state,
    encode_state,
    event_of,
    rules_fingerprint,
    waiting_event,
)
from detections.event_kinds import DOCUMENT, RECORD, EventKind, id_of, kind_of
from detections.event_time import NO_TIE, Tie, Waiting
from detections.evidence_lines import witness_of_line
from detections.exceptions import Exceptions
from detections.fields import ACTION
from detections.reading import ReadEvent, read_event
from detections.rule_book import CorrelatorEntry, Meeting, RuleBook
from detections.rules.loading import RuleSet
from detections.rules.model import Rule
from detections.sigma.documents import Document
from normalizer.events import Alert, Record

_MOST_PROBLEMS = 1_000
#: Event ids that are remembered, at least; at most twice as many.
REMEMBERED_EVENTS = 100_000
LATE = "late"


class _Work(msgspec.Struct, frozen=True):
    """What is left to do with an event when its time comes."""

    event: Any
    hits: tuple[Hit, ...]
    correlators: tuple[CorrelatorEntry, ...]


class Engine:
    """Runs a set of rules. It reads no clock and does no I/O; its output depends on its input only.

    An event that comes again within the last `remembered` ones (by `event.id`) counts once.
    Sigma rules alert at once. Correlations and correlators see events in the order of event time,
    as far as these come within `allowed_lateness` (nanoseconds) of the newest; with 0 in the order
    of the stream. An event that is later still is taken when it comes: it is counted, and the
    alerts that it completes have the tag `late`.
    """

    def __init__(
        self,
        ruleset: RuleSet,
        *,
        remembered: int = REMEMBERED_EVENTS,
        allowed_lateness: int = 0,
        limits: Limits | None = None,
    ) -> None:
        self.ruleset = ruleset
        self.duplicates = 0
        """Events that came again and were left out."""
        self.late = 0
        """Events that came later than allowed, and were taken all the same."""
        self.failures = 0
        """Times that a rule failed on an event."""
        self.exceptions = Exceptions(ruleset.exceptions)
        """Who and what the rules leave alone, with counts."""
        titles = {one.rule.id: one.rule.title for one in ruleset.sigma}
        self.correlations = Correlations(ruleset.correlations, limits or Limits(), titles=titles)
        self._problems: list[str] = []
        self._remembered = remembered
        # Dicts for their order: the same state must give the same bytes.
        self._young: dict[str, None] = {}
        self._old: dict[str, None] = {}
        self._waiting = Waiting[_Work](allowed_lateness)
        self._rules = rules_fingerprint(ruleset, self.correlations.needs)
        self.book = RuleBook(ruleset, self.correlations.needs)
        self._reasons = {
            one.rule.id: (one, correlation_reason(one), parties_of(one))
            for one in ruleset.correlations
        }
        self.needs_time = self.correlations.closes_windows or allowed_lateness > 0
        """Whether events that match nothing matter all the same, for their time."""

    # -- events ------------------------------------------------------------------------------------

    def process(self, events: Iterable[Record]) -> list[Alert]:
        """Take events in the order of the stream.

        Alerts come in that order; those of one event by rule id, first of Sigma rules, then of
        correlators, then of correlations.
        """
        alerts: list[Alert] = []
        meetings: dict[type[Any], Meeting] = {}
        for event in events:
            if self.is_duplicate(event.id):
                continue
            meeting = meetings.get(type(event))
            if meeting is None:
                meeting = meetings[type(event)] = self.book.of_record(type(event))
            found = self._matches(meeting, event)
            self._meet(meeting, found, event, event.timestamp, RECORD, alerts)
        return alerts

    def process_documents(self, documents: Iterable[Document]) -> list[Alert]:
        """Take flat ECS documents that are no records. Correlators don't see them."""
        alerts: list[Alert] = []
        meeting = self.book.of_documents()
        for document in documents:
            event_id = str(document["event.id"])
            if self.is_duplicate(event_id):
                continue
            found = self._matches(meeting, document)
            self._meet(meeting, found, document, document["@timestamp"], DOCUMENT, alerts)
        return alerts

    def process_read(self, read: ReadEvent) -> list[Alert]:
        """Take an event that was read from a line.

        Sigma rules see the document as it stands there, with more than a record of ours has room
        for; correlators see the record.
        """
        record = read.record
        if record is None:
            return self.process_documents((read.document,))
        alerts: list[Alert] = []
        if self.is_duplicate(record.id):
            return alerts
        meeting = self.book.of_record(type(record))
        found = self._matches(self.book.of_documents(), read.document)
        self._meet(meeting, found, record, record.timestamp, RECORD, alerts)
        return alerts

    def wants(self, read: ReadEvent) -> bool:
        """Whether a correlator looks at events of this action."""
        action = read.document.get(ACTION)
        return any(action in entry.correlator.actions for entry in self.book.correlators)

    def take_hits(self, hits: tuple[Hit, ...], order: Tie) -> list[Alert]:
        """Take one event of which only matches of silent rules are known."""
        alerts: list[Alert] = []
        self._take(hits[0].timestamp, order, _Work(hits[0].event, hits, ()), alerts)
        return alerts

    def advance(self, time: int) -> list[Alert]:
        """Event time has come this far, whether or not an event says so."""
        alerts: list[Alert] = []
        self._reach(time, alerts)
        return alerts

    def finish(self) -> list[Alert]:
        """The input has ended: what waited is taken, and time has come to the newest event."""
        alerts: list[Alert] = []
        for timestamp, work in self._waiting.release_all():
            self._do(timestamp, work, alerts)
        self._close(self._waiting.newest, alerts)
        return alerts

    def take_problems(self) -> list[str]:
        """What failed since the last call: a rule that couldn't deal with an event, and why.

        At most 1,000 are kept; `failures` counts all.
        """
        problems, self._problems = self._problems, []
        return problems

    def is_duplicate(self, event_id: str) -> bool:
        """Whether the event was taken before; it is remembered now."""
        if event_id in self._young or event_id in self._old:
            self.duplicates += 1
            return True
        # Two generations: forgetting the older one whole costs nothing per event.
        self._young[event_id] = None
        if len(self._young) >= self._remembered:
            self._old, self._young = self._young, {}
        return False

    # -- state -------------------------------------------------------------------------------------

    def snapshot(self) -> bytes:
        """The state, but for what Python correlators know. The same state gives the same bytes."""
        return encode_state(
            rules=self._rules,
            lateness=self._waiting.lateness,
            newest=self._waiting.newest,
            young=self._young,
            old=self._old,
            waiting=[
                waiting_event(timestamp, order, work.event)
                for timestamp, order, work in self._waiting.items()
            ],
            correlations=self.correlations.snapshot(),
        )

    def restore(self, data: bytes) -> None:
        """Take the state of a snapshot. Raises CannotRestore, and then nothing has changed."""
        state = decode_state(data, rules=self._rules, lateness=self._waiting.lateness)
        try:
            self.correlations.restore(state.correlations)
        except SnapshotError as error:
            raise CannotRestore(str(error)) from error
        self._young, self._old = dict.fromkeys(state.young), dict.fromkeys(state.old)
        self._waiting.clear(state.newest)
        for one in state.waiting:
            event = event_of(one)
            kind = kind_of(event)
            meeting = kind.meeting(self.book, event)
            found = self._matches(meeting, event) or ()
            hits = self._hits(meeting, found, event, one.timestamp, kind)
            self._waiting.add(one.timestamp, one.order, _Work(event, hits, meeting.correlators))

    def warm_correlators(self, records: Iterable[Record]) -> None:
        """Show Python correlators what they saw before a restored snapshot was taken.

        What waits in the snapshot they will see when its time comes.
        """
        for record in records:
            if self._waiting.lateness and record.timestamp >= self._waiting.watermark:
                continue
            for entry in self.book.of_record(type(record)).correlators:
                try:
                    for _ in entry.correlator.observe(record):
                        pass  # it is out already
                except Exception as error:
                    self._fail(entry.rule, record.id, error)

    # -- time --------------------------------------------------------------------------------------

    def _reach(self, time: int, alerts: list[Alert]) -> None:
        """Move event time on, and do what waited for it."""
        waiting = self._waiting
        if time > waiting.newest:
            waiting.newest = time
            if len(waiting):
                for timestamp, work in waiting.release():
                    self._do(timestamp, work, alerts)
            self._close(waiting.watermark, alerts)

    def _close(self, time: int, alerts: list[Alert]) -> None:
        """Judge the windows that ended before this time."""
        deadline = self.correlations.next_deadline
        if deadline is not None and time > deadline:
            self._alert_firings(self.correlations.advance(time), alerts)

    def _take(self, timestamp: int, order: Tie, work: _Work, alerts: list[Alert]) -> None:
        waiting = self._waiting
        if timestamp < waiting.watermark:
            self.late += 1
            # A window that it opens must stay open for as long as it is late.
            self._alert_firings(self.correlations.advance(waiting.watermark), alerts)
            self._do(timestamp, work, alerts, late=waiting.lateness > 0)
        elif waiting.lateness:
            waiting.add(timestamp, order, work)
            self._reach(timestamp, alerts)
        else:
            waiting.newest = timestamp
            self._do(timestamp, work, alerts)

    def _do(self, timestamp: int, work: _Work, alerts: list[Alert], *, late: bool = False) -> None:
        first = len(alerts)
        event = work.event
        for entry in work.correlators:
            try:
                for finding in entry.correlator.observe(event):
                    self._keep(finding_alert(entry.rule, finding, event), event, alerts)
            except Exception as error:
                self._fail(entry.rule, event.id, error)
        if work.hits:
            self._alert_firings(self.correlations.observe(work.hits, timestamp), alerts)
        else:
            self._close(timestamp, alerts)
        if late:
            alerts[first:] = [
                msgspec.structs.replace(alert, tags=(*alert.tags, LATE)) for alert in alerts[first:]
            ]

    # -- rules -------------------------------------------------------------------------------------

    def _meet(
        self,
        meeting: Meeting,
        found: list[int] | None,
        event: Any,
        time: int,
        kind: EventKind,
        alerts: list[Alert],
    ) -> None:
        """Alert at once on the rules that match; the rest is done when the event's time comes."""
        hits = () if found is None else self._match(meeting, found, event, time, kind, alerts)
        if hits or meeting.correlators:
            order = kind.tie(event) if self._waiting.lateness else NO_TIE
            self._take(time, order, _Work(event, hits, meeting.correlators), alerts)
        elif self.needs_time:
            self._reach(time, alerts)

    def _matches(self, meeting: Meeting, event: Any) -> list[int] | None:
        """Numbers of the Sigma rules that match, in their order."""
        program = meeting.program
        if program is None:
            return None
        try:
            found = program(event)
        except Exception:
            return self._matches_one_by_one(meeting, event)
        if found is not None and len(found) > 1:
            found.sort()
        return found

    def _matches_one_by_one(self, meeting: Meeting, event: Any) -> list[int] | None:
        # One rule's mistake on one event must not silence the others; the event is named, so that
        # it can be replayed against a corrected rule.
        found: list[int] = []
        for number, (rule, match) in enumerate(meeting.one_by_one()):
            try:
                if match(event):
                    found.append(number)
            except Exception as error:
                self._fail(rule, id_of(event), error)
        return found or None

    def _match(
        self,
        meeting: Meeting,
        found: Sequence[int],
        event: Any,
        time: int,
        kind: EventKind,
        alerts: list[Alert],
    ) -> tuple[Hit, ...]:
        """Alert on the rules that match; their hits for correlations."""
        feeds = False
        for number in found:
            entry = meeting.sigma[number]
            feeds = feeds or entry.needs is not None
            if entry.silent:
                continue
            try:
                alert = kind.alert(entry.rule, entry.fill(event), event)
                self._keep(alert, event, alerts)
            except Exception as error:
                self._fail(entry.rule, id_of(event), error)
        return self._hits(meeting, found, event, time, kind) if feeds else ()

    def _hits(
        self, meeting: Meeting, found: Iterable[int], event: Any, time: int, kind: EventKind
    ) -> tuple[Hit, ...]:
        """What correlations get of the rules that match."""
        try:
            seen = kind.witness(event)
            reads = meeting.needs(tuple(found))
            values = {name: value for name, read in reads if (value := read(event)) is not None}
        except Exception as error:
            for number in found:
                self._fail(meeting.sigma[number].rule, id_of(event), error)
            return ()
        entries = [meeting.sigma[number] for number in found]
        return tuple(
            [
                Hit(
                    rule=entry.rule.id,
                    id=seen.id,
                    timestamp=time,
                    values=values,
                    evidence=seen,
                    event=event,
                )
                for entry in entries
                if entry.needs is not None
            ]
        )

    def _alert_firings(self, firings: Iterable[Firing], alerts: list[Alert]) -> None:
        for firing in firings:
            one, reason, parties = self._reasons[firing.rule]
            if one.silent:
                continue
            event = firing.completing.event
            try:
                event = _event_of(event) if isinstance(event, bytes) else event
                text = reason(Fired(firing, event))
                self._keep(
                    firing_alert(one.rule, firing, parties, text, event, witness_of_line),
                    event,
                    alerts,
                )
            except Exception as error:
                self._fail(one.rule, firing.completing.id, error)

    def _keep(self, alert: Alert, event: Any, alerts: list[Alert]) -> None:
        try:
            covered = self.exceptions.covering(alert.rule_id, alert, event) is not None
        except Exception as error:
            # An exception that can't be judged covers nothing: better an alert too many.
            self._note(f"an exception of {alert.rule_name} failed on event {id_of(event)}", error)
            covered = False
        if not covered:
            alerts.append(alert)

    def _fail(self, rule: Rule, event_id: str, error: Exception) -> None:
        self._note(f"rule {rule.id} ({rule.title}) failed on event {event_id}", error)

    def _note(self, what: str, error: Exception) -> None:
        self.failures += 1
        if len(self._problems) < _MOST_PROBLEMS:
            self._problems.append(f"{what}: {type(error).__name__}: {error}")


def _event_of(line: bytes) -> Any:
    """The event that a line holds, which was read once already: a record or a flat document."""
    return read_event(line).event
