"""What a period's alerts come to: by level, typology, asset, rule and day. Each alert once."""

from collections import Counter

from evidence.reports.figures import LEVELS, Change, Retraction, RuleFigures
from evidence.reports.period import Period
from evidence.reports.source import day_at
from normalizer.events import SEVERITY, Alert, AlertUpdate, Level
from normalizer.events.alert_update import still_retracted

#: Of alerts that name no asset.
NO_ASSET = "none named"
_UNSURE = "unsure"


class AlertTallies:
    """Takes alerts and updates in any order; copies of one by its id once."""

    def __init__(self, period: Period, before: Period) -> None:
        self._period = period
        self._before = before
        self._starts = period.day_starts()
        self._seen: set[str] = set()
        self._rules: dict[str, Alert] = {}
        #: By rule, of alerts and of the period's ids.
        self._now: Counter[str] = Counter()
        self._earlier: Counter[str] = Counter()
        self._rule_of: dict[str, str] = {}
        self._levels: tuple[Counter[Level], Counter[Level]] = (Counter(), Counter())
        self._typologies: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
        self._assets: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
        self._staged = [0, 0]
        self._unsure = [0, 0]
        self._days: list[Counter[Level]] = [Counter() for _ in self._starts]
        self._updates: dict[str, AlertUpdate] = {}
        self.unsure_by_source: Counter[str] = Counter()

    def add(self, alert: Alert) -> None:
        """Count one, if it is of the time."""
        at = self._at(alert.timestamp)
        if at is None or alert.id in self._seen:
            return
        self._seen.add(alert.id)
        known = self._rules.get(alert.rule_id)
        if known is None or (known.timestamp, known.id) < (alert.timestamp, alert.id):
            self._rules[alert.rule_id] = alert
        (self._earlier if at else self._now)[alert.rule_id] += 1
        if not at:
            self._rule_of[alert.id] = alert.rule_id
        if alert.staged:
            self._staged[at] += 1
            return
        self._levels[at][alert.level] += 1
        self._typologies[at][alert.typology] += 1
        self._assets[at][asset_of(alert)] += 1
        if not at:
            self._days[day_at(self._starts, alert.timestamp)][alert.level] += 1
        if _UNSURE in alert.tags:
            self._unsure[at] += 1
            if not at:
                self.unsure_by_source[alert.gap_source or alert.provider] += 1

    def update(self, update: AlertUpdate) -> None:
        """What became of an alert, if that was in the period."""
        if self._period.holds(update.timestamp):
            self._updates[update.id] = update

    def _at(self, moment: int) -> int | None:
        """0 in the period, 1 in the one before."""
        if self._period.holds(moment):
            return 0
        return 1 if self._before.holds(moment) else None

    @property
    def rule_names(self) -> dict[str, str]:
        """Titles by id, of the rules that alerted."""
        return {id_: alert.rule_name for id_, alert in self._rules.items()}

    @property
    def total(self) -> Change:
        """All but those of staged rules."""
        return Change("alerts", self._levels[0].total(), self._levels[1].total())

    @property
    def staged(self) -> Change:
        """Those of staged rules."""
        return Change("alerts of rules on trial", *self._staged)

    @property
    def unsure(self) -> Change:
        """Those that rest on a time with a gap."""
        return Change("unsure alerts", *self._unsure)

    def by_level(self) -> list[Change]:
        """All levels, the most severe first."""
        return [Change(one, self._levels[0][one], self._levels[1][one]) for one in LEVELS]

    def by_typology(self) -> list[Change]:
        """The most frequent first."""
        return _changes(self._typologies)

    def by_asset(self) -> list[Change]:
        """The most frequent first."""
        return _changes(self._assets)

    def days(self) -> list[tuple[str, list[int]]]:
        """Each day with its alerts by level."""
        return [
            (day.isoformat(), [counts[level] for level in LEVELS])
            for day, counts in zip(self._period.days, self._days, strict=True)
        ]

    def rules(self) -> list[RuleFigures]:
        """All rules that alerted in either period, those with the most alerts first."""
        gone = self._retracted()
        rows = [
            RuleFigures(
                id=id_,
                name=alert.rule_name,
                typology=alert.typology,
                level=alert.level,
                now=self._now[id_],
                before=self._earlier[id_],
                staged=alert.staged,
                retracted=gone[id_],
            )
            for id_, alert in self._rules.items()
        ]
        return sorted(
            rows, key=lambda one: (-one.now, -one.before, -SEVERITY[one.level], one.name, one.id)
        )

    def _retracted(self) -> Counter[str]:
        return Counter(
            self._rule_of[alert]
            for alert in still_retracted(self._updates.values())
            if alert in self._rule_of
        )

    def retractions(self) -> list[Retraction]:
        """All updates of the period, in their order."""
        return [
            Retraction(
                time=one.timestamp,
                rule=one.rule_name,
                status=one.status,
                reason=one.reason,
                alert=one.alert_id,
            )
            for one in self._in_order()
        ]

    def _in_order(self) -> list[AlertUpdate]:
        return sorted(self._updates.values(), key=lambda one: (one.timestamp, one.id))


def asset_of(alert: Alert) -> str:
    """The token by its ticker, else the instrument, else the pool's or contract's address."""
    return (
        alert.token_symbol or alert.token_id or alert.instrument or alert.token_address or NO_ASSET
    )


def _changes(counts: tuple[Counter[str], Counter[str]]) -> list[Change]:
    names = set(counts[0]) | set(counts[1])
    rows = [Change(name, counts[0][name], counts[1][name]) for name in names]
    return sorted(rows, key=lambda one: (-one.now, -one.before, one.name))
