"""Whether a staged rule should go live: by criteria that anybody can read, with the reasons."""

from typing import Literal

from msgspec import Struct

from pipeline.units import DAY

Verdict = Literal["promote", "wait", "tune", "backtest"]
#: A share tells nothing of fewer alerts than this.
_LEAST_FOR_SHARE = 4


class Criteria(Struct, frozen=True, kw_only=True):
    """What a rule must show on trial."""

    least_days: float = 7.0
    """Days of event time."""
    most_per_day: float = 10.0
    """Alerts."""
    most_share: float = 0.5
    """Of its alerts, about one and the same entity."""
    least_precision: float = 0.5
    """Of its alerts that somebody has judged."""


class Trial(Struct, frozen=True, kw_only=True):
    """What a rule showed."""

    observed: int
    """Nanoseconds of event time."""
    alerts: int
    largest_share: float
    largest_entity: str | None
    precision: float | None
    """None where nobody has judged."""
    judged: int


class Advice(Struct, frozen=True):
    """What to do, and why, in words."""

    verdict: Verdict
    reasons: tuple[str, ...]


def advise(trial: Trial, criteria: Criteria) -> Advice:
    """Doubts about the rule come before its time being too short: they are there already."""
    doubts = _doubts(trial, criteria)
    if doubts:
        return Advice("tune", doubts)
    days = trial.observed / DAY
    seen = f"seen {_days(days)}, with {_alerts(trial.alerts)}"
    if days < criteria.least_days:
        return Advice("wait", (f"{seen}: {_days(criteria.least_days)} are wanted",))
    if not trial.alerts:
        return Advice("backtest", (f"{seen}: try it on events that should make it alert",))
    reasons = [f"{seen}, {_rate(trial.alerts, days)}"]
    if trial.largest_entity is not None and trial.alerts >= _LEAST_FOR_SHARE:
        reasons.append(f"at most {_percent(trial.largest_share)} about one entity")
    if trial.precision is not None:
        judged = f"{_percent(trial.precision)} of {trial.judged:,} judged are right"
        reasons.append(judged)
    return Advice("promote", tuple(reasons))


def _doubts(trial: Trial, criteria: Criteria) -> tuple[str, ...]:
    doubts: list[str] = []
    days = trial.observed / DAY
    # Less than a day counts as one: a burst in its first hour isn't a rate.
    if trial.alerts / max(days, 1.0) > criteria.most_per_day:
        rate = _rate(trial.alerts, max(days, 1.0))
        doubts.append(f"{rate}: at most {criteria.most_per_day:g} are wanted; raise its thresholds")
    if trial.alerts >= _LEAST_FOR_SHARE and trial.largest_share > criteria.most_share:
        doubts.append(
            f"{_percent(trial.largest_share)} of its alerts are about {trial.largest_entity}: look "
            "into it, or write an exception"
        )
    if trial.precision is not None and trial.precision < criteria.least_precision:
        doubts.append(
            f"only {_percent(trial.precision)} of {trial.judged:,} judged alerts are right: "
            f"{_percent(criteria.least_precision)} are wanted"
        )
    return tuple(doubts)


def _rate(alerts: int, days: float) -> str:
    per_day = alerts / days
    if per_day >= 0.75:
        return f"about {per_day:,.0f} a day"
    return f"about 1 in {1 / per_day:,.0f} days" if per_day else "none"


def _days(days: float) -> str:
    if days < 0.95:
        return "less than a day"
    if days < 10:
        text = f"{days:.1f}".removesuffix(".0")
        return f"{text} day" if text == "1" else f"{text} days"
    return f"{days:,.0f} days"


def _alerts(count: int) -> str:
    return "no alert" if not count else "1 alert" if count == 1 else f"{count:,} alerts"


def _percent(ratio: float) -> str:
    return f"{int(ratio * 100)} %"
