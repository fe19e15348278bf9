"""What a checkpoint of very many open groups costs: the pause, the size, writing and restoring.

    python -m benchmarks.checkpoints [--groups 1000000] [--events 2]

A correlation by wallet has so many open groups, each with so many transfers in its window. While
the checkpoint is written to a real nats-server, events go on: their rate meanwhile is held against
the rate without. What was saved is restored in the end.
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from benchmarks.memory import most_resident
from detections.correlations.hits import Limits
from detections.engine.engine import Engine
from detections.rules.loading import parse_rules
from normalizer.events import Record
from normalizer.events.chain import TokenTransfer
from pipeline.bus import Bus
from pipeline.bus.checkpoints import Checkpoints, packed
from pipeline.bus.embedded import EmbeddedServer
from pipeline.bus.positions import Position
from pipeline.config.schema import EmbeddedBus
from pipeline.forked import Forked
from pipeline.process import expect_much_state

SECOND = 1_000_000_000
START = 1_767_225_600 * SECOND
BATCH = 100
RULES = b"""
title: Transfers
id: 11111111-0000-0000-0000-000000000000
name: moved
status: test
level: low
description: A token moved.
author: Benchmark
date: 2026-01-31
falsepositives: []
references: []
typology: spoofing
logsource: {product: tapewatch}
detection: {selection: {event.action: token-transfer}, condition: selection}
---
title: Many by one wallet
id: 22222222-0000-0000-0000-000000000000
status: test
level: high
description: So many within a day.
author: Benchmark
date: 2026-01-31
falsepositives: []
references: []
typology: spoofing
correlation:
  type: event_count
  rules: [moved]
  group-by: [source.address]
  timespan: 1d
  condition: {gte: 1000}
"""


def engine(groups: int) -> Engine:
    limits = Limits(most_groups=2 * groups, most_held=100 * groups)
    return Engine(parse_rules(RULES), limits=limits, remembered=100_000)


def transfer(number: int, groups: int) -> Record:
    moment = START + number * 10_000
    wallet = f"0x{number % groups:040x}"
    return TokenTransfer(
        id=f"transfer-{number}",
        timestamp=moment,
        ingested=moment,
        original=f"RAW/{number}/0",
        provider="chain",
        chain_id=1,
        block_number=number // 200,
        block_hash=f"0x{number // 200:064x}",
        transaction_hash=f"0x{number:064x}",
        source_address=wallet,
        destination_address="0x" + "b" * 40,
        amount_raw="1000000000000000000",
        amount=1.0,
        related_hash=(f"0x{number:064x}",),
        related_user=(wallet, "0x" + "b" * 40),
    )


class Going:
    """Events that go on and on."""

    def __init__(self, engine: Engine, groups: int, number: int) -> None:
        self.engine, self.groups, self.number = engine, groups, number
        self.longest = 0.0

    async def run(self, until: "asyncio.Task[int] | None", seconds: float) -> float:
        """Events per second until the task is done, or for so long."""
        began, first, last = time.perf_counter(), self.number, time.perf_counter()
        while (not until.done()) if until else (time.perf_counter() - began < seconds):
            events = [transfer(self.number + n, self.groups) for n in range(BATCH)]
            self.engine.process(events)
            self.number += BATCH
            await asyncio.sleep(0)
            now = time.perf_counter()
            self.longest, last = max(self.longest, now - last), now
        return (self.number - first) / (time.perf_counter() - began)


async def measure(groups: int, events: int) -> None:
    expect_much_state()
    first = engine(groups)
    for at in range(0, groups * events, BATCH):
        first.process([transfer(at + n, groups) for n in range(BATCH)])
    going = Going(first, groups, groups * events)
    memory = most_resident() / 2**20
    print(f"groups {groups:,}, transfers {groups * events:,}, process {memory:,.0f} MiB")
    usual = await going.run(None, 10.0)
    print(f"longest step before      {going.longest * 1000:10,.0f} ms for {BATCH} events")
    with tempfile.TemporaryDirectory() as folder:
        settings = EmbeddedBus(path=Path(folder))
        async with EmbeddedServer(settings), await Bus.connect(settings, name="benchmark") as bus:
            checkpoints = await bus.checkpoints("benchmark")
            await save_and_restore(checkpoints, first, going, usual)


async def save_and_restore(
    checkpoints: Checkpoints, first: Engine, going: Going, usual: float
) -> None:
    place = going.number
    state = Forked(lambda: packed(first.snapshot_parts()))
    began = time.perf_counter()
    saving = asyncio.ensure_future(checkpoints.save(1, place, state))
    going.longest = 0.0
    meanwhile = await going.run(saving, 0)
    size = await saving
    written = time.perf_counter() - began
    state.close()
    print(f"pause for the fork       {state.pause * 1000:10,.0f} ms")
    print(f"longest step meanwhile   {going.longest * 1000:10,.0f} ms for {BATCH} events")
    print(f"events/s before          {usual:10,.0f}")
    print(f"events/s meanwhile       {meanwhile:10,.0f}")
    print(f"written after            {written:10,.1f} s, {state.busy:,.1f} s of a processor")
    print(f"size as stored           {size / 2**20:10,.1f} MiB")
    began = time.perf_counter()
    found = await checkpoints.newest(Position(1, place))
    assert found is not None
    read = time.perf_counter() - began
    restored = engine(going.groups)
    assert restored.restore(found.chunks()) == []
    print(f"read from the bus        {read:10,.1f} s")
    print(f"restored after           {time.perf_counter() - began:10,.1f} s")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--groups", type=int, default=1_000_000)
    arguments.add_argument("--events", type=int, default=2, help="transfers in each group")
    asked = arguments.parse_args()
    asyncio.run(measure(asked.groups, asked.events))


if __name__ == "__main__":
    main()
