"""Running lanes while they are this process's: started, stopped and handed over by their leases.

The leases are kept in a thread with a connection of its own. So a process that is busy for seconds,
such as while it restores a large state, keeps its lanes.
"""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Sequence

import structlog

from pipeline.bus.client import News, connect_client
from pipeline.bus.lane_leases import LISTEN, TICK, LaneConsumers, Lease, Workers
from pipeline.bus.lane_spread import spread
from pipeline.bus.publisher import AnotherWriter
from pipeline.bus.streams import StreamNames
from pipeline.config.schema import EmbeddedBus, ExternalBus
from pipeline.exception_groups import leaves

log = structlog.get_logger(__name__)

#: A process that has done nothing for so long, in seconds, hangs, and loses its lanes.
HANGS = 60.0
#: So many ticks in a row that went to nobody known, and a lane counts as lost.
MOST_MISSED = 2
_JOIN = 10.0


class LaneSharing:
    """This worker's share of the lanes."""

    def __init__(
        self,
        config: EmbeddedBus | ExternalBus,
        names: StreamNames,
        lanes: Sequence[str],
        worker: str,
        work: Callable[[str], Awaitable[None]],
    ) -> None:
        """``work`` runs a lane until cancelled. ``worker`` is a name that no other has at the same
        time; one that comes back with its name gets its lanes back."""
        self._config = config
        self._names = names
        self._lanes = lanes
        self._worker = worker
        self._work = work
        #: In this process's loop: what runs.
        self._running: dict[str, asyncio.Task[None]] = {}
        self._ending = False
        self._beat = 0.0
        #: Lanes that ended by themselves, until the thread has noticed.
        self._dropped: set[str] = set()

    @property
    def held(self) -> list[str]:
        """The lanes that run here, in order."""
        return [lane for lane in self._lanes if lane in self._running]

    async def run(self) -> None:
        """Run what is ours until cancelled. Raises what a lane raises, or what the bus does."""
        self._home = asyncio.get_running_loop()
        self._failed: asyncio.Future[None] = self._home.create_future()
        self._beat = time.monotonic()
        thread = threading.Thread(target=self._serve, name="lane leases", daemon=True)
        self._away = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        thread.start()
        try:
            await self._failed
        finally:
            self._ending = True
            for lane in self.held:
                await self._stop_here(lane)
            self._away.call_soon_threadsafe(self._stop.set)
            await asyncio.shield(asyncio.to_thread(thread.join, _JOIN))

    # -- in this process's loop --------------------------------------------------------------------

    def _start_here(self, lane: str) -> None:
        if self._ending or lane in self._running:
            return
        log.info("lane taken", lane=lane, worker=self._worker)
        task = self._running[lane] = asyncio.ensure_future(self._work(lane))
        task.add_done_callback(lambda done: self._ended(lane, done))

    async def _stop_here(self, lane: str) -> None:
        task = self._running.pop(lane, None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            log.info("lane given up", lane=lane, worker=self._worker)

    def _ended(self, lane: str, task: "asyncio.Task[None]") -> None:
        if self._running.get(lane) is not task:
            return  # it was stopped
        del self._running[lane]
        error = None if task.cancelled() else task.exception()
        if error is not None and any(isinstance(one, AnotherWriter) for one in leaves(error)):
            log.warning("another worker has the lane", lane=lane, worker=self._worker)
            self._dropped.add(lane)
        else:
            self._fail(error or RuntimeError(f"the lane {lane} ended by itself"))

    def _fail(self, error: BaseException) -> None:
        if not self._failed.done():
            self._failed.set_exception(error)

    def _note_beat(self) -> None:
        self._beat = time.monotonic()

    # -- in the thread -----------------------------------------------------------------------------

    def _serve(self) -> None:
        try:
            self._away.run_until_complete(self._lease())
        except BaseException as error:
            self._tell_home(self._fail, error)
        finally:
            self._away.close()

    async def _lease(self) -> None:
        news = News()
        client = await connect_client(self._config, f"{self._worker}, leases", news)
        try:
            consumers = LaneConsumers(client, self._names)
            await consumers.prepare(self._lanes, self._config.streams.events.replicas)
            workers = Workers(client, consumers, self._worker)
            await workers.open()
            await asyncio.sleep(LISTEN)
            leases = {lane: Lease(client, consumers, lane, self._worker) for lane in self._lanes}
            stopped = asyncio.ensure_future(self._until_stopped())
            keeping = [
                asyncio.ensure_future(self._keep(lane, lease, consumers, workers))
                for lane, lease in leases.items()
            ]
            ticking = asyncio.ensure_future(self._tick(workers))
            done, others = await asyncio.wait(
                [stopped, ticking, *keeping], return_when=asyncio.FIRST_COMPLETED
            )
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            for task in done:
                task.result()
            for lane, lease in leases.items():
                if lease.pinned:
                    await consumers.give_back(lane)
            await workers.leave()
        finally:
            news.closing = True
            await client.close()

    async def _until_stopped(self) -> None:
        await self._stop.wait()

    async def _tick(self, workers: Workers) -> None:
        while True:
            self._tell_home(self._note_beat)
            if time.monotonic() - self._beat < HANGS:
                await workers.tick()
            await asyncio.sleep(TICK)

    async def _keep(
        self, lane: str, lease: Lease, consumers: LaneConsumers, workers: Workers
    ) -> None:
        """Ask for a lane, or to keep it, as long as it should be ours."""
        await lease.open()
        held = False
        missed = 0
        while True:
            if lane in self._dropped:
                self._dropped.discard(lane)
                held = False
                await consumers.give_back(lane)
                await asyncio.sleep(TICK)
            hangs = time.monotonic() - self._beat > HANGS
            if hangs or spread(self._lanes, workers.alive())[lane] != self._worker:
                if held:
                    held = False
                    await self._stop_there(lane)
                    await consumers.give_back(lane)
                    lease.forget()
                await asyncio.sleep(TICK / 8)
                continue
            asked = time.monotonic()
            answer = await lease.ask(TICK)
            if answer == "held":
                missed = 0
                if not held:
                    held = True
                    self._tell_home(self._start_here, lane)
            elif held and answer != "unknown":
                missed += 1
                if answer == "lost" or missed >= MOST_MISSED:
                    held = False
                    await self._stop_there(lane)
            await asyncio.sleep(max(0.01, TICK - (time.monotonic() - asked)) if held else 0.01)

    async def _stop_there(self, lane: str) -> None:
        stopping = asyncio.run_coroutine_threadsafe(self._stop_here(lane), self._home)
        await asyncio.wrap_future(stopping)

    def _tell_home(self, what: Callable[..., object], *arguments: object) -> None:
        try:
            self._home.call_soon_threadsafe(what, *arguments)
        except RuntimeError:
            pass  # the process has ended its loop
