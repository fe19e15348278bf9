"""A chain that forks, from the node to the file: what stands in the end is of the last chain."""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from collectors.evm import Watched
from collectors.stage import Collectors
from delivery.file_sink import FileSink
from delivery.stage import DocumentCache, SinkRunner
from demo.chain.anvil import Anvil
from detections.engine.engine import Engine
from detections.lanes.lane import Lane
from detections.lanes.ruled_engine import RuledEngine
from detections.lanes.stage import LanePlace, lane_places
from detections.rules import RuleSet
from detections.rules.loading import parse_rules
from normalizer.events import Alert, AlertUpdate, ChainEvent, ChainReorganised, Record
from normalizer.events.ecs import parse
from normalizer.normalize import Normalizer
from normalizer.reference import Reference
from normalizer.stage import NormalizerStage
from pipeline.bus import Bus
from pipeline.bus.embedded import EmbeddedServer
from pipeline.config.schema import EmbeddedBus, StreamLimits, Streams
from pipeline.units import GIB, HOUR, MIB, SECOND
from tests.collectors.evm_session import Emitter, canonical, source
from tests.fixtures.waiting import until

pytestmark = pytest.mark.chain
DEEPEST = 12
RULES = b"""
title: A log
name: a_log
logsource: {product: tapewatch, service: chain}
detection:
  selection: {event.action: contract-event}
  condition: selection
---
title: A log of 3 or more
id: 7d0f3a6e-6f6b-4f6e-9a43-000000000001
status: test
level: high
description: One event.
author: Tester
date: 2026-01-31
references: []
falsepositives: []
typology: other
logsource: {product: tapewatch, service: chain}
detection:
  selection: {event.action: contract-event, blockchain.log.index|gte: 2}
  condition: selection
---
title: Ten logs
id: 7d0f3a6e-6f6b-4f6e-9a43-000000000002
status: test
level: medium
description: Several events.
author: Tester
date: 2026-01-31
references: []
falsepositives: []
typology: other
correlation:
  type: event_count
  rules: [a_log]
  group-by: [blockchain.contract.address]
  timespan: 1h
  condition: {gte: 10}
"""


class Installation:
    """All stages in this process, with a bus of their own. The collector can be away."""

    def __init__(
        self, folder: Path, node: Anvil, emitter: Emitter, rules: RuleSet, *, lanes: int = 1
    ) -> None:
        self._lanes = lanes
        self._folder = folder
        self._source = source(node.ws_url)
        self._watched = Watched.of(others=[emitter.address])
        self._rules = rules

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[Bus]:
        small = StreamLimits(max_size=64 * MIB)
        settings = EmbeddedBus(
            path=self._folder / "nats",
            streams=Streams(raw=small, events=small, alerts=small, dead=small),
        )
        async with EmbeddedServer(settings), await Bus.connect(settings, name="test") as bus:
            sink = FileSink("files", self._folder, rotate_size=GIB, rotate_after=HOUR)
            cache = DocumentCache()
            work = [
                NormalizerStage(bus, Normalizer(Reference()), lanes=self._lanes).run(),
                *(self._lane(bus, place).run() for place in lane_places(self._lanes)),
                *(
                    SinkRunner(bus, sink, content, cache, batch=500, retry_maximum=SECOND).run()
                    for content in ("events", "alerts")
                ),
            ]
            tasks = [asyncio.create_task(one) for one in work]
            try:
                yield bus
                assert not any(task.done() for task in tasks), tasks
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await sink.close()

    def _lane(self, bus: Bus, place: LanePlace) -> Lane:
        # Blocks are mined faster than their clock allows: they say that they are of the future.
        engine = Engine(place.rules(self._rules), clock_tolerance=HOUR)
        return Lane(
            bus,
            RuledEngine(engine),
            warm_up=0,
            checkpoint_every=SECOND // 10,
            name=place.name,
            events=place.events(bus),
        )

    @asynccontextmanager
    async def collecting(self, bus: Bus) -> AsyncGenerator[None]:
        work = Collectors(bus, [self._source], {self._source.name: self._watched}).run()
        task = asyncio.create_task(work)
        try:
            yield
            assert not task.done(), task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def lines(self, content: str) -> list[Record | Alert | AlertUpdate]:
        found = [
            parse(msgspec.json.decode(line))
            for file in sorted((self._folder / content).glob("*.ndjson"))
            for line in file.read_bytes().splitlines()
        ]
        return [one for one in found if one is not None]

    def chain(self) -> list[str]:
        """The chain as a reader of the delivered events knows it."""
        blocks: dict[int, str] = {}
        for one in self.lines("events"):
            if isinstance(one, ChainReorganised):
                blocks = {n: h for n, h in blocks.items() if n <= one.common_number}
            elif isinstance(one, ChainEvent):
                blocks[one.block_number] = one.block_hash
        return [f"{number}:{block_hash}" for number, block_hash in sorted(blocks.items())]

    def standing(self) -> set[str]:
        """Ids of the alerts that hold."""
        found: dict[str, bool] = {}
        for one in self.lines("alerts"):
            if isinstance(one, AlertUpdate):
                found[one.alert_id] = one.status != "retracted"
            else:
                assert one.id not in found, "an alert is there twice"
                found[one.id] = True
        return {key for key, stands in found.items() if stands}


def grow(node: Anvil, emitter: Emitter, chance: random.Random, blocks: int) -> None:
    for _ in range(blocks):
        if chance.random() < 0.7:
            emitter.emit(chance.randint(1, 4))
        node.mine()


def fork(node: Anvil, emitter: Emitter, chance: random.Random) -> None:
    height = int(node.rpc("eth_blockNumber"), 16)
    node.rpc("anvil_rollback", min(chance.randint(1, DEEPEST), height - 2))
    node.rpc("evm_increaseTime", chance.randint(1, 20))
    grow(node, emitter, chance, chance.randint(1, DEEPEST + 2))


@pytest.mark.parametrize(("seed", "lanes"), [(0, 1), (1, 1), (2, 2)])
async def test_random_forks_leave_the_alerts_of_the_last_chain(
    tmp_path: Path, start_anvil: Callable[..., Anvil], seed: int, lanes: int
) -> None:
    chance = random.Random(seed)
    node = start_anvil(mining="manual")
    emitter = Emitter(node)
    grow(node, emitter, chance, 15)
    rules = parse_rules(RULES)
    live = Installation(tmp_path / "live", node, emitter, rules, lanes=lanes)
    async with live.running() as bus:
        for _ in range(3):
            async with live.collecting(bus):
                await until(lambda: live.chain() == canonical(node))
                fork(node, emitter, chance)
                await until(lambda: live.chain() == canonical(node))
            for _ in range(chance.randint(0, 2)):  # while the collector is away
                fork(node, emitter, chance)
            grow(node, emitter, chance, DEEPEST)
        async with live.collecting(bus):
            await until(lambda: live.chain() == canonical(node))
            truth = Installation(tmp_path / "truth", node, emitter, rules)
            async with truth.running() as other, truth.collecting(other):
                await until(lambda: truth.chain() == canonical(node))
                await asyncio.sleep(1)
            expected = truth.standing()
            assert len(expected) > 3
            await until(lambda: live.standing() == expected)
    updates = [one for one in live.lines("alerts") if isinstance(one, AlertUpdate)]
    assert any(update.status == "retracted" for update in updates)
