"""Which case an alert belongs to. Pure: the same alerts and cases, the same cases.

Event time decides, as in the detections: an alert joins where it fits, however late it comes.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from evidence.cases.actions import About, case_id
from evidence.cases.state import WORKING, Case
from normalizer.events import SEVERITY, Alert, Level
from normalizer.events.case import CaseStatus
from pipeline.config.cases import Cases, CaseSuppression

_MOST_NAMED = 2
_SECOND = 1e9


class Joins(Struct, frozen=True):
    """The alert joins this case."""

    case_id: str


class Opens(Struct, frozen=True):
    """The alert opens this case."""

    case_id: str
    about: About


class Suppressed(Struct, frozen=True):
    """The alert is held in the case of a suppression window."""

    case_id: str
    about: About
    window: CaseSuppression


class Ignored(Struct, frozen=True):
    """The alert is no matter of cases: on trial, or below the level."""


Place = Joins | Opens | Suppressed | Ignored


def asset_of(alert: Alert) -> str:
    """What is traded: the token, else the venue's instrument, else the chain."""
    return (
        alert.token_id
        or alert.token_address
        or f"{alert.venue or ''} {alert.instrument or ''}".strip()
        or (alert.network or "")
    )


def asset_in(case: Case) -> str:
    """The same of a case."""
    return (
        case.token_id or f"{case.venue or ''} {case.instrument or ''}".strip() or case.network or ""
    )


class Known(Struct):
    """Of a case, what placing alerts needs; ahead of the case itself by what is being written."""

    id: str
    status: CaseStatus
    level: Level
    typology: str
    entities: tuple[str, ...]
    asset: str
    closed: int | None = None
    alerts: int = 0
    first: int = 0
    last: int = 0
    rules: set[str] = field(default_factory=set[str])

    def join(self, alert: Alert) -> None:
        """An alert is about to join it."""
        self.first = min(self.first or alert.timestamp, alert.timestamp)
        self.last = max(self.last, alert.timestamp)
        self.alerts += 1
        self.rules.add(alert.rule_id)
        if SEVERITY[alert.level] > SEVERITY[self.level]:
            self.level = alert.level


class CaseIndex:
    """The cases by what they are about, for finding the one that an alert joins."""

    def __init__(self) -> None:
        self._cases: dict[str, Known] = {}
        self._about: dict[tuple[str, str, str], dict[str, None]] = {}

    def put(self, case: Case) -> None:
        """A case as it is now."""
        self.know(
            Known(
                id=case.id,
                status=case.status,
                level=case.level,
                typology=case.typology,
                entities=case.entities,
                asset=asset_in(case),
                closed=case.closed,
                alerts=len(case.alerts),
                first=case.first_alert,
                last=case.last_alert,
                rules=set(case.rules),
            )
        )

    def know(self, known: Known) -> None:
        """A case as it is about to be."""
        if known.id not in self._cases:
            for entity in known.entities or ("",):
                about = (known.typology, known.asset, entity)
                self._about.setdefault(about, {})[known.id] = None
        self._cases[known.id] = known

    def forget(self, case: str) -> None:
        """A case that isn't there after all."""
        known = self._cases.pop(case, None)
        for entity in (known.entities or ("",)) if known is not None else ():
            assert known is not None
            self._about[known.typology, known.asset, entity].pop(case, None)

    def get(self, case: str) -> Known | None:
        """A case by its id."""
        return self._cases.get(case)

    def near(self, alert: Alert) -> list[Known]:
        """Cases of the same kind of abuse and asset that share an entity; the newest first."""
        asset = asset_of(alert)
        found: dict[str, None] = {}
        for entity in alert.entities or ("",):
            for one in reversed(self._about.get((alert.typology, asset, entity), {})):
                found.setdefault(one)
        return sorted((self._cases[one] for one in found), key=lambda one: (-one.last, one.id))


def place(alert: Alert, index: CaseIndex, settings: Cases, now: int) -> Place:
    """Where an alert goes that is in no case yet. `now`: nanoseconds, for closed cases."""
    level = SEVERITY[alert.level]
    if level < SEVERITY[settings.minimum_level] or (alert.staged and not settings.staged):
        return Ignored()
    for window in settings.suppress:
        if suppresses(window, alert):
            about = About(title=f"Suppressed: {window.name}", typology=window.typology or "")
            return Suppressed(f"suppressed-{window.name}", about, window)
    for case in index.near(alert):
        if not _alike(case, alert, settings) or case.alerts >= settings.most_alerts:
            continue
        if case.status in WORKING and _near(case, alert, settings):
            return Joins(case.id)
        if case.status == "closed" and _repeats(case, alert, settings, now):
            return Joins(case.id)
    opened = case_id(alert.typology, alert.entities, asset_of(alert), alert.id)
    return Opens(opened, about_of(alert))


def suppresses(window: CaseSuppression, alert: Alert) -> bool:
    """Whether an alert is all of what a window asks for."""
    seconds = alert.timestamp / _SECOND
    return (
        window.begin.timestamp() <= seconds < window.end.timestamp()
        and SEVERITY[alert.level] <= SEVERITY[window.maximum_level]
        and (not window.rules or alert.rule_id in window.rules)
        and window.typology in (None, alert.typology)
        and window.token in (None, alert.token_id)
        and (not window.entities or not set(window.entities).isdisjoint(alert.entities))
    )


def about_of(alert: Alert) -> About:
    """What the case is about that an alert opens."""
    named = list(alert.entities[:_MOST_NAMED])
    if left := len(alert.entities) - len(named):
        named.append(f"{left} more")
    what = alert.typology.replace("_", " ").capitalize() or alert.rule_name
    where = alert.token_symbol or alert.token_id or alert.instrument or alert.network or ""
    title = " ".join(one for one in (what, f"in {where}" if where else "") if one)
    return About(
        title=f"{title}: {', '.join(named)}" if named else title,
        typology=alert.typology,
        entities=alert.entities,
        token_id=alert.token_id or alert.token_address,
        token_symbol=alert.token_symbol,
        venue=alert.venue,
        instrument=alert.instrument,
        network=alert.network,
    )


def authors_of(alert: Alert, changed_by: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Who wrote an alert's rule by its file, and who brought it into force or changed it."""
    return tuple(dict.fromkeys((*alert.rule_author, *changed_by.get(alert.rule_id, ()))))


def _alike(case: Known, alert: Alert, settings: Cases) -> bool:
    return settings.entities == "overlapping" or sorted(case.entities) == sorted(alert.entities)


def _near(case: Known, alert: Alert, settings: Cases) -> bool:
    """Within the window of what the case has, on either side: alerts may come late."""
    if not case.alerts:
        return True
    beyond = max(alert.timestamp - case.last, case.first - alert.timestamp, 0)
    span = max(alert.timestamp, case.last) - min(alert.timestamp, case.first)
    return beyond <= settings.window and span <= settings.longest


def _repeats(case: Known, alert: Alert, settings: Cases, now: int) -> bool:
    """Of a case that was judged a short time ago, once more."""
    return (
        case.closed is not None
        and settings.quiet_after_close > 0
        and now - case.closed <= settings.quiet_after_close
        and alert.rule_id in case.rules
        and SEVERITY[alert.level] <= SEVERITY[case.level]
        and _near(case, alert, settings)
    )
