"""From what a pass gave to what is told of it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from detections.backtest.buckets import WIDTHS, Histogram, fitting_width
from detections.backtest.labels import Label, Labels
from detections.backtest.result import (
    Backtest,
    Bucket,
    Comparison,
    Events,
    ExceptionOutcome,
    LabelOutcome,
    LabelText,
    RuleDifference,
    RuleOutcome,
    Score,
    SweepOutcome,
    SweepPoint,
    SweptParameter,
    TypologyScore,
)
from detections.backtest.run import Passed
from detections.backtest.tallies import Tally, score_of, time_text, top
from detections.backtest.variants import Grid
from detections.met_events import Blind, blind, unnamed_text
from detections.rules.model import CorrelationRule, CorrelatorRule, ExceptionRule, Rule, SigmaRule
from detections.rules.rule_set import RuleSet
from pipeline.problems import render
from pipeline.units import DAY, SECOND, format_duration

_MOST_ENTITIES = 20
_MOST_ENTITIES_OF_RULE = 5
_MOST_LABELS = 100


def summarise(
    passed: Passed, *, source: str, notes: Iterable[str] = (), refused: int = 0
) -> Backtest:
    """The result, the same for the same events and rules. `refused`: lines that the source had
    already found to be no events."""
    telling = _Telling(passed, refused)
    tallies = telling.of(passed.plan.rules, 0)
    found = blind(passed.plan.rules, passed.met)
    entities: Counter[str] = Counter()
    for tally in tallies.values():
        entities.update(tally.entities)
    alerts = sum(tally.alerts for tally in tallies.values())
    return Backtest(
        source=source,
        events=telling.events(),
        alerts=alerts,
        per_day=telling.per_day(alerts),
        by_bucket=telling.together(tallies.values()),
        rules=telling.rules(tallies, found),
        entities=top(entities, _MOST_ENTITIES),
        exceptions=telling.exceptions(),
        labels=telling.labels(tallies),
        comparison=telling.comparison(),
        sweep=telling.sweep(),
        rule_failures=passed.failures,
        notes=(*notes, *passed.met.slips(), *_unnamed(found), *_amended(tallies.values())),
        problems=tuple(render([problem]) for problem in passed.problems),
    )


def _unnamed(found: Mapping[str, Blind]) -> tuple[str, ...]:
    told = unnamed_text(found.values())
    return () if told is None else (told,)


def _amended(tallies: Iterable[Tally]) -> tuple[str, ...]:
    count = sum(len(tally.amended) for tally in tallies)
    if not count:
        return ()
    rests = "alert rests" if count == 1 else "alerts rest"
    return (f"{count:,} {rests} on trades that a venue took back or corrected later",)


def exception_outcomes(
    exceptions: Iterable[ExceptionRule], counts: Mapping[str, int], now: int
) -> tuple[ExceptionOutcome, ...]:
    """Exceptions with the alerts that each held back, by its id; `now` is of event time."""
    return tuple(
        ExceptionOutcome(
            id=one.id,
            place=str(one.location),
            owner=one.owner,
            reason=one.reason,
            expires=time_text(one.expires),
            alerts=counts.get(one.id, 0),
            expired=one.expires <= now,
        )
        for one in exceptions
    )


class _Telling:
    def __init__(self, passed: Passed, refused: int) -> None:
        self._passed = passed
        self._refused = refused
        self._plan = passed.plan
        meter = passed.meter
        self._span = (meter.last or 0) - (meter.first or 0)
        self._width = fitting_width(self._span)
        self._days = self._days_with_events()

    def of(self, rules: RuleSet, at: int) -> dict[str, Tally]:
        """The tallies of the union's set `at`, by the rules' own ids."""
        forms = self._passed.union.forms[at]
        return {rule.id: self._passed.tallies[forms[rule.id]] for rule in rules.rules}

    def events(self) -> Events:
        passed, meter = self._passed, self._passed.meter
        return Events(
            read=meter.lines - passed.dead,
            dead=passed.dead + self._refused,
            outside=meter.outside,
            duplicates=passed.duplicates,
            late=meter.late,
            allowed_lateness=format_duration(self._plan.allowed_lateness),
            first=None if meter.first is None else time_text(meter.first),
            last=None if meter.last is None else time_text(meter.last),
            seconds=self._span / SECOND,
            bucket=WIDTHS[self._width],
            by_bucket=self._buckets(meter.histogram.counts(self._width)),
            days=self._days,
        )

    def per_day(self, alerts: int) -> float | None:
        return None if self._days is None else alerts / self._days

    def together(self, tallies: Iterable[Tally]) -> tuple[Bucket, ...]:
        counts: Counter[int] = Counter()
        for tally in tallies:
            counts.update(tally.histogram.counts(self._width))
        return self._buckets(dict(sorted(counts.items())))

    def rules(
        self, tallies: Mapping[str, Tally], blind: Mapping[str, Blind]
    ) -> tuple[RuleOutcome, ...]:
        found = [
            self._rule(one, tallies[one.rule.id], blind.get(one.rule.id))
            for one in _all(self._plan.rules)
        ]
        return tuple(sorted(found, key=lambda one: (-one.alerts, one.title, one.id)))

    def exceptions(self) -> tuple[ExceptionOutcome, ...]:
        passed = self._passed
        return exception_outcomes(
            self._plan.rules.exceptions, passed.exceptions, passed.meter.last or 0
        )

    def labels(self, tallies: Mapping[str, Tally]) -> LabelOutcome | None:
        labels = self._plan.labels
        if labels is None:
            return None
        rules = {rule.id: rule for rule in self._plan.rules.rules}
        about = self._about(labels, rules)
        reached = {at for tally in tallies.values() for at in tally.labels}
        typologies = sorted({rule.typology for rule in rules.values()})
        by_typology: list[TypologyScore] = []
        for typology in typologies:
            mine = {i: rule for i, rule in rules.items() if rule.typology == typology}
            score = self._score(labels, mine, tallies)
            if score.expected or score.right or score.wrong or score.unlabelled:
                by_typology.append(TypologyScore(typology, score))
        used = labels.used
        missed = [used[at] for at in about if used[at].right and at not in reached]
        return LabelOutcome(
            closed_world=self._plan.closed_world,
            score=self._score(labels, rules, tallies),
            by_typology=tuple(by_typology),
            missed=_texts(missed),
            unmentioned=sum(not self._passed.mentions.has(one) for one in missed),
            elsewhen=sum(map(self._is_elsewhen, missed)),
            fallen_for=_texts(used[at] for at in about if not used[at].right and at in reached),
            left_out=_texts(labels.left_out),
        )

    def _is_elsewhen(self, label: Label) -> bool:
        first, last = self._passed.meter.first, self._passed.meter.last
        if first is None or last is None:
            return False
        return (label.until is not None and label.until <= first) or (
            label.since is not None and label.since > last
        )

    def comparison(self) -> Comparison | None:
        compared = self._plan.compared
        if compared is None:
            return None
        before, after = self.of(self._plan.rules, 0), self.of(compared, 1)
        old = {rule.id: rule for rule in self._plan.rules.rules}
        new = {rule.id: rule for rule in compared.rules}
        rules = [
            self._difference(rule_id, old.get(rule_id), new.get(rule_id), before, after)
            for rule_id in self._passed.differences
        ]
        ordered = sorted(rules, key=lambda one: (-(one.changed + one.new + one.gone), one.title))
        unchanged = [rule_id for rule_id in old if rule_id not in self._passed.differences]
        same = sum(before[rule_id].alerts for rule_id in unchanged)
        labels = self._plan.labels
        return Comparison(
            before=sum(tally.alerts for tally in before.values()),
            after=sum(tally.alerts for tally in after.values()),
            same=same + sum(one.same for one in rules),
            changed=sum(one.changed for one in rules),
            new=sum(one.new for one in rules),
            gone=sum(one.gone for one in rules),
            unchanged_rules=len(unchanged),
            rules=tuple(ordered),
            score_before=self._score_of_all(labels, before),
            score_after=self._score_of_all(labels, after),
        )

    def sweep(self) -> SweepOutcome | None:
        grid = self._plan.grid
        if grid is None:
            return None
        titles = {rule.id: rule.title for rule in self._plan.rules.rules}
        return SweepOutcome(
            parameters=tuple(
                SweptParameter(
                    rule=axis.rule.id, title=axis.rule.title, path=axis.path, current=axis.current
                )
                for axis in grid.axes
            ),
            rules=tuple(titles[rule_id] for rule_id in grid.rules),
            points=tuple(self._point(grid, at) for at in range(len(grid.points))),
        )

    def _point(self, grid: Grid, at: int) -> SweepPoint:
        point = grid.points[at]
        sets_before = 1 if self._plan.compared is None else 2
        tallies = self.of(point.rules, sets_before + at)
        known = {rule.id: rule for rule in point.rules.rules}
        swept = {rule_id: known[rule_id] for rule_id in grid.rules}
        alerts = sum(tallies[rule_id].alerts for rule_id in swept)
        labels = self._plan.labels
        return SweepPoint(
            values=point.values,
            current=_same_meaning(self._plan.rules, point.rules, swept),
            alerts=alerts,
            per_day=self.per_day(alerts),
            score=None if labels is None else self._score(labels, swept, tallies),
            overall=None if labels is None else self._score(labels, known, tallies),
        )

    def _rule(
        self,
        one: SigmaRule | CorrelatorRule | CorrelationRule,
        tally: Tally,
        blind: Blind | None,
    ) -> RuleOutcome:
        rule = one.rule
        labels = self._plan.labels
        return RuleOutcome(
            id=rule.id,
            title=rule.title,
            file=rule.location.file,
            typology=rule.typology,
            level=rule.level,
            staged=rule.staged,
            silent=not isinstance(one, CorrelatorRule) and one.silent,
            blind=None if blind is None else blind.reason,
            alerts=tally.alerts,
            per_day=self.per_day(tally.alerts),
            late=tally.late,
            amended=len(tally.amended),
            first=None if tally.first is None else time_text(tally.first),
            last=None if tally.last is None else time_text(tally.last),
            by_bucket=self._buckets(tally.histogram.counts(self._width)),
            entities=top(tally.entities, _MOST_ENTITIES_OF_RULE),
            different_entities=len(tally.entities),
            examples=tuple(tally.examples),
            score=None if labels is None else self._score_of_rule(labels, rule, tally),
        )

    def _score_of_rule(self, labels: Labels, rule: Rule, tally: Tally) -> Score:
        """Recall is of labels that name the rule: another may be meant by a typology."""
        about = [
            at for at in self._about(labels, {rule.id: rule}) if labels.used[at].rule is not None
        ]
        return score_of([tally], labels, about, closed=self._plan.closed_world)

    def _score(
        self, labels: Labels, rules: Mapping[str, Rule], tallies: Mapping[str, Tally]
    ) -> Score:
        mine = [tallies[rule_id] for rule_id in rules]
        return score_of(mine, labels, self._about(labels, rules), closed=self._plan.closed_world)

    def _score_of_all(self, labels: Labels | None, tallies: Mapping[str, Tally]) -> Score | None:
        if labels is None:
            return None
        every = range(len(labels.used))
        return score_of(tallies.values(), labels, every, closed=self._plan.closed_world)

    @staticmethod
    def _about(labels: Labels, rules: Mapping[str, Rule]) -> list[int]:
        return [at for at, label in enumerate(labels.used) if labels.concerns(label, rules)]

    def _difference(
        self,
        rule_id: str,
        old: Rule | None,
        new: Rule | None,
        before: Mapping[str, Tally],
        after: Mapping[str, Tally],
    ) -> RuleDifference:
        found = self._passed.differences[rule_id]
        rule = new or old
        assert rule is not None
        return RuleDifference(
            id=rule_id,
            title=rule.title,
            kind="new" if old is None else "removed" if new is None else "changed",
            before=before[rule_id].alerts if old is not None else 0,
            after=after[rule_id].alerts if new is not None else 0,
            same=found.same,
            changed=found.changed,
            new=found.new,
            gone=found.gone,
            changed_examples=tuple(found.changes),
            new_examples=tuple(found.new_ones),
            gone_examples=tuple(found.gone_ones),
        )

    def _days_with_events(self) -> float | None:
        """Days without any event say nothing of the rules, and are left out."""
        if self._span < DAY:
            return None
        by_day = Histogram()
        for start, count in self._passed.meter.histogram.counts(self._width).items():
            by_day.add(start, count)
        return min(self._span / DAY, float(len(by_day.counts(DAY))))

    def _buckets(self, counts: Mapping[int, int]) -> tuple[Bucket, ...]:
        return tuple(Bucket(time_text(start), count) for start, count in counts.items())


def _all(rules: RuleSet) -> list[SigmaRule | CorrelatorRule | CorrelationRule]:
    return [*rules.sigma, *rules.correlators, *rules.correlations]


def _texts(labels: Iterable[Label]) -> tuple[LabelText, ...]:
    shown: Sequence[Label] = list(labels)[:_MOST_LABELS]
    return tuple(
        LabelText(
            place=str(one.location),
            right=one.right,
            about=", ".join(filter(None, (one.id, one.rule or one.typology, one.note)))
            or ", ".join(sorted(one.entities)[:3]),
        )
        for one in shown
    )


def _same_meaning(base: RuleSet, other: RuleSet, rules: Iterable[str]) -> bool:
    """Whether rules do the same in both sets, though one may be written with its defaults."""
    here, there = ({one.rule.id: one for one in _all(rules_)} for rules_ in (base, other))
    return all(_meaning(here[rule_id]) == _meaning(there[rule_id]) for rule_id in rules)


def _meaning(one: SigmaRule | CorrelatorRule | CorrelationRule) -> object:
    match one:
        case SigmaRule():
            return repr(one.conditions)
        case CorrelatorRule():
            return one.parameters
        case CorrelationRule():
            return one.correlation
