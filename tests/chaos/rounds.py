"""Plays rounds of a scenario and sums them up."""

import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from docs.generator.reliability_results import Result
from tests.chaos.scenario import Played, Scenario
from tests.chaos.versions import today, versions

#: Told of each round: its number, what came of it, how long it took (s), where its files are.
OnRound = Callable[[int, Played, float, Path], None]


def run_rounds(
    kind: type[Scenario],
    folder: Path,
    *,
    rounds: int,
    seed: int,
    passes: int,
    first: int = 0,
    until: float = float("inf"),
    on_round: OnRound = lambda number, played, seconds, path: None,
) -> Result:
    """Play `rounds` from number `first` on, and none after `until` (monotonic seconds).

    Files of rounds that failed stay. Raises Unavailable.
    """
    result = Result(
        scenario=kind.name,
        title=kind.title,
        compared=kind.compared,
        may_double=kind.may_double,
        seed=seed,
        date=today(),
        versions=versions(),
    )
    begun = time.monotonic()
    with kind(folder, passes=passes) as scenario:
        for number in range(first, first + rounds):
            if time.monotonic() > until:
                break
            started = time.monotonic()
            path = folder / f"round-{number}"
            path.mkdir()
            played = _play(scenario, path, random.Random(f"{seed}/{kind.name}/{number}"))
            _add(result, number, played, scenario.may_double)
            on_round(number, played, time.monotonic() - started, path)
            if as_promised(played, scenario.may_double):
                shutil.rmtree(path)
        result.versions |= scenario.versions()
    result.seconds = round(time.monotonic() - begun, 1)
    return result


def _play(scenario: Scenario, path: Path, chance: random.Random) -> Played:
    try:
        return scenario.play(path, chance)
    except Exception as error:
        return Played(error=f"{type(error).__name__}: {error}")


def _add(result: Result, number: int, played: Played, may_double: bool) -> None:
    result.rounds += 1
    result.events += played.events
    result.alerts += played.alerts
    result.lost += played.differences.lost
    result.doubled += played.differences.doubled
    result.changed += played.differences.changed
    result.add_faults(played.faults)
    for name, seconds in played.seconds.items():
        result.longest[name] = max(seconds, result.longest.get(name, 0.0))
    if not as_promised(played, may_double):
        result.failed.append(number)


def as_promised(played: Played, may_double: bool) -> bool:
    """Whether a round came out as the scenario's promise says."""
    only_doubled = not (played.differences.lost or played.differences.changed)
    return not played.error and (not played.differences or (may_double and only_doubled))
