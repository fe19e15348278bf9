"""A session of the demo: a real chain and a venue, watched by the very pipeline of production."""

import asyncio
import importlib
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml
from msgspec import Struct

from demo.chain.anvil import Anvil, AnvilOptions
from demo.ground_truth import GroundTruth, ground_truth
from demo.recording import REFERENCE_FILE, SESSION_FILE, TRUTH_FILE
from demo.venue import scenario as venue_scenario
from demo.venue.authentication import Credential, new_credential
from demo.venue.exchange import Exchange
from demo.venue.facts import PRODUCT
from demo.venue.server import FeedServer
from demo.workspace import CHAIN_SOURCE, KEY_VARIABLES, Workspace, live_sources, reference_of
from pipeline.bus.status_board import StageReport
from pipeline.config.loading import load_configuration
from pipeline.supervisor import Supervisor

#: Sealing a block every so often, in seconds.
BLOCK_SECONDS = 0.5
#: Stages must be up, and everything delivered, within this many seconds.
START_TIMEOUT = 60.0
DRAIN_TIMEOUT = 60.0
QUIET_REPORTS = 3


class Progress(Struct):
    """How far a session is, for whoever shows it."""

    phase: str = "starting"
    frames: int = 0
    events: int = 0
    alerts: int = 0


class SessionFailed(Exception):
    """The session could not be played; the text says why and what to do."""


Plays = Callable[[], Awaitable[None]]


class Watched:
    """The pipeline, run by its supervisor beside what it watches."""

    def __init__(self, workspace: Workspace, on_progress: Callable[[Progress], None]) -> None:
        self._supervisor = Supervisor(
            load_configuration(workspace.configuration),
            workspace.configuration,
            log=workspace.log,
        )
        self._supervisor.on_reports = self._take
        self._on_progress = on_progress
        self._reports: list[StageReport] = []
        self._changed = asyncio.Event()
        self.progress = Progress()

    async def around(self, play: Plays, collected: Callable[[list[StageReport]], bool]) -> None:
        """Start the pipeline, play when it is connected, and stop it when all is delivered.

        ``collected`` says whether the sources have everything that was played.
        """
        supervising = asyncio.create_task(self._supervisor.run())
        playing = asyncio.create_task(self._play(play, collected))
        try:
            await asyncio.wait({supervising, playing}, return_when=asyncio.FIRST_COMPLETED)
            if not playing.done():
                supervising.result()
                raise SessionFailed("the pipeline ended before the session did")
            playing.result()
        finally:
            for task in (playing, supervising):
                task.cancel()
            await asyncio.gather(playing, supervising, return_exceptions=True)

    async def until_done(self) -> None:
        """Run recordings to their end."""
        self._phase("replaying the recording")
        await self._supervisor.run(until_done=True)

    async def _play(self, play: Plays, collected: Callable[[list[StageReport]], bool]) -> None:
        self._phase("starting the pipeline")
        await self._until(self._connected, START_TIMEOUT, "the stages did not start")
        self._phase("trading")
        await play()
        self._phase("delivering the rest")
        quiet = 0

        def delivered() -> bool:
            nonlocal quiet
            readers = [reader for report in self._reports for reader in report.readers]
            idle = collected(self._reports) and all(reader.lag == 0 for reader in readers)
            quiet = quiet + 1 if idle else 0
            return quiet >= QUIET_REPORTS

        await self._until(delivered, DRAIN_TIMEOUT, "not everything was delivered")

    def _connected(self) -> bool:
        fresh = {report.stage for report in self._reports if report.fresh}
        sources = [source for report in self._reports for source in report.sources]
        return (
            len(fresh) == 4
            and bool(sources)
            and all(source.connection == "connected" for source in sources)
            and any(report.readers for report in self._reports if report.stage == "delivery")
        )

    async def _until(self, condition: Callable[[], bool], seconds: float, otherwise: str) -> None:
        try:
            async with asyncio.timeout(seconds):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            troubles = [
                f"{what.source}: {what.connection} {what.trouble}"
                for report in self._reports
                for what in report.sources
            ]
            troubles += [
                f"{reader.name}: {reader.lag} behind {reader.trouble}"
                for report in self._reports
                for reader in report.readers
            ]
            raise SessionFailed(
                f"{otherwise} within {seconds:.0f} s: " + "; ".join(troubles)
            ) from None

    def _take(self, reports: list[StageReport]) -> None:
        self._reports = reports
        self.progress.frames = sum(s.frames for report in reports for s in report.sources)
        for reader in (reader for report in reports for reader in report.readers):
            if reader.stream == "ALERTS":
                self.progress.alerts = max(self.progress.alerts, reader.position)
        self._on_progress(self.progress)
        self._changed.set()

    def _phase(self, phase: str) -> None:
        self.progress.phase = phase
        self._on_progress(self.progress)


async def play_live(
    workspace: Workspace, rules: Path, seed: int, on_progress: Callable[[Progress], None]
) -> GroundTruth:
    """Deploy, trade and abuse for half a minute on a real node and venue, and watch it."""
    # web3 takes two seconds to import: not before it is needed, and not on the event loop.
    chain: Any = await asyncio.to_thread(_chain_scenario)
    exchange = Exchange([PRODUCT], clock=time.time_ns)
    operator = new_credential(operator=True)
    truth: list[GroundTruth] = []
    async with (
        Anvil(AnvilOptions(mining="manual")) as node,
        FeedServer(exchange, credentials=[operator]) as server,
    ):
        exchange.listen(server.publish)
        on_progress(Progress("deploying the token, its identities and a pool"))
        deployment = await chain.deploy(node)
        _hand_over(operator)
        workspace.write(
            live_sources(deployment.facts, node.ws_url, server.url, server.rest_url),
            reference_of(deployment.facts),
            rules,
        )

        async def play() -> None:
            await server.wait_for_subscriber()
            async with asyncio.TaskGroup() as group:
                on_chain = group.create_task(
                    chain.perform(deployment, seed=seed, block_seconds=BLOCK_SECONDS)
                )
                at_venue = group.create_task(venue_scenario.perform(exchange))
            truth.append(ground_truth(on_chain.result(), at_venue.result()))

        def collected(reports: list[StageReport]) -> bool:
            head = int(node.rpc("eth_blockNumber"), 16)
            return any(
                source.source == CHAIN_SOURCE and source.position.startswith(f"{head}:")
                for report in reports
                for source in report.sources
            )

        await Watched(workspace, on_progress).around(play, collected)
    return truth[0]


async def play_recorded(
    workspace: Workspace, recording: Path, rules: Path, on_progress: Callable[[Progress], None]
) -> GroundTruth:
    """Send a recorded session through the same pipeline."""
    reference = yaml.safe_load((recording / REFERENCE_FILE).read_text())
    source = {
        "name": "recording",
        "type": "replay",
        "path": str((recording / SESSION_FILE).absolute()),
    }
    workspace.write([source], reference, rules)
    await Watched(workspace, on_progress).until_done()
    return GroundTruth.load(recording / TRUTH_FILE)


def _chain_scenario() -> ModuleType:
    return importlib.import_module("demo.chain.scenario")


def _hand_over(key: Credential) -> None:
    """Give the stages the venue's key by the environment, as an operator would."""
    os.environ[KEY_VARIABLES["api_key"]] = key.key
    os.environ[KEY_VARIABLES["api_secret"]] = key.secret
    os.environ[KEY_VARIABLES["passphrase"]] = key.passphrase
