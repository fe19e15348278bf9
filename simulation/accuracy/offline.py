"""A session through the real normalizer and the real engine, in process."""

import time as clocks
from collections.abc import Callable
from pathlib import Path

import msgspec

from detections.engine.engine import Engine
from detections.rules import load_rules
from detections.rules.rule_set import RuleSet
from normalizer.events import Alert, Record
from simulation.normalizing import normalized
from simulation.session import Session


class Outcome(msgspec.Struct, kw_only=True):
    """What came of a session."""

    alerts: list[Alert]
    events: int
    dead: int
    failures: int
    seconds: float
    days: float
    """From the first event to the last."""


def shipped_rules(folder: Path = Path("sigma_rules")) -> RuleSet:
    """The rules as they are shipped."""
    return load_rules([folder])


def run(session: Session, rules: RuleSet, keep: Callable[[Record], None] | None = None) -> Outcome:
    """Alerts of a session. `keep` sees every event."""
    engine = Engine(rules)
    alerts: list[Alert] = []
    events = dead = 0
    first = last = 0
    began = clocks.perf_counter()
    for some, letters in normalized(session):
        events += len(some)
        dead += letters
        if some:
            first = first or some[0].timestamp
            last = max(last, some[-1].timestamp)
        if keep is not None:
            for event in some:
                keep(event)
        alerts += engine.process(some)
    alerts += engine.finish()
    return Outcome(
        alerts=alerts,
        events=events,
        dead=dead,
        failures=engine.failures,
        seconds=clocks.perf_counter() - began,
        days=(last - first) / 86_400e9,
    )
