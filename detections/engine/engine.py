"""Rules against events: the pure core of the detections."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from detections.alerting.alerts import finding_alert
from detections.alerting.exceptions import Exceptions
from detections.alerting.findings import Finding
from detections.alerting.firing_alerts import FiringAlerts
from detections.correlations.hits import Firing, Hearing, Hit, Limits
from detections.engine.event_kinds import DOCUMENT, RECORD, EventKind, id_of
from detections.engine.event_time import NO_TIE, TIME_LIMITS, Tie, TimeLimits
from detections.engine.judgement import Work
from detections.engine.memory import EngineMemory
from detections.engine.rule_book import Meeting
from detections.engine.rule_states import BOOKS, Unfit, only
from detections.engine.seen_events import REMEMBERED_EVENTS
from detections.engine.showing import Showing
from detections.fields import ACTION
from detections.reading import ReadEvent
from detections.rules.loading import RuleSet
from detections.rules.model import Rule
from detections.sigma.documents import Document
from normalizer.events import Alert, ChainFinality, Record
from normalizer.events.market import FeedGap
from normalizer.events.rule_set import RulesChanged

LATE = "late"
_Match = tuple[tuple[Hit, ...], tuple[Hearing, ...]]
_NO_MATCH: _Match = ((), ())
_NO_HEARINGS: tuple[Hearing, ...] = ()


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
        with_books: bool = False,
    ) -> None:
        """`with_books`: order books are kept though no rule looks at them."""
        self.ruleset = ruleset
        self.exceptions = Exceptions(ruleset.exceptions)
        """Who and what the rules leave alone, with counts."""
        self._settings: dict[str, Any] = {
            "remembered": remembered,
            "allowed_lateness": allowed_lateness,
            "idle_after": idle_after,
            "clock_tolerance": clock_tolerance,
            "limits": limits,
        }
        self._memory = memory = EngineMemory(
            ruleset,
            remembered=remembered,
            times=TimeLimits(allowed_lateness, idle_after, clock_tolerance),
            limits=limits or Limits(),
            with_books=with_books,
        )
        self.book = memory.book
        self.correlations = memory.correlations
        self.seen = memory.seen
        self.watermark = memory.watermark
        """How far event time has come, by source."""
        self.gaps = memory.gaps
        """What is missing of the sources' feeds."""
        self.finality = memory.finality
        """How final blocks are, and alerts that wait for it."""
        self._judgement = memory.judgement
        self._problems = memory.problems
        self._waiting = memory.waiting
        self._showing = Showing(self.book.of_record, memory.problems, self._tell)
        self._catch_up = self._showing.catch_up
        self._firings = FiringAlerts(
            ruleset.correlations, memory.correlations.judged_by_time, memory.gaps
        )
        self._lateness = allowed_lateness
        self._tolerance = clock_tolerance
        self.needs_time = allowed_lateness > 0 or bool(ruleset.correlators or ruleset.correlations)
        """Whether events that match nothing matter all the same, for their time: it ends windows,
        and is where a gap began."""

    @property
    def duplicates(self) -> int:
        """Events that came again and were left out."""
        return self.seen.repeated

    @property
    def late(self) -> int:
        """Events that came later than allowed, and were taken all the same."""
        return self._memory.late

    @property
    def failures(self) -> int:
        """Times that a rule failed on an event."""
        return self._problems.count

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
        watermark, tolerance, needs_time = self.watermark, self._tolerance, self.needs_time
        again, matches, see = self.seen.again, self._judgement.matches, watermark.see
        show, waits = self._showing.show, self._lateness > 0
        correlations = self.correlations
        hear = correlations.hear
        for event in events:
            if again(event.id):
                continue
            meeting = meetings.get(event.__class__)
            if meeting is None:
                meeting = meetings[event.__class__] = self.book.of_record(event.__class__)
            found = None if meeting.program is None else matches(meeting, event)
            if found is not None or meeting.wanted:
                time, hearings = event.timestamp, _NO_HEARINGS
                detour = (
                    waits
                    or not meeting.is_plain
                    or time < watermark.value
                    or time > event.ingested + tolerance
                )
                if found is not None and not detour:
                    matched = meeting.matched(found)
                    hearings = _NO_HEARINGS if matched.loud else matched.hearings
                    detour = not hearings
                if detour:
                    self._meet(meeting, found, event, time, RECORD, alerts)
                else:
                    # The same, for what is in time and meets correlators only, or besides them
                    # rules of which only the newest match matters.
                    see(event.provider, time)
                    show(meeting, event, alerts, True)
                    if hearings:
                        hits = ()
                        for hearing in hearings:
                            if not hear(hearing, event, watermark.value):
                                hits = (*hits, hearing.hit(event))
                        if hits:
                            firings = correlations.observe(hits, watermark.value)
                            self._alert_firings(firings, alerts)
                    else:
                        self._close(watermark.value, alerts)
            elif needs_time:  # most events, so without a further call
                time = event.timestamp
                if time > event.ingested + tolerance:
                    _, time = watermark.plausible(time, event.ingested)
                if see(event.provider, time):
                    self._reach(alerts)
            if type(event) is ChainFinality:
                self._final(event, alerts)
        self._catch_up(alerts)
        return alerts

    def watch(self, events: Iterable[Record]) -> list[Alert]:
        """Take events that another engine judges: correlators see them, and their time counts."""
        alerts: list[Alert] = []
        for event in events:
            if not self.seen.again(event.id):
                meeting = self.book.of_record(type(event))
                self._meet(meeting, None, event, event.timestamp, RECORD, alerts, judged=False)
                if type(event) is ChainFinality:
                    self._final(event, alerts)
        self._catch_up(alerts)
        return alerts

    def see(self, source: str, timestamp: int, received: int) -> list[Alert]:
        """An event of this source and time came, which is none of ours: its time counts."""
        alerts: list[Alert] = []
        if self.needs_time:
            _, seen = self.watermark.plausible(timestamp, received)
            if self.watermark.see(source, seen):
                self._reach(alerts)
        self._catch_up(alerts)
        return alerts

    def process_documents(self, documents: Iterable[Document]) -> list[Alert]:
        """Take flat ECS documents that are no records. Correlators don't see them."""
        alerts: list[Alert] = []
        meeting = self.book.of_documents()
        for document in documents:
            event_id = str(document["event.id"])
            if self.seen.again(event_id):
                continue
            found = self._judgement.matches(meeting, document)
            self._meet(meeting, found, document, document["@timestamp"], DOCUMENT, alerts)
        self._catch_up(alerts)
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
        if isinstance(record, RulesChanged) or self.seen.again(record.id):
            return alerts  # the first is no event of the market: its time is no source's
        meeting = self.book.of_record(type(record))
        found = self._judgement.matches(self.book.of_documents(), read.document)
        self._meet(meeting, found, record, record.timestamp, RECORD, alerts)
        if type(record) is ChainFinality:
            self._final(record, alerts)
        self._catch_up(alerts)
        return alerts

    def wants(self, read: ReadEvent) -> bool:
        """Whether a correlator looks at events of this action."""
        return read.document.get(ACTION) in self.book.seen_actions

    def take_hits(
        self, hits: tuple[Hit, ...], order: Tie, source: str, received: int | None
    ) -> list[Alert]:
        """Take one event of which only matches of silent rules are known.

        `source` and `received` are what the event says of both.
        """
        alerts: list[Alert] = []
        time, seen = self.watermark.plausible(hits[0].timestamp, received)
        if time != hits[0].timestamp:
            hits = tuple([msgspec.structs.replace(hit, timestamp=time) for hit in hits])
        self._take(time, seen, source, order, Work(hits[0].event, hits), alerts)
        self._catch_up(alerts)
        return alerts

    def reach(self) -> list[Alert]:
        """Do what waited for the watermark, after it has moved."""
        deadline = self.correlations.next_deadline
        if not self._waiting.items and (deadline is None or deadline >= self.watermark.value):
            return []
        alerts: list[Alert] = []
        self._reach(alerts)
        self._catch_up(alerts)
        return alerts

    def advance(self, time: int) -> list[Alert]:
        """Event time has come this far at all sources, whether or not an event says so."""
        alerts: list[Alert] = []
        if self.watermark.reach(time):
            self._reach(alerts)
        self._catch_up(alerts)
        return alerts

    def finish(self) -> list[Alert]:
        """The input has ended: what waited is taken, and time has come to the newest event."""
        alerts: list[Alert] = []
        last = self.watermark.lead
        for timestamp, work in self._waiting.release_all():
            self._do(timestamp, work, alerts)
            last = max(last, timestamp)
        self._close(last, alerts)
        self._catch_up(alerts)
        return alerts

    def take_problems(self) -> list[str]:
        """What failed since the last call: a rule that couldn't deal with an event, and why.

        At most 1,000 are kept; `failures` counts all.
        """
        return self._problems.take()

    # -- state -------------------------------------------------------------------------------------

    @property
    def stateful(self) -> list[Unfit]:
        """The rules that have a state, as they are before they know anything."""
        return self._memory.stateful

    def snapshot(self) -> bytes:
        """The state. The same state gives the same bytes."""
        return b"".join(self.snapshot_parts())

    def snapshot_parts(self) -> Iterator[bytes]:
        """The state, part by part: all of it together may be much. Nothing may change meanwhile."""
        return self._memory.snapshot_parts()

    def restore(self, data: bytes | Iterable[bytes]) -> list[Unfit]:
        """Take the state of a snapshot. Returns the rules whose state isn't in it, or doesn't fit.

        These begin empty; see `adopt`. Raises CannotRestore, and then nothing has changed.
        """
        return self._memory.restore(data)

    def carry_over(self, before: "Engine") -> list[Unfit]:
        """Go on from where another engine is, which runs other rules and is of no use any more.

        Returns the rules whose state it doesn't have, or which doesn't fit. They begin empty; see
        `adopt`.
        """
        return self._memory.carry_over(before._memory)

    def for_rebuilding(self, rules: Collection[str]) -> "Engine":
        """An engine without state for some of the rules (by id), to show it the past."""
        return Engine(only(self.ruleset, rules), **self._settings, with_books=BOOKS in rules)

    def adopt(self, rebuilt: "Engine", rules: Collection[str]) -> None:
        """Take what another engine knows of some rules. It has come as far, and is of no more use.

        What waits here waits there as well, and these rules will see it when its time comes.
        """
        self._memory.adopt(rebuilt._memory, rules)

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
        self, time: int, seen: int, source: str, order: Tie, work: Work, alerts: list[Alert]
    ) -> None:
        """Take what is to be done with an event that happened at `time`, now or when time comes.

        Its source has come as far as `seen` with it.
        """
        watermark = self.watermark
        if time < watermark.value:
            self._memory.late += 1
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

    def _do(self, reached: int, work: Work, alerts: list[Alert], *, late: bool = False) -> None:
        """Do it; event time has come as far as `reached`."""
        if late:
            self._catch_up(alerts)
        first = len(alerts)
        event = work.event
        if work.meeting is not None:
            self._showing.show(work.meeting, event, alerts, not late)
        hits = work.hits
        for hearing in work.hearings:
            if not self.correlations.hear(hearing, event, reached):
                hits = (*hits, hearing.hit(event))
        if hits:
            self._alert_firings(self.correlations.observe(hits, reached), alerts)
        elif not work.hearings:
            self._close(reached, alerts)
        if late:
            alerts[first:] = [
                msgspec.structs.replace(alert, tags=(*alert.tags, LATE)) for alert in alerts[first:]
            ]

    # -- rules -------------------------------------------------------------------------------------

    def _tell(self, rule: Rule, finding: Finding, event: Any, alerts: list[Alert]) -> None:
        """Alert on what a correlator found."""
        try:
            crossed = self.book.is_of_crossed_book(rule.id, event)
            alert = finding_alert(rule, finding, event, self.gaps, crossed_book=crossed)
            self._keep(alert, event, alerts)
        except Exception as error:
            self._problems.fail(rule, event.id, error)

    def _final(self, event: ChainFinality, alerts: list[Alert]) -> None:
        """More blocks are final: what waited for it, behind what came before."""
        self._catch_up(alerts)
        alerts += self.finality.told(event)

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
                self._catch_up(alerts)  # what came before it was not over it
                self.gaps.tell(event, self.watermark.newest.get(source))
        else:
            source, received = kind.source(event), kind.received(event)
        if received is not None and time > received + self._tolerance:
            happened, seen = self.watermark.plausible(time, received)
        hits, hearings = _NO_MATCH
        if found is not None:
            hits, hearings = self._match(meeting, found, event, happened, kind, alerts)
        if hits or hearings or meeting.correlators or meeting.books is not None:
            claimed = None
            if happened != time and kind is RECORD:
                claimed = time
                event = msgspec.structs.replace(event, timestamp=happened)
            order = kind.tie(event) if self._lateness else NO_TIE
            work = Work(event, hits, meeting, judged, hearings, claimed)
            self._take(happened, seen, source, order, work, alerts)
        elif self.needs_time and self.watermark.see(source, seen):
            self._reach(alerts)

    def _match(
        self,
        meeting: Meeting,
        found: Sequence[int],
        event: Any,
        time: int,
        kind: EventKind,
        alerts: list[Alert],
    ) -> _Match:
        """Alert on the rules that match; their hits for correlations, or how these take it."""
        matched = meeting.matched(found)
        for entry in matched.loud:
            try:
                alert = kind.alert(entry.rule, entry.fill(event), event)
                self._keep(alert, event, alerts)
            except Exception as error:
                self._problems.fail(entry.rule, id_of(event), error)
        # What claims to come from the future is taken at another time, but is evidence as it is.
        if matched.hearings and event.timestamp == time:
            return (), matched.hearings
        return self._judgement.hits(meeting, found, event, time, kind), ()

    def _alert_firings(self, firings: Iterable[Firing], alerts: list[Alert]) -> None:
        for firing in firings:
            try:
                if (told := self._firings.alert(firing)) is not None:
                    self._keep(*told, alerts)
            except Exception as error:
                rule = self._firings.rule(firing)
                self._problems.fail(rule, firing.completing.id, error)

    def _keep(self, alert: Alert, event: Any, alerts: list[Alert]) -> None:
        self._catch_up(alerts)  # what is found on events before this one comes before it
        try:
            covered = self.exceptions.covering(alert.rule_id, alert, event) is not None
        except Exception as error:
            # An exception that can't be judged covers nothing: better an alert too many.
            what = f"an exception of {alert.rule_name} failed on event {id_of(event)}"
            self._problems.note(what, error)
            covered = False
        if not covered and (admitted := self.finality.admit(alert)) is not None:
            alerts.append(admitted)
