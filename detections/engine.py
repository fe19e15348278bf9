"""Rules against events: the pure core of the detections."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from detections.alerts import (
    finding_alert,
    firing_alert,
)
from detections.correlation_reason import Fired, correlation_reason, parties_of
from detections.correlations.hits import Firing, Hit, Limits
from detections.correlations.runtime import Correlations
from detections.correlations.state import Known, SnapshotError
from detections.engine_state import (
    CannotRestore,
    Common,
    WaitingEvent,
    event_of,
    read_state,
    waiting_event,
    write_state,
)
from detections.event_kinds import DOCUMENT, RECORD, EventKind, id_of, kind_of
from detections.event_time import NO_TIE, TIME_LIMITS, Tie, TimeLimits, Waiting, Watermark
from detections.evidence_lines import witness_of_line
from detections.exceptions import Exceptions
from detections.feed_gaps import FeedGaps
from detections.fields import ACTION
from detections.finality import FinalityGate
from detections.reading import ReadEvent, read_event
from detections.rule_book import CorrelatorEntry, Meeting, RuleBook
from detections.rule_states import Unfit, difference, identities, only, unfit
from detections.rules.loading import RuleSet
from detections.rules.model import Rule
from detections.sigma.documents import Document
from normalizer.events import Alert, ChainFinality, Record
from normalizer.events.market import FeedGap
from normalizer.events.rule_set import RulesChanged

_MOST_PROBLEMS = 1_000
#: Event ids that are remembered, at least; at most twice as many.
REMEMBERED_EVENTS = 100_000
LATE = "late"


class _Work(msgspec.Struct, frozen=True):
    """What is left to do with an event when its time comes."""

    event: Any
    hits: tuple[Hit, ...]
    correlators: tuple[CorrelatorEntry, ...]
    judged: bool = True
    """Whether rules judge it here."""


class Engine:
    """Runs a set of rules. It reads no clock and does no I/O; its output depends on its input only.

    An event that comes again within the last `remembered` ones (by `event.id`) counts once.
    Sigma rules alert at once. Correlations and correlators see events in the order of event time,
    as far as these come within `allowed_lateness` of the newest of their source; with 0 in the
    order of the stream. An event that is later still is taken when it comes: it is counted, and the
    alerts that it completes have the tag `late`. A source that is further than `idle_after` behind
    the others is not waited for. An event that says that it happened more than `clock_tolerance`
    after its receipt happened at its receipt, for correlations and correlators. All three are in
    nanoseconds.
    """

    def __init__(
        self,
        ruleset: RuleSet,
        *,
        remembered: int = REMEMBERED_EVENTS,
        allowed_lateness: int = 0,
        idle_after: int = TIME_LIMITS.idle_after,
        clock_tolerance: int = TIME_LIMITS.clock_tolerance,
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
        self.finality = FinalityGate({one.id: one.finality for one in ruleset.rules})
        """How final blocks are, and alerts that wait for it."""
        self._problems: list[str] = []
        self._remembered = remembered
        # Dicts for their order: the same state must give the same bytes.
        self._young: dict[str, None] = {}
        self._old: dict[str, None] = {}
        self.watermark = Watermark(TimeLimits(allowed_lateness, idle_after, clock_tolerance))
        """How far event time has come, by source."""
        self.gaps = FeedGaps()
        """What is missing of the sources' feeds."""
        self._by_time = self.correlations.judged_by_time
        self._lateness = allowed_lateness
        self._tolerance = clock_tolerance
        self._waiting = Waiting[_Work]()
        self.book = RuleBook(ruleset, self.correlations.needs)
        self._settings: dict[str, Any] = {
            "remembered": remembered,
            "allowed_lateness": allowed_lateness,
            "idle_after": idle_after,
            "clock_tolerance": clock_tolerance,
            "limits": limits,
        }
        self._correlators = {one.rule.id: one.correlator for one in self.book.correlators}
        self._identities = identities(ruleset, self.book.correlators, allowed_lateness)
        self._reasons = {
            one.rule.id: (one, correlation_reason(one), parties_of(one))
            for one in ruleset.correlations
        }
        self.needs_time = self.correlations.closes_windows or allowed_lateness > 0
        """Whether events that match nothing matter all the same, for their time."""

    def anew(self) -> "Engine":
        """An engine of the same rules and limits, without state."""
        return Engine(self.ruleset, **self._settings)

    # -- events ------------------------------------------------------------------------------------

    def process(self, events: Iterable[Record]) -> list[Alert]:
        """Take events in the order of the stream.

        Alerts come in that order; those of one event by rule id, first of Sigma rules, then of
        correlators, then of correlations.
        """
        alerts: list[Alert] = []
        meetings: dict[type[Any], Meeting] = {}
        see, tolerance, needs_time = self.watermark.see, self._tolerance, self.needs_time
        for event in events:
            if self.is_duplicate(event.id):
                continue
            meeting = meetings.get(type(event))
            if meeting is None:
                meeting = meetings[type(event)] = self.book.of_record(type(event))
            found = self._matches(meeting, event)
            if found is not None or meeting.wanted:
                self._meet(meeting, found, event, event.timestamp, RECORD, alerts)
            elif needs_time:  # most events, so without a further call
                time = event.timestamp
                if time > event.ingested + tolerance:
                    _, time = self.plausible(time, event.ingested)
                if see(event.provider, time):
                    self._reach(alerts)
            if type(event) is ChainFinality:
                alerts += self.finality.told(event)
        return alerts

    def watch(self, events: Iterable[Record]) -> list[Alert]:
        """Take events that another engine judges: correlators see them, and their time counts."""
        alerts: list[Alert] = []
        for event in events:
            if not self.is_duplicate(event.id):
                meeting = self.book.of_record(type(event))
                self._meet(meeting, None, event, event.timestamp, RECORD, alerts, judged=False)
                if type(event) is ChainFinality:
                    alerts += self.finality.told(event)
        return alerts

    def see(self, source: str, timestamp: int, received: int) -> list[Alert]:
        """An event of this source and time came, which is none of ours: its time counts."""
        alerts: list[Alert] = []
        if self.needs_time:
            _, seen = self.plausible(timestamp, received)
            if self.watermark.see(source, seen):
                self._reach(alerts)
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
        if isinstance(record, RulesChanged) or self.is_duplicate(record.id):
            return alerts  # the first is no event of the market: its time is no source's
        meeting = self.book.of_record(type(record))
        found = self._matches(self.book.of_documents(), read.document)
        self._meet(meeting, found, record, record.timestamp, RECORD, alerts)
        if type(record) is ChainFinality:
            alerts += self.finality.told(record)
        return alerts

    def wants(self, read: ReadEvent) -> bool:
        """Whether a correlator looks at events of this action."""
        action = read.document.get(ACTION)
        return any(action in entry.correlator.actions for entry in self.book.correlators)

    def take_hits(
        self, hits: tuple[Hit, ...], order: Tie, source: str, received: int | None
    ) -> list[Alert]:
        """Take one event of which only matches of silent rules are known.

        `source` and `received` are what the event says of both.
        """
        alerts: list[Alert] = []
        time, seen = self.plausible(hits[0].timestamp, received)
        if time != hits[0].timestamp:
            hits = tuple([msgspec.structs.replace(hit, timestamp=time) for hit in hits])
        self._take(time, seen, source, order, _Work(hits[0].event, hits, ()), alerts)
        return alerts

    def plausible(self, time: int, received: int | None) -> tuple[int, int]:
        """When the event happened, and how far its source has come with it.

        An event of the future happened at its receipt, as far as anybody can tell. It may not carry
        the watermark beyond what its source sends in time, which is received some time after it
        happened.
        """
        if received is None or time <= received + self._tolerance:
            return time, time
        return received, received - self._tolerance

    def reach(self) -> list[Alert]:
        """Do what waited for the watermark, after it has moved."""
        deadline = self.correlations.next_deadline
        if not self._waiting.items and (deadline is None or deadline >= self.watermark.value):
            return []
        alerts: list[Alert] = []
        self._reach(alerts)
        return alerts

    def advance(self, time: int) -> list[Alert]:
        """Event time has come this far at all sources, whether or not an event says so."""
        alerts: list[Alert] = []
        if self.watermark.reach(time):
            self._reach(alerts)
        return alerts

    def finish(self) -> list[Alert]:
        """The input has ended: what waited is taken, and time has come to the newest event."""
        alerts: list[Alert] = []
        last = self.watermark.lead
        for timestamp, work in self._waiting.release_all():
            self._do(timestamp, work, alerts)
            last = max(last, timestamp)
        self._close(last, alerts)
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

    @property
    def stateful(self) -> list[Unfit]:
        """The rules that have a state, as they are before they know anything."""
        return [unfit(one, "no state was saved") for one in self._identities.values()]

    def snapshot(self) -> bytes:
        """The state. The same state gives the same bytes."""
        return b"".join(self.snapshot_parts())

    def snapshot_parts(self) -> Iterator[bytes]:
        """The state, part by part: all of it together may be much. Nothing may change meanwhile."""
        common = Common(
            limits=self.watermark.limits,
            watermark=self.watermark.value,
            lead=self.watermark.lead,
            newest=self.watermark.newest,
            gaps=self.gaps.gaps,
            young=list(self._young),
            old=list(self._old),
            waiting=[
                waiting_event(timestamp, order, work.event, work.judged)
                for timestamp, order, work in self._waiting.in_order()
            ],
            reached=self.correlations.reached,
            late=self.correlations.late,
            finality=self.finality.state,
        )
        return write_state(
            common, ((self._identities[rule], self._parts_of(rule)) for rule in self._identities)
        )

    def restore(self, data: bytes | Iterable[bytes]) -> list[Unfit]:
        """Take the state of a snapshot. Returns the rules whose state isn't in it, or doesn't fit.

        These begin empty; see `adopt`. Raises CannotRestore, and then nothing has changed.
        """
        common: Common | None = None
        missing = {rule: difference(None, one) for rule, one in self._identities.items()}
        known: dict[str, Known] = {}
        states: dict[str, Any] = {}
        for read in read_state(data):
            if isinstance(read, Common):
                common = read
                continue
            rule = read.identity.id
            if rule not in self._identities:
                continue  # it is gone
            missing[rule] = read.unwritable or difference(read.identity, self._identities[rule])
            if missing[rule] is None:
                try:
                    self._read_rule(rule, read.parts, known, states)
                except (SnapshotError, msgspec.MsgspecError) as error:
                    missing[rule] = str(error)
        if common is None:
            raise CannotRestore("the saved state is empty")
        self._begin_anew(missing)
        self.correlations.take(known)
        for rule, state in states.items():
            self._correlators[rule].state = state
        self.correlations.reached, self.correlations.late = common.reached, common.late
        self._young, self._old = dict.fromkeys(common.young), dict.fromkeys(common.old)
        self.finality.state = common.finality
        self.watermark.restore(common.watermark, common.lead, common.newest)
        self.gaps.gaps = common.gaps
        self._wait_again(common.waiting)
        return [unfit(self._identities[rule], why) for rule, why in missing.items() if why]

    def carry_over(self, before: "Engine") -> list[Unfit]:
        """Go on from where another engine is, which runs other rules and is of no use any more.

        Returns the rules whose state it doesn't have, or which doesn't fit. They begin empty; see
        `adopt`.
        """
        missing = {
            rule: difference(before._identities.get(rule), one)
            for rule, one in self._identities.items()
        }
        self._begin_anew(missing)
        self._move(before, [rule for rule, why in missing.items() if why is None])
        self.correlations.reached = before.correlations.reached
        self.correlations.late = before.correlations.late
        self.duplicates, self.late, self.failures = before.duplicates, before.late, before.failures
        self._problems += before.take_problems()
        self._young, self._old = before._young, before._old
        self.finality.state = before.finality.state
        time = before.watermark
        self.watermark.restore(time.value, time.lead, time.newest)
        self.gaps.gaps = list(before.gaps.gaps)
        self._wait_again(
            waiting_event(timestamp, order, work.event, work.judged)
            for timestamp, order, work in before._waiting.in_order()
        )
        return [unfit(self._identities[rule], why) for rule, why in missing.items() if why]

    def for_rebuilding(self, rules: Collection[str]) -> "Engine":
        """An engine without state for some of the rules (by id), to show it the past."""
        return Engine(only(self.ruleset, rules), **self._settings)

    def adopt(self, rebuilt: "Engine", rules: Collection[str]) -> None:
        """Take what another engine knows of some rules. It has come as far, and is of no more use.

        What waits here waits there as well, and these rules will see it when its time comes.
        """
        self._move(rebuilt, rules)
        self.correlations.reached = max(self.correlations.reached, rebuilt.correlations.reached)

    def _move(self, source: "Engine", rules: Collection[str]) -> None:
        known = source.correlations.known
        self.correlations.take({one: known(one) for one in rules if one not in self._correlators})
        for rule in rules:
            if rule in self._correlators:
                self._correlators[rule].state = source._correlators[rule].state

    def _begin_anew(self, missing: Mapping[str, str | None]) -> None:
        nothing = Known(groups=[], uses=0, evictions={}, left_out={})
        gone = [rule for rule, why in missing.items() if why]
        self.correlations.take({one: nothing for one in gone if one not in self._correlators})
        for rule in gone:
            if rule in self._correlators:
                self._correlators[rule].begin()

    def _parts_of(self, rule: str) -> Iterator[bytes]:
        correlator = self._correlators.get(rule)
        if correlator is None:
            yield from self.correlations.parts_of(rule)
        else:
            yield correlator.snapshot()

    def _read_rule(
        self, rule: str, parts: list[bytes], known: dict[str, Known], states: dict[str, Any]
    ) -> None:
        correlator = self._correlators.get(rule)
        if correlator is None:
            known[rule] = self.correlations.read(rule, parts)
        else:
            states[rule] = correlator.read(b"".join(parts))

    def _wait_again(self, waiting: Iterable[WaitingEvent]) -> None:
        """Wait for these, with what the present rules make of them."""
        events = [(one, event_of(one)) for one in waiting]
        self._waiting.clear()
        for one, event in events:
            kind = kind_of(event)
            meeting = kind.meeting(self.book, event)
            found = (self._matches(meeting, event) or ()) if one.judged else ()
            hits = self._hits(meeting, found, event, one.timestamp, kind) if found else ()
            work = _Work(event, hits, meeting.correlators, one.judged)
            self._waiting.add(one.timestamp, one.order, work)

    # -- time --------------------------------------------------------------------------------------

    def _reach(self, alerts: list[Alert]) -> None:
        """The watermark has moved on: do what waited for it."""
        watermark = self.watermark.value
        if self._waiting.items:
            for timestamp, work in self._waiting.release(watermark):
                self._do(timestamp, work, alerts)
        self._close(watermark, alerts)

    def _close(self, time: int, alerts: list[Alert]) -> None:
        """Judge the windows that ended before this time."""
        deadline = self.correlations.next_deadline
        if deadline is not None and time > deadline:
            self._alert_firings(self.correlations.advance(time), alerts)

    def _take(
        self, time: int, seen: int, source: str, order: Tie, work: _Work, alerts: list[Alert]
    ) -> None:
        """Take what is to be done with an event that happened at `time`, now or when time comes.

        Its source has come as far as `seen` with it.
        """
        watermark = self.watermark
        if time < watermark.value:
            self.late += 1
            if watermark.see(source, seen):
                self._reach(alerts)
            # A window that it opens must stay open for as long as it is late.
            self._alert_firings(self.correlations.advance(watermark.value), alerts)
            self._do(watermark.value, work, alerts, late=self._lateness > 0)
        elif self._lateness:
            self._waiting.add(time, order, work)
            if watermark.see(source, seen):
                self._reach(alerts)
        else:
            watermark.see(source, seen)
            self._do(watermark.value, work, alerts)

    def _do(self, reached: int, work: _Work, alerts: list[Alert], *, late: bool = False) -> None:
        """Do it; event time has come as far as `reached`."""
        first = len(alerts)
        event = work.event
        for entry in work.correlators:
            try:
                for finding in entry.correlator.observe(event):
                    alert = finding_alert(entry.rule, finding, event, self.gaps)
                    self._keep(alert, event, alerts)
            except Exception as error:
                self._fail(entry.rule, event.id, error)
        if work.hits:
            self._alert_firings(self.correlations.observe(work.hits, reached), alerts)
        else:
            self._close(reached, alerts)
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
        *,
        judged: bool = True,
    ) -> None:
        """Alert at once on the rules that match; the rest is done when the event's time comes."""
        happened = seen = time
        if kind is RECORD:  # rather than a call for each
            source, received = event.provider, event.ingested
            if event.__class__ is FeedGap:
                self.gaps.tell(event, self.watermark.newest.get(source))
        else:
            source, received = kind.source(event), kind.received(event)
        if received is not None and time > received + self._tolerance:
            happened, seen = self.plausible(time, received)
        hits = () if found is None else self._match(meeting, found, event, happened, kind, alerts)
        if hits or meeting.correlators:
            if happened != time and kind is RECORD:
                event = msgspec.structs.replace(event, timestamp=happened)
            order = kind.tie(event) if self._lateness else NO_TIE
            work = _Work(event, hits, meeting.correlators, judged)
            self._take(happened, seen, source, order, work, alerts)
        elif self.needs_time and self.watermark.see(source, seen):
            self._reach(alerts)

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
                alert = firing_alert(
                    one.rule,
                    firing,
                    parties,
                    text,
                    event,
                    witness_of_line,
                    self.gaps,
                    by_absence=firing.rule in self._by_time,
                )
                self._keep(alert, event, alerts)
            except Exception as error:
                self._fail(one.rule, firing.completing.id, error)

    def _keep(self, alert: Alert, event: Any, alerts: list[Alert]) -> None:
        try:
            covered = self.exceptions.covering(alert.rule_id, alert, event) is not None
        except Exception as error:
            # An exception that can't be judged covers nothing: better an alert too many.
            self._note(f"an exception of {alert.rule_name} failed on event {id_of(event)}", error)
            covered = False
        if not covered and (admitted := self.finality.admit(alert)) is not None:
            alerts.append(admitted)

    def _fail(self, rule: Rule, event_id: str, error: Exception) -> None:
        self._note(f"rule {rule.id} ({rule.title}) failed on event {event_id}", error)

    def _note(self, what: str, error: Exception) -> None:
        self.failures += 1
        if len(self._problems) < _MOST_PROBLEMS:
            self._problems.append(f"{what}: {type(error).__name__}: {error}")


def _event_of(line: bytes) -> Any:
    """The event that a line holds, which was read once already: a record or a flat document."""
    return read_event(line).event
