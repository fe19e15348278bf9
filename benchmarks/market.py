"""Order events through books and all correlators: pace, time to alert, memory.

    python -m benchmarks.market [--events 200000] [--flow orders] [--each] [--memory 2000000]

The tape (`benchmarks.market_tape`) is an order log with accounts (`orders`), one of a few busy
books in which a third of all that happens is a trade (`trades`), or a public feed that names nobody
(`unnamed`). Pace is processor time, beside what decoding the same events takes in the same run, so
that machines can be compared. Time to alert is measured event by event: what `Engine.process` takes
for each event, and for those that complete an alert, with all rules. `--each` tells what every
correlator costs beyond the books (`benchmarks.correlator_costs`).
`--memory` runs so many events over 10,000 assets and a million accounts, and tells the resident
memory as it goes.
"""

import argparse
import gc
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmarks.correlator_costs import in_place
from benchmarks.engine_pace import BATCH, best_of_each, refuse_failures
from benchmarks.market_tape import MarketTape
from benchmarks.memory import resident
from detections.engine.engine import Engine
from detections.rules import RuleSet, load_rules
from normalizer.events import Record
from normalizer.events.market import Trade
from pipeline.process import expect_much_state

_RESTING = 150
ASSETS, MANY_ACCOUNTS = 10_000, 1_000_000
_MEMORY_STEPS = 8


class Flow(NamedTuple):
    """What a tape is of."""

    books: int
    accounts: int
    trades: float = 0.06
    named: bool = True


#: By name.
FLOWS: Mapping[str, Flow] = {
    "orders": Flow(books=64, accounts=2_000),
    "trades": Flow(books=4, accounts=500, trades=0.33),
    "unnamed": Flow(books=16, accounts=2_000, named=False),
}


def pace(lines: Sequence[bytes], rules: RuleSet) -> None:
    """Prints how many events a second it is, with more and more of the detections."""
    correlators = RuleSet(correlators=rules.correlators)
    cases: dict[str, Callable[[], Engine] | None] = {
        "decode only": None,
        "books": lambda: Engine(RuleSet(), with_books=True),
        f"books and {len(rules.correlators)} correlator rules": lambda: Engine(correlators),
        "all rules": lambda: Engine(rules),
    }
    best = best_of_each(cases, lines)
    base = best["decode only"]
    print(f"{'':32} {'events/s':>10} {'of decoding':>12} {'without it':>12} {'us/event':>9}")
    for name, seconds in best.items():
        extra = seconds - base
        rate = f"{len(lines) / extra:12,.0f}" if extra > 0 else f"{'':12}"
        print(
            f"{name:32} {len(lines) / seconds:10,.0f} {seconds / base:11.2f}x {rate} "
            f"{extra / len(lines) * 1e6:9.2f}"
        )


def each(events: Sequence[Record], rules: RuleSet) -> None:
    """Prints what every correlator costs while all of them run, the dearest first."""
    costs = in_place(events, rules)
    print(f"\n{'us/event':>9}  correlator, beyond books")
    for name, cost in sorted(costs.items(), key=lambda one: (-one[1], one[0])):
        print(f"{cost:9.2f}  {name}")


def time_to_alert(events: Sequence[Record], rules: RuleSet) -> None:
    """Prints how long single events take, and those that complete an alert."""
    engine, clock = Engine(rules), time.perf_counter_ns
    gc.collect()
    every: list[int] = []
    alerting: list[int] = []
    for event in events:
        start = clock()
        alerts = engine.process((event,))
        took = clock() - start
        every.append(took)
        if alerts:
            alerting.append(took)
    batches: list[int] = []
    engine = Engine(rules)
    gc.collect()  # the engine before it is garbage, and none of this one's time
    for first in range(0, len(events), BATCH):
        start = clock()
        engine.process(events[first : first + BATCH])
        batches.append(clock() - start)
    print(f"\n{'ms inside the detector':32} {'count':>9} {'p50':>8} {'p99':>8} {'p99.9':>8}")
    for name, times in (
        ("an event", every),
        ("an event that completes an alert", alerting),
        (f"a message of {BATCH} events", batches),
    ):
        times.sort()
        if times:
            at = [times[min(len(times) - 1, int(len(times) * part))] for part in (0.5, 0.99, 0.999)]
            print(f"{name:32} {len(times):9,} " + " ".join(f"{one / 1e6:8.3f}" for one in at))


def memory(count: int, rules: RuleSet) -> None:
    """Prints the resident memory while events of many assets and accounts come."""
    engine = Engine(RuleSet(correlators=rules.correlators))
    expect_much_state()
    tape = MarketTape(books=ASSETS, accounts=MANY_ACCOUNTS)
    gc.collect()
    print(f"\n{ASSETS:,} assets, {MANY_ACCOUNTS:,} accounts")
    print(f"{'events':>12} {'MB':>8} {'beyond the start':>17}")
    start = resident() / 1e6
    print(f"{0:12,} {start:8,.0f} {0:17,.0f}")
    for step in range(_MEMORY_STEPS):
        batch: list[Record] = []
        for event in tape.events(count // _MEMORY_STEPS):
            batch.append(event)
            if len(batch) == BATCH:
                engine.process(batch)
                batch = []
        engine.process(batch)
        now = resident() / 1e6
        print(f"{(step + 1) * (count // _MEMORY_STEPS):12,} {now:8,.0f} {now - start:17,.0f}")
    refuse_failures(engine)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--rules", type=Path, default=Path("sigma_rules"))
    parser.add_argument("--flow", choices=FLOWS, default="orders", help="what is traded, and how")
    parser.add_argument("--each", action="store_true", help="what every correlator costs")
    parser.add_argument("--memory", type=int, default=0, help="events of the memory's test")
    options = parser.parse_args()
    rules = load_rules([options.rules])
    if options.memory:
        memory(options.memory, rules)
        return
    flow = FLOWS[options.flow]
    events = list(MarketTape(**flow._asdict(), resting=_RESTING).events(options.events))
    expect_much_state()  # as the detections do
    encode = msgspec.json.Encoder().encode
    lines = [encode(event) for event in events]
    size = sum(map(len, lines)) / len(lines)
    who = f"{flow.accounts:,} accounts" if flow.named else "nobody is named"
    traded = sum(isinstance(event, Trade) for event in events) / len(events)
    print(
        f"{len(lines):,} events of {size:.0f} bytes, {flow.books} books, {who}, "
        f"{traded:.0%} of them trades"
    )
    pace(lines, rules)
    if options.each:
        each(events, rules)
    time_to_alert(events, rules)


if __name__ == "__main__":
    main()
