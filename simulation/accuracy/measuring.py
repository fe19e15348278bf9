"""Sessions measured, each in a process of its own pool, and what came of them."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from pathlib import Path

import msgspec

from detections.rules.rule_set import RuleSet
from simulation.accuracy.judging import Found, Judged, judge
from simulation.accuracy.offline import run, shipped_rules
from simulation.accuracy.plan import Task
from simulation.accuracy.recordings import recordings
from simulation.catalogue import COUNTS, play
from simulation.session import Session

RECORDINGS = Path("../shared/data")


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One session's result."""

    task: Task
    market: str
    events: int
    dead: int
    failures: int
    days: float
    seconds: float
    alerts: tuple[Judged, ...]
    episodes: tuple[Found, ...]


def measure(tasks: Sequence[Task], workers: int = 2) -> Iterator[Measured]:
    """All of them, in the order of the tasks."""
    if workers <= 1:
        for task in tasks:
            yield from measure_one(task)
        return
    with ProcessPoolExecutor(workers) as pool:
        for some in pool.map(measure_one, tasks, chunksize=1):
            yield from some


def measure_one(task: Task) -> list[Measured]:
    """A task's sessions; recordings are several."""
    if task.purpose == "recording":
        return [_measured(task, name, session) for name, session in recordings(RECORDINGS).items()]
    session = play(
        task.name,
        task.seed,
        intensity=task.intensity,
        wire=task.wire,
        length=task.length,
        episodes=task.episodes,
    )
    feed = (
        "" if task.wire == "order-log" or task.name == "pool" else f", {task.wire} without accounts"
    )
    return [_measured(task, task.name + feed, session)]


@lru_cache(1)
def _rules() -> RuleSet:
    return shipped_rules()


def _measured(task: Task, market: str, session: Session) -> Measured:
    outcome = run(session, _rules())
    verdicts = judge(session, outcome.alerts, COUNTS)
    return Measured(
        task=task,
        market=market,
        events=outcome.events,
        dead=outcome.dead,
        failures=outcome.failures,
        days=outcome.days,
        seconds=outcome.seconds,
        alerts=tuple(verdicts.alerts),
        episodes=tuple(verdicts.episodes),
    )


def of_purpose(results: Iterable[Measured], purpose: str) -> list[Measured]:
    """Those of a purpose."""
    return [one for one in results if one.task.purpose == purpose]
