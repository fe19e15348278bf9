"""A replay: EVENTS of a span once more through the detections, held against what was alerted live.

Everything before the span goes through as well, as far back as is wanted, so that windows, series
and books are what they were. Nothing is written to the bus.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime

import msgspec
from msgspec import Struct
from nats.js.api import RawStreamMsg

from detections.backtest.tallies import time_text
from detections.event_messages import decode_record
from detections.lane_events import LaneEvents, Taken
from detections.replay.agreement import Agreement
from detections.replay.forks import Forks, read_forks
from detections.replay.live import LiveAlerts, live_position, read_live
from detections.replay.noted import noting
from detections.replay.reasons import Reasons
from detections.replay.result import Replay, RuleSwitch
from detections.replay.span import Span
from detections.rule_change import MakeEngine, Switched
from detections.ruled_engine import RuledEngine, archived_rules, without_changes
from detections.rules.rule_set import RuleSet
from detections.rules_in_force import RulesInForce
from normalizer.events import Alert, Record, RulesChanged
from pipeline.bus import Bus, MessagesExpired, Stream, StreamMessage
from pipeline.event_sources.stream import PATIENCE, start_time
from pipeline.failure import FAILED, Failure
from pipeline.units import HOUR, SECOND

STAGE = "detections"
_AT_ONCE = 64
#: How many times in a row the stream may give nothing before its end.
_PATIENCES = 3
#: A span of times ends when so many messages in a row are of later times, by more than `_BEYOND`.
_LATER_MESSAGES = 64
_BEYOND = HOUR


class Plan(Struct, frozen=True, kw_only=True):
    """What to replay, and how."""

    span: Span
    configured: RuleSet
    """Rules of the configuration, for where the stream says nothing of rules."""
    given: RuleSet | None = None
    """Rules to run instead of those that were in force."""
    given_name: str = ""
    make: MakeEngine
    warm_up: int | None = None
    """Nanoseconds before the span that are read too; None for all that is there."""
    allowed_lateness: int = 0
    """Nanoseconds."""


class Progress(Struct):
    """How far a replay is, in messages of EVENTS."""

    total: int = 0
    done: int = 0
    events: int = 0


class _Tally(Struct):
    """What came by."""

    first_read: int = 0
    """The first message that was read, and its time."""
    warm_up: int = 0
    events: int = 0
    dead: int = 0
    duplicates: int = 0
    failures: int = 0
    unread: int = 0
    first: int = 0
    last: int = 0


async def replay(
    bus: Bus,
    plan: Plan,
    *,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    on_alert: Callable[[Alert], None] = lambda alert: None,
) -> Replay:
    """Replay and compare; `on_alert` is told of each alert of the span, in order.

    Raises Failure.
    """
    return await _Replaying(bus, plan, on_progress, on_alert).run()


class _Replaying:
    def __init__(
        self,
        bus: Bus,
        plan: Plan,
        on_progress: Callable[[Progress], None],
        on_alert: Callable[[Alert], None],
    ) -> None:
        self._bus = bus
        self._plan = plan
        self._on_progress = on_progress
        self._on_alert = on_alert
        self._notes: list[str] = []
        self._switches: list[RuleSwitch] = []
        self._progress = Progress()
        self._tally = _Tally()
        self._sequence = 0
        make, excepted = noting(plan.make)
        self._make = make
        self._reasons = Reasons(excepted)
        self._live = LiveAlerts(plan.span)
        self._replayed: dict[str, tuple[Alert, int]] = {}
        self._of_others: set[str] = set()
        self._engine: RuledEngine | None = None
        self._forks = Forks()
        self._in_force: RulesInForce
        self._later = 0
        self._events = LaneEvents(bus)

    async def run(self) -> Replay:
        bus, span = self._bus, self._plan.span
        # What the live detections have done with by now is in ALERTS by now.
        position = await live_position(bus, STAGE)
        state = (await bus.info(Stream.EVENTS)).state
        last = min(state.last_seq, span.last or state.last_seq)
        if span.first is not None and span.first < state.first_seq:
            gone = min(state.first_seq - 1, last) - span.first + 1
            self._notes.append(f"{gone:,} messages at the range's beginning have expired")
        if not state.messages or last < max(span.first or 1, state.first_seq):
            self._notes.append(f"the stream ends with message {state.last_seq:,}")
            return self._result(Agreement({}), last)
        begin = await self._beginning(state.first_seq, state.last_seq)
        await read_live(bus, self._live, start_time=begin)
        self._forks = await read_forks(bus, start_time=begin)
        self._in_force = await RulesInForce.open(bus)
        # A message of ALERTS may hold alerts of messages behind the span's end too.
        end = last if span.by_time else min(state.last_seq, last + 2 * _AT_ONCE)
        async with aclosing(self._messages(begin, end)) as messages:
            async for message in messages:
                if self._engine is None:
                    self._tally.first_read = message.sequence
                    self._progress.total = end - message.sequence + 1
                    self._engine = await self._first_engine(message.sequence)
                await self._take(self._engine, message)
        return self._result(self._compare(position), last)

    async def _beginning(self, first: int, last: int) -> str | None:
        """The time at which the first message that is needed was stored; None for the first."""
        span, warm_up = self._plan.span, self._plan.warm_up
        if warm_up is None:
            return None
        if span.by_time:
            since = None if span.since is None else span.since - warm_up
            return await start_time(self._bus, since, first, last)
        if span.first is None or span.first <= first:
            return None
        stream = self._bus.names.stream(Stream.EVENTS)
        message = await self._bus.jetstream.get_msg(stream, span.first)
        return _warm_up_start(message, warm_up).isoformat()

    @property
    def _source(self) -> str:
        span = self._plan.span
        name = self._bus.names.stream(Stream.EVENTS)
        if span.by_time:
            begin = "its beginning" if span.since is None else time_text(span.since)
            end = "its end" if span.until is None else time_text(span.until)
            return f"stream {name}, {begin} to {end}"
        if span.first is None and span.last is None:
            return f"stream {name}"
        return f"stream {name}, messages {span.first or 1} to {span.last or 'end'}"

    async def _messages(self, begin: str | None, end: int) -> AsyncGenerator[StreamMessage]:
        """Messages of EVENTS to the end, or until all are of times behind the span."""
        reader = self._bus.reader(Stream.EVENTS, after=0, start_time=begin)
        quiet = 0
        try:
            while reader.position < end and self._later < _LATER_MESSAGES:
                try:
                    messages = await reader.batch(_AT_ONCE, wait=PATIENCE)
                except MessagesExpired as expired:
                    self._notes.append(str(expired))
                    continue
                quiet = 0 if messages else quiet + 1
                if quiet == _PATIENCES:
                    raise Failure(
                        f"the stream gave nothing after message {reader.position:,} of {end:,}: "
                        "see whether the server is well, with `tapewatch doctor`",
                        FAILED,
                    )
                for message in messages:
                    if message.sequence > end:
                        return
                    yield message
                self._on_progress(self._progress)
        finally:
            await reader.close()

    async def _first_engine(self, sequence: int) -> RuledEngine:
        """The engine for the first message that is read."""
        plan, in_force = self._plan, self._in_force
        digest = await in_force.at(sequence - 1)
        then = plan.configured
        if digest is not None:
            then = await archived_rules(in_force.archive, digest)
        elif plan.given is None:
            self._notes.append(
                "the stream doesn't say which rules were in force: those of the configuration ran"
            )
        if plan.given is not None:
            self._reasons.in_force(then)
        engine = self._make(plan.given or then)
        self._reasons.ran(engine.ruleset)
        ruled = RuledEngine(engine, self._make, in_force, on_switch=self._note)
        ruled.digest = digest
        return ruled

    async def _take(self, engine: RuledEngine, message: StreamMessage) -> None:
        self._sequence = message.sequence
        for taken in self._events.take(message) or ():
            found = taken.records
            self._count(message.sequence, found)
            kept = self._forks.without_orphans(taken, message.sequence)
            if self._plan.given is not None:
                kept = await self._with_given_rules(kept)
            for alert in await engine.take(kept):
                self._keep(alert, message.sequence, found)
        self._tally.dead += len(self._events.take_dead())

    def _keep(self, alert: Alert, sequence: int, records: Sequence[Record]) -> None:
        if not self._plan.span.holds(alert.timestamp, sequence):
            self._of_others.add(alert.id)
        elif alert.id not in self._replayed:
            self._replayed[alert.id] = (alert, sequence)
            if alert.id not in self._live.lines:
                self._reasons.note(alert, records)
            self._on_alert(alert)

    async def _with_given_rules(self, taken: Taken) -> Taken:
        """Without changes of rules, of which only the reasons are told."""
        for record in taken.records:
            if isinstance(record, RulesChanged):
                self._reasons.in_force(await archived_rules(self._in_force.archive, record.rules))
        return without_changes(taken)

    def _note(self, record: RulesChanged, switched: Switched) -> None:
        """Other rules run from here on."""
        self._reasons.ran(switched.engine.ruleset)
        self._switches.append(
            RuleSwitch(
                sequence=self._sequence,
                rules=record.rules,
                changed=switched.differences.changed,
                added=switched.differences.added,
                removed=switched.differences.removed,
                rebuilt=tuple(switched.rebuilt),
                reason=record.reason,
            )
        )

    def _count(self, sequence: int, records: Sequence[Record]) -> None:
        span, tally, progress = self._plan.span, self._tally, self._progress
        progress.done = sequence - tally.first_read + 1
        progress.events += len(records)
        oldest: int | None = None
        for record in records:
            if isinstance(record, RulesChanged):
                continue  # its time is the clock's, and no event's
            oldest = record.timestamp if oldest is None else min(oldest, record.timestamp)
            if span.holds(record.timestamp, sequence):
                tally.events += 1
                tally.first = tally.first or sequence
                tally.last = sequence
            elif not tally.events:
                tally.warm_up += 1
        if oldest is None:
            return
        self._reasons.read(oldest)
        until = span.until
        later = until is not None and oldest > until + self._plan.allowed_lateness + _BEYOND
        self._later = self._later + 1 if later else 0

    def _compare(self, position: int) -> Agreement:
        """Hold the alerts against each other; `position` is where the live detections are."""
        self._live.settle(self._of_others - self._replayed.keys())
        agreement = Agreement(self._live.lines)
        for alert, cause in self._replayed.values():
            if cause > position and not agreement.has(alert.id):
                self._tally.unread += 1
            else:
                agreement.add(alert)
        return agreement

    def _result(self, agreement: Agreement, last: int) -> Replay:
        plan, tally, live = self._plan, self._tally, self._live
        by_rule = agreement.finish(
            lambda alert: self._reasons.missing_live(alert, live.hashes), self._reasons.only_live
        )
        engine = self._engine.engine if self._engine is not None else None
        notes = self._notes
        if tally.dead:
            notes.append(f"{tally.dead:,} lines are no events that this version knows")
        return Replay(
            source=self._source,
            first=tally.first or (plan.span.first or 1),
            last=tally.last or last,
            events=tally.events,
            warm_up=tally.warm_up,
            duplicates=engine.duplicates if engine is not None else 0,
            orphaned=self._forks.left_out,
            rules=plan.given_name or "in force then",
            switches=tuple(self._switches),
            live=sum(one.live for one in by_rule),
            replayed=sum(one.replayed for one in by_rule) + tally.unread,
            same=sum(one.same for one in by_rule),
            changed=sum(one.changed for one in by_rule),
            missing_live=sum(one.missing_live for one in by_rule),
            only_live=sum(one.only_live for one in by_rule),
            retracted=len(live.retracted),
            unread=tally.unread,
            failures=engine.failures if engine is not None else 0,
            by_rule=by_rule,
            notes=tuple(notes),
        )


def _warm_up_start(message: RawStreamMsg, warm_up: int) -> datetime:
    """When what fills the windows of this message's events began to be stored.

    Windows are of event time. An event is stored after it happened, and at most `_BEYOND` after,
    but in recordings, whose own times tell nothing of when they were stored.
    """
    stored = int((message.time or datetime.now(UTC)).timestamp() * SECOND)
    happened = stored
    for line in (message.data or b"").split(b"\n"):
        try:
            happened = min(happened, decode_record(line).timestamp)
        except msgspec.MsgspecError:
            continue
    start = max(happened, stored - _BEYOND) - warm_up
    return datetime.fromtimestamp(max(0, start) / SECOND, UTC)
