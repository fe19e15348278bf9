"""What a rule, or all rules of a correlator, find without the others."""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

import msgspec

from detections.proportions import Interval
from simulation.accuracy.meant_for import MEANT, Meant
from simulation.accuracy.measuring import Measured
from simulation.accuracy.offline import shipped_rules
from simulation.accuracy.plan import MEDIUM
from simulation.accuracy.statistics import share


class Alone(msgspec.Struct, frozen=True, kw_only=True):
    """What is found of the abuses that it is meant for, at medium intensity."""

    name: str
    """A rule's title, or a correlator's name."""
    rules: int
    """How many rules it is."""
    abuses: tuple[str, ...]
    public: bool
    """Measured on feeds without accounts only."""
    episodes: int
    found: int
    recall: Interval | None
    together: int
    """Episodes of which any rule tells."""
    precision: Interval | None
    """Of its alerts in all sessions with abuse of medium or higher intensity."""


def rules_alone(abusive: Sequence[Measured]) -> tuple[Alone, ...]:
    """Each rule by itself."""
    each = (_alone(rule, {rule: meant}, abusive) for rule, meant in MEANT.items())
    return tuple(one for one in each if one is not None)


def correlators_alone(abusive: Sequence[Measured]) -> tuple[Alone, ...]:
    """Each correlator by itself: its rules are its modes, an episode is found by any of them."""
    rules: dict[str, dict[str, Meant]] = {}
    of = _correlators()
    for rule, meant in MEANT.items():
        rules.setdefault(of[rule], {})[rule] = meant
    each = (_alone(name, mine, abusive) for name, mine in sorted(rules.items()))
    return tuple(one for one in each if one is not None)


@lru_cache(1)
def _correlators() -> Mapping[str, str]:
    """Which correlator a rule has, by the rule's title."""
    return {one.rule.title: one.correlator for one in shipped_rules().correlators}


def _alone(name: str, rules: Mapping[str, Meant], abusive: Sequence[Measured]) -> Alone | None:
    """None if nothing was played that they are meant for."""
    played = {(abuse, one.public) for one in rules.values() for abuse in one.abuses}
    episodes = [
        episode
        for session in abusive
        if session.task.intensity == MEDIUM and (session.task.name, _public(session)) in played
        for episode in session.episodes
    ]
    if not episodes:
        return None
    public = all(one.public for one in rules.values())
    told = sum(_tells(rules, one.told_by) for one in episodes)
    right = [
        alert.verdict != "false"
        for session in abusive
        if session.task.intensity >= MEDIUM
        for alert in session.alerts
        if alert.rule in rules and rules[alert.rule].public == _public(session)
    ]
    return Alone(
        name=name,
        rules=len(rules),
        abuses=tuple(
            dict.fromkeys(
                f"{abuse} without accounts" if one.public and not public else abuse
                for one in rules.values()
                for abuse in one.abuses
            )
        ),
        public=public,
        episodes=len(episodes),
        found=told,
        recall=share(told, len(episodes)),
        together=sum(bool(one.told_by) for one in episodes),
        precision=share(sum(right), len(right)),
    )


def _public(session: Measured) -> bool:
    return session.task.wire != "order-log"


def _tells(rules: Collection[str], told_by: Collection[str]) -> bool:
    return any(rule in rules for rule in told_by)
