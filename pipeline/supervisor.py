"""Supervision: one process per stage, started, watched, restarted, and stopped in order."""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import count
from pathlib import Path
from typing import BinaryIO

import nats.errors
import nats.js.errors
import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead  # pyright: ignore[reportUnknownVariableType]

from pipeline.bus.connection import Bus, BusUnavailable
from pipeline.bus.embedded import EmbeddedServer, EmbeddedServerFailed
from pipeline.bus.opening import open_embedded
from pipeline.bus.reader_names import lanes
from pipeline.bus.retention import Keeper, keeper_of
from pipeline.bus.status_board import StageReport, lanes_nowhere
from pipeline.bus.streams import Stream
from pipeline.cancellation import raise_if_cancelled
from pipeline.config.schema import Configuration, EmbeddedBus
from pipeline.failure import CONFIGURATION, Failure
from pipeline.metrics import STREAM_ROOM
from pipeline.observability import Endpoint, Health
from pipeline.reload import Reloaded, Reloader, ReloadRequest, is_configured
from pipeline.reload_requests import Reload, Reloads
from pipeline.run_summary import RunSummary, summarise
from pipeline.source_state import ILL_CONNECTIONS
from pipeline.units import MIB, about_size

log = structlog.get_logger(__name__)

#: All stages, in the order of the stream; some run only where they are configured.
STAGES = (
    "collectors",
    "normalizer",
    "detections",
    "clusters",
    "cases",
    "delivery",
    "reports",
    "audit",
)
#: Set in the environment of a stage's process that a supervisor started, to its process id.
SUPERVISED = "TAPEWATCH_SUPERVISED"
#: Which of several processes of its stage it is, from 1.
WORKER = "TAPEWATCH_WORKER"
STOP_TIMEOUT = 15.0
#: Restarts wait 0.5 s, then twice as long each time up to this; a minute of life starts over.
LONGEST_WAIT = 30.0
CHECK_EVERY = 0.5
#: A server whose disk was full is started again when there is so much free: less is full at once.
ROOM_TO_START = 64 * MIB


class StageFailed(Failure):
    """A stage can't run with this configuration; its own process has said why."""

    code = CONFIGURATION


def worker_name(stage: str, number: int) -> str:
    """What a process of a stage reports as."""
    return stage if number == 1 else f"{stage}-{number}"


class _Child:
    """A process of one stage. ``stage``: what it reports as."""

    def __init__(
        self, stage: str, command: Sequence[str], environment: dict[str, str], log: Path | None
    ) -> None:
        self.stage = stage
        self._log = log
        self._command = command
        self._environment = environment
        self._starting: asyncio.Future[asyncio.subprocess.Process] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self.restarts = 0
        #: Somebody wanted it to end, to be started again with what the files say now.
        self._renewing = False

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def _output(self) -> AbstractContextManager[BinaryIO | None]:
        """Where the process writes: the log, or None for where the supervisor does."""
        return self._log.open("ab") if self._log is not None else nullcontext()

    async def watch(self) -> None:
        """Keep the process running until cancelled. Raises StageFailed if its first one can't run.

        Later ones read files that somebody may be at work on: the other stages go on, and this one
        is tried again.
        """
        wait = 0.5
        for number in count(1):
            started = time.monotonic()
            with self._output() as output:
                self._starting = asyncio.ensure_future(
                    asyncio.create_subprocess_exec(
                        *self._command,
                        env=self._environment,
                        stdin=asyncio.subprocess.DEVNULL,
                        stdout=output,
                        stderr=output,
                        # A Ctrl-C goes to the supervisor, which stops them in order.
                        start_new_session=True,
                    )
                )
                # A cancellation in mid-start must not leave a process that nobody knows.
                process = await asyncio.shield(self._starting)
            self._process = process
            code = await process.wait()
            mark_process_dead(process.pid, self._environment["PROMETHEUS_MULTIPROC_DIR"])
            if self._renewing:
                self._renewing, wait = False, 0.5
                continue
            if code == CONFIGURATION and number == 1:
                raise StageFailed(f"{self.stage} can't run with this configuration")
            if time.monotonic() - started > 60:
                wait = 0.5
            self.restarts += 1
            log.error("a stage ended and is started again", child=self.stage, code=code, wait=wait)
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)

    async def renew(self) -> None:
        """Let it end as at a stop; `watch` starts it again at once."""
        if self.alive:
            self._renewing = True
            await self.stop()

    async def stop(self) -> None:
        if self._starting is None:
            return
        process = await self._starting
        if process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                await process.wait()
        except TimeoutError:
            log.error("a stage did not stop in time and is killed", child=self.stage)
            process.kill()
            await process.wait()


class Supervisor:
    """Runs the bus, when it is embedded, and all stages."""

    def __init__(
        self,
        config: Configuration,
        path: Path,
        stages: Sequence[str] = STAGES,
        *,
        log: Path | None = None,
        reloader: Reloader | None = None,
    ) -> None:
        """``log``: a file for what the stages write; else they write where this process does.
        ``reloader``: knows rules and reference data; without, nothing can be reloaded.
        """
        self._reloader = reloader
        self._config = config
        self._log = log
        self._path = path
        self._stages = stages
        self._health = Health()
        self._reports: list[StageReport] = []
        self._bus: Bus | None = None
        self._keeper: Keeper | None = None
        self._keeping: asyncio.Future[None] | None = None
        self._disk = ""
        self.on_reports: Callable[[list[StageReport]], None] | None = None
        #: What was done, once a run has ended by itself.
        self.summary: RunSummary | None = None
        #: Base URL of the metrics, while they are served.
        self.endpoint_url: str | None = None

    async def run(self, *, until_done: bool = False) -> None:
        """Run until cancelled; with ``until_done``, until recordings ended and all is delivered.

        Raises :class:`StageFailed`, :class:`EmbeddedServerFailed`, :class:`BusUnavailable` or
        :class:`EndpointFailed`, all of which say what to do.
        """
        begun = time.monotonic()
        server = (
            EmbeddedServer(self._config.bus) if isinstance(self._config.bus, EmbeddedBus) else None
        )
        with tempfile.TemporaryDirectory(prefix="tapewatch-metrics-") as metrics:
            try:
                endpoint = self._open_endpoint(metrics)
                try:
                    if server is None:
                        self._bus = await self._open_bus()
                    else:
                        self._bus = await open_embedded(server, self._open_bus)
                        # Of a run before this one, whose stages have all ended.
                        await self._bus.status.forget_silent()
                    await self._supervise(server, metrics, until_done)
                    self.summary = summarise(Path(metrics), time.monotonic() - begun)
                finally:
                    if self._bus is not None:
                        await self._bus.close()
                    if endpoint is not None:
                        endpoint.close()
            finally:
                if server is not None:
                    await server.stop()

    async def _open_bus(self) -> Bus:
        """Connect, and put the rules into force. Raises BusUnavailable."""
        bus = await Bus.connect(self._config.bus, name="supervisor")
        try:
            if self._reloader is not None:
                await self._reloader.begin(bus, self._config)
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError) as error:
            await bus.close()
            raise BusUnavailable(
                f"the bus does not answer any more ({error or type(error).__name__}): see whether "
                "it runs, and start Tapewatch again"
            ) from error
        except BaseException:
            await bus.close()
            raise
        return bus

    def _open_endpoint(self, metrics: str) -> Endpoint | None:
        if not self._config.observability.enabled:
            return None
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=metrics)
        for metric in STREAM_ROOM:
            registry.register(metric)  # these are of this process, which keeps the streams
        endpoint = Endpoint(self._config.observability, lambda: self._health, registry)
        self.endpoint_url = endpoint.url
        log.info("metrics", url=f"{endpoint.url}/metrics", ready=f"{endpoint.url}/readyz")
        return endpoint

    async def _supervise(
        self, server: EmbeddedServer | None, metrics: str, until_done: bool
    ) -> None:
        environment = {
            **os.environ,
            SUPERVISED: str(os.getpid()),
            "PROMETHEUS_MULTIPROC_DIR": metrics,
        }
        children = [
            _Child(
                worker_name(stage, number),
                self._command(stage),
                {**environment, WORKER: str(number)},
                self._log,
            )
            for stage in self._stages
            for number in range(1, self._workers(stage) + 1)
        ]
        watchers = [asyncio.create_task(child.watch()) for child in children]
        board = asyncio.create_task(self._observe(children, server, until_done))
        keeping = asyncio.create_task(self._keep())
        running = [*watchers, board, keeping]
        if self._reloader is not None:
            reloads = Reloads(self._reloader, lambda: self._bus)
            running.append(asyncio.create_task(reloads.serve(self._reload_with(children))))
        try:
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in running:
                task.cancel()
            # Sources first, so that what they still send finds everything behind them running.
            for child in children:
                await child.stop()
            await asyncio.gather(*running, return_exceptions=True)

    def _reload_with(self, children: Sequence[_Child]) -> Reload:
        async def reload(reloader: Reloader, bus: Bus, request: ReloadRequest) -> Reloaded:
            self._config, found = await reloader.reload(bus, self._config, request)
            if self._keeping is not None:
                self._keeping.cancel()  # the next one knows the sinks that there are now
            stages = {restarted.stage for restarted in found.restarted}
            concerned = [child for child in children if child.stage.partition("-")[0] in stages]
            await asyncio.gather(*(child.renew() for child in concerned))
            return found

        return reload

    async def _keep(self) -> None:
        """Keep the streams until cancelled, on whatever connection there is."""
        assert self._bus is not None
        while True:
            self._keeper = keeper_of(self._bus, self._config)
            self._keeping = asyncio.ensure_future(self._keeper.run())
            try:
                await asyncio.wait({self._keeping})
            finally:
                self._keeping.cancel()
            if not self._keeping.cancelled():
                self._keeping.result()
            await asyncio.sleep(CHECK_EVERY)  # the connection is made anew meanwhile
            raise_if_cancelled()

    def _workers(self, stage: str) -> int:
        if not is_configured(stage, self._config):
            return 0
        return self._config.detections.workers if stage == "detections" else 1

    def _command(self, stage: str) -> list[str]:
        module = [sys.executable, "-m", "pipeline.cli"]
        return [*module, "run", "--only", stage, "--config", str(self._path)]

    async def _observe(
        self, children: list[_Child], server: EmbeddedServer | None, until_done: bool
    ) -> None:
        """Renew the health, restart a dead bus, and notice when nothing is left to do."""
        assert self._bus is not None
        while True:
            await asyncio.sleep(CHECK_EVERY)
            raise_if_cancelled()
            if server is not None:
                await self._revive(server)
            try:
                if self._bus.client.is_closed:
                    self._bus = await Bus.connect(self._config.bus, name="supervisor")
                async with asyncio.timeout(5):
                    self._reports = await self._bus.status.reports()
                ill = self._ill(children)
                self._health = self._judge(ill)
                done = until_done and not ill and await self._idle()
            except Exception as error:  # whatever the bus says now, the next look decides
                self._health = Health(False, [f"bus: {error or type(error).__name__}"])
                continue
            if self.on_reports is not None:
                self.on_reports(self._reports)
            if done:
                return

    async def _revive(self, server: EmbeddedServer) -> None:
        """Start a server again that ended, or whose disk was full and now has room."""
        told, self._disk = self._disk, ""
        if not server.alive:
            if not told:
                log.error("the embedded bus ended and is started again")
        elif server.gave_up_writing:
            free = server.free_bytes()
            if free < ROOM_TO_START:
                self._disk = (
                    f"the disk of the bus was full and has only {about_size(free)} free: make room "
                    f"at {server.path}; nothing is taken until then, and nothing is lost"
                )
                return
            log.error(
                "the disk of the bus was full and has room again: the bus is started again",
                free=about_size(free),
            )
        else:
            return
        await server.stop()
        try:
            await server.start()
        except EmbeddedServerFailed as error:
            self._disk = str(error)  # as on a full disk; it is tried again
            if not told:
                log.error("the embedded bus can't be started", reason=self._disk)

    def _judge(self, ill: list[str]) -> Health:
        problems, warnings = list(ill), list[str]()
        if self._keeper is not None:
            problems += self._keeper.problems
            warnings += self._keeper.warnings
        if self._disk:
            problems.append(self._disk)
        return Health(not problems, problems, warnings)

    def _ill(self, children: list[_Child]) -> list[str]:
        """What is wrong with stages, sources and sinks."""
        reports = {report.stage: report for report in self._reports}
        problems: list[str] = []
        for child in children:
            report = reports.get(child.stage)
            if not child.alive:
                problems.append(f"{child.stage}: its process is not running")
            elif report is None or report.pid != child.pid or not report.fresh:
                problems.append(f"{child.stage}: has not reported yet")
            else:
                problems += [
                    f"{source.source}: {source.trouble or source.connection}"
                    for source in report.sources
                    if source.connection in ILL_CONNECTIONS
                ]
                problems += [
                    f"{reader.name}: {reader.trouble}"
                    for reader in report.readers
                    if reader.trouble
                ]
        wanted = lanes(self._config)
        if "detections" in self._stages and len(wanted) > 1 and not problems:
            nowhere = lanes_nowhere(self._reports, wanted)
            problems += [f"{lane}: no worker has this lane" for lane in nowhere]
        return problems

    async def _idle(self) -> bool:
        """Whether the recordings have ended and every reader has read all that there will be.

        The streams' ends are looked up after the reports were made, and a reader's position moves
        when what it caused is stored. So a normalizer at the end of RAW has written all of EVENTS,
        and from there on likewise.
        """
        assert self._bus is not None
        # A lane may have moved: who had it before says nothing of it any more.
        fresh = [report for report in self._reports if report.fresh]
        readers = [reader for report in fresh for reader in report.readers]
        if not readers or not any(r.stage == "collectors" and r.finished for r in fresh):
            return False
        if "detections" in self._stages and lanes_nowhere(fresh, lanes(self._config)):
            return False
        ends = {s.value: await self._bus.last_sequence(s) for s in Stream}
        return all(reader.position >= ends[reader.stream] for reader in readers)


__all__ = ["STAGES", "BusUnavailable", "StageFailed", "Supervisor"]
