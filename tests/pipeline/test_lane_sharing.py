"""Lanes among workers on the real server: each with one, spread evenly, moved when one goes."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.bus import Bus
from pipeline.bus.lane_sharing import LaneSharing
from pipeline.bus.lane_spread import spread
from pipeline.bus.publisher import AnotherWriter

LANES = ("lane-0", "lane-1", "lane-2", "lane-3")


class Worker:
    """Holds lanes, and knows when two workers ran one at a time."""

    running: Counter[str]

    def __init__(self, bus: Bus, name: str, running: Counter[str]) -> None:
        self.running = running
        self.sharing = LaneSharing(bus.config, bus.names, LANES, name, self.work)
        self.task = asyncio.create_task(self.sharing.run())

    async def work(self, lane: str) -> None:
        self.running[lane] += 1
        assert self.running[lane] == 1, "two at a time"
        try:
            await asyncio.Event().wait()
        finally:
            self.running[lane] -= 1

    @property
    def held(self) -> list[str]:
        return self.sharing.held

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def until(condition: Callable[[], object], seconds: float) -> float:
    started = time.monotonic()
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.05)
    return time.monotonic() - started


async def test_one_worker_has_all_lanes_at_once(bus: Bus) -> None:
    worker = Worker(bus, "one", Counter())
    await until(lambda: worker.held == list(LANES), 3)
    await worker.stop()
    assert not worker.running.total()


async def test_workers_that_come_and_go_share_evenly_and_a_leaving_ones_lanes_move_at_once(
    bus: Bus,
) -> None:
    running: Counter[str] = Counter()
    first = Worker(bus, "one", running)
    await until(lambda: len(first.held) == 4, 3)

    second = Worker(bus, "two", running)
    await until(lambda: len(first.held) == len(second.held) == 2, 10)
    assert sorted(first.held + second.held) == list(LANES)

    await second.stop()
    await until(lambda: len(first.held) == 4, 5)
    await first.stop()


async def test_a_lane_whose_work_meets_another_writer_is_given_up_and_asked_for_again(
    bus: Bus,
) -> None:
    tries: list[str] = []

    async def work(lane: str) -> None:
        tries.append(lane)
        if len(tries) == 1:
            raise AnotherWriter("alerts.lane-0")
        await asyncio.Event().wait()

    sharing = LaneSharing(bus.config, bus.names, ("lane-0",), "one", work)
    task = asyncio.create_task(sharing.run())
    await until(lambda: len(tries) == 2, 12)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_a_lane_fails_of_ends_the_worker(bus: Bus) -> None:
    async def work(lane: str) -> None:
        raise ValueError(lane)

    sharing = LaneSharing(bus.config, bus.names, ("lane-0",), "one", work)
    with pytest.raises(ValueError, match="lane-0"):
        async with asyncio.timeout(10):
            await sharing.run()


NAMES = st.sets(st.text("abc123", min_size=1, max_size=8), min_size=1, max_size=9)


@given(st.integers(1, 40), NAMES)
def test_every_lane_has_a_worker_and_no_worker_two_lanes_more_than_another(
    count: int, workers: set[str]
) -> None:
    lanes = [f"lane-{number}" for number in range(count)]
    found = spread(lanes, workers)
    loads = Counter(dict.fromkeys(workers, 0)) + Counter(found.values())
    all_loads = [loads[worker] for worker in workers]
    assert set(found) == set(lanes)
    assert max(all_loads) - min(all_loads) <= 1
    assert spread(lanes, sorted(workers, reverse=True)) == found, "everyone finds the same"
