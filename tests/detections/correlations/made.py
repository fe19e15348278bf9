"""Correlations and hits for tests, with what doesn't matter filled in."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from detections.correlations.hits import Firing, Hit, Limits
from detections.correlations.runtime import Correlations
from detections.rules.model import Comparison, Correlation, CorrelationRule, CorrelationType, Rule
from pipeline.problems import Location

SECOND = 1_000_000_000
TITLES = {"a": "Refused transfer", "b": "Allowed transfer", "c": "Frozen wallet"}


def correlation(
    type: CorrelationType,
    rules: str | Sequence[str] = "a",
    *,
    id: str = "correlation",
    within: float = 10,
    by: Sequence[str] = (),
    fields: Sequence[str] = (),
    silent: bool = False,
    hash: str | None = None,
    aliases: dict[str, dict[str, str]] | None = None,
    expression: Any = None,
    percentile: float | None = None,
    **comparisons: float,
) -> CorrelationRule:
    """`correlation("event_count", "a", within=10, by=["who"], gte=3)`; times in seconds."""
    return CorrelationRule(
        rule=Rule(
            id=id,
            title=f"Title of {id}",
            level="high",
            typology="transfers",
            version="2026-01-31",
            hash=hash or f"hash of {id}",
            state_hash=hash or f"hash of {id}",
            location=Location("rule.yml", 1, 1),
        ),
        correlation=Correlation(
            type=type,
            rules=tuple(rules.split()) if isinstance(rules, str) else tuple(rules),
            timespan=round(within * SECOND),
            group_by=tuple(by),
            aliases=aliases or {},
            comparisons=tuple(Comparison(op, number) for op, number in comparisons.items()),  # type: ignore[arg-type]
            fields=tuple(fields),
            percentile=percentile,
            expression=expression,
        ),
        silent=silent,
    )


def hit(rule: str, at: float, id: str | None = None, **values: Any) -> Hit:
    """A hit at so many seconds. Double underscores in names of fields stand for dots."""
    id = id or f"{rule}@{at:g}"
    return Hit(
        rule=rule,
        id=id,
        timestamp=round(at * SECOND),
        values={name.replace("__", "."): value for name, value in values.items()},
        evidence=f'{{"event.id":"{id}"}}'.encode(),
        event={"event.id": id},
    )


class Run:
    """Correlations, fed hit by hit; all that fired is kept."""

    def __init__(self, *rules: CorrelationRule, limits: Limits | None = None) -> None:
        self.correlations = Correlations(rules, limits or Limits(), titles=TITLES)
        self.fired: list[Firing] = []

    def take(self, *hits: Hit) -> list[Firing]:
        """Take hits of one event; returns what fired."""
        fired = self.correlations.observe(hits, hits[0].timestamp)
        self.fired += fired
        return fired

    def all(self, hits: Iterable[Hit]) -> list[Firing]:
        """Take hits of as many events."""
        return [fired for one in hits for fired in self.take(one)]

    def until(self, at: float) -> list[Firing]:
        """Let time go on to so many seconds."""
        fired = self.correlations.advance(round(at * SECOND))
        self.fired += fired
        return fired


def ids(firing: Firing) -> list[str]:
    """The events that it rests on."""
    return [msgspec.json.decode(line)["event.id"] for line in firing.evidence]


def seconds(firing: Firing) -> float:
    return firing.timestamp / SECOND
