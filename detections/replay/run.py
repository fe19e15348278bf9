"""A replay: EVENTS of a span once more through the detections, held against what was alerted live.

Everything before the span goes through as well, as far back as is wanted, so that windows, series
and books are what they were. Nothing is written to the bus.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

from msgspec import Struct

from detections.backtest.tallies import time_text
from detections.engine.chain_history import Orphans
from detections.lanes.events import Taken
from detections.lanes.rebuilding import stored_since
from detections.lanes.rewind import without_orphans
from detections.lanes.rule_change import MakeEngine, Switched
from detections.lanes.ruled_engine import archived_rules, without_changes
from detections.lanes.rules_in_force import RulesInForce
from detections.lanes.stage import LanePlace
from detections.replay.agreement import Agreement
from detections.replay.amendments import Amendments
from detections.replay.forks import read_orphans
from detections.replay.lanes import ReplayLane, lane_engine
from detections.replay.live import LiveAlerts, live_position, read_live
from detections.replay.noted import noting
from detections.replay.reasons import Reasons
from detections.replay.result import Replay, RuleAgreement, RuleSwitch
from detections.replay.span import Span
from detections.rules.readable import LeftOut
from detections.rules.rule_set import RuleSet
from normalizer.events import Alert, AlertUpdate, Record, RulesChanged
from pipeline.bus import Bus, MessagesExpired, Stream, StreamMessage
from pipeline.bus.relay import READ_AT_ONCE
from pipeline.event_sources.stream import batches_until, start_time
from pipeline.units import HOUR

#: A relay writes the output of so many messages together, at the most.
_BEHIND = 2 * READ_AT_ONCE
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
    lanes: Sequence[LanePlace]
    """Which lanes, of all that there are; one that sees all events comes last."""
    warm_up: int | None = None
    """Nanoseconds before the span that are read too; None for all that is there."""
    allowed_lateness: int = 0
    """Nanoseconds."""
    rebuild_warm_up: int = 0
    """Nanoseconds that a changed rule is shown of the past, where it doesn't say how far it
    reaches: `detections.warm_up`."""


class Progress(Struct):
    """How far a replay is, in messages of EVENTS."""

    total: int = 0
    done: int = 0
    events: int = 0


class _Tally(Struct):
    """What came by."""

    first_read: int = 0
    """The first message that was read."""
    warm_up: int = 0
    events: int = 0
    dead: int = 0
    orphaned: int = 0
    unread: int = 0
    first: int = 0
    last: int = 0
    """Messages of the span that have events of it."""
    oldest: int | None = None
    newest: int = 0
    """Event times of all that was read."""


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
        self._progress = Progress()
        self._tally = _Tally()
        self._sequence = 0
        self._make, excepted = noting(plan.make)
        self._reasons = Reasons(excepted)
        self._live = LiveAlerts(
            plan.span, {bus.names.subject(Stream.ALERTS, place.name) for place in plan.lanes}
        )
        self._lanes: list[ReplayLane] = []
        self._replayed: dict[str, Alert] = {}
        self._of_others: set[str] = set()
        #: Alerts on events that the live detections haven't read yet.
        self._unread: set[str] = set()
        self._amendments = Amendments()
        self._switches: dict[int, RulesChanged] = {}
        self._rebuilt: dict[int, set[str]] = {}
        self._orphans = Orphans(())
        self._in_force: RulesInForce
        self._later = 0

    async def run(self) -> Replay:
        bus, span = self._bus, self._plan.span
        # What the live detections have done with by now is in ALERTS by now.
        positions = {lane.name: await live_position(bus, lane.name) for lane in self._plan.lanes}
        state = (await bus.info(Stream.EVENTS)).state
        last = min(state.last_seq, span.last or state.last_seq)
        if span.first is not None and span.first < state.first_seq:
            gone = min(state.first_seq - 1, last) - span.first + 1
            self._notes.append(f"{gone:,} messages at the range's beginning have expired")
        if not state.messages or last < max(span.first or 1, state.first_seq):
            self._notes.append(f"the stream ends with message {state.last_seq:,}")
            return self._result(last)
        begin = await self._beginning(state.first_seq, state.last_seq)
        await read_live(bus, self._live, start_time=begin)
        self._orphans = await read_orphans(bus, start_time=begin)
        self._in_force = await RulesInForce.open(bus)
        # A message of ALERTS may hold alerts of messages behind the span's end too.
        end = last if span.by_time else min(state.last_seq, last + _BEHIND)
        async with aclosing(self._messages(begin, end)) as messages:
            async for message in messages:
                if not self._lanes:
                    self._tally.first_read = message.sequence
                    self._progress.total = end - message.sequence + 1
                    self._lanes = await self._first_lanes(message.sequence, positions)
                await self._take(message)
        return self._result(last)

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
        return stored_since(message, warm_up).isoformat()

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
        try:
            async for messages in batches_until(reader, end, self._expired):
                for message in messages:
                    yield message
                self._on_progress(self._progress)
                if self._later >= _LATER_MESSAGES:
                    return
        finally:
            await reader.close()

    def _expired(self, expired: MessagesExpired) -> None:
        self._notes.append(str(expired))

    async def _first_lanes(self, sequence: int, positions: dict[str, int]) -> list[ReplayLane]:
        """The lanes, with engines for the first message that is read."""
        plan, in_force = self._plan, self._in_force
        digest = await in_force.at(sequence - 1)
        then = plan.configured
        if digest is not None:
            then = await self._archived(digest)
        elif plan.given is None:
            self._notes.append(
                "the stream doesn't say which rules were in force: those of the configuration ran"
            )
        if plan.given is not None:
            self._reasons.in_force(then)
        rules = plan.given or then
        self._reasons.ran(rules)
        return [
            ReplayLane(
                self._bus,
                place,
                position=positions[place.name],
                engine=lane_engine(
                    self._bus,
                    place,
                    rules,
                    digest,
                    self._make,
                    in_force,
                    self._note,
                    self._leave_out,
                    warm_up=plan.rebuild_warm_up,
                    orphans=lambda: self._orphans,
                ),
            )
            for place in plan.lanes
        ]

    async def _take(self, message: StreamMessage) -> None:
        self._sequence = message.sequence
        for lane in self._lanes:
            for taken in lane.take(message):
                # The last lane sees all events, so what it counts is there once.
                await self._take_in(lane, taken, counts=lane is self._lanes[-1])
            self._tally.dead += lane.take_unreadable()
        self._progress.done = message.sequence - self._tally.first_read + 1

    async def _take_in(self, lane: ReplayLane, taken: Taken, *, counts: bool) -> None:
        found = taken.records
        kept = without_orphans(self._orphans, self._sequence, taken)
        if counts:
            self._count(found)
            self._tally.orphaned += len(taken.steps) - len(kept.steps)
        if self._plan.given is not None:
            kept = await self._with_given_rules(kept)
        found_here = await lane.engine.take(kept, self._sequence)
        for alert in lane.given.follow(self._sequence, found_here, kept.records):
            if isinstance(alert, AlertUpdate):
                self._amendments.tell(
                    alert,
                    inside=self._plan.span.holds(alert.timestamp, self._sequence),
                    read=self._sequence <= lane.position,
                )
            elif not self._plan.span.holds(alert.timestamp, self._sequence):
                self._of_others.add(alert.id)
            elif alert.id not in self._replayed:
                self._replayed[alert.id] = alert
                if self._sequence > lane.position:
                    self._unread.add(alert.id)
                if alert.id not in self._live.lines:
                    self._reasons.note(alert, found)
                self._on_alert(alert)

    async def _with_given_rules(self, taken: Taken) -> Taken:
        """Without changes of rules, of which only the reasons are told."""
        for record in taken.records:
            if isinstance(record, RulesChanged):
                self._reasons.in_force(await self._archived(record.rules))
        return without_changes(taken)

    async def _archived(self, digest: str) -> RuleSet:
        found = await archived_rules(self._in_force.archive, digest)
        self._leave_out(digest, found.left_out)
        return found.rules

    def _leave_out(self, digest: str, left_out: Sequence[LeftOut]) -> None:
        """What this version can't read of a rule set isn't run; said once, whichever lane asks."""
        for one in left_out:
            self._reasons.left_out(one)
            note = f"rule set {digest[:12]}: {one.title} is left out, it can't be read: {one.why}"
            if note not in self._notes:
                self._notes.append(note)

    def _note(self, record: RulesChanged, switched: Switched) -> None:
        """Other rules run from here on, in one of the lanes."""
        self._reasons.ran(switched.engine.ruleset)
        self._switches[self._sequence] = record
        rebuilt = self._rebuilt.setdefault(self._sequence, set())
        rebuilt.update(one.id for one in switched.unfit)

    def _count(self, records: Sequence[Record]) -> None:
        span, tally, sequence = self._plan.span, self._tally, self._sequence
        self._progress.events += len(records)
        oldest: int | None = None
        newest = 0
        for record in records:
            if isinstance(record, RulesChanged):
                continue  # its time is the clock's, and no event's
            oldest = record.timestamp if oldest is None else min(oldest, record.timestamp)
            newest = max(newest, record.timestamp)
            if span.holds(record.timestamp, sequence):
                tally.events += 1
                tally.first = tally.first or sequence
                tally.last = sequence
            elif not tally.events:
                tally.warm_up += 1
        if oldest is None:
            return
        self._reasons.read(oldest)
        tally.oldest = oldest if tally.oldest is None else min(oldest, tally.oldest)
        tally.newest = max(newest, tally.newest)
        until = span.until
        later = until is not None and oldest > until + self._plan.allowed_lateness + _BEYOND
        self._later = self._later + 1 if later else 0

    def _compared(self) -> tuple[RuleAgreement, ...]:
        """All alerts held against each other, by rule."""
        live, reasons = self._live, self._reasons
        live.settle(self._of_others - self._replayed.keys())
        agreement = Agreement(live.lines)
        for alert in self._replayed.values():
            if alert.id in self._unread and not agreement.has(alert.id):
                self._tally.unread += 1
            else:
                agreement.add(alert)
        return agreement.finish(
            lambda alert: reasons.missing_live(alert, live.hashes), reasons.only_live
        )

    def _nothing_then(self, oldest: int) -> str:
        tally = self._tally
        begin, end = time_text(oldest), time_text(tally.newest)
        return (
            f"no event happened then: those of messages {tally.first_read:,} to "
            f"{self._sequence:,} happened from {begin} to {end}. Times are those of events, not of "
            f"their receipt: say `--from {begin}`, or name messages, as in "
            f"`--from {tally.first_read}`"
        )

    def _result(self, last: int) -> Replay:
        plan, tally, live = self._plan, self._tally, self._live
        by_rule = self._compared()
        both = (self._replayed.keys() & live.lines.keys()) | self._of_others
        amended = self._amendments.compare(live.amendments, both, live.doubtful)
        engines = [lane.engine.engine for lane in self._lanes]
        if tally.dead:
            self._notes.append(f"{tally.dead:,} lines are no events that this version knows")
        if plan.span.by_time and not tally.events and tally.oldest is not None:
            self._notes.append(self._nothing_then(tally.oldest))
        return Replay(
            source=self._source,
            first=tally.first or (plan.span.first or 1),
            last=tally.last or last,
            events=tally.events,
            warm_up=tally.warm_up,
            duplicates=engines[-1].duplicates if engines else 0,
            orphaned=tally.orphaned,
            rules=plan.given_name or "in force then",
            switches=tuple(
                RuleSwitch(
                    sequence=sequence,
                    rules=record.rules,
                    changed=record.changed,
                    added=record.added,
                    removed=record.removed,
                    rebuilt=tuple(sorted(self._rebuilt[sequence])),
                    reason=record.reason,
                )
                for sequence, record in self._switches.items()
            ),
            live=sum(one.live for one in by_rule),
            replayed=sum(one.replayed for one in by_rule) + tally.unread,
            same=sum(one.same for one in by_rule),
            changed=sum(one.changed for one in by_rule),
            missing_live=sum(one.missing_live for one in by_rule),
            only_live=sum(one.only_live for one in by_rule),
            retracted=len(live.retracted),
            amended=amended,
            unread=tally.unread,
            failures=sum(engine.failures for engine in engines),
            by_rule=by_rule,
            notes=tuple(self._notes),
        )
