"""What a hit costs in a correlation, as a ratio to a bare count by group, in one run.

    python -m benchmarks.correlations [--hits 200000] [--groups 2000]

The floor is what nobody can do without: a dictionary of deques of times, one for each group, with
the times that are too old taken off. It keeps no evidence, knows no late events, no limits and no
series. Hits match nothing in the measured cases: the condition is never true, as nearly always.
"""

import argparse
import gc
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from detections.correlations.hits import Hit
from detections.correlations.runtime import Correlations
from detections.rules.model import (
    Comparison,
    Correlation,
    CorrelationRule,
    CorrelationType,
    Operator,
    Rule,
)
from pipeline.problems import Location

SECOND = 1_000_000_000
START = 1_767_225_600 * SECOND
TIMESPAN = 60 * SECOND
ROUNDS = 5


def tape(count: int, groups: int, seed: int = 7) -> list[Hit]:
    """A thousand hits a second, of one rule; the same for the same seed."""
    chance = random.Random(seed)
    hits: list[Hit] = []
    for number in range(count):
        line = f'{{"event.id":"{number}"}}'.encode()
        hits.append(
            Hit(
                rule="base",
                id=f"event-{number}",
                timestamp=START + number * 1_000_000,
                values={
                    "investor.id": f"INV-{chance.randrange(groups):05}",
                    "destination.address": f"0x{chance.randrange(8):040x}",
                    "token.amount": round(chance.uniform(1, 1_000), 2),
                    "token.amount_raw": str(chance.randrange(10**24)),
                },
                evidence=line,
                event=line,
            )
        )
    return hits


def floor(hits: Sequence[Hit]) -> None:
    """Counts by group over the timespan, and nothing else."""
    times_of: dict[str, deque[int]] = {}
    for hit in hits:
        group = hit.values["investor.id"]
        times = times_of.get(group)
        if times is None:
            times = times_of[group] = deque()
        moment = hit.timestamp
        times.append(moment)
        oldest = moment - TIMESPAN
        while times[0] < oldest:
            times.popleft()
        if len(times) >= 10**9:
            raise AssertionError("so many there are not")


def rule(
    type: CorrelationType,
    rules: tuple[str, ...] = ("base",),
    fields: tuple[str, ...] = (),
    operator: Operator | None = "gte",
    number: float = 10**9,
    percentile: float | None = None,
) -> CorrelationRule:
    """A correlation whose condition is never true."""
    return CorrelationRule(
        rule=Rule(
            id=type,
            title=type,
            level="low",
            typology="benchmark",
            version="1",
            hash="",
            state_hash="",
            location=Location("", 0, 0),
        ),
        correlation=Correlation(
            type=type,
            rules=rules,
            timespan=TIMESPAN,
            group_by=("investor.id",),
            comparisons=() if operator is None else (Comparison(operator, number),),
            fields=fields,
            percentile=percentile,
        ),
    )


AMOUNT = ("token.amount",)
CASES: dict[str, CorrelationRule] = {
    "event_count": rule("event_count"),
    "event_count, judged at the end": rule("event_count", operator="eq"),
    "value_count": rule("value_count", fields=("destination.address",)),
    "value_sum of floats": rule("value_sum", fields=AMOUNT),
    "value_sum of uint256": rule("value_sum", fields=("token.amount_raw",), number=10**40),
    "value_avg": rule("value_avg", fields=AMOUNT),
    "value_median": rule("value_median", fields=AMOUNT),
    "value_percentile": rule("value_percentile", fields=AMOUNT, percentile=95),
    "temporal": rule("temporal", ("base", "other"), operator=None),
    "temporal_ordered": rule("temporal_ordered", ("base", "other"), operator=None),
    "absence": rule("absence", ("other", "base"), operator=None),
}


def seconds(work: Callable[[], Any]) -> float:
    """Of processor time, which other work on the machine disturbs less than the clock."""
    gc.collect()
    start = time.process_time()
    work()
    return time.process_time() - start


def run(one: CorrelationRule, events: Sequence[tuple[tuple[Hit], int]]) -> None:
    observe = Correlations([one]).observe
    for hits, moment in events:
        if observe(hits, moment):
            raise SystemExit(f"{one.rule.id} fired, and the benchmark measures what doesn't")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--hits", type=int, default=200_000)
    parser.add_argument("--groups", type=int, default=2_000)
    options = parser.parse_args()
    hits = tape(options.hits, options.groups)
    events = [((hit,), hit.timestamp) for hit in hits]
    best: dict[str, float] = {}
    for _ in range(ROUNDS):  # in turns, so that a busy moment of the machine hits all alike
        floored = seconds(lambda: floor(hits))
        best["floor"] = min(best.get("floor", floored), floored)
        for name, one in CASES.items():
            took = seconds(lambda one=one: run(one, events))
            best[name] = min(best.get(name, took), took)
    print(f"{len(hits):,} hits, {options.groups:,} groups, {TIMESPAN // SECOND} s")
    print(f"{'':32} {'us/hit':>8} {'of the floor':>14}")
    for name, took in best.items():
        print(f"{name:32} {took / len(hits) * 1e6:8.2f} {took / best['floor']:13.1f}x")


if __name__ == "__main__":
    main()
