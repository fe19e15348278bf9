"""Results added up: recall by abuse and intensity, precision by rule, false alerts by market."""

from collections.abc import Callable, Sequence

import msgspec

from detections.proportions import Interval
from simulation.accuracy.alone import Alone, correlators_alone, rules_alone
from simulation.accuracy.judging import Judged
from simulation.accuracy.measuring import Measured, of_purpose
from simulation.accuracy.plan import INTENSITIES, MEDIUM
from simulation.accuracy.reliability import Reliability, reliability
from simulation.accuracy.statistics import bootstrap, median, rate, share
from simulation.catalogue import CONDUCTS

LEVELS = ("critical", "high", "medium", "low", "informational")


class Recall(msgspec.Struct, frozen=True, kw_only=True):
    """Of an abuse at one intensity."""

    intensity: float
    episodes: int
    found: int
    recall: Interval | None


class OfAbuse(msgspec.Struct, frozen=True, kw_only=True):
    """How well an abuse is found."""

    name: str
    typology: str
    source: str
    market: str
    medium: Recall
    related_only: int
    """Episodes at medium intensity with none but related alerts."""
    seconds: float | None
    """Median until the first hit, at medium intensity."""
    rules: tuple[str, ...]
    curve: tuple[Recall, ...]
    public: Recall | None
    """At medium intensity over a feed without accounts; None where it needs accounts."""
    public_seconds: float | None
    """There, median until the first hit."""
    public_precision: Interval | None
    """There, right alerts of its typologies among all of them."""
    precision: Interval | None
    """Right alerts of its typologies among all of them, in its sessions at medium intensity; by the
    bootstrap over sessions."""


class OfRule(msgspec.Struct, frozen=True, kw_only=True):
    """How right a rule's alerts are, over all sessions with abuse."""

    rule: str
    typology: str
    right: int
    false: int
    precision: Interval | None
    honest: int
    """Its alerts in honest sessions."""
    per_million: Interval | None
    """The same by a million honest events, of all simulated markets with accounts."""


class OfMarket(msgspec.Struct, frozen=True, kw_only=True):
    """False alerts where nobody abused anything."""

    name: str
    sessions: int
    events: int
    days: float
    counts: tuple[int, ...]
    """By level, in the order of LEVELS."""
    high: Interval | None
    """Of high and critical, by a million events."""
    all: Interval | None
    worst: tuple[tuple[str, int], ...]
    """Rules with most, and how many."""


class Bin(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts of a range of scores, and how many of them were right."""

    low: float
    high: float
    alerts: int
    right: Interval | None


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    abuses: tuple[OfAbuse, ...]
    rules: tuple[OfRule, ...]
    correlators: tuple[Alone, ...]
    alone: tuple[Alone, ...]
    markets: tuple[OfMarket, ...]
    recordings: tuple[OfMarket, ...]
    calibration: tuple[Bin, ...]
    reliability: Reliability
    sessions: int
    events: int
    dead: int
    failures: int


def summarise(results: Sequence[Measured]) -> Summary:
    """Add up."""
    abusive = of_purpose(results, "abuse")
    honest = of_purpose(results, "honest")
    return Summary(
        abuses=tuple(_abuse(name, abusive) for name in CONDUCTS if _of(abusive, name)),
        rules=_rules(abusive, honest),
        correlators=correlators_alone(abusive),
        alone=rules_alone(abusive),
        markets=_markets(honest),
        recordings=_markets(of_purpose(results, "recording")),
        calibration=_calibration([*abusive, *honest]),
        reliability=reliability(alert for one in (*abusive, *honest) for alert in one.alerts),
        sessions=len(results),
        events=sum(one.events for one in results),
        dead=sum(one.dead for one in results),
        failures=sum(one.failures for one in results),
    )


def _of(results: Sequence[Measured], name: str) -> list[Measured]:
    return [one for one in results if one.task.name == name]


def _recall(sessions: Sequence[Measured], intensity: float) -> Recall:
    episodes = [one for session in sessions for one in session.episodes]
    found = sum(one.seconds is not None for one in episodes)
    return Recall(
        intensity=intensity,
        episodes=len(episodes),
        found=found,
        recall=share(found, len(episodes)),
    )


def _abuse(name: str, abusive: Sequence[Measured]) -> OfAbuse:
    conduct = CONDUCTS[name]
    mine = _of(abusive, name)
    with_accounts = [one for one in mine if one.task.wire == "order-log"]
    public = [one for one in mine if one.task.wire != "order-log"]
    medium = [one for one in with_accounts if one.task.intensity == MEDIUM]
    episodes = [one for session in medium for one in session.episodes]
    kinds = {conduct.typology, *conduct.counts}
    rules = sorted({rule for one in episodes for rule in one.rules})
    return OfAbuse(
        name=name,
        typology=conduct.typology,
        source=conduct.source,
        market=conduct.market,
        medium=_recall(medium, MEDIUM),
        related_only=sum(one.related and one.seconds is None for one in episodes),
        seconds=median([one.seconds for one in episodes if one.seconds is not None]),
        rules=tuple(rules),
        curve=tuple(
            _recall([one for one in with_accounts if one.task.intensity == intensity], intensity)
            for intensity in INTENSITIES
            if any(one.task.intensity == intensity for one in with_accounts)
        ),
        public=_recall(public, MEDIUM) if public else None,
        public_seconds=median(
            [
                one.seconds
                for session in public
                for one in session.episodes
                if one.seconds is not None
            ]
        ),
        public_precision=bootstrap(public, _precision_of(kinds)),
        precision=bootstrap(medium, _precision_of(kinds)),
    )


def _precision_of(kinds: set[str]) -> Callable[[Sequence[Measured]], float | None]:
    def measure(sessions: Sequence[Measured]) -> float | None:
        alerts = [one for session in sessions for one in session.alerts if one.typology in kinds]
        right = sum(one.verdict != "false" for one in alerts)
        return right / len(alerts) if alerts else None

    return measure


def _rules(abusive: Sequence[Measured], honest: Sequence[Measured]) -> tuple[OfRule, ...]:
    medium = [one for one in abusive if one.task.intensity >= MEDIUM]
    quiet = [one for one in honest if one.task.wire == "order-log"]
    exposure = sum(one.events for one in quiet) / 1e6
    alerts: dict[tuple[str, str], list[Judged]] = {}
    for session in medium:
        for one in session.alerts:
            alerts.setdefault((one.typology, one.rule), []).append(one)
    false: dict[tuple[str, str], int] = {}
    for session in quiet:
        for one in session.alerts:
            false[one.typology, one.rule] = false.get((one.typology, one.rule), 0) + 1
    found: list[OfRule] = []
    for key in sorted({*alerts, *false}):
        mine = alerts.get(key, [])
        right = sum(one.verdict != "false" for one in mine)
        count = false.get(key, 0)
        found.append(
            OfRule(
                rule=key[1],
                typology=key[0],
                right=right,
                false=len(mine) - right,
                precision=share(right, len(mine)),
                honest=count,
                per_million=rate(count, exposure),
            )
        )
    return tuple(found)


def _markets(sessions: Sequence[Measured]) -> tuple[OfMarket, ...]:
    found: list[OfMarket] = []
    for name in dict.fromkeys(one.market for one in sessions):
        mine = [one for one in sessions if one.market == name]
        events = sum(one.events for one in mine)
        alerts = [alert for one in mine for alert in one.alerts]
        rules: dict[str, int] = {}
        for alert in alerts:
            label = f"{alert.rule} ({alert.level})"
            rules[label] = rules.get(label, 0) + 1
        severe = sum(alert.level in ("critical", "high") for alert in alerts)
        found.append(
            OfMarket(
                name=name,
                sessions=len(mine),
                events=events,
                days=sum(one.days for one in mine),
                counts=tuple(sum(a.level == level for a in alerts) for level in LEVELS),
                high=rate(severe, events / 1e6),
                all=rate(len(alerts), events / 1e6),
                worst=tuple(sorted(rules.items(), key=lambda one: (-one[1], one[0]))[:3]),
            )
        )
    return tuple(found)


def _calibration(sessions: Sequence[Measured]) -> tuple[Bin, ...]:
    alerts = [alert for one in sessions for alert in one.alerts]
    bins: list[Bin] = []
    for low in range(0, 100, 10):
        high = low + 10
        mine = [one for one in alerts if low <= one.score < high or (high == 100 == one.score)]
        right = sum(one.verdict != "false" for one in mine)
        bins.append(Bin(low=low, high=high, alerts=len(mine), right=share(right, len(mine))))
    return tuple(bins)
