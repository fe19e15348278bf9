"""What each correlator holds in memory, after so many events of many assets and accounts.

    python -m benchmarks.correlator_memory [--events 100000] [--assets 10000] [--rules sigma_rules]

The tape is that of `benchmarks.market --memory`, but each event is written as JSON and read again,
as in a lane: so each has names of its own. `reached` is all that can be reached from a state, each
object counted once; `alone` is what nothing else reaches, which is what would be free without that
rule. What several reach is told last. Sizes are the objects' own: the resident memory is more, by
what the allocator loses.
"""

import argparse
import gc
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.engine_pace import BATCH, refuse_failures
from benchmarks.market import ASSETS, MANY_ACCOUNTS
from benchmarks.market_tape import MarketTape
from benchmarks.memory import resident
from detections.engine.engine import Engine
from detections.rules import RuleSet, load_rules
from normalizer.events import Record
from pipeline.process import expect_much_state

_BOOKS, _TRADES, _SEEN = "(order books)", "(recent trades)", "(ids of seen events)"
_SEVERAL = "(of several)"
_SHARED = -1


class Held(msgspec.Struct):
    """Bytes of what one holder reaches."""

    reached: int = 0
    alone: int = 0


def holders(engine: Engine, rules: RuleSet) -> dict[str, list[Any]]:
    """What an engine knows, by who holds it."""
    found: dict[str, list[Any]] = {}
    names = {one.rule.id: one.correlator for one in rules.correlators}
    for entry in engine.book.correlators:
        found.setdefault(names[entry.rule.id], []).append(entry.correlator.state)
    if engine.book.books is not None:
        found[_BOOKS] = [engine.book.books.state]
    if engine.book.trades is not None:
        found[_TRADES] = [engine.book.trades]
    found[_SEEN] = [engine.seen]
    return found


def held(by_holder: Mapping[str, Iterable[Any]]) -> dict[str, Held]:
    """Bytes by holder, and under `(of several)` what more than one of them reaches."""
    numbers = list(by_holder)
    owner: dict[int, int] = {}
    shared = 0
    found = {name: Held() for name in numbers}
    for number, name in enumerate(numbers):
        of_name, seen = found[name], set[int]()
        waiting = list(by_holder[name])
        while waiting:
            value = waiting.pop()
            place = id(value)
            if place in seen or is_everywhere(value):
                continue
            seen.add(place)
            size = sys.getsizeof(value)
            of_name.reached += size
            first = owner.setdefault(place, number)
            if first == number:
                of_name.alone += size
            elif first != _SHARED:
                found[numbers[first]].alone -= size
                shared += size
                owner[place] = _SHARED
            waiting += inside(value)
    found[_SEVERAL] = Held(shared, shared)
    return found


def is_everywhere(value: Any) -> bool:
    """Whether it is there anyway: nothing, truth values, classes, what is empty for all."""
    return value is None or value == () or isinstance(value, bool | type)


def inside(value: Any) -> Iterable[Any]:
    """What a value consists of."""
    if isinstance(value, str | bytes | int | float):
        return ()
    if isinstance(value, msgspec.Struct):
        return [getattr(value, name) for name in value.__struct_fields__]
    if isinstance(value, dict):
        return [part for pair in value.items() for part in pair]  # pyright: ignore
    if isinstance(value, list | tuple):
        return value  # pyright: ignore[reportUnknownVariableType]
    return gc.get_referents(value)


def batches(tape: MarketTape, count: int) -> Iterator[list[Record]]:
    """So many more events of a tape, as they come from the bus."""
    encode, decode = msgspec.json.Encoder().encode, msgspec.json.Decoder(Record).decode
    batch: list[Record] = []
    for event in tape.events(count):
        batch.append(decode(encode(event)))
        if len(batch) == BATCH:
            yield batch
            batch = []
    yield batch


def tell(engine: Engine, rules: RuleSet) -> None:
    """Prints who holds what, the most first."""
    found = held(holders(engine, rules))
    print(f"{'MB reached':>11} {'MB alone':>9}  held by")
    for name, one in sorted(found.items(), key=lambda item: (-item[1].alone, item[0])):
        print(f"{one.reached / 1e6:11.2f} {one.alone / 1e6:9.2f}  {name}")
    print(f"{sum(one.alone for one in found.values()) / 1e6:21,.0f}  all of them\n", flush=True)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description="What each correlator holds in memory.")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--steps", type=int, default=1, help="tell it so many times on the way")
    parser.add_argument("--assets", type=int, default=ASSETS)
    parser.add_argument("--accounts", type=int, default=MANY_ACCOUNTS)
    parser.add_argument("--rules", type=Path, default=Path("sigma_rules"))
    options = parser.parse_args()
    rules = load_rules([options.rules])
    engine = Engine(RuleSet(correlators=rules.correlators))
    tape = MarketTape(books=options.assets, accounts=options.accounts)
    expect_much_state()  # as the detections do
    before = resident()
    print(f"{options.assets:,} assets, {options.accounts:,} accounts")
    for step in range(1, options.steps + 1):
        for batch in batches(tape, options.events // options.steps):
            engine.process(batch)
        grown = (resident() - before) / 1e6
        print(f"{options.events // options.steps * step:,} events: {grown:,.0f} MB resident")
        tell(engine, rules)
    refuse_failures(engine)


if __name__ == "__main__":
    main()
