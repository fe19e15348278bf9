"""A checkpoint is written while events go on, and holds the state of one moment."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import structlog.testing

from detections.engine.engine import Engine
from detections.lanes import recovery
from detections.lanes.events import LaneEvents, Taken
from detections.lanes.past import LanePast
from detections.lanes.recovery import Recovery
from detections.lanes.rewind import RewindingEngine
from detections.lanes.ruled_engine import RuledEngine
from normalizer.events import Record
from pipeline.bus import Bus
from pipeline.bus.checkpoints import Checkpoint
from pipeline.bus.positions import Position
from pipeline.forked import CAN_FORK
from pipeline.units import SECOND
from tests.detections.test_event_time import BURST, move

forking = pytest.mark.skipif(not CAN_FORK, reason="this system can't fork safely")
LIFE = 7


class Lane:
    """An engine that takes events, while its state is saved every 50 ms."""

    def __init__(self, bus: Bus, writing: float, *, fork: bool = CAN_FORK) -> None:
        """`writing`: seconds that writing the state takes, where that is done."""
        self.bus, self.writing, self.sequence = bus, writing, 0
        ruled = RuledEngine(Engine(BURST))
        self.engine = RewindingEngine(ruled, LanePast(bus, ruled, LaneEvents(bus), "slow"))
        self.states: dict[int, bytes] = {}
        parts = self.engine.snapshot_parts

        def slowly() -> Iterator[bytes]:
            time.sleep(self.writing)
            return parts()

        self.parts, self.engine.snapshot_parts = parts, slowly  # type: ignore[method-assign]
        self.recovery = Recovery(
            bus, self.engine, "slow", warm_up=0, checkpoint_every=SECOND // 20, fork=fork
        )

    async def take(self) -> None:
        """The next message, of one event."""
        self.sequence += 1
        event: Record = move(self.sequence, self.sequence, f"wallet-{self.sequence % 9}")
        async with self.recovery.taking(self.sequence):
            await self.engine.take(self.sequence, Taken([event], judged=True))
            self.states[self.sequence] = b"".join(self.parts())
        await asyncio.sleep(0.002)

    async def newest(self) -> Checkpoint | None:
        checkpoints = await self.bus.checkpoints("slow")
        return await checkpoints.newest(Position(LIFE, self.sequence))


@asynccontextmanager
async def saving(lane: Lane) -> AsyncGenerator[None, None]:
    await lane.recovery.recover(Position(LIFE, 0))
    task = asyncio.create_task(lane.recovery.save())
    try:
        yield
        assert not task.done(), task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@forking
async def test_events_go_on_and_what_is_saved_is_the_state_of_the_moment(bus: Bus) -> None:
    lane = Lane(bus, writing=1.0)
    async with saving(lane), asyncio.timeout(30):
        found = None
        while found is None:
            for _ in range(20):
                await lane.take()
            found = await lane.newest()
    assert found.data == lane.states[found.sequence]
    assert lane.sequence >= found.sequence + 20, "events were taken while it was written"


async def test_what_was_caught_up_with_is_saved_though_nothing_more_comes(bus: Bus) -> None:
    before = Lane(bus, writing=0.0)
    async with saving(before):
        for _ in range(5):
            await before.take()
    after = Lane(bus, writing=0.0)
    after.sequence = 5
    await after.recovery.recover(Position(LIFE, 5))
    task = asyncio.create_task(after.recovery.save())
    async with asyncio.timeout(10):
        while (found := await after.newest()) is None or found.sequence < 5:
            assert not task.done(), task
            await asyncio.sleep(0.02)
    task.cancel()


async def test_without_a_fork_it_is_written_at_once(bus: Bus) -> None:
    lane = Lane(bus, writing=0.0, fork=False)
    async with saving(lane), asyncio.timeout(30):
        found = None
        while found is None:
            await lane.take()
            found = await lane.newest()
    assert found.data == lane.states[found.sequence]


@forking
async def test_a_child_that_dies_is_told_and_the_next_one_saves(bus: Bus, tmp_path: Path) -> None:
    lane, mark = Lane(bus, writing=0.0), tmp_path / "died"
    parts = lane.engine.snapshot_parts

    def dying() -> Iterator[bytes]:
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), 9)
        return parts()

    lane.engine.snapshot_parts = dying  # type: ignore[method-assign]
    with structlog.testing.capture_logs() as logs:
        async with saving(lane), asyncio.timeout(30):
            while (found := await lane.newest()) is None:
                await lane.take()
    assert found.data == lane.states[found.sequence]
    (told,) = [log for log in logs if log["event"] == "the state could not be saved"]
    assert told["reason"] == "the child process was ended by SIGKILL"


@forking
async def test_one_that_takes_too_long_is_given_up(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "MOST_SAVING", 0.3)
    lane = Lane(bus, writing=60.0)
    with structlog.testing.capture_logs() as logs:
        async with saving(lane), asyncio.timeout(30):
            while not logs:
                await lane.take()
    assert logs[0]["reason"] == "TimeoutError"
    assert await lane.newest() is None
