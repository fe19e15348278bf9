"""The pass over the events: read once, matched once, for all rule sets that are tried."""

from collections.abc import Callable, Iterable, Mapping

import msgspec

from detections.backtest.differences import Differences
from detections.backtest.labels import Labels
from detections.backtest.mentions import Mentions
from detections.backtest.meter import Meter
from detections.backtest.tallies import Tally
from detections.backtest.union import United, original_id, unite
from detections.backtest.variants import Grid
from detections.engine.engine import Engine
from detections.engine.event_time import TIME_LIMITS
from detections.met_events import MetEvents
from detections.offline import BAD_LINE, RULE_FAILED, detect
from detections.rules.rule_set import RuleSet
from normalizer.events import Alert
from pipeline.event_sources import Batch
from pipeline.problems import Problem

_MOST_PROBLEMS = 100


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to try on the events."""

    rules: RuleSet
    compared: RuleSet | None = None
    """A second rule set, to hold against the first."""
    grid: Grid | None = None
    labels: Labels | None = None
    closed_world: bool = False
    """Whether an alert that belongs to no true label is wrong."""
    allowed_lateness: int = 0
    idle_after: int = TIME_LIMITS.idle_after
    clock_tolerance: int = TIME_LIMITS.clock_tolerance
    """All three in nanoseconds, as for the engine."""
    since: int | None = None
    until: int | None = None
    """Event times, nanoseconds; the second isn't included."""


class Passed(msgspec.Struct, frozen=True, kw_only=True):
    """What one pass gave, still by the forms of rules."""

    plan: Plan
    union: United
    meter: Meter
    tallies: Mapping[str, Tally]
    """By a rule's id in the union."""
    differences: Mapping[str, Differences]
    """By a rule's own id: of those that aren't the same in the second rule set."""
    mentions: Mentions
    """Which names of labels the events have."""
    met: MetEvents
    """What kinds of events there were."""
    exceptions: Mapping[str, int]
    """Alerts held back, by the exception's id."""
    dead: int
    duplicates: int
    failures: int
    problems: tuple[Problem, ...]


def run(
    plan: Plan,
    batches: Iterable[Batch],
    *,
    on_batch: Callable[[Batch], None] = lambda batch: None,
    report: Callable[[Problem], None] = lambda problem: None,
) -> Passed:
    """Send the events through. `report` is told at once of lines and rules that fail.

    Raises what reading the batches raises.
    """
    sets = [plan.rules]
    if plan.compared is not None:
        sets.append(plan.compared)
    if plan.grid is not None:
        sets += [point.rules for point in plan.grid.points]
    union = unite(sets)
    engine = Engine(
        union.rules,
        allowed_lateness=plan.allowed_lateness,
        idle_after=plan.idle_after,
        clock_tolerance=plan.clock_tolerance,
    )
    meter = Meter(plan.since, plan.until, allowed_lateness=plan.allowed_lateness)
    listener = _Listener(meter, report)
    counting = _Counting(plan, union)
    mentions = Mentions(() if plan.labels is None else plan.labels.used)
    lines = mentions.through(meter.through(batches, on_batch))
    met = MetEvents()
    for told in detect(engine, lines, report=listener.hear, met=met):
        if isinstance(told, Alert):
            counting.add(told)
        else:
            counting.tallies[told.rule_id].amend(told)
    for one in counting.differences.values():
        one.finish()
    return Passed(
        plan=plan,
        union=union,
        meter=meter,
        tallies=counting.tallies,
        differences=counting.differences,
        mentions=mentions,
        met=met,
        exceptions=dict(engine.exceptions.counts),
        dead=listener.dead,
        duplicates=engine.duplicates,
        failures=listener.failures,
        problems=tuple(listener.problems),
    )


class _Listener:
    """Hears what is wrong, by the number of a line, and tells it by the line's place."""

    def __init__(self, meter: Meter, report: Callable[[Problem], None]) -> None:
        self._meter = meter
        self._report = report
        self.dead = 0
        self.failures = 0
        self.problems: list[Problem] = []

    def hear(self, problem: Problem) -> None:
        self.dead += problem.code == BAD_LINE
        self.failures += problem.code == RULE_FAILED
        place = self._meter.place(problem.location.line)
        if place.line:
            place = msgspec.structs.replace(place, column=problem.location.column)
        placed = msgspec.structs.replace(problem, location=place)
        if problem.severity == "error" and len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(placed)
        self._report(placed)


class _Counting:
    def __init__(self, plan: Plan, union: United) -> None:
        self._labels = plan.labels
        self.tallies = {rule.id: Tally() for rule in union.rules.rules}
        self.differences: dict[str, Differences] = {}
        self._before: dict[str, Differences] = {}
        self._after: dict[str, Differences] = {}
        if plan.compared is not None:
            before, after = union.forms[:2]
            for rule_id in {**before, **after}:
                if before.get(rule_id) != after.get(rule_id):
                    found = self.differences[rule_id] = Differences()
                    self._before |= {before[rule_id]: found} if rule_id in before else {}
                    self._after |= {after[rule_id]: found} if rule_id in after else {}

    def add(self, alert: Alert) -> None:
        form = alert.rule_id
        labels = self._labels
        matching = labels.matching(alert, original_id(form)) if labels is not None else ()
        self.tallies[form].add(alert, matching, labels)
        if form in self._before:
            self._before[form].add_before(alert)
        if form in self._after:
            self._after[form].add_after(alert)
