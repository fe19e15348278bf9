"""What delivered alerts tell of each rule."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

from msgspec import Struct

from detections.backtest.labels import Labels
from detections.backtest.tallies import MOST_ENTITIES, time_text
from detections.float_sum import float_sum
from detections.reading import NotAnEvent, nanoseconds
from detections.rules.model import Rule
from detections.staging.advice import Advice, Criteria, Trial, advise
from detections.staging.sureness import Band, Outcome, Sureness, bands, sureness
from normalizer.events import Alert
from pipeline.units import DAY, SECOND

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class RuleStatistics(Struct, frozen=True, kw_only=True):
    """A rule, or what is left of one whose alerts are there but that isn't itself."""

    id: str
    title: str
    file: str | None
    """None: no rule of this id is there."""
    level: str
    typology: str
    staged: bool
    since: str | None
    """From when on it could alert: the first event, or the rule's own date if that is later."""
    days: float
    """Of event time, from then on."""
    alerts: int
    """Of the rule as it is now."""
    of_other_versions: int
    """Of the rule as it was before, or will be in the files that were read."""
    retracted: int
    """Of any version, which were retracted and not reinstated: these count nowhere else."""
    per_day: float | None
    """None for less than a day."""
    entities: int
    largest_entity: str | None
    largest_share: float
    last_alert: str | None
    silent_days: float
    """Of event time since the last alert, or since it could alert."""
    right: int
    wrong: int
    """By labels, alert by alert; else by closed cases, each case once."""
    sureness: Sureness | None
    """Of what was judged."""
    advice: Advice | None = None
    """Of staged rules."""


class _Seen:
    def __init__(self, alert: Alert) -> None:
        self.title = alert.rule_name
        self.level = alert.level
        self.typology = alert.typology
        self.staged = alert.staged
        self.alerts = 0
        self.first = self.last = alert.timestamp
        self.entities: Counter[str] = Counter()
        #: By what was judged: the alert, or its case.
        self.judged: dict[str, _Judged] = {}


class _Judged:
    def __init__(self, *, right: bool) -> None:
        self.right = right
        self.confidences: list[float] = []


class Verdict(Protocol):
    """What people found of all alerts of a case."""

    @property
    def case(self) -> str: ...
    @property
    def right(self) -> bool: ...


class Statistics:
    """Takes alerts one by one; a second copy of an alert counts once.

    `verdicts` are what closed cases say of alerts, by id. A label of one comes before its case.
    `retracted` are ids of alerts that no longer hold: what they rest on did not happen, which says
    nothing of the rule.
    """

    def __init__(
        self,
        rules: Iterable[Rule],
        labels: Labels | None = None,
        verdicts: Mapping[str, Verdict] | None = None,
        retracted: Collection[str] = (),
    ) -> None:
        self._rules = {rule.id: rule for rule in rules}
        self._labels = labels
        self._verdicts = verdicts or {}
        self._gone = retracted
        self._retracted: Counter[str] = Counter()
        self._ids: set[str] = set()
        self._seen: dict[tuple[str, str], _Seen] = {}
        self.first: int | None = None
        self.last: int | None = None

    def add(self, alert: Alert) -> None:
        """Count an alert."""
        if alert.id in self._ids:
            return
        self._ids.add(alert.id)
        self.reach(alert.timestamp)
        if alert.id in self._gone:
            self._retracted[alert.rule_id] += 1
            return
        key = (alert.rule_id, alert.rule_hash)
        seen = self._seen.get(key)
        if seen is None:
            seen = self._seen[key] = _Seen(alert)
        seen.alerts += 1
        seen.first, seen.last = min(seen.first, alert.timestamp), max(seen.last, alert.timestamp)
        for entity in alert.entities:
            if entity in seen.entities or len(seen.entities) < MOST_ENTITIES:
                seen.entities[entity] += 1
        found = self._verdict(alert)
        if found is not None:
            what, right = found
            judged = seen.judged.setdefault(what, _Judged(right=right))
            judged.confidences.append(alert.confidence)

    def _verdict(self, alert: Alert) -> tuple[str, bool] | None:
        """What of it was judged, the alert or its case, and whether it was right."""
        matching = [] if self._labels is None else self._labels.matching(alert, alert.rule_id)
        if self._labels is not None and matching:
            return f"alert {alert.id}", any(self._labels.used[at].right for at in matching)
        verdict = self._verdicts.get(alert.id)
        return None if verdict is None else (f"case {verdict.case}", verdict.right)

    def bands(self) -> list[Band]:
        """All that was judged, of whatever rule and version, by confidence."""
        return bands(
            outcome
            for (rule_id, digest), seen in sorted(self._seen.items())
            for outcome in self._outcomes(rule_id, digest, seen)
        )

    def _outcomes(self, rule_id: str, digest: str, seen: _Seen) -> list[Outcome]:
        """Of one version of a rule."""
        rule = self._rules.get(rule_id)
        calibration = None if rule is None or rule.hash != digest else rule.calibration
        found: list[Outcome] = []
        for _, judged in sorted(seen.judged.items()):
            said = judged.confidences
            own = said if calibration is None else [calibration.uncalibrated(one) for one in said]
            found.append(Outcome(judged.right, float_sum(said) / len(said), tuple(own)))
        return found

    def outcomes(self, rule: Rule) -> list[Outcome]:
        """What was judged of a rule, in the version that is given."""
        seen = self._seen.get((rule.id, rule.hash))
        return [] if seen is None else self._outcomes(rule.id, rule.hash, seen)

    def reach(self, time: int) -> None:
        """There were events at this time."""
        self.first = time if self.first is None else min(self.first, time)
        self.last = time if self.last is None else max(self.last, time)

    def rules(self, criteria: Criteria) -> list[RuleStatistics]:
        """All rules: staged ones first, then those with the most alerts."""
        by_rule: dict[str, dict[str, _Seen]] = {}
        for (rule_id, digest), seen in self._seen.items():
            by_rule.setdefault(rule_id, {})[digest] = seen
        ids = dict.fromkeys([*self._rules, *sorted(by_rule)])
        found = [self._rule(rule_id, by_rule.get(rule_id, {}), criteria) for rule_id in ids]
        return sorted(found, key=lambda one: (not one.staged, -one.alerts, one.title, one.id))

    def _rule(
        self, rule_id: str, versions: Mapping[str, _Seen], criteria: Criteria
    ) -> RuleStatistics:
        rule = self._rules.get(rule_id)
        # Without the rule itself: as its newest alerts have it.
        newest = max(versions.values(), key=lambda seen: seen.last, default=None)
        seen = versions.get(rule.hash) if rule is not None else newest
        others = sum(one.alerts for one in versions.values()) - (seen.alerts if seen else 0)
        start = self._start(rule, seen)
        observed = max(0, (self.last or 0) - start) if start is not None else 0
        alerts = seen.alerts if seen else 0
        entity, count = seen.entities.most_common(1)[0] if seen and seen.entities else (None, 0)
        if seen is not None and entity is not None:
            entity = min(name for name, often in seen.entities.items() if often == count)
        quiet_from = seen.last if seen else start
        outcomes = self._outcomes(rule_id, rule.hash if rule else "", seen) if seen else []
        right = sum(one.right for one in outcomes)
        wrong = len(outcomes) - right
        staged = rule.staged if rule is not None else False
        trial = Trial(
            observed=observed,
            alerts=alerts,
            largest_share=count / alerts if alerts else 0.0,
            largest_entity=entity,
            precision=right / (right + wrong) if right + wrong else None,
            judged=right + wrong,
        )
        about = rule if rule is not None else newest
        assert about is not None
        return RuleStatistics(
            id=rule_id,
            title=about.title,
            file=rule.location.file if rule is not None else None,
            level=about.level,
            typology=about.typology,
            staged=staged,
            since=None if start is None else time_text(start),
            days=round(observed / DAY, 3),
            alerts=alerts,
            of_other_versions=others,
            retracted=self._retracted[rule_id],
            per_day=alerts / (observed / DAY) if observed >= DAY else None,
            entities=len(seen.entities) if seen else 0,
            largest_entity=entity,
            largest_share=trial.largest_share,
            last_alert=time_text(seen.last) if seen else None,
            silent_days=_days_between(quiet_from, self.last),
            right=right,
            wrong=wrong,
            sureness=sureness(outcomes),
            advice=advise(trial, criteria) if staged else None,
        )

    def _start(self, rule: Rule | None, seen: _Seen | None) -> int | None:
        """From when on this version could alert, as far as dates and alerts tell."""
        start = self.first
        dated = _date(rule)
        if start is not None and dated is not None and dated > start:
            # A date after all events says only that the events are of the past.
            start = dated if dated <= (self.last or 0) else self.last
        if seen is not None and (start is None or seen.first < start):
            return seen.first
        return start


def _date(rule: Rule | None) -> int | None:
    if rule is None or not _DAY.fullmatch(rule.version):
        return None
    try:
        return nanoseconds(rule.version)
    except NotAnEvent:
        return None


def _days_between(start: int | None, end: int | None) -> float:
    if start is None or end is None:
        return 0.0
    return round(max(0, end - start) // SECOND / (DAY // SECOND), 3)
