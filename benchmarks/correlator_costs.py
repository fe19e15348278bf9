"""What each correlator takes of a lane's time, in place: while all of them run.

    python -m benchmarks.correlator_costs [--events 150000] [--rules sigma_rules]

The tape is that of `benchmarks.recovery`: a venue's `full` channel with accounts. Each call of a
correlator is timed within one run of all, so that what a busy machine does to one it does to all:
the shares come out the same where whole runs differ by half. `detections.lanes.rule_shares` divides
the rules of a lane by the last column, which is the time of all other rules as well.
"""

import argparse
import gc
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from benchmarks.engine_pace import BATCH, ROUNDS, refuse_failures
from benchmarks.recovery import frames_of
from detections.engine.engine import Engine
from detections.lanes.rule_shares import share_of
from detections.rules import RuleSet, load_rules
from normalizer.events import Record
from normalizer.normalize import Normalizer
from normalizer.reference import Reference
from pipeline.frames import FrameBatch
from pipeline.process import expect_much_state

_FRAMES_AT_ONCE = 500
#: What the engine does for each call of a correlator besides.
_OF_A_CALL = 0.1
Observe = Callable[[Any], Iterable[Any] | None]


class Cost(msgspec.Struct):
    """Of one correlator, over all rules that run it."""

    seconds: float = 0.0
    calls: int = 0


def in_place(events: Sequence[Record], rules: RuleSet) -> dict[str, float]:
    """Microseconds an event of each correlator, by name; the median of some runs."""
    names = {one.rule.id: one.correlator for one in rules.correlators}
    runs: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        costs: dict[str, Cost] = {}
        engine = Engine(RuleSet(correlators=rules.correlators))
        for entry in engine.book.correlators:
            of_one = costs.setdefault(names[entry.rule.id], Cost())
            _time(entry.correlator, of_one)
        gc.collect()
        for first in range(0, len(events), BATCH):
            engine.process(events[first : first + BATCH])
        refuse_failures(engine)
        of_clock = _of_clock()
        for name, cost in costs.items():
            own = max(0.0, cost.seconds - cost.calls * of_clock) * 1e6 + cost.calls * _OF_A_CALL
            runs.setdefault(name, []).append(own / len(events))
    return {name: median(found) for name, found in runs.items()}


def _time(correlator: Any, cost: Cost) -> None:
    """Have all calls of a correlator timed from now on."""
    of_class, timed = correlator.observer, dict[Observe, Observe]()

    def observer(record: type[Any]) -> Observe | None:
        observe = of_class(record)
        # One for each way of observing: the engine takes turns by whether these are the same.
        if observe is None or observe in timed:
            return None if observe is None else timed[observe]
        return timed.setdefault(observe, _timed(observe, cost))

    correlator.observer = observer


def _timed(observe: Observe, cost: Cost) -> Observe:
    clock = time.perf_counter

    def timed(event: Any) -> Iterable[Any]:
        began = clock()
        found = tuple(observe(event) or ())
        cost.seconds += clock() - began
        cost.calls += 1
        return found

    return timed


def _of_clock() -> float:
    """Seconds that a look at the clock takes."""
    clock, count = time.perf_counter, 100_000
    began = clock()
    for _ in range(count):
        clock()
    return (clock() - began) / count


def tape(events: int) -> list[Record]:
    """So many of a venue's events, as `benchmarks.recovery` has them."""
    normalizer, frames = Normalizer(Reference()), list(frames_of(events))
    found: list[Record] = []
    for first in range(0, len(frames), _FRAMES_AT_ONCE):
        batch = FrameBatch("venue", "coinbase", frames[first : first + _FRAMES_AT_ONCE])
        found += normalizer.normalize(first, batch).events
    return found


def _of_first(events: Sequence[Record], rules: RuleSet) -> float:
    """Microseconds an event of what is no correlator: rules of single events, and correlations."""
    best: dict[bool, float] = {}
    others = msgspec.structs.replace(rules, correlators=())
    for _ in range(ROUNDS):
        for with_others, some in ((True, others), (False, RuleSet())):
            engine = Engine(some, with_books=True)
            gc.collect()
            began = time.process_time()
            for first in range(0, len(events), BATCH):
                engine.process(events[first : first + BATCH])
            took = time.process_time() - began
            best[with_others] = min(best.get(with_others, took), took)
    return (best[True] - best[False]) / len(events) * 1e6


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description="What each correlator takes, in place.")
    parser.add_argument("--events", type=int, default=150_000, help="frames of the venue")
    parser.add_argument("--rules", type=Path, default=Path("sigma_rules"))
    options = parser.parse_args()
    rules = load_rules([options.rules])
    events = tape(options.events)
    expect_much_state()  # as the detections do
    costs, first = in_place(events, rules), _of_first(events, rules)
    print(f"{len(events):,} events; us/event in place, share of two, correlator")
    halves = [share_of(rules, number, 2) for number in (0, 1)]
    part = {one.correlator: number for number in (0, 1) for one in halves[number].correlators}
    for name, cost in sorted(costs.items(), key=lambda one: (-one[1], one[0])):
        print(f"{cost:8.2f} {part.get(name, 0):>3}  {name}")
    print(f"{first:8.2f} {0:>3}  (rules of single events, and correlations)")
    loads = [sum(cost for name, cost in costs.items() if part.get(name, 0) == n) for n in (0, 1)]
    print(f"two shares: {loads[0] + first:.1f} and {loads[1]:.1f}")


if __name__ == "__main__":
    main()
